"""A damaged spool: it is put aside and kept, and what is whole in it goes to a new one."""

import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from domain.cid import DAG_PB, Cid
from domain.codec import decode_list, decode_map
from domain.envelope import open_envelope
from domain.errors import CecError
from domain.readings import Visit
from domain.records.field import Blob
from domain.schema import from_map
from domain.upload import compute_shape
from edge import campaigns, schema
from edge.errors import SpoolDamaged
from edge.files import sync_folder
from edge.identity import Identity
from edge.salvage import Reader, Row
from edge.views import STAGES

LOST_RULE: Final = "SpoolDamaged"
MOST_ROWS: Final = 1 << 48
"""Row numbers from here on are damage: a record each microsecond would not reach them in eight years."""
_LOST_REMEDY: Final = "Its bytes were on the damaged part of the card. Keep the file {name}; measure again if you can."
_GROWING: Final = "spool-mending.sqlite"
_MENDED: Final = "spool-mended-{}.sqlite"
"""The new file while it grows, and when all is in it; the damaged one is kept under the same number."""
_HISTORY: Final = (
    "row, cid, kind, words, seq, at_ms, stage, times_sent, rule, remedy, is_read, receipt, upload, root, height, "
    "anchored_ms, known_ms"
)
_NUMBERS: Final = {
    "history": ((0, "history"), (11, "receipt")),
    "receipt": ((0, "receipt"),),
    "visit": ((0, "history"),),
}
"""Columns that hold a row number: in which table, at which place, of which table."""
_UPLOAD: Final = "root, record, declaration, path, size, mtime_ns, interior, held, is_whole, problem"


@dataclass(slots=True)
class Salvage:
    """What was taken over from a damaged spool.

    Attributes
    ----------
    kept
        Where the damaged file will be.
    taken
        Rows taken over, by table.
    failures
        Rows whose reading failed; some row numbers may never have been used.
    lost
        Records of the history whose bytes were not there any more, though the server has not signed for them.
    """

    kept: Path
    taken: dict[str, int] = field(default_factory=dict)
    failures: int = 0
    lost: int = 0

    @property
    def words(self) -> str:
        """What was saved and what was not, for people."""
        return (
            f"{self.taken.get('item', 0)} records that wait and {self.taken.get('upload', 0)} files were read from it, "
            f"{self.failures} row numbers could not be read, {self.lost} records that waited are lost"
        )


def mend_spool(path: Path, identity: Identity) -> SpoolDamaged | None:
    """Return what was damaged, if anything, after a whole file has taken its place.

    The new file grows beside the damaged one and takes its place when all is in it: after a kill or a power cut at any
    moment the next start begins anew, or makes up for the last steps.
    """
    for mended in sorted(path.parent.glob(_MENDED.format("*"))):
        return SpoolDamaged(_put_in_place(path, mended), "the power failed while it was mended, which is done now")
    if not path.exists() or schema.is_sound(path):
        return None
    mended = path.with_name(_MENDED.format(time.time_ns()))
    salvage = Salvage(_name_kept(mended))
    growing = path.with_name(_GROWING)
    for part in _list_parts(growing):
        part.unlink(missing_ok=True)
    with closing(schema.connect(growing)) as db:
        take_over(db, path, salvage, identity)
        # All of it in one file, on the disk.
        db.execute("PRAGMA journal_mode = DELETE")
    growing.rename(mended)
    sync_folder(path.parent)
    return SpoolDamaged(_put_in_place(path, mended), salvage.words)


def _put_in_place(path: Path, mended: Path) -> Path:
    """Return where the damaged file is, after the mended one has taken its place."""
    kept = _name_kept(mended)
    # What was committed last may stand in the log alone.
    for part, other in zip(_list_parts(path), _list_parts(kept), strict=True):
        if part.exists():
            part.rename(other)
    mended.rename(path)
    sync_folder(path.parent)
    return kept


def _name_kept(mended: Path) -> Path:
    return mended.with_name(mended.name.replace("mended", "damaged"))


def _list_parts(path: Path) -> list[Path]:
    return [path.with_name(path.name + tail) for tail in ("-wal", "-shm", "")]


def take_over(db: sqlite3.Connection, path: Path, salvage: Salvage, identity: Identity) -> None:
    """Put what is whole in a damaged spool in a new one.

    What carries no signature of this device's key is no record of it, and what the organisation did not sign is no
    campaign of it.
    """
    with closing(sqlite3.connect(path)) as damaged, schema.transaction(db):
        reader = Reader(damaged)
        highest = _Highest()
        highest.note_given(reader.rows("sqlite_sequence", "name, seq"))
        for table, rows, take in (  # what is referred to before what refers to it
            ("item", reader.rows("item", "raw, rule, remedy"), _take_item),
            ("receipt", reader.rows("receipt", "id, raw"), _take_receipt),
            ("history", reader.rows("history", _HISTORY), _take_history),
            ("frame", reader.rows("frame", "raw"), _take_frame),
            ("upload", reader.keyed_rows("upload", _UPLOAD), _take_upload),
            ("counter", reader.keyed_rows("counter", "name, value"), _take_counter),
            ("meta", reader.keyed_rows("meta", "name, value"), _take_meta),
            ("visit", reader.rows("visit", "row, place, tree, reading"), _take_visit),
        ):
            salvage.taken[table] = sum(_is_taken(take, db, row, identity) for row in highest.pass_on(table, rows))
        highest.keep(db)
        salvage.failures = reader.failures
        salvage.lost = _tell_lost(db, salvage.kept)


@dataclass(slots=True)
class _Highest:
    """The highest row numbers ever given, also to rows that are lost: given again, they would mean two things."""

    numbers: dict[str, int] = field(default_factory=lambda: {"history": 0, "receipt": 0})

    def note_given(self, rows: Iterable[Row]) -> None:
        """Take what SQLite itself noted of a table with AUTOINCREMENT, where that can be read."""
        for name, number in rows:
            self._note(name, number)

    def pass_on(self, table: str, rows: Iterable[Row]) -> Iterable[Row]:
        """Yield rows, and look at the numbers in them."""
        for row in rows:
            for place, other in _NUMBERS.get(table, ()):
                self._note(other, row[place])
            yield row

    def keep(self, db: sqlite3.Connection) -> None:
        """Let the new spool count on from them."""
        for table, number in self.numbers.items():
            db.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
            db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, number))

    def _note(self, table: object, number: object) -> None:
        if isinstance(table, str) and table in self.numbers and isinstance(number, int) and number < MOST_ROWS:
            self.numbers[table] = max(self.numbers[table], number)


_Take = Callable[[sqlite3.Connection, Row, Identity], None]


class _NotWhole(Exception):
    """A row is not what its table holds."""


def _is_taken(take: _Take, db: sqlite3.Connection, row: Row, identity: Identity) -> bool:
    try:
        take(db, row, identity)
    except (CecError, _NotWhole, sqlite3.IntegrityError, OverflowError, ValueError):
        return False
    return True


def _check(row: Row, *kinds: Any) -> None:  # noqa: ANN401  # a type, or several
    if len(row) != len(kinds) or not all(isinstance(value, kind) for value, kind in zip(row, kinds, strict=True)):
        raise _NotWhole


def _is_there(db: sqlite3.Connection, statement: str, number: int | None) -> bool:
    return number is not None and db.execute(statement, (number,)).fetchone() is not None


def _take_item(db: sqlite3.Connection, row: Row, identity: Identity) -> None:
    _check(row, bytes, str | None, str | None)
    raw, rule, remedy = row
    record = open_envelope(raw)
    if record.key not in identity.own_keys:
        raise _NotWhole
    db.execute(
        "INSERT INTO item (cid, raw, times_sent, rule, remedy) VALUES (?, ?, 1, ?, ?)",
        (bytes(record.cid), raw, rule, remedy),
    )


def _take_history(db: sqlite3.Connection, row: Row, _identity: Identity) -> None:
    number, text, blob = int | None, str | None, bytes | None
    _check(row, int, bytes, str, str, int, int, str, int, text, text, int, number, blob, blob, number, number, number)
    Cid.from_bytes(row[1])
    if row[6] not in STAGES or not 0 < row[0] < MOST_ROWS:
        raise _NotWhole
    if not _is_there(db, "SELECT 1 FROM receipt WHERE id = ?", row[11]):
        row = (*row[:11], None, *row[12:])
    db.execute(f"INSERT INTO history ({_HISTORY}) VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608


def _take_receipt(db: sqlite3.Connection, row: Row, identity: Identity) -> None:
    _check(row, int, bytes)
    if open_envelope(row[1]).key != identity.ingest_key or not 0 < row[0] < MOST_ROWS:
        raise _NotWhole
    db.execute("INSERT INTO receipt (id, raw) VALUES (?, ?)", row)


def _take_frame(db: sqlite3.Connection, row: Row, identity: Identity) -> None:
    _check(row, bytes)
    campaigns.keep_frame(db, campaigns.open_frame(row[0], identity))


def _take_upload(db: sqlite3.Connection, row: Row, identity: Identity) -> None:
    _check(row, bytes, bytes, bytes, str, int, int, bytes, bytes, int, str | None)
    root, record, declaration, _, size, _, interior, held, is_whole, _ = row
    declared = open_envelope(declaration)
    body = declared.expect(Blob)
    shape = compute_shape(size)
    nodes = () if is_whole else decode_list(interior)
    if (
        declared.key not in identity.own_keys
        or (bytes(declared.cid), bytes(body.root), body.size) != (record, root, size)
        or len(held) != -(-shape.frames // 8)
        or not all(isinstance(node, bytes) for node in nodes)
        or (nodes and isinstance(nodes[0], bytes) and Cid.of(DAG_PB, nodes[0]) != body.root)
    ):
        raise _NotWhole
    db.execute(f"INSERT INTO upload ({_UPLOAD}) VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608


def _take_counter(db: sqlite3.Connection, row: Row, _identity: Identity) -> None:
    _check(row, str, int)
    schema.count(db, *row)


def _take_meta(db: sqlite3.Connection, row: Row, _identity: Identity) -> None:
    _check(row, str, bytes)
    # Not the counter: a new epoch begins. `prev` leads from its birth to what was recorded last.
    if row[0] == "prev":
        Cid.from_bytes(row[1])
    if row[0] not in ("epoch", "seq", "birth"):
        schema.set_meta(db, *row)


def _take_visit(db: sqlite3.Connection, row: Row, _identity: Identity) -> None:
    _check(row, int, int, str, bytes)
    from_map(Visit, decode_map(row[3]))
    if not _is_there(db, "SELECT 1 FROM history WHERE row = ?", row[0]):
        # Its record may begin its history anew, with its visits.
        raise _NotWhole
    db.execute("INSERT INTO visit VALUES (?, ?, ?, ?)", row)


def _tell_lost(db: sqlite3.Connection, kept: Path) -> int:
    """Return how many records had not been signed for and are no longer there; the crew reads it as a refusal."""
    return db.execute(
        "UPDATE history SET stage = 'refused', rule = ?, remedy = ? "
        "WHERE stage IN ('queued', 'sent') AND cid NOT IN (SELECT cid FROM item)",
        (LOST_RULE, _LOST_REMEDY.format(name=kept.name)),
    ).rowcount
