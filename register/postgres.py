"""The register on PostgreSQL with PostGIS: many writers, COPY for bulk, a GiST index for boxes.

Writers wait for each other only where they add to the same trees. New codes are written at once, and the unique indexes
tell whether another was faster; then the transaction is undone and done again on what the other left. So the outcome is
that of some order of the calls, and each is whole or absent.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import asyncpg
from sqlalchemy import ARRAY, Column, Row, Select, Text, any_, bindparam, literal, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from domain.envelope import Record
from register.address import format_address
from register.entries import Box
from register.errors import ExtensionMissing, InvalidRegisterUrl, RegisterBusy
from register.indexed import Access, TableRegister
from register.postgres_errors import is_overtaken, tell_cause, translate_errors
from register.revision import is_current
from register.tables import METADATA
from register.writing import add_records

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
_DATES_LOCK: Final = _MIGRATION_LOCK + 1
"""Key of the advisory lock that lets no survey come while trees are added that lack one."""
_INSIDE: Final = """
    AND geometry && ST_MakeEnvelope(:west_deg, :south_deg, :east_deg, :north_deg, 4326)
    AND lon_nd BETWEEN :west AND :east AND lat_nd BETWEEN :south AND :north
"""
_DEGREE_ND: Final = 1e9
_TURN_ROWS: Final = 250
"""Rows made between two looks at other tasks: about 5 ms."""


class PostgresRegister(TableRegister):
    """`RegisterReader` and `RegisterWriter` on one PostgreSQL database."""

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
        # An answer of several queries sees one state.
        reader = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        opened = cls(Access(address, reader, engine, PostgresDatabase(), translate_errors))
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
        address = self._access.address
        for _ in range(ATTEMPTS):
            with translate_errors(address):
                try:
                    async with self._access.writer.begin() as connection:
                        await add_records(connection, self._access.database, records)
                except Exception as error:
                    if not is_overtaken(error):
                        raise
                else:
                    return
        raise RegisterBusy(address, f"other writers came first {ATTEMPTS} times")


@dataclass(frozen=True, slots=True)
class PostgresDatabase:
    """A `register.database.Database`."""

    inside: str = _INSIDE

    def edges(self, box: Box) -> dict[str, float]:
        """Return the edges as integers and as degrees; the database divides alike, so no edge falls between them."""
        edges = {"west": box.west_nd, "south": box.south_nd, "east": box.east_nd, "north": box.north_nd}
        return {**edges, **{f"{name}_deg": edge / _DEGREE_ND for name, edge in edges.items()}}

    async def find(
        self, connection: AsyncConnection, query: Select[Any], column: Column[Any], values: Collection[object]
    ) -> Sequence[Row[Any]]:
        """Return the rows whose column is one of many values, in one parameter; see `Database`."""
        if not values:
            return ()
        wanted = any_(literal(list(values), ARRAY(column.type)))
        return (await connection.execute(query.where(column == wanted))).all()

    async def insert(
        self, connection: AsyncConnection, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
    ) -> None:
        """Write rows by COPY; the geometry is computed by the database; see `Database`."""
        await copy_rows(connection, table, columns, rows)

    async def claim_codes(self, connection: AsyncConnection, codes: Collection[str]) -> set[str]:
        """Return the known ones and lock all their rows, in one order; see `Database`.

        No row is ever deleted: who comes second waits here, and then reads what the first has left. A code that two
        begin at once is not known to either; of their two latest records the unique index refuses one.
        """
        return set(await connection.scalars(_CLAIM, {"codes": sorted(codes)}))

    async def claim_dates(self, connection: AsyncConnection, *, is_missing: bool) -> None:
        """Let those who add surveys share a lock that those whose trees lack one hold alone; see `Database`."""
        await connection.execute(_LOCK_ALONE if is_missing else _LOCK_SHARED, {"key": _DATES_LOCK})

    async def clear(self, connection: AsyncConnection) -> None:
        """Empty all tables; see `Database`."""
        names = ", ".join(table.name for table in METADATA.sorted_tables)
        await connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))


_SETTINGS: Final = {
    "application_name": "cec",
    "lock_timeout": f"{LOCK_TIMEOUT_S}s",
    "idle_in_transaction_session_timeout": f"{IDLE_TIMEOUT_S}s",
    # A plan that is kept suits the few rows that there were when it was made: after a survey of 10,000 trees it is a
    # hundred times too slow, until the server counts the rows again.
    "plan_cache_mode": "force_custom_plan",
    "jit": "off",  # a page is a few milliseconds; compiling its query takes longer
}
_LOCK_ALONE: Final = text("SELECT pg_advisory_xact_lock(:key)")
_LOCK_SHARED: Final = text("SELECT pg_advisory_xact_lock_shared(:key)")
# One look into the index for each code, whatever the server believes about the table's size.
_CLAIM: Final = text("""
    SELECT known.code FROM unnest(:codes) AS wanted (code),
    LATERAL (SELECT code FROM trees WHERE trees.code = wanted.code ORDER BY id FOR UPDATE) AS known
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
                await connection.execute(_LOCK_ALONE, {"key": _MIGRATION_LOCK})
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
