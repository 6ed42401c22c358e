"""What became of every record: one small row each, and the server's signed receipts.

A record's bytes leave the spool when the server has signed for them; its row stays until 90 days after its anchoring.
All functions work in the caller's transaction. No clock of the device decides here: ages are counted between times that
the server signed.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from domain.cid import Cid
from domain.codec import encode
from domain.envelope import Record
from domain.readings import Visit
from domain.records.field import Birth, Blob, Close, Observation
from domain.records.receipt import Progress
from domain.schema import TYPE_KEY, to_map
from edge import uploads
from edge.wording import describe_body

KEPT_MS: Final = 90 * 86_400_000
"""How long a row stays after its anchoring: a season, within which a crew may still ask."""
PRUNED_AT_ONCE: Final = 500
"""Rows that one transaction prunes, so that it is short."""
OPEN_STAGES: Final = ("received", "processed")
"""Stages that the server has signed for and that are not the last."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A receipt that is being applied.

    Attributes
    ----------
    receipt
        Its number among the receipts kept.
    at_ms
        The server's clock when it signed.
    """

    receipt: int
    at_ms: int


def note_record(db: sqlite3.Connection, record: Record) -> None:
    """Begin the row of a new record."""
    body = record.body
    assert isinstance(body, Observation | Blob | Birth | Close), "a spool holds field records"  # noqa: S101
    upload = bytes(body.root) if isinstance(body, Blob) else None
    row = db.execute(
        "INSERT OR IGNORE INTO history (cid, kind, words, seq, at_ms, stage, upload) "
        "VALUES (?, ?, ?, ?, ?, 'queued', ?)",
        (bytes(record.cid), record.kind, describe_body(body), body.place.seq, body.place.at_ms, upload),
    )
    if isinstance(body, Observation) and row.rowcount:
        visits = [(place, one) for place, one in enumerate(body.readings) if isinstance(one, Visit)]
        for place, visit in visits:
            # In the record the key `type` tells what it is; here the table does.
            fields = {name: value for name, value in to_map(visit).items() if name != TYPE_KEY}
            values = (row.lastrowid, place, visit.tree or "", encode(fields))
            db.execute("INSERT INTO visit VALUES (?, ?, ?, ?)", values)


def note_sent(db: sqlite3.Connection, cids: Iterable[Cid]) -> None:
    """Note that records were sent once more."""
    db.executemany(
        "UPDATE history SET times_sent = times_sent + 1, stage = CASE stage WHEN 'queued' THEN 'sent' ELSE stage END "
        "WHERE cid = ?",
        [(bytes(cid),) for cid in cids],
    )


def note_stored(db: sqlite3.Connection, cid: Cid, answered: Answered) -> None:
    """Note that the server signed for a record; a refusal before is over."""
    db.execute(
        "UPDATE history SET stage = 'received', rule = NULL, remedy = NULL, receipt = ? "
        "WHERE cid = ? AND stage IN ('queued', 'sent', 'refused')",
        (answered.receipt, bytes(cid)),
    )


def note_refused(db: sqlite3.Connection, cid: Cid, words: tuple[str | None, str | None], answered: Answered) -> None:
    """Note that the server refused a record: by which rule, and what to do."""
    db.execute(
        "UPDATE history SET stage = 'refused', rule = ?, remedy = ?, receipt = ?, is_read = 0 "
        "WHERE cid = ? AND stage IN ('queued', 'sent')",
        (*words, answered.receipt, bytes(cid)),
    )


def note_progress(db: sqlite3.Connection, progress: Progress, answered: Answered) -> int:
    """Note how far a received record has come; return how many rows changed."""
    if progress.stage == "processed":
        changed = db.execute(
            "UPDATE history SET stage = 'processed' WHERE cid = ? AND stage = 'received'", (bytes(progress.record),)
        )
        return changed.rowcount
    return db.execute(
        "UPDATE history SET stage = 'anchored', root = ?, height = ?, anchored_ms = ?, known_ms = ? "
        "WHERE cid = ? AND stage IN ('received', 'processed')",
        (progress.root, progress.height, progress.at_ms, answered.at_ms, bytes(progress.record)),
    ).rowcount


def keep_receipt(db: sqlite3.Connection, raw: bytes) -> int:
    """Return the number under which a receipt is kept."""
    number = db.execute("INSERT INTO receipt (raw) VALUES (?)", (raw,)).lastrowid
    assert number is not None, "an insertion has a row"  # noqa: S101
    return number


def drop_unneeded(db: sqlite3.Connection, receipt: int) -> None:
    """Drop a receipt that says nothing new of any record: each connection brings one about the enrolment."""
    db.execute(
        "DELETE FROM receipt WHERE id = ? AND NOT EXISTS (SELECT 1 FROM history WHERE receipt = ?)", (receipt,) * 2
    )


def forget(db: sqlite3.Connection, cid: Cid) -> None:
    """Drop the row of a record that was recorded again under another number."""
    db.execute("DELETE FROM visit WHERE row IN (SELECT row FROM history WHERE cid = ?)", (bytes(cid),))
    db.execute("DELETE FROM history WHERE cid = ?", (bytes(cid),))


def list_open(db: sqlite3.Connection, *, after: int, limit: int) -> list[tuple[int, Cid]]:
    """Return rows and names of records that the server has and has not anchored, oldest first."""
    found: list[tuple[int, Cid]] = []
    for stage in OPEN_STAGES:
        rows = db.execute(
            "SELECT row, cid FROM history WHERE stage = ? AND row > ? ORDER BY row LIMIT ?", (stage, after, limit)
        )
        found += [(row, Cid.from_bytes(cid)) for row, cid in rows]
    return sorted(found)[:limit]


def prune(db: sqlite3.Connection, server_ms: int) -> int:
    """Return how many rows were dropped, of those that were anchored long before the server's time.

    That of a file still to send stays: the crew must find it.
    """
    rows = db.execute(
        "SELECT row, upload FROM history WHERE stage = 'anchored' AND known_ms < ? "
        "AND (upload IS NULL OR upload NOT IN (SELECT root FROM upload WHERE NOT is_whole)) ORDER BY row LIMIT ?",
        (server_ms - KEPT_MS, PRUNED_AT_ONCE),
    ).fetchall()
    if not rows:
        return 0
    db.executemany("DELETE FROM visit WHERE row = ?", [(row,) for row, _ in rows])
    db.executemany("DELETE FROM history WHERE row = ?", [(row,) for row, _ in rows])
    for _, root in rows:
        if root is not None:
            uploads.forget_whole(db, root)
    db.execute("DELETE FROM receipt WHERE NOT EXISTS (SELECT 1 FROM history WHERE history.receipt = receipt.id)")
    return len(rows)
