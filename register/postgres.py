"""The register on PostgreSQL with PostGIS: many writers, COPY for bulk, a GiST index for boxes.

Writers do not wait for each other. Each looks at what is indexed, writes, and lets the unique indexes tell whether
another was faster; then its transaction is undone and done again on what the other left. So the outcome is that of
some order of the calls, and each is whole or absent.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import asyncpg
from sqlalchemy import ARRAY, CollectionAggregate, LargeBinary, Text, any_, bindparam, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from domain.cid import Cid
from domain.envelope import Record
from domain.records.result import Tree
from register import answers, rows
from register.address import format_address
from register.entries import Anchor, Box, Counts, FeaturePage, SurveyEntry, TreeEntry, TreePage
from register.errors import ExtensionMissing, InvalidRegisterUrl, RegisterBusy
from register.ports import PAGE_LIMIT
from register.postgres_errors import Overtaken, is_overtaken, tell_cause, translate_errors
from register.revision import is_current
from register.tables import ANCHORED, ANCHORS, IS_LATEST, METADATA, RECORDS, TREES

CONNECT_TIMEOUT_S: Final = 10.0
"""A server on another continent answers within one; a firewall that drops packets never does."""
STATEMENT_TIMEOUT_S: Final = 60
"""The longest statement is COPY of a batch: 10,000 trees are about 20 MB, half a minute over a slow line."""
LINE_TIMEOUT_S: Final = 10.0
"""How much later than the server itself should have told of a slow statement the line is taken to be gone."""
LOCK_TIMEOUT_S: Final = 30
"""How long a writer waits for another's transaction, or for its migration."""
IDLE_TIMEOUT_S: Final = 120
"""A writer whose machine went away within a transaction keeps the others waiting no longer than this."""
POOL_SIZE: Final = 5
POOL_OVERFLOW: Final = 5
"""Together 10 of the server's default 100 connections, so that ten processes share one server."""
POOL_TIMEOUT_S: Final = 10.0
"""How long a question waits for a free connection."""
ATTEMPTS: Final = 8
"""How often a writer does its transaction again; each time another one has come through."""
_MIGRATION_LOCK: Final = 0x6365_6372_6567
"""Key of the advisory lock under which one process at a time migrates; the letters 'cecreg'."""
_INSIDE: Final = """
    AND geometry && ST_MakeEnvelope(:west_deg, :south_deg, :east_deg, :north_deg, 4326)
    AND lon_nd BETWEEN :west AND :east AND lat_nd BETWEEN :south AND :north
"""
_DEGREE_ND: Final = 1e9
_TURN_ROWS: Final = 250
"""Rows made between two looks at other tasks: about 5 ms."""


class PostgresRegister:
    """`RegisterReader` and `RegisterWriter` on one PostgreSQL database."""

    def __init__(self, engine: AsyncEngine, address: str) -> None:
        self._engine = engine
        self._address = address
        # An answer of several queries sees one state.
        self._reader = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> "AsyncIterator[PostgresRegister]":
        """Open or make the register in the database at `url` and bring its schema up to date.

        Parameters
        ----------
        url
            ``postgresql://USER:PASSWORD@HOST:PORT/DATABASE`` with libpq's parameters, such as ``?sslmode=require``.

        Raises
        ------
        InvalidRegisterUrl
            When `url` is none.
        RegisterUnreachable
            When nothing answers there.
        AccessRefused
            When the server knows no such user, password or database, or does not let the user make tables.
        ExtensionMissing
            When the database has no PostGIS and the user cannot add it.
        RegisterTooNew
            When newer software has migrated it.
        """
        address = format_address(url)

        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=partial(_connect, url, timeout_s=STATEMENT_TIMEOUT_S),
            pool_pre_ping=True,  # a connection that the server has closed is replaced before it is used
            pool_size=POOL_SIZE,
            max_overflow=POOL_OVERFLOW,
            pool_timeout=POOL_TIMEOUT_S,
            hide_parameters=True,
        )
        opened = cls(engine, address)
        try:
            async with opened.reading() as connection:
                is_done = await connection.run_sync(is_current)
            if not is_done:
                await _migrate(url, address)
            yield opened
        finally:
            await engine.dispose()

    async def add_records(self, records: Sequence[Record]) -> None:
        """Index records; see `RegisterWriter`."""
        if not records:
            return
        for _ in range(ATTEMPTS):
            with translate_errors(self._address):
                try:
                    async with self._engine.begin() as connection:
                        await _add_records(connection, records)
                except Exception as error:
                    if not is_overtaken(error):
                        raise
                else:
                    return
        raise RegisterBusy(self._address, f"other writers came first {ATTEMPTS} times")

    async def add_anchor(self, anchor: Anchor, cids: Sequence[Cid]) -> None:
        """Note an anchor; see `RegisterWriter`."""
        async with self.writing() as connection:
            statement = upsert(ANCHORS).on_conflict_do_nothing().values(answers.anchor_values(anchor))
            key = await connection.scalar(statement.returning(ANCHORS.c.id))
            if key is not None:
                await connection.execute(_ADD_ANCHORED, {"cids": sorted(bytes(cid) for cid in cids), "anchor": key})

    async def clear(self) -> None:
        """Forget everything; see `RegisterWriter`."""
        names = ", ".join(table.name for table in METADATA.sorted_tables)
        async with self.writing() as connection:
            await connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))

    async def tree(self, code: str) -> TreeEntry:
        """Return a tree; see `RegisterReader`."""
        async with self.reading() as connection:
            return await answers.get_tree(connection, code)

    async def record(self, cid: Cid) -> bytes:
        """Return a record's envelope; see `RegisterReader`."""
        async with self.reading() as connection:
            return await answers.get_record(connection, cid)

    async def features(self, box: Box | None = None, *, cursor: str | None = None, limit: int = 1_000) -> FeaturePage:
        """Return trees in pages; see `RegisterReader`."""
        async with self.reading() as connection:
            inside, values = (_INSIDE, _box_values(box)) if box else ("", {})
            return await answers.get_features(connection, inside, values, cursor=cursor, limit=limit)

    async def survey(self, cid: Cid) -> SurveyEntry:
        """Return one survey; see `RegisterReader`."""
        async with self.reading() as connection:
            return await answers.get_survey(connection, cid)

    async def trees_of(self, survey: Cid, *, after: str = "", limit: int = PAGE_LIMIT) -> tuple[bytes, ...]:
        """Return envelopes of a survey's trees; see `RegisterReader`."""
        async with self.reading() as connection:
            return await answers.get_trees_of(connection, survey, after=after, limit=limit)

    async def latest_in(self, org: str, box: Box, *, cursor: str | None = None, limit: int = PAGE_LIMIT) -> TreePage:
        """Return the latest envelopes of an organisation's trees; see `RegisterReader`."""
        async with self.reading() as connection:
            values = _box_values(box)
            return await answers.get_latest_in(connection, org, _INSIDE, values, cursor=cursor, limit=limit)

    async def latest_of(self, codes: Sequence[str]) -> dict[str, Cid]:
        """Return the latest record of each known code; see `RegisterReader`."""
        async with self.reading() as connection:
            found = await connection.execute(_FIND_LATEST, {"codes": list(codes)})
            return {row.code: Cid.from_bytes(row.cid) for row in found}

    async def surveys(self) -> tuple[SurveyEntry, ...]:
        """Return surveys; see `RegisterReader`."""
        async with self.reading() as connection:
            return await answers.get_surveys(connection)

    async def anchor_of(self, cid: Cid) -> tuple[Anchor, tuple[Cid, ...]]:
        """Return a record's anchor and batch; see `RegisterReader`."""
        async with self.reading() as connection:
            return await answers.get_anchor_of(connection, cid)

    async def anchors_of(self, cids: Sequence[Cid]) -> dict[Cid, Anchor]:
        """Return the anchors of those that have one; see `RegisterReader`."""
        async with self.reading() as connection:
            return await answers.get_anchors_of(connection, ANCHORED.c.cid == _any_of(map(bytes, cids)))

    async def counts(self) -> Counts:
        """Return how much is indexed; see `RegisterReader`."""
        async with self.reading() as connection:
            return await answers.get_counts(connection)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection that sees one state of the tables; failures are told by the register's classes."""
        with translate_errors(self._address):
            async with self._reader.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection in a transaction that is committed at the end, or undone by an exception."""
        with translate_errors(self._address):
            async with self._engine.begin() as connection:
                yield connection


_SETTINGS: Final = {
    "application_name": "cec",
    "lock_timeout": f"{LOCK_TIMEOUT_S}s",
    "idle_in_transaction_session_timeout": f"{IDLE_TIMEOUT_S}s",
    # A plan that is kept suits the few rows that there were when it was made: after a survey of 10,000 trees it is a
    # hundred times too slow, until the server counts the rows again.
    "plan_cache_mode": "force_custom_plan",
    "jit": "off",  # a page is a few milliseconds; compiling its query takes longer
}
_ADD_ANCHORED: Final = text("""
    INSERT INTO anchored SELECT cid, :anchor FROM unnest(:cids) AS batch (cid) ON CONFLICT DO NOTHING
""").bindparams(bindparam("cids", type_=ARRAY(LargeBinary)))
_CLOSE_SURVEYS: Final = text("""
    UPDATE surveys SET result = batch.result FROM unnest(:surveys, :results) AS batch (survey, result)
    WHERE surveys.cid = batch.survey
""").bindparams(bindparam("surveys", type_=ARRAY(LargeBinary)), bindparam("results", type_=ARRAY(LargeBinary)))

# One look into the unique index for each code, whatever the server believes about the table's size.
_FIND_LATEST: Final = text("""
    SELECT wanted.code, latest.cid FROM unnest(:codes) AS wanted (code),
    LATERAL (SELECT cid FROM trees WHERE trees.code = wanted.code AND is_latest = 1 LIMIT 1) AS latest
""").bindparams(bindparam("codes", type_=ARRAY(Text)))


async def _connect(url: str, *, timeout_s: int | None) -> asyncpg.Connection:
    """Connect with a bound on statements, told by the server where it can and by the driver where the line is gone."""
    settings = {**_SETTINGS, "statement_timeout": f"{timeout_s or 0}s"}
    command_timeout = timeout_s + LINE_TIMEOUT_S if timeout_s else None
    try:
        return await asyncpg.connect(
            url, timeout=CONNECT_TIMEOUT_S, command_timeout=command_timeout, server_settings=settings
        )
    except (asyncpg.ClientConfigurationError, ValueError):
        # The cause may quote the address with its password.
        raise InvalidRegisterUrl("the driver cannot read its parameters") from None


async def _migrate(url: str, address: str) -> None:
    """Bring the schema up to date, by one process at a time and however long a large table takes."""
    connect = partial(_connect, url, timeout_s=None)
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        with translate_errors(address):
            async with engine.begin() as connection:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
                if not await connection.run_sync(is_current):  # or another process was faster
                    from register.migrating import migrate  # noqa: PLC0415  # see register/revision.py

                    await _add_extension(connection, address)
                    await connection.run_sync(migrate, address)
    finally:
        await engine.dispose()


async def _add_extension(connection: AsyncConnection, address: str) -> None:
    """Add PostGIS where the database has none yet; only an administrator may."""
    try:
        await connection.execute(text("CREATE EXTENSION IF NOT EXISTS postgis"))
    except DBAPIError as error:
        raise ExtensionMissing(address, tell_cause(error)) from error


async def _add_records(connection: AsyncConnection, records: Sequence[Record]) -> None:
    by_cid = {bytes(record.cid): record for record in records}
    known = set(await connection.scalars(select(RECORDS.c.cid).where(RECORDS.c.cid == _any_of(by_cid))))
    new = [record for cid, record in by_cid.items() if cid not in known]
    if not new:
        return
    await copy_rows(connection, "records", rows.RECORD_COLUMNS, rows.record_rows(new))
    await copy_rows(connection, "surveys", rows.SURVEY_COLUMNS, rows.survey_rows(new))
    closed = rows.find_closings(new)
    if closed:
        await connection.execute(_CLOSE_SURVEYS, {"surveys": list(closed), "results": list(closed.values())})
    await _add_trees(connection, rows.select_trees(new))


async def _add_trees(connection: AsyncConnection, trees: Sequence[tuple[Cid, Tree]]) -> None:
    found = await connection.execute(_FIND_LATEST, {"codes": list({tree.code for _, tree in trees})})
    links = rows.link_trees(trees, {row.code: Cid.from_bytes(row.cid) for row in found})
    if links.superseded:
        old = TREES.c.cid == _any_of(map(bytes, links.superseded.values()))
        codes = TREES.c.code == any_(literal(list(links.superseded), ARRAY(Text)))
        done = await connection.execute(update(TREES).where(codes, old, IS_LATEST).values(is_latest=0))
        if done.rowcount != len(links.superseded):
            raise Overtaken
    await copy_rows(connection, "trees", rows.TREE_COLUMNS, rows.tree_rows(trees, links.latest))


async def copy_rows(
    connection: AsyncConnection, table: str, columns: Sequence[str], values: Iterable[Sequence[object]]
) -> None:
    """Write rows by binary COPY, inside the connection's transaction, which an earlier statement has begun."""
    raw = await connection.get_raw_connection()
    driver: Any = raw.driver_connection
    if not driver.is_in_transaction():
        raise AssertionError("COPY outside a transaction could leave a half")
    try:
        await driver.copy_records_to_table(table, columns=columns, records=_in_turns(values))
    except asyncpg.InternalClientError as error:
        # The server has said goodbye between two statements: the driver can neither go on nor tell why.
        driver.terminate()
        raise ConnectionResetError(str(error)) from error


async def _in_turns(values: Iterable[Sequence[object]]) -> AsyncIterator[Sequence[object]]:
    """Yield rows and let other tasks run now and then: making and encoding a batch of rows takes long."""
    for number, row in enumerate(values, 1):
        yield row
        if number % _TURN_ROWS == 0:
            await asyncio.sleep(0)


def _any_of(cids: Iterable[bytes]) -> CollectionAggregate[Any]:
    """Return what a column is compared with to be one of many values, in one parameter however many they are."""
    return any_(literal(list(cids), ARRAY(LargeBinary)))


def _box_values(box: Box) -> dict[str, float]:
    """Return the edges as integers and as degrees; the database divides alike, so no edge falls between them."""
    edges = {"west": box.west_nd, "south": box.south_nd, "east": box.east_nd, "north": box.north_nd}
    return {**edges, **{f"{name}_deg": edge / _DEGREE_ND for name, edge in edges.items()}}
