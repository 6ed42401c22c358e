"""The spool: what the device recorded and the server has not signed for yet.

One SQLite file, synchronous FULL: a record is on the disk, with its number, before it is sent; only a receipt signed by
the pinned server deletes it. Calls are short and come from one task.
"""

import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from domain.cid import Cid
from domain.codec import decode_list, encode
from domain.envelope import FieldBody, Record, open_envelope, seal
from domain.errors import CecError
from domain.records.field import Birth, Blob, Place
from domain.records.receipt import Answer, Receipt, UploadState
from domain.upload import compute_shape, encode_bitmap
from edge.errors import SpoolBusy, SpoolDamaged, UntrustedReceipt
from edge.identity import Identity
from edge.salvage import Salvage, salvage_items
from ipfs.unixfs import FileDag

LOCK_WAIT_S: Final = 0.5
"""Wait for another agent that is just ending."""
SOFTWARE: Final = "cec-edge 0.1.0"
_UNDECLARED: Final = "UndeclaredUpload"
_CONFLICT: Final = "SequenceConflict"
"""Rules of the server that the device itself knows a remedy for."""
_COUNTERS: Final = ("readings", "recorded", "sent", "resent", "received", "skipped")
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS item (
    row INTEGER PRIMARY KEY, cid BLOB NOT NULL UNIQUE, raw BLOB NOT NULL,
    times_sent INTEGER NOT NULL DEFAULT 0, rule TEXT, remedy TEXT);
CREATE TABLE IF NOT EXISTS upload (
    root BLOB PRIMARY KEY, record BLOB NOT NULL, declaration BLOB NOT NULL,
    path TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    interior BLOB NOT NULL, held BLOB NOT NULL, is_whole INTEGER NOT NULL DEFAULT 0, problem TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Item:
    """A record that waits for its receipt."""

    cid: Cid
    raw: bytes
    times_sent: int


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way.

    Attributes
    ----------
    root, record
        The file, and the blob record that declares it.
    path, size, mtime_ns
        Where it lies, and what it was when it was declared.
    interior
        Interior nodes of its DAG, in the order of the upload.
    held
        What the server holds, as it last said.
    problem
        Why it cannot go on, in words; absent while it can.
    """

    root: Cid
    record: Cid
    path: Path
    size: int
    mtime_ns: int
    interior: tuple[bytes, ...]
    held: bytes
    problem: str | None


@dataclass(frozen=True, slots=True)
class SpoolStatus:
    """What became of everything, in numbers.

    Attributes
    ----------
    readings, recorded
        Readings and records since the spool began.
    sent, resent
        Records sent once, and sendings beyond the first.
    received, refused
        Records that the server signed for, and that it keeps in quarantine.
    queued
        Records that wait for a receipt.
    uploads, uploads_whole
        Files offered, and files that the server has whole.
    frames_held, frames
        Frames of all files that the server has, and all.
    skipped
        Device lines that gave no reading.
    """

    readings: int
    recorded: int
    sent: int
    resent: int
    received: int
    refused: int
    queued: int
    uploads: int
    uploads_whole: int
    frames_held: int
    frames: int
    skipped: int


class Spool:
    """The spool of one device; open it with `open_spool`.

    Attributes
    ----------
    damage
        What was found damaged when it was opened, if anything.
    """

    def __init__(self, db: sqlite3.Connection, identity: Identity) -> None:
        self._db = db
        self._identity = identity
        self._boot = _read_boot()
        self.damage: SpoolDamaged | None = None
        if self._meta("epoch") is None:
            with self._transaction():
                self._begin_epoch()

    @property
    def birth(self) -> bytes:
        """The epoch's first record, which every connection repeats."""
        raw = self._meta("birth")
        assert raw is not None, "an epoch begins with its birth"  # noqa: S101
        return raw

    def append(self, make: Callable[[Place], FieldBody], *, readings: int = 0) -> Record:
        """Return a new record, on the disk under the next number."""
        with self._transaction():
            return self._append(make, readings)

    def offer(self, path: Path, dag: FileDag, make: Callable[[Place], Blob]) -> Record:
        """Return the blob record of a file that is to be uploaded.

        The same bytes offered again keep their record and go on from where they are. Other bytes at the same path end
        the upload of those before, which are no longer there.
        """
        mtime_ns = path.stat().st_mtime_ns
        row = self._db.execute("SELECT declaration FROM upload WHERE root = ?", (bytes(dag.root),)).fetchone()
        with self._transaction():
            self._db.execute(
                "DELETE FROM upload WHERE path = ? AND root <> ? AND NOT is_whole", (str(path), bytes(dag.root))
            )
            if row is not None:
                self._db.execute(
                    "UPDATE upload SET path = ?, mtime_ns = ?, problem = NULL WHERE root = ?",
                    (str(path), mtime_ns, bytes(dag.root)),
                )
                return open_envelope(row[0])
            record = self._append(make, 0)
            self._begin_upload(path, dag, record, mtime_ns)
        return record

    def _begin_upload(self, path: Path, dag: FileDag, record: Record, mtime_ns: int) -> None:
        nothing = encode_bitmap((), compute_shape(dag.size).frames)
        values = (bytes(dag.root), bytes(record.cid), record.raw, str(path), dag.size, mtime_ns)
        self._db.execute(
            "INSERT INTO upload VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, NULL)",
            (*values, encode(list(dag.interior)), nothing),
        )

    def pending(self, *, limit_bytes: int, skip: set[Cid]) -> list[Item]:
        """Return records that wait to be sent, oldest first, at least one if any, without those in `skip`."""
        chosen: list[Item] = []
        size = 0
        for cid, raw, times in self._db.execute(
            "SELECT cid, raw, times_sent FROM item WHERE rule IS NULL ORDER BY row"
        ):
            item = Item(Cid.from_bytes(cid), raw, times)
            if item.cid in skip:
                continue
            size += len(raw) + 8
            if chosen and size > limit_bytes:
                break
            chosen.append(item)
        return chosen

    def mark_sent(self, items: list[Item]) -> None:
        """Count records as sent once more."""
        with self._transaction():
            for item in items:
                self._db.execute("UPDATE item SET times_sent = times_sent + 1 WHERE cid = ?", (bytes(item.cid),))
            self._count("sent", sum(not item.times_sent for item in items))
            self._count("resent", sum(bool(item.times_sent) for item in items))

    def mark_birth_sent(self) -> None:
        """Count the birth as sent, if it still waits: every connection repeats it."""
        cid = open_envelope(self.birth).cid
        row = self._db.execute("SELECT raw, times_sent FROM item WHERE cid = ?", (bytes(cid),)).fetchone()
        if row is not None:
            self.mark_sent([Item(cid, row[0], row[1])])

    def is_waiting(self, cid: Cid) -> bool:
        """Tell whether a record still waits for its receipt."""
        return self._db.execute("SELECT 1 FROM item WHERE cid = ?", (bytes(cid),)).fetchone() is not None

    def apply_receipt(self, raw: bytes) -> Receipt:
        """Return a receipt after doing what it says; `UntrustedReceipt` unless the pinned server signed it for us."""
        record = open_envelope(raw)
        receipt = record.expect(Receipt)
        if record.key != self._identity.ingest_key:
            raise UntrustedReceipt(f"signed by {record.key}, not by the server pinned at enrolment")
        if (receipt.org, receipt.device) != (self._identity.body.org, self._identity.body.device):
            raise UntrustedReceipt(f"it is for device {receipt.device!r} of {receipt.org!r}")
        with self._transaction():
            for answer in receipt.answers or ():
                self._apply_answer(answer)
            for state in receipt.uploads or ():
                self._apply_upload(state)
        return receipt

    def uploads(self) -> list[Upload]:
        """Return files that the server does not have whole."""
        rows = self._db.execute(
            "SELECT root, record, path, size, mtime_ns, interior, held, problem "
            "FROM upload WHERE NOT is_whole ORDER BY path"
        )
        return [_upload(row) for row in rows]

    def upload(self, root: Cid) -> Upload | None:
        """Return a file that the server does not have whole, if it is one."""
        return next((upload for upload in self.uploads() if upload.root == root), None)

    def note_problem(self, root: Cid, problem: str) -> None:
        """Note why a file cannot go on."""
        with self._transaction():
            self._db.execute("UPDATE upload SET problem = ? WHERE root = ?", (problem, bytes(root)))

    def count_skipped(self, lines: int) -> None:
        """Count device lines that gave no reading."""
        with self._transaction():
            self._count("skipped", lines)

    def refusals(self) -> list[tuple[Cid, str, str]]:
        """Return records that the server refused: which, by which rule, and what to do."""
        rows = self._db.execute("SELECT cid, rule, remedy FROM item WHERE rule IS NOT NULL ORDER BY row")
        return [(Cid.from_bytes(cid), rule, remedy or "") for cid, rule, remedy in rows]

    def status(self) -> SpoolStatus:
        """Return what became of everything."""
        counters: dict[str, int] = dict(self._db.execute("SELECT name, value FROM counter"))
        queued = self._db.execute("SELECT count(*) FROM item WHERE rule IS NULL").fetchone()[0]
        refused = self._db.execute("SELECT count(*) FROM item WHERE rule IS NOT NULL").fetchone()[0]
        files = [
            (size, held, whole) for size, held, whole in self._db.execute("SELECT size, held, is_whole FROM upload")
        ]
        frames = [compute_shape(size).frames for size, _, _ in files]
        held = [
            count if whole else int.from_bytes(bits, "little").bit_count()
            for count, (_, bits, whole) in zip(frames, files, strict=True)
        ]
        return SpoolStatus(
            **{
                name: counters.get(name, 0)
                for name in ("readings", "recorded", "sent", "resent", "received", "skipped")
            },
            refused=refused,
            queued=queued,
            uploads=len(files),
            uploads_whole=sum(bool(whole) for _, _, whole in files),
            frames_held=sum(held),
            frames=sum(frames),
        )

    def is_drained(self) -> bool:
        """Tell whether the server has everything that it will take."""
        status = self.status()
        return status.queued == 0 and status.uploads == status.uploads_whole

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _append(self, make: Callable[[Place], FieldBody], readings: int) -> Record:
        record = seal(make(self._next_place()), self._identity.key)
        self._db.execute("INSERT INTO item (cid, raw) VALUES (?, ?)", (bytes(record.cid), record.raw))
        self._set_meta("seq", (self._number("seq") + 1).to_bytes(8, "big"))
        self._set_meta("prev", bytes(record.cid))
        self._count("recorded", 1)
        self._count("readings", readings)
        return record

    def _next_place(self) -> Place:
        epoch, prev = self._meta("epoch"), self._meta("prev")
        assert epoch is not None, "an epoch has begun"  # noqa: S101
        return Place(
            epoch=epoch,
            seq=self._number("seq"),
            at_ms=time.time_ns() // 1_000_000,
            boot=self._boot,
            mono_ms=time.monotonic_ns() // 1_000_000,
            prev=None if prev is None else Cid.from_bytes(prev),
        )

    def _begin_epoch(self) -> None:
        """Begin to count anew, in the caller's transaction: a random epoch, and its birth under number 0."""
        body = self._identity.body
        self._set_meta("epoch", secrets.token_bytes(16))
        self._set_meta("seq", bytes(8))
        birth = self._append(lambda place: Birth(body.org, body.device, place, SOFTWARE, last=place.prev), 0)
        self._set_meta("birth", birth.raw)

    def _apply_answer(self, answer: Answer) -> None:
        cid = bytes(answer.record)
        if answer.verdict == "stored":
            self._count("received", self._db.execute("DELETE FROM item WHERE cid = ?", (cid,)).rowcount)
        elif answer.reason == _UNDECLARED:
            # The server no longer knows a file that it signed for, after a restored backup: declare it again.
            self._db.execute(
                "INSERT OR IGNORE INTO item (cid, raw) SELECT record, declaration FROM upload WHERE root = ?", (cid,)
            )
        elif answer.reason == _CONFLICT:
            self._renumber(cid)
        else:
            self._db.execute("UPDATE item SET rule = ?, remedy = ? WHERE cid = ?", (answer.reason, answer.remedy, cid))

    def _renumber(self, cid: bytes) -> None:
        """Record a refused body again under a number of a new epoch.

        The server has another record under its number, so this spool is a restored or copied one: its counter is not to
        be trusted, but what was measured is.
        """
        row = self._db.execute("SELECT raw FROM item WHERE cid = ?", (cid,)).fetchone()
        if row is None:
            return
        body = open_envelope(row[0]).body
        assert isinstance(body, FieldBody), "a spool holds field records"  # noqa: S101
        if body.place.epoch == self._meta("epoch"):
            self._begin_epoch()
        old = body.place
        record = self._append(
            lambda place: replace(body, place=replace(old, epoch=place.epoch, seq=place.seq, prev=place.prev)), 0
        )
        self._db.execute("DELETE FROM item WHERE cid = ?", (cid,))
        self._db.execute(
            "UPDATE upload SET record = ?, declaration = ? WHERE record = ?", (bytes(record.cid), record.raw, cid)
        )

    def _apply_upload(self, state: UploadState) -> None:
        root = bytes(state.root)
        if state.is_whole:
            self._db.execute("UPDATE upload SET is_whole = 1, interior = x'80', problem = NULL WHERE root = ?", (root,))
        elif state.held is not None:
            self._db.execute(
                "UPDATE upload SET held = ? WHERE root = ? AND length(held) = ?", (state.held, root, len(state.held))
            )

    def _meta(self, name: str) -> bytes | None:
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])

    def _set_meta(self, name: str, value: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def _number(self, name: str) -> int:
        return int.from_bytes(self._meta(name) or b"", "big")

    def _count(self, name: str, more: int) -> None:
        self._db.execute(
            "INSERT INTO counter VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
            (name, more),
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


@contextmanager
def open_spool(folder: Path, identity: Identity) -> Iterator[Spool]:
    """Open or make the spool in a folder, one agent at a time.

    A file that SQLite cannot read is kept under another name, every record that is whole in it is taken over, and a new
    epoch begins, since the device can no longer vouch for its counter. What was damaged stands in `Spool.damage`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "spool.sqlite"
    salvage = _set_aside(path) if path.exists() and not _is_sound(path) else None
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=LOCK_WAIT_S)
    try:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.executescript(_SCHEMA)
        if salvage is not None:
            _take_over(db, salvage, identity)
        spool = Spool(db, identity)
        spool.damage = None if salvage is None else SpoolDamaged(salvage.kept, salvage.words)
        yield spool
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise SpoolBusy(folder) from error
        raise
    finally:
        db.close()


def read_status(folder: Path, identity: Identity) -> tuple[SpoolStatus, list[tuple[Cid, str, str]]]:
    """Return status and refusals of a spool that no agent has open."""
    with open_spool(folder, identity) as spool:
        return spool.status(), spool.refusals()


def _set_aside(path: Path) -> Salvage:
    """Return what is whole in a damaged spool, after giving it another name."""
    kept = path.with_name(f"spool-damaged-{time.time_ns()}.sqlite")
    for tail in ("-wal", "-shm"):
        part = path.with_name(path.name + tail)
        if part.exists():
            # What was committed last may stand there alone.
            part.rename(kept.with_name(kept.name + tail))
    path.rename(kept)
    return salvage_items(kept)


def _take_over(db: sqlite3.Connection, salvage: Salvage, identity: Identity) -> None:
    """Put salvaged records of this device in a new spool; what carries no signature of its key is no record of it."""
    db.execute("BEGIN IMMEDIATE")
    for raw, rule, remedy in salvage.items:
        try:
            record = open_envelope(raw)
        except CecError:
            continue
        if record.key == identity.key.public:
            db.execute(
                "INSERT OR IGNORE INTO item (cid, raw, times_sent, rule, remedy) VALUES (?, ?, 1, ?, ?)",
                (bytes(record.cid), raw, rule, remedy),
            )
    db.execute("COMMIT")


def _is_sound(path: Path) -> bool:
    db = sqlite3.connect(path, timeout=LOCK_WAIT_S)
    try:
        return bool(db.execute("PRAGMA quick_check").fetchone()[0] == "ok")
    except sqlite3.OperationalError as error:
        # Locked by another agent is not damage.
        return "locked" in str(error)
    except sqlite3.DatabaseError:
        return False
    finally:
        db.close()


def _upload(row: tuple[bytes, bytes, str, int, int, bytes, bytes, str | None]) -> Upload:
    root, record, path, size, mtime_ns, interior, held, problem = row
    nodes = tuple(node for node in decode_list(interior) if isinstance(node, bytes))
    return Upload(Cid.from_bytes(root), Cid.from_bytes(record), Path(path), size, mtime_ns, nodes, held, problem)


def _read_boot() -> bytes:
    """Return this boot's random id where the system has one, else one for this process."""
    try:
        return bytes.fromhex(Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip().replace("-", ""))
    except (OSError, ValueError):
        return os.urandom(16)
