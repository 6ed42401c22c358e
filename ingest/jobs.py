"""Jobs and marks of the journal: SQL on one open transaction.

A job is queued in the transaction of the event that causes it and finished in the transaction of its output, so a
crash between steps doubles nothing. A job that a dead process had in hand waits again after `release`.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

from domain.envelope import Record
from ingest.entries import Job
from ingest.errors import UnknownJob
from ingest.ledger import append

FOLLOWED: Final = "followed"
"""Mark of the row up to which records are in block store and register."""


def queue(db: sqlite3.Connection, job: Job, now_ms: int) -> None:
    """Queue a job; one of the same id changes nothing, whatever became of it."""
    db.execute(
        "INSERT OR IGNORE INTO job (id, kind, payload, state, queued_ms) VALUES (?, ?, ?, 'waiting', ?)",
        (job.id, job.kind, job.payload, now_ms),
    )


def is_waiting(db: sqlite3.Connection, kind: str, now_ms: int) -> bool:
    """Tell whether a job of a kind could be claimed now."""
    statement = "SELECT 1 FROM job WHERE state = 'waiting' AND kind = ? AND not_before_ms <= ? LIMIT 1"
    return db.execute(statement, (kind, now_ms)).fetchone() is not None


def claim(db: sqlite3.Connection, kind: str, now_ms: int) -> Job | None:
    """Return the oldest job of a kind that waits, now in hand; nothing when none does."""
    row = db.execute(
        "UPDATE job SET state = 'running', attempts = attempts + 1 WHERE id = ("
        " SELECT id FROM job WHERE state = 'waiting' AND kind = ? AND not_before_ms <= ? ORDER BY queued_ms, id LIMIT 1"
        ") RETURNING id, kind, payload, attempts",
        (kind, now_ms),
    ).fetchone()
    return None if row is None else Job(*row)


def finish(
    db: sqlite3.Connection, job_id: str, outputs: Sequence[Record], now_ms: int, *, then: Iterable[Job] = ()
) -> None:
    """Commit a job's output once; `UnknownJob` when it is not in hand."""
    if db.execute("UPDATE job SET state = 'done' WHERE id = ? AND state = 'running'", (job_id,)).rowcount != 1:
        raise UnknownJob(job_id)
    append(db, outputs, now_ms)
    for job in then:
        queue(db, job, now_ms)


def fail(db: sqlite3.Connection, job_id: str, reason: str, *, retry_at_ms: int | None) -> None:
    """Note why a job failed; it waits until `retry_at_ms`, or is given up when there is none."""
    state = "failed" if retry_at_ms is None else "waiting"
    changed = db.execute(
        "UPDATE job SET state = ?, reason = ?, not_before_ms = ? WHERE id = ? AND state = 'running'",
        (state, reason[:4_000], retry_at_ms or 0, job_id),
    ).rowcount
    if changed != 1:
        raise UnknownJob(job_id)


def release(db: sqlite3.Connection) -> None:
    """Let jobs that a dead process had in hand wait again."""
    db.execute("UPDATE job SET state = 'waiting' WHERE state = 'running'")


def get_mark(db: sqlite3.Connection, name: str) -> int:
    """Return how far a follower has come; 0 at first."""
    row = db.execute("SELECT value FROM mark WHERE name = ?", (name,)).fetchone()
    return 0 if row is None else int(row[0])


def set_mark(db: sqlite3.Connection, name: str, value: int) -> None:
    """Note how far a follower has come."""
    db.execute("INSERT INTO mark VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value))
