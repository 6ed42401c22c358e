"""The spool: what the device recorded, what the server has not signed for yet, and what became of the rest.

A record is on the disk, with its number, before it is sent; only a receipt signed by the pinned server deletes it.
Calls are short. Several processes of one device may record; one agent alone sends.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from domain.cid import Cid
from domain.envelope import MAX_ENVELOPES, FieldBody, Record, open_envelope
from domain.records.field import Blob, Close, Place
from domain.records.receipt import Answer, Receipt
from edge import campaigns, history, marks, schema, uploads
from edge.damage import mend_spool
from edge.errors import DiskFull, NothingToClose, SpoolDamaged, UntrustedReceipt
from edge.files import translated
from edge.history import Answered
from edge.identity import Identity
from edge.sequence import Sequencer
from edge.uploads import Upload
from ipfs.unixfs import FileDag

UNDECLARED: Final = "UndeclaredUpload"
_CONFLICT: Final = "SequenceConflict"
"""Rules of the server that the device itself knows a remedy for."""
_COUNTERS: Final = (
    "readings", "recorded", "sent", "resent", "received", "skipped", "dropped", "frames_sent", "frames_resent"
)  # fmt: skip
_ROTATION: Final = "rotation"
"""Last row of the history that the former key signed."""


@dataclass(frozen=True, slots=True)
class Item:
    """A record that waits for its receipt."""

    cid: Cid
    raw: bytes
    times_sent: int


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
    frames_sent, frames_resent
        Frames sent once, and sendings beyond the first.
    skipped
        Device lines that gave no reading.
    dropped
        Readings lost because the disk was full for too long.
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
    frames_sent: int
    frames_resent: int
    skipped: int
    dropped: int


class Spool:
    """The spool of one device; open it with `open_spool`.

    Attributes
    ----------
    db
        Its file, for the modules that read it.
    damage
        What was found damaged when it was opened, if anything.
    """

    def __init__(self, db: sqlite3.Connection, identity: Identity) -> None:
        self.db = db
        self._identity = identity
        self._folder = schema.find_folder(db)
        self._sequence = Sequencer(db, identity)
        self.damage: SpoolDamaged | None = None
        self._sequence.begin()

    @property
    def birth(self) -> bytes:
        """The epoch's first record, which every connection repeats."""
        return self._sequence.birth

    def append(
        self, make: Callable[[Place], FieldBody], *, readings: int = 0, mark: tuple[str, bytes] | None = None
    ) -> Record:
        """Return a new record, on the disk under the next number, and with it a value kept by name.

        Raises
        ------
        DiskFull
            When there is no room; nothing was recorded and no number used.
        """
        with schema.transaction(self.db):
            if mark is not None:
                schema.set_meta(self.db, *mark)
            return self._sequence.append(make, readings)

    def close_campaign(self, campaign: str | None) -> Record:
        """Return the record that signs how far the sequence goes, for a campaign or the whole epoch.

        Raises
        ------
        NothingToClose
            When nothing was recorded yet.
        """
        body = self._identity.body

        def close(place: Place) -> Close:
            if place.prev is None or place.seq == 0:
                raise NothingToClose
            return Close(body.org, body.device, place, place.seq - 1, place.prev, campaign)

        return self.append(close)

    def offer(self, path: Path, dag: FileDag, make: Callable[[Place], Blob]) -> Record:
        """Return the blob record of a file that is to be uploaded.

        The same bytes offered again keep their record and go on from where they are. Other bytes at the same path end
        the upload of those before, which are no longer there.
        """
        with schema.transaction(self.db):
            declared = uploads.replace_path(self.db, path, dag.root)
            if declared is not None:
                return open_envelope(declared)
            record = self._sequence.append(make, 0)
            uploads.begin_upload(self.db, path, dag, record)
        return record

    def pending(self, *, limit_bytes: int, skip: set[Cid], limit: int = MAX_ENVELOPES) -> list[Item]:
        """Return records that wait to be sent, oldest first, at least one if any, without those in `skip`."""
        chosen: list[Item] = []
        size = 0
        # The index alone is walked past those to skip; bytes are read of the chosen only.
        with closing(self.db.execute("SELECT row, cid FROM item WHERE rule IS NULL ORDER BY row")) as rows:
            for row, cid in rows:
                name = Cid.from_bytes(cid)
                if name in skip:
                    continue
                raw, times = self.db.execute("SELECT raw, times_sent FROM item WHERE row = ?", (row,)).fetchone()
                size += len(raw) + 8
                if chosen and (size > limit_bytes or len(chosen) >= limit):
                    break
                chosen.append(Item(name, raw, times))
        return chosen

    def mark_sent(self, items: list[Item], *, metered: tuple[str, int] | None = None) -> None:
        """Count records as sent once more, and the bytes that they cost."""
        with schema.transaction(self.db):
            for item in items:
                self.db.execute("UPDATE item SET times_sent = times_sent + 1 WHERE cid = ?", (bytes(item.cid),))
            history.note_sent(self.db, (item.cid for item in items))
            schema.count(self.db, "sent", sum(not item.times_sent for item in items))
            schema.count(self.db, "resent", sum(bool(item.times_sent) for item in items))
            if metered is not None:
                schema.count(self.db, *metered)

    def mark_birth_sent(self) -> None:
        """Count the birth as sent, if it still waits: every connection repeats it."""
        cid = open_envelope(self.birth).cid
        row = self.db.execute("SELECT raw, times_sent FROM item WHERE cid = ?", (bytes(cid),)).fetchone()
        if row is not None:
            self.mark_sent([Item(cid, row[0], row[1])])

    def mark_frames(self, root: Cid, frames: Sequence[int], *, metered: tuple[str, int] | None = None) -> None:
        """Count frames of a file that leave, and the bytes that they cost.

        Only bytes that cost money are worth a sync of the disk.
        """
        with schema.transaction(self.db, is_hint=metered is None):
            uploads.note_frames(self.db, root, frames)
            if metered is not None:
                schema.count(self.db, *metered)

    def is_waiting(self, cid: Cid) -> bool:
        """Tell whether a record still waits for its receipt."""
        return self.db.execute("SELECT 1 FROM item WHERE cid = ?", (bytes(cid),)).fetchone() is not None

    def begin_rotation(self) -> None:
        """Note, when the key has just changed, up to which row records were signed by the former one."""
        rotation = self._identity.rotation
        if rotation is None or self.noted(_ROTATION) is not None:
            return
        (last,) = self.db.execute("SELECT coalesce(max(row), 0) FROM history").fetchone()
        with schema.transaction(self.db):
            schema.set_meta(self.db, _ROTATION, int(last).to_bytes(8, "big"))

    def is_former_waiting(self) -> bool:
        """Tell whether a record waits that the former key signed."""
        last = int.from_bytes(self.noted(_ROTATION) or b"", "big")
        statement = "SELECT 1 FROM history WHERE stage IN ('queued', 'sent') AND row <= ? LIMIT 1"
        return self.db.execute(statement, (last,)).fetchone() is not None

    def end_rotation(self) -> None:
        """Note that the former key is over."""
        with schema.transaction(self.db):
            self.db.execute("DELETE FROM meta WHERE name = ?", (_ROTATION,))

    def apply_receipt(self, raw: bytes) -> Receipt:
        """Return a receipt after doing what it says; `UntrustedReceipt` unless the pinned server signed it for us."""
        record = open_envelope(raw)
        receipt = record.expect(Receipt)
        if record.key != self._identity.ingest_key:
            raise UntrustedReceipt(f"signed by {record.key}, not by the server pinned at enrolment")
        if (receipt.org, receipt.device) != (self._identity.body.org, self._identity.body.device):
            raise UntrustedReceipt(f"it is for device {receipt.device!r} of {receipt.org!r}")
        # What the server holds of a file it says again when asked; all else must not be forgotten.
        is_hint = receipt.answers is None and receipt.progress is None
        try:
            with schema.transaction(self.db, is_hint=is_hint):
                self._apply(receipt, history.keep_receipt(self.db, raw) if receipt.answers else 0)
        except DiskFull:
            self._apply_in_pieces(raw, receipt)
        return receipt

    def take_frame(self, raw: bytes) -> bool:
        """Return whether a campaign, plot or species list took its place among those held."""
        record = campaigns.open_frame(raw, self._identity)
        with schema.transaction(self.db):
            return campaigns.keep_frame(self.db, record)

    def upload(self, root: Cid) -> Upload | None:
        """Return a file that the server does not have whole, if it is one."""
        return uploads.find_upload(self.db, root)

    def note_problem(self, root: Cid, problem: str) -> None:
        """Note why a file cannot go on."""
        with schema.transaction(self.db):
            self.db.execute("UPDATE upload SET problem = ? WHERE root = ?", (problem, bytes(root)))

    def mark_read(self, cid: Cid) -> None:
        """Note that the crew has read why a record was refused."""
        with schema.transaction(self.db):
            self.db.execute("UPDATE history SET is_read = 1 WHERE cid = ? AND stage = 'refused'", (bytes(cid),))

    def count(self, name: str, more: int, *, is_hint: bool = True) -> None:
        """Count what is told to the crew, such as skipped lines; a cut of power may forget the last of a hint."""
        with schema.transaction(self.db, is_hint=is_hint):
            schema.count(self.db, name, more)

    def counted(self, name: str) -> int:
        """Return what was counted under a name."""
        return schema.get_count(self.db, name)

    def note(self, name: str, value: bytes) -> None:
        """Keep a value by name; a cut of power may forget it."""
        with schema.transaction(self.db, is_hint=True):
            schema.set_meta(self.db, name, value)

    def keep(self, name: str, value: bytes) -> None:
        """Keep a value by name, on the disk when this returns."""
        with schema.transaction(self.db):
            schema.set_meta(self.db, name, value)

    def noted(self, name: str) -> bytes | None:
        """Return the value kept by a name; absent when there is none."""
        return schema.get_meta(self.db, name)

    def prune(self) -> int:
        """Return how many rows of the history were dropped because they are long anchored."""
        with schema.transaction(self.db):
            marks.prune(self.db, self.server_ms)
            return history.prune(self.db, self.server_ms)

    @property
    def server_ms(self) -> int:
        """The latest time that the server signed; 0 before it ever did."""
        return schema.read_server_ms(self.db)

    def refusals(self) -> list[tuple[Cid, str, str]]:
        """Return records that the server refused: which, by which rule, and what to do."""
        rows = self.db.execute("SELECT cid, rule, remedy FROM item WHERE rule IS NOT NULL ORDER BY row")
        return [(Cid.from_bytes(cid), rule, remedy or "") for cid, rule, remedy in rows]

    def status(self) -> SpoolStatus:
        """Return what became of everything."""
        return count_all(self.db)

    def is_drained(self) -> bool:
        """Tell whether the server has everything that it will take."""
        waits = "SELECT 1 FROM item WHERE rule IS NULL UNION ALL SELECT 1 FROM upload WHERE NOT is_whole LIMIT 1"
        return self.db.execute(waits).fetchone() is None

    def _apply_in_pieces(self, raw: bytes, receipt: Receipt) -> None:
        """Take a receipt in when the disk is full: only that makes room, and each piece of it needs little."""
        schema.release_reserve(self._folder)
        with schema.transaction(self.db):
            kept = history.keep_receipt(self.db, raw)
        for answer in receipt.answers or ():
            with schema.transaction(self.db):
                self._apply_answer(answer, Answered(kept, receipt.at_ms))
        with schema.transaction(self.db):
            self._apply(replace(receipt, answers=None), kept)

    def _apply(self, receipt: Receipt, kept: int) -> None:
        answered = Answered(kept, receipt.at_ms)
        for answer in receipt.answers or ():
            self._apply_answer(answer, answered)
        if kept:
            history.drop_unneeded(self.db, kept)
        for state in receipt.uploads or ():
            uploads.apply_state(self.db, state)
        for progress in receipt.progress or ():
            history.note_progress(self.db, progress, answered)
        schema.note_server_ms(self.db, receipt.at_ms)

    def _apply_answer(self, answer: Answer, answered: Answered) -> None:
        cid = bytes(answer.record)
        if answer.verdict == "stored":
            schema.count(self.db, "received", self.db.execute("DELETE FROM item WHERE cid = ?", (cid,)).rowcount)
            history.note_stored(self.db, answer.record, answered)
        elif answer.reason == UNDECLARED:
            # The server no longer knows a file that it signed for, after a restored backup: declare it again.
            self.db.execute(
                "INSERT OR IGNORE INTO item (cid, raw) SELECT record, declaration FROM upload WHERE root = ?", (cid,)
            )
        elif answer.reason == _CONFLICT:
            self._renumber(cid)
        else:
            self.db.execute("UPDATE item SET rule = ?, remedy = ? WHERE cid = ?", (answer.reason, answer.remedy, cid))
            history.note_refused(self.db, answer.record, (answer.reason, answer.remedy), answered)

    def _renumber(self, cid: bytes) -> None:
        """Record a refused body again under a number of a new epoch.

        The server has another record under its number, so this spool is a restored or copied one: its counter is not to
        be trusted, but what was measured is.
        """
        row = self.db.execute("SELECT raw FROM item WHERE cid = ?", (cid,)).fetchone()
        if row is None:
            return
        record = self._sequence.renumber(open_envelope(row[0]))
        self.db.execute("DELETE FROM item WHERE cid = ?", (cid,))
        history.forget(self.db, Cid.from_bytes(cid))
        self.db.execute(
            "UPDATE upload SET record = ?, declaration = ? WHERE record = ?", (bytes(record.cid), record.raw, cid)
        )


def count_all(db: sqlite3.Connection) -> SpoolStatus:
    """Return what became of everything that a spool's file tells of."""
    counters: dict[str, int] = dict(db.execute("SELECT name, value FROM counter"))
    files = uploads.count_files(db)
    return SpoolStatus(
        **{name: counters.get(name, 0) for name in _COUNTERS},
        refused=db.execute("SELECT count(*) FROM item WHERE rule IS NOT NULL").fetchone()[0],
        queued=db.execute("SELECT count(*) FROM item WHERE rule IS NULL").fetchone()[0],
        uploads=files.files,
        uploads_whole=files.whole,
        frames_held=files.frames_held,
        frames=files.frames,
    )


@contextmanager
def open_spool(folder: Path, identity: Identity) -> Iterator[Spool]:
    """Open or make the spool in a folder, one agent at a time.

    A file that SQLite cannot read is kept under another name, what is whole in it is taken over, and a new epoch
    begins, since the device can no longer vouch for its counter. What was damaged stands in `Spool.damage`.
    """
    with translated(folder):
        folder.mkdir(parents=True, exist_ok=True)
    path = folder / schema.SPOOL_FILE
    with schema.hold_lock(folder):
        damage = mend_spool(path, identity)
        with closing(schema.connect(path)) as db:
            _note_older_items(db)
            with schema.transaction(db):
                uploads.fill_counts(db)
            spool = Spool(db, identity)
            spool.damage = damage
            schema.hold_reserve(folder)
            yield spool


@contextmanager
def join_spool(folder: Path, identity: Identity) -> Iterator[Spool]:
    """Open the spool beside an agent that may work in it: to look, and to record what the crew enters."""
    path = folder / schema.SPOOL_FILE
    if not path.exists() or (not schema.is_held(folder) and not schema.is_sound(path)):
        with open_spool(folder, identity):
            pass
    with closing(schema.connect(path)) as db:
        yield Spool(db, identity)


def read_status(folder: Path, identity: Identity) -> tuple[SpoolStatus, list[tuple[Cid, str, str]]]:
    """Return status and refusals of a spool, whether an agent works in it or not."""
    with join_spool(folder, identity) as spool:
        return spool.status(), spool.refusals()


def _note_older_items(db: sqlite3.Connection) -> None:
    """Begin the history of records that an older agent, or a damaged spool, left without one."""
    lacking = db.execute("SELECT cid FROM item WHERE cid NOT IN (SELECT cid FROM history)").fetchall()
    if not lacking:
        return
    columns = "raw, times_sent, rule, remedy"
    with schema.transaction(db):
        for (cid,) in lacking:
            raw, times, rule, remedy = db.execute(f"SELECT {columns} FROM item WHERE cid = ?", (cid,)).fetchone()  # noqa: S608
            history.note_record(db, open_envelope(raw))
            stage = "refused" if rule is not None else "sent" if times else "queued"
            db.execute(
                "UPDATE history SET stage = ?, times_sent = ?, rule = ?, remedy = ? WHERE cid = ?",
                (stage, times, rule, remedy, cid),
            )
