"""Which readings are of which crew's day, and which of them were told: SQL on one open transaction.

A day is a UTC day of one campaign. Rows here follow from the journal's records, but for the codes that readings' trees
were given: those are written in the transaction of the records that say them.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from domain.cid import Cid
from domain.codec import Value, decode_map, encode
from domain.records.field import Observation
from domain.records.result import Survey
from ingest import jobs
from ingest.entries import Job

FIELD_JOB: Final = "field"
"""Kind of the job that tells a crew's day."""
READ: Final = "field read"
"""Mark of the row up to which observations are sorted by day."""
BATCH: Final = 500
"""Observations sorted at once: 40 MB at most by what an envelope may hold, usually 2 MB."""
_STALE_ROWS: Final = 2_000
"""Rows without observations after which the mark is moved all the same: every write wakes all who wait for the bell."""
_FIRST_YEAR_MS: Final = 946_684_800_000
"""Start of 2000; a clock that says less was never set."""
DAY_MS: Final = 86_400_000
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS crew_day (
    org TEXT NOT NULL,
    campaign TEXT NOT NULL,
    day INTEGER NOT NULL,
    row INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    told INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (org, campaign, day, row)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS crew_tree (
    org TEXT NOT NULL,
    campaign TEXT NOT NULL,
    day INTEGER NOT NULL,
    record BLOB NOT NULL,
    place INTEGER NOT NULL,
    code TEXT NOT NULL,
    PRIMARY KEY (org, campaign, day, record, place)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS crew_named (
    record BLOB PRIMARY KEY
) WITHOUT ROWID;
"""
_TREE_TYPES: Final = frozenset({"visit", "diameter", "height", "gnss-mean"})
"""Readings that tell something of a tree; a stream of positions alone is no reason to look at a day."""


@dataclass(frozen=True, slots=True)
class CrewDay:
    """One UTC day of one campaign.

    Attributes
    ----------
    org, campaign
        Whose.
    day
        Days since 1970-01-01.
    """

    org: str
    campaign: str
    day: int

    @property
    def values(self) -> tuple[str, str, int]:
        """As the tables have it."""
        return self.org, self.campaign, self.day


@dataclass(frozen=True, slots=True)
class Sorted:
    """One observation and its day.

    Attributes
    ----------
    day
        Which.
    row
        The record's.
    at_ms
        When it was measured, as its clocks say; when it was received, where they cannot be right.
    received_ms
        When it was received.
    is_of_tree
        Whether it tells something of a tree.
    """

    day: CrewDay
    row: int
    at_ms: int
    received_ms: int
    is_of_tree: bool


@dataclass(frozen=True, slots=True)
class Named:
    """Observations that a crew's survey was made from, by whichever server.

    Attributes
    ----------
    records
        Their names.
    """

    records: tuple[Cid, ...]


@dataclass(frozen=True, slots=True)
class DayRecords:
    """What the journal holds of a day.

    Attributes
    ----------
    rows
        Of the records.
    envelopes, names
        As they were signed, and their names, in the order of the rows.
    told
        Names of those that were told.
    codes
        Codes that readings' trees were given.
    taken_ms
        When the last was measured.
    """

    rows: tuple[int, ...]
    envelopes: tuple[bytes, ...]
    names: tuple[Cid, ...]
    told: frozenset[Cid]
    codes: Mapping[tuple[Cid, int], str]
    taken_ms: int


def prepare(db: sqlite3.Connection) -> None:
    """Make the tables where they are not there."""
    for statement in _SCHEMA.split(";"):
        db.execute(statement)


def select_unsorted(db: sqlite3.Connection) -> tuple[int, int, list[tuple[int, int, bytes]]]:
    """Return the mark, the row that it may be moved to, and what comes next: row, time of receipt, envelope.

    These are observations, and surveys: another server of the organisation may have told a day, and both came here.
    """
    after = jobs.get_mark(db, READ)
    last = int(db.execute("SELECT coalesce(max(row), 0) FROM record").fetchone()[0])
    statement = (
        "SELECT row, received_ms, raw FROM record WHERE row > ? AND row <= ? AND kind IN (?, ?) ORDER BY row LIMIT ?"
    )
    found = db.execute(statement, (after, last, Observation.KIND, Survey.KIND, BATCH)).fetchall()
    return after, found[-1][0] if len(found) == BATCH else last, found


def is_worth_moving(after: int, until: int, found: Sequence[object]) -> bool:
    """Tell whether the mark is to be moved."""
    return bool(found) or until - after >= _STALE_ROWS


def sort_observations(found: Iterable[tuple[int, int, bytes]]) -> list[Sorted | Named]:
    """Return observations with their days, and what crews' surveys name."""
    # They were admitted, so their signatures and forms were checked.
    bodies = [(row, received_ms, _map(decode_map(raw)["body"])) for row, received_ms, raw in found]
    return [
        _sort(row, received_ms, body) if body["kind"] == Observation.KIND else _list_named(body)
        for row, received_ms, body in bodies
    ]


def note_sorted(
    db: sqlite3.Connection, observations: Iterable[Sorted | Named], until: int, *, quiet_ms: int, now_ms: int
) -> None:
    """Note observations in their days, queue each day's job or let it wait longer, and move the mark: all or nothing.

    A day's job waits until nothing came for it for a while. One that is under way takes in no more: whatever comes then
    has a job of its own. Positions alone are no reason for a job, unless a job of the day has failed: they may tell
    where trees stand that had no place.
    """
    for one in observations:
        if isinstance(one, Named):
            db.executemany("INSERT OR IGNORE INTO crew_named VALUES (?)", [(bytes(cid),) for cid in one.records])
            continue
        db.execute("INSERT OR IGNORE INTO crew_day VALUES (?, ?, ?, ?, ?, 0)", (*one.day.values, one.row, one.at_ms))
        not_before = one.received_ms + quiet_ms
        waits = db.execute(
            "UPDATE job SET not_before_ms = max(not_before_ms, ?)"
            " WHERE kind = ? AND id >= ? AND id < ? AND state = 'waiting'",
            (not_before, *_name_jobs(one.day)),
        ).rowcount
        if not waits and (one.is_of_tree or _has_failed(db, one.day)):
            payload = encode({"org": one.day.org, "campaign": one.day.campaign, "day": one.day.day})
            job = Job(f"{_name_jobs(one.day)[1]}{one.row}", FIELD_JOB, payload)
            jobs.queue(db, job, now_ms)
            db.execute("UPDATE job SET not_before_ms = ? WHERE id = ? AND state = 'waiting'", (not_before, job.id))
    jobs.set_mark(db, READ, until)


def _name_jobs(day: CrewDay) -> tuple[str, str, str]:
    """Return the kind of a day's jobs, what their names begin with, and what follows these (0 after ``/``)."""
    begin = f"{FIELD_JOB}/{day.org}/{day.campaign}/{day.day}"
    return FIELD_JOB, f"{begin}/", f"{begin}0"


def _has_failed(db: sqlite3.Connection, day: CrewDay) -> bool:
    """Tell whether a job of a day was given up, and its readings with it."""
    statement = "SELECT 1 FROM job WHERE kind = ? AND id >= ? AND id < ? AND state = 'failed' LIMIT 1"
    return db.execute(statement, _name_jobs(day)).fetchone() is not None


def select_day(db: sqlite3.Connection, day: CrewDay, *, most_bytes: int) -> DayRecords | int:
    """Return what the journal holds of a day, or how many bytes that is where they are too many."""
    where = "FROM crew_day JOIN record USING (row) WHERE crew_day.org = ? AND campaign = ? AND day = ?"
    held = int(db.execute(f"SELECT coalesce(sum(length(raw)), 0) {where}", day.values).fetchone()[0])
    if held > most_bytes:
        return held
    is_told = "told OR EXISTS (SELECT 1 FROM crew_named WHERE crew_named.record = cid)"
    rows = db.execute(f"SELECT row, cid, raw, at_ms, {is_told} {where} ORDER BY row", day.values).fetchall()
    statement = "SELECT record, place, code FROM crew_tree WHERE org = ? AND campaign = ? AND day = ?"
    return DayRecords(
        rows=tuple(row[0] for row in rows),
        envelopes=tuple(row[2] for row in rows),
        names=tuple(Cid.from_bytes(row[1]) for row in rows),
        told=frozenset(Cid.from_bytes(row[1]) for row in rows if row[4]),
        codes={(Cid.from_bytes(record), place): code for record, place, code in db.execute(statement, day.values)},
        taken_ms=max((row[3] for row in rows), default=0),
    )


def note_told(
    db: sqlite3.Connection,
    day: CrewDay,
    rows: Iterable[int],
    evidence: Iterable[tuple[str, Iterable[tuple[Cid, int]]]],
) -> None:
    """Note that rows of a day were told, which tree's each reading is, and that none of its jobs is open for them."""
    statement = "UPDATE crew_day SET told = 1 WHERE org = ? AND campaign = ? AND day = ? AND row = ?"
    db.executemany(statement, [(*day.values, row) for row in rows])
    db.executemany(
        "INSERT OR REPLACE INTO crew_tree VALUES (?, ?, ?, ?, ?, ?)",
        [(*day.values, bytes(record), place, code) for code, readings in evidence for record, place in readings],
    )
    closed = "UPDATE job SET state = 'done' WHERE kind = ? AND id >= ? AND id < ? AND state = 'failed'"
    db.execute(closed, _name_jobs(day))


def parse_day(payload: bytes) -> CrewDay | None:
    """Return the day of a job; nothing when the payload is none."""
    fields = decode_map(payload)
    org, campaign, day = (fields.get(name) for name in ("org", "campaign", "day"))
    if not isinstance(org, str) or not isinstance(campaign, str) or not isinstance(day, int):
        return None
    return CrewDay(org, campaign, day)


def _list_named(survey: Mapping[str, Value]) -> Named:
    inputs = survey["inputs"]
    if "clouds" in survey or not isinstance(inputs, Sequence):
        return Named(())
    return Named(tuple(one for one in inputs if isinstance(one, Cid)))


def _sort(row: int, received_ms: int, body: Mapping[str, Value]) -> Sorted:
    place, readings = _map(body["place"]), body["readings"]
    stated = place.get("gnss_at_ms", place["at_ms"])
    is_likely = isinstance(stated, int) and _FIRST_YEAR_MS <= stated <= received_ms + DAY_MS
    at_ms = stated if is_likely and isinstance(stated, int) else received_ms
    kinds = {_map(one).get("type") for one in readings} if isinstance(readings, Sequence) else set()
    day = CrewDay(str(body["org"]), str(body["campaign"]), at_ms // DAY_MS)
    return Sorted(day, row, at_ms, received_ms, bool(kinds & _TREE_TYPES))


def _map(value: Value) -> Mapping[str, Value]:
    if not isinstance(value, Mapping):
        raise AssertionError("an admitted observation holds maps")  # noqa: TRY004  # a bug, not an input
    return value
