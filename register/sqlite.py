"""The register on SQLite: WAL, an integer R*Tree for boxes, one writer at a time.

The file is an index: `SqliteRegister.open` on an empty path and `add_records` over the admitted records make it
again. So it is synchronous NORMAL: a power cut may cost the last batches, which the follower adds once more.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Column, Connection, Row, Select, delete, event, func, insert, select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from register.entries import Box
from register.errors import RegisterBusy, RegisterDamaged, RegisterError, RegisterFull, RegisterUnreachable
from register.indexed import Access, TableRegister
from register.revision import is_current
from register.tables import METADATA, TREES

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


class SqliteRegister(TableRegister):
    """`RegisterReader` and `RegisterWriter` on one SQLite file."""

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
        # SQLite's own BEGIN lets two writers read the same state and then fails the slower one.
        writer = engine.execution_options(cec_begin="BEGIN IMMEDIATE")
        opened = cls(Access(str(path), engine, writer, SqliteDatabase(), _translate_errors))
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


@dataclass(frozen=True, slots=True)
class SqliteDatabase:
    """A `register.database.Database`."""

    inside: str = _INSIDE

    def edges(self, box: Box) -> dict[str, int]:
        """Return the edges to the nanodegree, and those that the R*Tree knows; see `Database`."""
        edges = {"west": box.west_nd, "south": box.south_nd, "east": box.east_nd, "north": box.north_nd}
        return {**edges, **{f"{name}_u": edge // MICRODEGREE_ND for name, edge in edges.items()}}

    async def find(
        self, connection: AsyncConnection, query: Select[Any], column: Column[Any], values: Collection[object]
    ) -> list[Row[Any]]:
        """Return the rows whose column is one of many values; see `Database`."""
        wanted, found = list(values), list[Row[Any]]()
        for start in range(0, len(wanted), _CHUNK):
            found += await connection.execute(query.where(column.in_(wanted[start : start + _CHUNK])))
        return found

    async def insert(
        self, connection: AsyncConnection, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
    ) -> None:
        """Write rows, trees with their boxes; see `Database`."""
        named = [dict(zip(columns, row, strict=True)) for row in rows]
        if not named:
            return
        if table == TREES.name:
            await _number_trees(connection, named)
        await connection.execute(insert(METADATA.tables[table]), named)

    async def claim_codes(self, connection: AsyncConnection, codes: Collection[str]) -> set[str]:
        """Return the known ones; the transaction itself keeps others out; see `Database`."""
        return {row.code for row in await self.find(connection, select(TREES.c.code), TREES.c.code, codes)}

    async def claim_dates(self, connection: AsyncConnection, *, is_missing: bool) -> None:
        """Do nothing: writers come one after the other; see `Database`."""

    async def clear(self, connection: AsyncConnection) -> None:
        """Empty all tables; see `Database`."""
        for table in METADATA.sorted_tables:
            await connection.execute(delete(table))
        await connection.execute(text("DELETE FROM boxes"))


async def _number_trees(connection: AsyncConnection, trees: Sequence[dict[str, Any]]) -> None:
    """Give new trees their row numbers, and put those that have a place into the R*Tree."""
    first = (await connection.scalar(select(func.max(TREES.c.id))) or 0) + 1
    boxes = []
    for number, tree in enumerate(trees, first):
        tree["id"] = number
        if tree["lon_nd"] is not None and tree["lat_nd"] is not None:
            x, y = tree["lon_nd"] // MICRODEGREE_ND, tree["lat_nd"] // MICRODEGREE_ND
            boxes.append({"id": number, "x": x, "y": y})
    if boxes:
        await connection.execute(text("INSERT INTO boxes VALUES (:id, :x, :x + 1, :y, :y + 1)"), boxes)


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
