"""The spool's file: its tables, how it is opened, and how every write to it is one whole.

SQLite in WAL mode, synchronous FULL: what was committed outlives a cut of power. Tables and columns are only ever
added, so that a file of an older agent opens as it is. One agent at a time holds the lock beside the file; the crew's
screen and ``cec edge status`` read, and may record, while it works.
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from edge.errors import CannotRecord, DiskFull, FolderUnusable, SpoolBusy, SpoolLocked
from edge.files import find_owner, translated

LOCK_WAIT_S: Final = 2.0
"""Wait for another process of this device that is just writing; on a slow card a sync takes a second."""
CACHE_KIB: Final = 2_048
"""Pages of the file that are held in memory."""
LOG_PAGES: Final = 256
"""Pages of the write-ahead log before it goes into the file: 1 MiB, so that it fits in the reserve."""
RESERVE_BYTES: Final = 1 << 20
"""Held back on the disk: when it is full, receipts are taken in with it, which makes room in the spool itself."""
SPOOL_FILE: Final = "spool.sqlite"
_RESERVE_FILE: Final = "spool.reserve"
_LOCK_FILE: Final = "spool.lock"
_LOOKS: Final = 20
_LOOK_S: Final = 0.05
"""How often, and after which pause, the lock is tried: who asks whether an agent works holds it some microseconds, and
a board under load may keep them from letting it go for a moment."""
_SERVER_MS: Final = "server_ms"
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS item (
    row INTEGER PRIMARY KEY, cid BLOB NOT NULL UNIQUE, raw BLOB NOT NULL,
    times_sent INTEGER NOT NULL DEFAULT 0, rule TEXT, remedy TEXT);
CREATE TABLE IF NOT EXISTS upload (
    root BLOB PRIMARY KEY, record BLOB NOT NULL, declaration BLOB NOT NULL,
    path TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    interior BLOB NOT NULL, held BLOB NOT NULL, is_whole INTEGER NOT NULL DEFAULT 0, problem TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS history (
    row INTEGER PRIMARY KEY AUTOINCREMENT, cid BLOB NOT NULL UNIQUE, kind TEXT NOT NULL, words TEXT NOT NULL,
    seq INTEGER NOT NULL, at_ms INTEGER NOT NULL, stage TEXT NOT NULL, times_sent INTEGER NOT NULL DEFAULT 0,
    rule TEXT, remedy TEXT, is_read INTEGER NOT NULL DEFAULT 0, receipt INTEGER, upload BLOB,
    root BLOB, height INTEGER, anchored_ms INTEGER, known_ms INTEGER);
CREATE TABLE IF NOT EXISTS receipt (id INTEGER PRIMARY KEY AUTOINCREMENT, raw BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS visit (
    row INTEGER NOT NULL, place INTEGER NOT NULL, tree TEXT NOT NULL, reading BLOB NOT NULL, UNIQUE (row, place));
CREATE TABLE IF NOT EXISTS frame (
    row INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL, cid BLOB NOT NULL, raw BLOB NOT NULL,
    UNIQUE (kind, id));
CREATE INDEX IF NOT EXISTS item_waiting ON item (row, cid, rule) WHERE rule IS NULL;
CREATE INDEX IF NOT EXISTS item_refused ON item (row, rule) WHERE rule IS NOT NULL;
CREATE INDEX IF NOT EXISTS history_stage ON history (stage, row);
CREATE INDEX IF NOT EXISTS history_upload ON history (upload) WHERE upload IS NOT NULL;
CREATE INDEX IF NOT EXISTS history_receipt ON history (receipt) WHERE receipt IS NOT NULL;
CREATE INDEX IF NOT EXISTS visit_tree ON visit (tree, row);
"""
_COLUMNS: Final = (("upload", "sent", "BLOB"), ("upload", "frames", "INTEGER"), ("upload", "frames_held", "INTEGER"))
"""Columns that older files lack: table, name, type."""
_LATER: Final = "CREATE INDEX IF NOT EXISTS upload_count ON upload (is_whole, frames, frames_held)"
"""What needs those columns."""


@contextmanager
def hold_lock(folder: Path) -> Iterator[None]:
    """Be the folder's one agent while the block lasts; `SpoolBusy` when another is."""
    path = folder / _LOCK_FILE
    with translated(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not any(_is_taken(descriptor, fcntl.LOCK_EX, pause_s=_LOOK_S) for _ in range(_LOOKS)):
            raise SpoolBusy(folder)
        yield
    finally:
        os.close(descriptor)


def is_held(folder: Path) -> bool:
    """Tell whether an agent works in a folder now; nothing is made, and an agent that starts meanwhile is let in."""
    path = folder / _LOCK_FILE
    with translated(path):
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return False
    try:
        # Shared: others may ask at the same time.
        return not _is_taken(descriptor, fcntl.LOCK_SH, pause_s=0)
    finally:
        os.close(descriptor)


def _is_taken(descriptor: int, kind: int, *, pause_s: float) -> bool:
    """Take the lock if that can be done at once; tell whether it was, after a pause when it was not."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        time.sleep(pause_s)
        return False
    return True


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection to the spool's file, its tables made and brought up to date.

    Raises
    ------
    FolderUnusable
        When it cannot be opened.
    """
    with _opened(path):
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=LOCK_WAIT_S)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            db.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
            _migrate(db)
        except BaseException:
            db.close()
            raise
    return db


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Return a connection that cannot write, beside whoever works in the file."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=LOCK_WAIT_S)


def _migrate(db: sqlite3.Connection) -> None:
    with transaction(db):
        for statement in _TABLES.split(";\n"):
            db.execute(statement)
        for table, name, kind in _COLUMNS:
            known = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
            if name not in known:
                db.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")
        db.execute(_LATER)


def find_folder(db: sqlite3.Connection) -> Path:
    """Return the folder of a connection's file."""
    return Path(db.execute("PRAGMA database_list").fetchone()[2]).parent


def hold_reserve(folder: Path) -> None:
    """Hold some of the disk back, where there is enough of it."""
    path = folder / _RESERVE_FILE
    if path.exists() and path.stat().st_size == RESERVE_BYTES:
        return
    try:
        with path.open("wb") as stream:
            os.posix_fallocate(stream.fileno(), 0, RESERVE_BYTES)
    except OSError:
        # A full disk has none to hold back.
        path.unlink(missing_ok=True)


def release_reserve(folder: Path) -> None:
    """Give back what was held."""
    (folder / _RESERVE_FILE).unlink(missing_ok=True)


@contextmanager
def transaction(db: sqlite3.Connection, *, is_hint: bool = False) -> Iterator[None]:
    """Write all of a block or nothing; what `is_hint` may be lost when the power fails, and costs no sync.

    Raises
    ------
    DiskFull, SpoolLocked
        When there is no room, or another process writes for too long; nothing was written.
    """
    if is_hint:
        db.execute("PRAGMA synchronous = NORMAL")
    try:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("COMMIT")
    except BaseException as error:
        # SQLite has ended the transaction itself after some failures, a full disk among them.
        if db.in_transaction:
            db.execute("ROLLBACK")
        if isinstance(error, sqlite3.OperationalError):
            _raise_known(error)
        raise
    finally:
        if is_hint:
            db.execute("PRAGMA synchronous = FULL")


def _raise_known(error: sqlite3.OperationalError) -> None:
    """Raise one of our own failures for what may pass; return for anything else."""
    words = str(error)
    found: CannotRecord | None = None
    # A card that fails while it writes says "disk I/O error": nothing was recorded either.
    if "full" in words or "disk I/O error" in words:
        found = DiskFull(words)
    elif "locked" in words:
        found = SpoolLocked(words)
    if found is not None:
        raise found from error


def is_sound(path: Path) -> bool:
    """Tell whether SQLite can read the whole file.

    Raises
    ------
    FolderUnusable
        When it cannot be opened: that says nothing of what is in it.
    """
    try:
        with _opened(path), closing(sqlite3.connect(path, timeout=LOCK_WAIT_S)) as db:
            return bool(db.execute("PRAGMA quick_check").fetchone()[0] == "ok")
    except sqlite3.OperationalError as error:
        # Locked by a process that writes is not damage.
        return "locked" in str(error)
    except sqlite3.DatabaseError:
        return False


@contextmanager
def _opened(path: Path) -> Iterator[None]:
    """Tell of a spool's file that the system does not open, or not for writing, as what it is: no damage."""
    try:
        yield
    except sqlite3.OperationalError as error:
        words = str(error)
        if "unable to open" not in words and "readonly" not in words:
            raise
        raise FolderUnusable(path, words, f"check the card; run this as the user {find_owner(path)}") from error


def read_server_ms(db: sqlite3.Connection) -> int:
    """Return the latest time that the server signed; 0 before it ever did."""
    return int.from_bytes(get_meta(db, _SERVER_MS) or b"", "big")


def note_server_ms(db: sqlite3.Connection, at_ms: int) -> None:
    """Keep a time that the server signed, if it is the latest, in the caller's transaction."""
    if at_ms > read_server_ms(db):
        set_meta(db, _SERVER_MS, at_ms.to_bytes(8, "big"))


def get_meta(db: sqlite3.Connection, name: str) -> bytes | None:
    """Return a value kept by name; absent when there is none."""
    row = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if row is None else bytes(row[0])


def set_meta(db: sqlite3.Connection, name: str, value: bytes) -> None:
    """Keep a value by name, in the caller's transaction."""
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))


def count(db: sqlite3.Connection, name: str, more: int) -> None:
    """Count, in the caller's transaction."""
    if more:
        db.execute(
            "INSERT INTO counter VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
            (name, more),
        )


def get_count(db: sqlite3.Connection, name: str) -> int:
    """Return what was counted under a name."""
    row = db.execute("SELECT value FROM counter WHERE name = ?", (name,)).fetchone()
    return 0 if row is None else int(row[0])
