"""The journal beside a server that may be running: short readings and single transactions by another process.

SQLite keeps the order: rows are numbered under its write lock, so whatever is written here has its place among what the
server writes, and its followers find it at their next look.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from domain.cid import Cid
from domain.envelope import FieldBody, Record, open_envelope
from ingest.audit import Link
from ingest.entries import QuarantineEntry
from ingest.errors import JournalDamaged, JournalUnwritable, NoJournal
from ingest.ledger import append
from ingest.tables import prepare

T = TypeVar("T")
LOCK_WAIT_S: Final = 30.0
"""Wait for the server's transactions, which last milliseconds."""


@contextmanager
def open_beside(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a journal that exists.

    Raises
    ------
    NoJournal
        When there is none at `path`.
    JournalDamaged
        When it cannot be read.
    JournalNewer
        When a later version of the software has written it.
    """
    if not path.is_file():
        raise NoJournal(str(path))
    db = sqlite3.connect(path, timeout=LOCK_WAIT_S, isolation_level=None)
    try:
        prepare(db, str(path))
        db.execute("PRAGMA synchronous = FULL")
        yield db
    except sqlite3.OperationalError as error:
        raise JournalUnwritable(str(path), str(error)) from error
    except sqlite3.DatabaseError as error:
        raise JournalDamaged(str(path), str(error)) from error
    finally:
        db.close()


def write(db: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    """Return what `work` returns once what it wrote has reached the disk, all or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        outcome = work(db)
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
    return outcome


def add_records(db: sqlite3.Connection, records: list[Record], now_ms: int) -> None:
    """Append records that the organisation signed: campaigns, areas, species lists."""
    write(db, lambda inner: append(inner, records, now_ms))


def select_links(db: sqlite3.Connection, org: str, device: str) -> Iterator[Link]:
    """Yield every number that a device used: epochs in the order of first receipt, numbers rising."""
    statement = (
        "SELECT place.epoch, place.seq, place.cid, record.raw FROM place"
        " JOIN epoch USING (org, device, epoch) LEFT JOIN record ON record.cid = place.cid"
        " WHERE place.org = ? AND place.device = ? ORDER BY epoch.first_ms, epoch.epoch, place.seq"
    )
    for epoch, seq, cid, raw in db.execute(statement, (org, device)):
        # Opened again, signature and all: an audit does not take the keeper's word.
        body = None if raw is None else open_envelope(raw).body
        yield Link(epoch, seq, Cid.from_bytes(cid), body if isinstance(body, FieldBody) else None)


def select_refused(db: sqlite3.Connection, *, device: str | None = None, limit: int = 1_000) -> list[QuarantineEntry]:
    """Return refused records, first come first."""
    where = "" if device is None else "WHERE device = ?"
    statement = f"SELECT cid, org, device, rule, reason, at_ms, raw FROM quarantine {where} ORDER BY at_ms, cid LIMIT ?"  # noqa: S608
    values = (limit,) if device is None else (device, limit)
    return [QuarantineEntry(Cid.from_bytes(cid), *rest) for cid, *rest in db.execute(statement, values)]
