"""The truth at admission: one SQLite file, written by one thread, many callers to one fsync.

A call returns when its work has reached the disk. Calls that wait together share a transaction, each in a savepoint of
its own, so that one caller's failure does not undo another's work. Blocks and register follow from here and can be
made again.
"""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from domain.cid import Cid
from domain.envelope import Record
from domain.records.receipt import Answer
from ingest import jobs, ledger
from ingest.admission import Arrival, Policy
from ingest.bell import Bell
from ingest.entries import Entry, Job, JournalCounts, QuarantineEntry, UploadEntry
from ingest.errors import JournalClosed, JournalDamaged, JournalUnreadable, JournalUnwritable
from ingest.tables import prepare

T = TypeVar("T")

GROUP: Final = 128
"""Calls that share a commit at most: beyond it the first of them would wait too long."""
WAITING: Final = 4_096
"""Calls that may wait; then callers feel it (`queue.put` blocks in a thread of its own)."""
_COUNTS: Final = (
    "SELECT (SELECT count(*) FROM record), (SELECT count(*) FROM record WHERE kind = 'observation'),"
    " (SELECT count(*) FROM record WHERE kind = 'tree'), (SELECT count(*) FROM quarantine),"
    " (SELECT count(*) FROM alarm), (SELECT count(*) FROM upload WHERE whole),"
    " (SELECT count(*) FROM job WHERE state IN ('waiting', 'running')),"
    " (SELECT count(*) FROM job WHERE state = 'failed')"
)
_UPLOAD: Final = "SELECT org, device, root, record, size, held, whole FROM upload"


@dataclass(frozen=True, slots=True)
class _Call:
    """Work for the writing thread and where its outcome goes."""

    work: Callable[[sqlite3.Connection], Any]
    future: "asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop


class Journal:
    """Records, keys, numbers, uploads, jobs and quarantine; open it with `Journal.open`.

    Attributes
    ----------
    bell
        Rings after every commit.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._calls: queue.Queue[_Call | None] = queue.Queue(WAITING)
        self._reader = _connect(path)
        self._writer = _connect(path)
        self._reading = threading.Lock()
        self._thread = threading.Thread(target=self._write_all, name="journal writer", daemon=True)
        self._is_open = True
        self._is_stopping = False
        self.bell = Bell()

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path) -> "AsyncIterator[Journal]":
        """Open or make the journal at `path`; one process at a time.

        Raises
        ------
        JournalDamaged
            When the file is not a journal.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            await asyncio.to_thread(_prepare, path)
            journal = cls(path)
        except sqlite3.DatabaseError as error:
            raise JournalDamaged(str(path), str(error)) from error
        journal._thread.start()
        try:
            yield journal
        finally:
            await asyncio.to_thread(journal._stop)

    async def add_organisation(self, org: str, key: bytes) -> None:
        """Make an organisation known by its record key; its first key stays."""
        await self.write(lambda db: db.execute("INSERT OR IGNORE INTO organisation VALUES (?, ?)", (org, key)))

    async def admit(self, arrivals: Sequence[Arrival], policy: Policy) -> list[Answer | None]:
        """Take or quarantine arrivals; the answers are true when this returns, nothing where quarantine is full."""
        return await self.write(lambda db: ledger.admit(db, arrivals, policy, now_ms()))

    async def append(self, records: Sequence[Record]) -> None:
        """Append records that the server itself signed."""
        await self.write(lambda db: ledger.append(db, records, now_ms()))

    async def is_revoked(self, org: str, device: str, key: bytes) -> bool | None:
        """Tell whether a device's key was revoked; nothing when it was never enrolled."""
        return await self.read(lambda db: ledger.Ledger(db).is_revoked(org, device, key))

    async def organisation_key(self, org: str) -> bytes | None:
        """Return the record key of an organisation, if it is one of this server's."""
        return await self.read(lambda db: ledger.Ledger(db).organisation_key(org))

    async def records_after(self, row: int, *, limit: int) -> tuple[Entry, ...]:
        """Return the records admitted after a row, in order."""
        return await self.read(lambda db: _select_records(db, row, limit))

    async def cids_between(self, after: int, until: int) -> tuple[Cid, ...]:
        """Return the CIDs of rows after one and up to another, in order of admission."""
        return await self.read(lambda db: _select_cids(db, after, until))

    async def record(self, cid: Cid) -> bytes | None:
        """Return the envelope of an admitted record, if it is one."""
        return await self.read(lambda db: _select_raw(db, cid))

    async def last_row(self) -> int:
        """Return the row of the record admitted last; 0 when there is none."""
        return await self.read(lambda db: int(db.execute("SELECT coalesce(max(row), 0) FROM record").fetchone()[0]))

    async def queue_job(self, job: Job) -> None:
        """Queue a job; one of the same id changes nothing."""
        await self.write(lambda db: jobs.queue(db, job, now_ms()))

    async def claim_job(self, kind: str) -> Job | None:
        """Return the oldest job of a kind that waits, now in hand; nothing when none does."""
        # Looking first keeps an idle pipeline idle: every write rings the bell that its steps wait for.
        if not await self.read(lambda db: jobs.is_waiting(db, kind, now_ms())):
            return None
        return await self.write(lambda db: jobs.claim(db, kind, now_ms()))

    async def finish_job(self, job_id: str, outputs: Sequence[Record] = (), *, then: Iterable[Job] = ()) -> None:
        """Commit a job's output, once, and queue what follows from it."""
        await self.write(lambda db: jobs.finish(db, job_id, outputs, now_ms(), then=then))

    async def fail_job(self, job_id: str, reason: str, *, retry_in_s: float | None) -> None:
        """Note why a job failed; it is tried again after a while, or given up."""
        at = None if retry_in_s is None else now_ms() + round(1000 * retry_in_s)
        await self.write(lambda db: jobs.fail(db, job_id, reason, retry_at_ms=at))

    async def mark(self, name: str) -> int:
        """Return how far a follower has come; 0 at first."""
        return await self.read(lambda db: jobs.get_mark(db, name))

    async def set_mark(self, name: str, value: int) -> None:
        """Note how far a follower has come."""
        await self.write(lambda db: jobs.set_mark(db, name, value))

    async def uploads(self) -> tuple[UploadEntry, ...]:
        """Return the uploads that are not whole."""
        return await self.read(lambda db: tuple(map(_upload, db.execute(f"{_UPLOAD} WHERE NOT whole"))))

    async def upload(self, org: str, root: Cid) -> UploadEntry | None:
        """Return the upload of a file by an organisation, if a record declared it."""
        return await self.read(lambda db: _select_upload(db, org, root))

    async def save_held(self, org: str, root: Cid, held: bytes) -> None:
        """Note which frames of an upload are on the disk."""
        await self.write(lambda db: _save_held(db, (org, root), held))

    async def save_whole(self, org: str, root: Cid, held: bytes, *, then: Iterable[Job] = ()) -> None:
        """Note that every block of an upload is stored, and queue what follows from it."""
        await self.write(lambda db: _save_whole(db, (org, root), held, then))

    async def quarantined(self, *, limit: int) -> tuple[QuarantineEntry, ...]:
        """Return refused records, first come first."""
        return await self.read(lambda db: _select_quarantine(db, limit))

    async def alarms(self, *, limit: int) -> tuple[str, ...]:
        """Return the latest alarms in words."""
        statement = "SELECT device || ': ' || detail FROM alarm ORDER BY id DESC LIMIT ?"
        return await self.read(lambda db: tuple(str(row[0]) for row in db.execute(statement, (limit,))))

    async def failures(self, *, limit: int) -> tuple[str, ...]:
        """Return the jobs that were given up, with their reasons."""
        statement = "SELECT id || ': ' || reason FROM job WHERE state = 'failed' ORDER BY queued_ms DESC LIMIT ?"
        return await self.read(lambda db: tuple(str(row[0]) for row in db.execute(statement, (limit,))))

    async def counts(self) -> JournalCounts:
        """Return how much the journal holds."""
        return await self.read(lambda db: JournalCounts(*db.execute(_COUNTS).fetchone()))

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `work` reads, in a thread; it must not write."""
        return await asyncio.to_thread(self._read_now, work)

    def _read_now(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._reading:
            if not self._is_open:
                raise JournalClosed
            try:
                return work(self._reader)
            except sqlite3.OperationalError as error:
                raise JournalUnreadable(str(self._path), str(error)) from error

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `work` returns once all that it wrote has reached the disk; what it raises undoes its work alone.

        Raises
        ------
        JournalUnwritable
            When the disk does not take it.
        JournalClosed
            When the journal was closed meanwhile.
        """
        if not self._is_open:
            raise JournalClosed
        loop = asyncio.get_running_loop()
        call = _Call(work, loop.create_future(), loop)
        try:
            self._calls.put_nowait(call)
        except queue.Full:
            await asyncio.to_thread(self._calls.put, call)
        if not self._thread.is_alive():
            self._turn_away()
        outcome: T = await call.future
        self.bell.ring()
        return outcome

    def _stop(self) -> None:
        """Serve what waits, end the writing thread, and tell whoever came too late."""
        self._is_open = False
        self._calls.put(None)
        self._thread.join()
        self._turn_away()
        # Whoever waited for a reading may be gone while its thread still reads: SQLite must not lose the file under it.
        with self._reading:
            self._reader.close()

    def _turn_away(self) -> None:
        for call in self._take_waiting():
            _tell(call, None, JournalClosed())

    def _write_all(self) -> None:
        """Serve calls until told to stop: the writing thread."""
        db = self._writer
        try:
            while (first := self._calls.get()) is not None:
                group = [first, *self._take_waiting(GROUP - 1)]
                _serve(db, group, self._path)
                if self._is_stopping:
                    break
        finally:
            db.close()

    def _take_waiting(self, most: int = WAITING) -> list[_Call]:
        """Return calls that wait now, up to the word to stop."""
        calls: list[_Call] = []
        while len(calls) < most:
            try:
                call = self._calls.get_nowait()
            except queue.Empty:
                break
            if call is None:
                self._is_stopping = True
                break
            calls.append(call)
        return calls


def now_ms() -> int:
    """Return UTC in milliseconds."""
    return time.time_ns() // 1_000_000


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    return db


def _prepare(path: Path) -> None:
    db = _connect(path)
    try:
        prepare(db, str(path))
        jobs.release(db)
    finally:
        db.close()


def _serve(db: sqlite3.Connection, group: list[_Call], path: Path) -> None:
    """Run calls in one transaction and answer them once it is on the disk."""
    outcomes: list[tuple[_Call, Any, BaseException | None]] = []
    try:
        db.execute("BEGIN IMMEDIATE")
        outcomes = [(call, *_attempt(db, call)) for call in group]
        db.execute("COMMIT")
    except sqlite3.Error as error:
        # A full disk: nobody of the group was promised anything.
        if db.in_transaction:
            db.execute("ROLLBACK")
        outcomes = [(call, None, JournalUnwritable(str(path), str(error))) for call in group]
    for call, value, failure in outcomes:
        _tell(call, value, failure)


def _tell(call: _Call, value: object, failure: BaseException | None) -> None:
    with suppress(RuntimeError):
        # The loop of a caller that is gone is closed; its work is committed all the same.
        call.loop.call_soon_threadsafe(_settle, call.future, value, failure)


def _attempt(db: sqlite3.Connection, call: _Call) -> tuple[Any, BaseException | None]:
    db.execute("SAVEPOINT one")
    try:
        value = call.work(db)
    except sqlite3.OperationalError:
        # The disk's, not the caller's: SQLite may have undone the whole transaction already.
        raise
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the caller's, not the thread's
        db.execute("ROLLBACK TO one")
        db.execute("RELEASE one")
        return None, error
    db.execute("RELEASE one")
    return value, None


def _settle(future: "asyncio.Future[Any]", value: object, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)


def _select_records(db: sqlite3.Connection, row: int, limit: int) -> tuple[Entry, ...]:
    statement = "SELECT row, cid, kind, raw FROM record WHERE row > ? ORDER BY row LIMIT ?"
    return tuple(Entry(r, Cid.from_bytes(cid), kind, raw) for r, cid, kind, raw in db.execute(statement, (row, limit)))


def _select_cids(db: sqlite3.Connection, after: int, until: int) -> tuple[Cid, ...]:
    statement = "SELECT cid FROM record WHERE row > ? AND row <= ? ORDER BY row"
    return tuple(Cid.from_bytes(cid) for (cid,) in db.execute(statement, (after, until)))


def _select_raw(db: sqlite3.Connection, cid: Cid) -> bytes | None:
    row = db.execute("SELECT raw FROM record WHERE cid = ?", (bytes(cid),)).fetchone()
    return None if row is None else bytes(row[0])


def _select_upload(db: sqlite3.Connection, org: str, root: Cid) -> UploadEntry | None:
    row = db.execute(f"{_UPLOAD} WHERE org = ? AND root = ?", (org, bytes(root))).fetchone()
    return None if row is None else _upload(row)


def _upload(row: tuple[str, str, bytes, bytes, int, bytes, int]) -> UploadEntry:
    org, device, root, record, size, held, whole = row
    return UploadEntry(org, device, Cid.from_bytes(root), Cid.from_bytes(record), size, held, bool(whole))


def _save_held(db: sqlite3.Connection, name: tuple[str, Cid], held: bytes) -> None:
    db.execute("UPDATE upload SET held = ? WHERE org = ? AND root = ?", (held, name[0], bytes(name[1])))


def _save_whole(db: sqlite3.Connection, name: tuple[str, Cid], held: bytes, then: Iterable[Job]) -> None:
    _save_held(db, name, held)
    db.execute("UPDATE upload SET whole = 1 WHERE org = ? AND root = ?", (name[0], bytes(name[1])))
    for job in then:
        jobs.queue(db, job, now_ms())


def _select_quarantine(db: sqlite3.Connection, limit: int) -> tuple[QuarantineEntry, ...]:
    statement = "SELECT cid, org, device, rule, reason, at_ms, raw FROM quarantine ORDER BY at_ms, cid LIMIT ?"
    rows = db.execute(statement, (limit,))
    return tuple(QuarantineEntry(Cid.from_bytes(cid), *rest) for cid, *rest in rows)
