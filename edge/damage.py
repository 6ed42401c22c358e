"""A damaged spool: it is put aside and kept, and what is whole in it goes to a new one."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from domain.cid import DAG_PB, Cid
from domain.codec import decode_list
from domain.envelope import open_envelope
from domain.errors import CecError
from domain.records.field import Blob
from domain.upload import compute_shape
from edge import campaigns, schema
from edge.identity import Identity
from edge.salvage import Reader, Row
from edge.views import STAGES

LOST_RULE: Final = "SpoolDamaged"
_LOST_REMEDY: Final = "Its bytes were on the damaged part of the card. Keep the file {name}; measure again if you can."
_HISTORY: Final = (
    "row, cid, kind, words, seq, at_ms, stage, times_sent, rule, remedy, is_read, receipt, upload, root, height, "
    "anchored_ms, known_ms"
)
_UPLOAD: Final = "root, record, declaration, path, size, mtime_ns, interior, held, is_whole, problem"


@dataclass(slots=True)
class Salvage:
    """What was taken over from a damaged spool.

    Attributes
    ----------
    kept
        Where the damaged file is now.
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


def set_aside(path: Path) -> Salvage:
    """Return where a damaged spool is, after giving it another name."""
    kept = path.with_name(f"spool-damaged-{time.time_ns()}.sqlite")
    for tail in ("-wal", "-shm"):
        part = path.with_name(path.name + tail)
        if part.exists():
            # What was committed last may stand there alone.
            part.rename(kept.with_name(kept.name + tail))
    path.rename(kept)
    return Salvage(kept)


def take_over(db: sqlite3.Connection, salvage: Salvage, identity: Identity) -> None:
    """Put what is whole in a damaged spool in a new one.

    What carries no signature of this device's key is no record of it, and what the organisation did not sign is no
    campaign of it.
    """
    with closing(sqlite3.connect(salvage.kept)) as damaged, schema.transaction(db):
        reader = Reader(damaged)
        for table, rows, take in (  # history before visits, items before files
            ("item", reader.rows("item", "raw, rule, remedy"), _take_item),
            ("history", reader.rows("history", _HISTORY), _take_history),
            ("receipt", reader.rows("receipt", "id, raw"), _take_receipt),
            ("frame", reader.rows("frame", "raw"), _take_frame),
            ("upload", reader.keyed_rows("upload", _UPLOAD), _take_upload),
            ("counter", reader.keyed_rows("counter", "name, value"), _take_counter),
            ("meta", reader.keyed_rows("meta", "name, value"), _take_meta),
            ("visit", reader.rows("visit", "row, place, tree, reading"), _take_visit),
        ):
            salvage.taken[table] = sum(_is_taken(take, db, row, identity) for row in rows)
        salvage.failures = reader.failures
        salvage.lost = _tell_lost(db, salvage.kept)


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
    if row[6] not in STAGES:
        raise _NotWhole
    db.execute(f"INSERT INTO history ({_HISTORY}) VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608


def _take_receipt(db: sqlite3.Connection, row: Row, identity: Identity) -> None:
    _check(row, int, bytes)
    if open_envelope(row[1]).key != identity.ingest_key:
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
    db.execute("INSERT INTO visit VALUES (?, ?, ?, ?)", row)


def _tell_lost(db: sqlite3.Connection, kept: Path) -> int:
    """Return how many records had not been signed for and are no longer there; the crew reads it as a refusal."""
    return db.execute(
        "UPDATE history SET stage = 'refused', rule = ?, remedy = ? "
        "WHERE stage IN ('queued', 'sent') AND cid NOT IN (SELECT cid FROM item)",
        (LOST_RULE, _LOST_REMEDY.format(name=kept.name)),
    ).rowcount
