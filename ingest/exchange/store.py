"""The journal as the exchange sees it, and how a command works on one beside a running server."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Protocol, TypeVar

from ingest.errors import JournalDamaged, JournalNewer, JournalUnwritable
from ingest.exchange import tables
from ingest.tables import prepare as prepare_journal

T = TypeVar("T")

PATIENCE_S: Final = 30.0
"""How long a command waits for the server's writer; its commits take well under a second."""


class Store(Protocol):
    """A journal: `ingest.journal.Journal` fits."""

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `work` reads."""
        ...

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `work` returns, once all that it wrote is on the disk; what it raises undoes it."""
        ...


async def prepare(store: Store) -> None:
    """Make the exchange's own tables where they are not there."""
    await store.write(tables.prepare)


class SideStore:
    """A journal opened by a command, also while a server works on it; SQLite lets one write at a time.

    Opening `ingest.journal.Journal` itself would give the server's running jobs back to the queue.
    """

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self._path = path
        self._db = db
        self._turn = asyncio.Lock()

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `work` reads."""
        async with self._turn:
            return await asyncio.to_thread(work, self._db)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `work` returns, once all that it wrote is on the disk; what it raises undoes it."""
        async with self._turn:
            return await asyncio.to_thread(self._write_now, work)

    def _write_now(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            value = work(self._db)
            self._db.execute("COMMIT")
        except BaseException as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise JournalUnwritable(str(self._path), str(error)) from error
            raise
        return value


@asynccontextmanager
async def open_store(path: Path) -> AsyncIterator[SideStore]:
    """Open the journal at `path`, made when absent, with the exchange's tables.

    Raises
    ------
    JournalDamaged
        When the file is not a journal.
    JournalNewer
        When a later version of the software has written it.
    """
    try:
        db = await asyncio.to_thread(_connect, path)
    except sqlite3.DatabaseError as error:
        raise JournalDamaged(str(path), str(error)) from error
    try:
        store = SideStore(path, db)
        await prepare(store)
        yield store
    finally:
        db.close()


def _connect(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, timeout=PATIENCE_S, check_same_thread=False, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        prepare_journal(db, str(path))
    except (sqlite3.DatabaseError, JournalNewer):
        db.close()
        raise
    return db
