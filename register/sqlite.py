"""The register on SQLite: WAL, an integer R*Tree for boxes, one writer at a time.

The file is an index: `SqliteRegister.open` on an empty path and `add_records` over the admitted records make it
again. So it is synchronous NORMAL: a power cut may cost the last batches, which the follower adds once more.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import URL, Connection, Table, bindparam, delete, event, func, insert, select, text, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import DatabaseError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from domain.cid import Cid
from domain.envelope import Record
from register import answers, rows
from register.entries import Anchor, Box, Counts, FeaturePage, SurveyEntry, TreeEntry, TreePage
from register.errors import RegisterBusy, RegisterDamaged, RegisterError, RegisterFull, RegisterUnreachable
from register.ports import PAGE_LIMIT
from register.revision import is_current
from register.tables import ANCHORED, ANCHORS, IS_LATEST, METADATA, RECORDS, SURVEYS, TREES

_T = TypeVar("_T")

MICRODEGREE_ND: Final = 1_000
"""R*Tree coordinates are 32-bit integers: microdegrees, 0.1 m; exact bounds are checked afterwards."""
PATIENCE_S: Final = 10
"""How long a writer waits for another; batches take well under a second."""
_CHUNK: Final = 500
"""Values in one IN list; SQLite's oldest default bound is 999."""
_PRIMARY_CODE: Final = 0xFF
"""The low byte of an SQLite result code; above it stand the details."""
_INSIDE: Final = """
    AND id IN (SELECT id FROM boxes WHERE east >= :west_u AND west <= :east_u
               AND north >= :south_u AND south <= :north_u)
    AND lon_nd BETWEEN :west AND :east AND lat_nd BETWEEN :south AND :north
"""


class SqliteRegister:
    """`RegisterReader` and `RegisterWriter` on one SQLite file."""

    def __init__(self, engine: AsyncEngine, address: str) -> None:
        self._engine = engine
        self._address = address
        # SQLite's own BEGIN lets two writers read the same state and then fails the slower one.
        self._writer = engine.execution_options(cec_begin="BEGIN IMMEDIATE")

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path) -> "AsyncIterator[SqliteRegister]":
        """Open or make the register at `path` and bring its schema up to date.

        Raises
        ------
        RegisterTooNew
            When newer software has migrated it.
        RegisterDamaged
            When the file is not a whole SQLite database.
        RegisterUnavailable
            When the file cannot be opened, is held by others, or the disk is full.
        """
        with _translate_errors(str(path)):
            await asyncio.to_thread(_prepare, path)
        engine = create_async_engine(URL.create("sqlite+aiosqlite", database=str(path)))
        event.listen(engine.sync_engine, "connect", _configure)
        event.listen(engine.sync_engine, "begin", _begin)
        opened = cls(engine, str(path))
        try:
            async with opened.reading() as connection:
                is_done = await connection.run_sync(is_current)
            if not is_done:
                from register.migrating import migrate  # noqa: PLC0415  # see register/revision.py

                async with opened.writing() as connection:
                    await connection.run_sync(migrate, str(path))
            yield opened
        finally:
            await engine.dispose()

    async def add_records(self, records: Sequence[Record]) -> None:
        """Index records; see `RegisterWriter`."""
        async with self.writing() as connection:
            new = await _add_envelopes(connection, records)
            await _add_surveys(connection, new)
            await _add_trees(connection, new)

    async def add_anchor(self, anchor: Anchor, cids: Sequence[Cid]) -> None:
        """Note an anchor; see `RegisterWriter`."""
        async with self.writing() as connection:
            statement = upsert(ANCHORS).on_conflict_do_nothing().values(answers.anchor_values(anchor))
            key = await connection.scalar(statement.returning(ANCHORS.c.id))
            if key is None:
                return
            batch = [{"cid": bytes(cid), "anchor": key} for cid in cids]
            if batch:
                await connection.execute(upsert(ANCHORED).on_conflict_do_nothing(), batch)

    async def clear(self) -> None:
        """Forget everything; see `RegisterWriter`."""
        async with self.writing() as connection:
            for table in METADATA.sorted_tables:
                await connection.execute(delete(table))
            await connection.execute(text("DELETE FROM boxes"))

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
            return await _latest(connection, codes)

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
            found: dict[Cid, Anchor] = {}
            for chunk in _chunks(bytes(cid) for cid in cids):
                found |= await answers.get_anchors_of(connection, ANCHORED.c.cid.in_(chunk))
            return found

    async def counts(self) -> Counts:
        """Return how much is indexed; see `RegisterReader`."""
        async with self.reading() as connection:
            return await answers.get_counts(connection)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection that sees one state of the tables; failures are told by the register's classes."""
        with _translate_errors(self._address):
            async with self._engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection in a transaction that is committed at the end, or undone by an exception."""
        with _translate_errors(self._address):
            async with self._writer.begin() as connection:
                yield connection


def _prepare(path: Path) -> None:
    """Make the file where there is none, and find out here whether it can be used.

    A connection of aiosqlite that fails to open leaves a thread behind, which complains when the loop has ended.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, timeout=PATIENCE_S)) as database:
        database.execute("PRAGMA journal_mode = WAL")  # a property of the file, which stays


def _configure(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own connection
    connection.isolation_level = None  # transactions begin where `_begin` says, so that they hold schema changes too
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {PATIENCE_S * 1000}")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("cec_begin", "BEGIN"))


@contextmanager
def _translate_errors(address: str) -> Iterator[None]:
    try:
        yield
    except (DatabaseError, sqlite3.Error) as error:
        failure = tell_failure(error.orig if isinstance(error, DatabaseError) else error, address)
        if failure is None:
            raise
        raise failure from error
    except OSError as error:
        raise RegisterUnreachable(address, str(error)) from error


def tell_failure(error: BaseException | None, address: str) -> RegisterError | None:
    """Return the failure that SQLite's result code means; a code that only a bug brings means none."""
    match getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return RegisterBusy(address, f"another process has been writing for {PATIENCE_S} s")
        case sqlite3.SQLITE_FULL:
            return RegisterFull(address)
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return RegisterDamaged(address, str(error))
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_IOERR | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return RegisterUnreachable(address, str(error))
        case _:
            return None


async def _add_envelopes(connection: AsyncConnection, records: Sequence[Record]) -> list[Record]:
    """Write the records that are not there yet and return them, in order."""
    by_cid = {bytes(record.cid): record for record in records}
    known: set[bytes] = set()
    for chunk in _chunks(by_cid):
        known.update(await connection.scalars(select(RECORDS.c.cid).where(RECORDS.c.cid.in_(chunk))))
    new = [record for cid, record in by_cid.items() if cid not in known]
    await _insert(connection, RECORDS, rows.RECORD_COLUMNS, rows.record_rows(new))
    return new


async def _add_surveys(connection: AsyncConnection, records: Sequence[Record]) -> None:
    await _insert(connection, SURVEYS, rows.SURVEY_COLUMNS, rows.survey_rows(records))
    closed = [{"of": survey, "by": result} for survey, result in rows.find_closings(records).items()]
    if closed:
        closing = update(SURVEYS).where(SURVEYS.c.cid == bindparam("of")).values(result=bindparam("by"))
        await connection.execute(closing, closed)


async def _add_trees(connection: AsyncConnection, records: Sequence[Record]) -> None:
    trees = rows.select_trees(records)
    if not trees:
        return
    links = rows.link_trees(trees, await _latest(connection, {tree.code for _, tree in trees}))
    if links.superseded:
        aging = update(TREES).where(TREES.c.code == bindparam("of"), IS_LATEST).values(is_latest=0)
        await connection.execute(aging, [{"of": code} for code in links.superseded])
    first = (await connection.scalar(select(func.max(TREES.c.id))) or 0) + 1
    new = [(number, *row) for number, row in enumerate(rows.tree_rows(trees, links.latest), first)]
    await _insert(connection, TREES, ("id", *rows.TREE_COLUMNS), new)
    boxes = [
        {"id": number, "x": tree.position.lon_nd // MICRODEGREE_ND, "y": tree.position.lat_nd // MICRODEGREE_ND}
        for number, (_, tree) in enumerate(trees, first)
        if tree.position.lon_nd is not None and tree.position.lat_nd is not None
    ]
    if boxes:
        await connection.execute(text("INSERT INTO boxes VALUES (:id, :x, :x + 1, :y, :y + 1)"), boxes)


async def _latest(connection: AsyncConnection, codes: Collection[str]) -> dict[str, Cid]:
    found: dict[str, Cid] = {}
    for chunk in _chunks(codes):
        query = select(TREES.c.code, TREES.c.cid).where(TREES.c.code.in_(chunk), IS_LATEST)
        found.update((row.code, Cid.from_bytes(row.cid)) for row in await connection.execute(query))
    return found


async def _insert(
    connection: AsyncConnection, table: Table, columns: Sequence[str], values: Iterable[Sequence[object]]
) -> None:
    named = [dict(zip(columns, row, strict=True)) for row in values]
    if named:
        await connection.execute(insert(table), named)


def _chunks(values: Iterable[_T]) -> Iterator[list[_T]]:
    wanted = list(values)
    for start in range(0, len(wanted), _CHUNK):
        yield wanted[start : start + _CHUNK]


def _box_values(box: Box) -> dict[str, int]:
    edges = {"west": box.west_nd, "south": box.south_nd, "east": box.east_nd, "north": box.north_nd}
    return {**edges, **{f"{name}_u": edge // MICRODEGREE_ND for name, edge in edges.items()}}
