"""What is known of organisations, keys, numbers and quarantine: SQL on one open transaction.

Every function takes the journal's connection; the journal decides when it commits.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.cid import Cid
from domain.envelope import FieldBody, Record
from domain.records.field import Blob
from domain.records.membership import Enrol, Revoke, Rotate
from domain.records.receipt import Answer
from domain.topics import Topic
from domain.upload import compute_shape, encode_bitmap
from ingest.admission import FIELD_BODIES, Arrival, Policy, Verdict, describe, judge, read_arrival
from ingest.errors import NotQuarantined, Refusal, SequenceConflict

QUARANTINE_BYTES: Final = 16 << 20
"""Refused bytes kept for one device: a day's readings of a device that was never enrolled."""
QUARANTINE_TOTAL_BYTES: Final = 1 << 30
"""Refused bytes kept for all: on an open broker a stranger may invent a device for each message."""
MAX_REASON: Final = 4_000
"""Characters of a reason kept; an answer's remedy has the same bound."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """An `ingest.admission.Standing` over the journal's connection."""

    db: sqlite3.Connection

    def organisation_key(self, org: str) -> bytes | None:
        """Return the record key of an organisation, if it is one of this server's."""
        row = self.db.execute("SELECT key FROM organisation WHERE org = ?", (org,)).fetchone()
        return None if row is None else bytes(row[0])

    def is_revoked(self, org: str, device: str, key: bytes) -> bool | None:
        """Tell whether a device's key was revoked; nothing when it was never enrolled."""
        statement = "SELECT revoked_ms IS NOT NULL FROM device_key WHERE org = ? AND device = ? AND key = ?"
        row = self.db.execute(statement, (org, device, key)).fetchone()
        return None if row is None else bool(row[0])

    def is_retired(self, body: FieldBody, key: bytes) -> bool:
        """Tell whether a rotated key may no longer sign under the number of `body`."""
        statement = (
            "SELECT new.since_epoch, new.since_seq FROM device_key AS old JOIN device_key AS new"
            " ON new.org = old.org AND new.device = old.device AND new.key = old.successor"
            " WHERE old.org = ? AND old.device = ? AND old.key = ? AND new.since_epoch IS NOT NULL"
        )
        since = self.db.execute(statement, (body.org, body.device, key)).fetchone()
        if since is None:
            return False
        epoch, seq = since
        if body.place.epoch == epoch:
            return body.place.seq >= int(seq)
        statement = "SELECT 1 FROM epoch WHERE org = ? AND device = ? AND epoch = ?"
        return self.db.execute(statement, (body.org, body.device, body.place.epoch)).fetchone() is None

    def record_at(self, body: FieldBody) -> Cid | None:
        """Return the record that was received under the number of `body`, if any."""
        statement = "SELECT cid FROM place WHERE org = ? AND device = ? AND epoch = ? AND seq = ?"
        place = body.place
        return _cid(self.db.execute(statement, (body.org, body.device, place.epoch, place.seq)).fetchone())

    def successor_of(self, body: FieldBody, prev: Cid) -> Cid | None:
        """Return the record of the same device that was received with this `prev`, if any."""
        statement = "SELECT cid FROM successor WHERE org = ? AND device = ? AND prev = ?"
        return _cid(self.db.execute(statement, (body.org, body.device, bytes(prev))).fetchone())


@dataclass(frozen=True, slots=True)
class Pardoned:
    """What the journal knows, but a key that ended counts as one that has not: a person decided so for one record."""

    ledger: Ledger

    def organisation_key(self, org: str) -> bytes | None:
        """Return the record key of an organisation, if it is one of this server's."""
        return self.ledger.organisation_key(org)

    def is_revoked(self, org: str, device: str, key: bytes) -> bool | None:
        """Return false for every key that was enrolled, nothing for others."""
        return None if self.ledger.is_revoked(org, device, key) is None else False

    def is_retired(self, _body: FieldBody, _key: bytes) -> bool:
        """Return false: the record was signed before its key ended, says the person."""
        return False

    def record_at(self, body: FieldBody) -> Cid | None:
        """Return the record that was received under the number of `body`, if it is not the refused one itself."""
        return self.ledger.record_at(body)

    def successor_of(self, body: FieldBody, prev: Cid) -> Cid | None:
        """Return the record of the same device that was received with this `prev`, if any."""
        return self.ledger.successor_of(body, prev)


def admit(db: sqlite3.Connection, arrivals: Sequence[Arrival], policy: Policy, now_ms: int) -> list[Answer | None]:
    """Take or quarantine arrivals in order; nothing for one that found no room in quarantine."""
    ledger = Ledger(db)
    return [_admit_one(ledger, arrival, policy, now_ms) for arrival in arrivals]


def pardon(db: sqlite3.Connection, cid: Cid, *, person: str, policy: Policy, now_ms: int) -> Record:
    """Return a record after taking it from quarantine, because a person says that its key was still good.

    Every other rule holds.

    Raises
    ------
    NotQuarantined
        When no refused record of that name is kept.
    Refusal
        By the rule that it breaks still.
    """
    row = db.execute("SELECT org, device, rule, raw FROM quarantine WHERE cid = ?", (bytes(cid),)).fetchone()
    if row is None:
        raise NotQuarantined(str(cid))
    org, device, rule, raw = row
    arrival = read_arrival(Topic(org, device, "rec"), raw)
    verdict = judge(arrival, Pardoned(Ledger(db)), policy)
    _keep(db, arrival, verdict, now_ms)
    db.execute(
        "INSERT OR IGNORE INTO pardon VALUES (?, ?, ?, ?, ?, ?)", (bytes(cid), org, device, rule, person, now_ms)
    )
    return verdict.record


def drop(db: sqlite3.Connection, cid: Cid) -> bytes:
    """Delete a refused record for good and return its bytes; `NotQuarantined` when none of that name is kept."""
    row = db.execute("DELETE FROM quarantine WHERE cid = ? RETURNING raw", (bytes(cid),)).fetchone()
    if row is None:
        raise NotQuarantined(str(cid))
    return bytes(row[0])


def append(db: sqlite3.Connection, records: Sequence[Record], now_ms: int) -> None:
    """Append records that the server itself signed."""
    for record in records:
        _insert(db, record, now_ms)


def _admit_one(ledger: Ledger, arrival: Arrival, policy: Policy, now_ms: int) -> Answer | None:
    if _is_stored(ledger.db, arrival):
        # Taken once, it stays taken, whatever became of the key since: the device only missed the answer.
        return _answer(arrival, "stored")
    try:
        verdict = judge(arrival, ledger, policy)
    except Refusal as refusal:
        return _refuse(ledger, arrival, refusal, now_ms)
    _keep(ledger.db, arrival, verdict, now_ms)
    return _answer(arrival, "stored")


def _keep(db: sqlite3.Connection, arrival: Arrival, verdict: Verdict, now_ms: int) -> None:
    """Store a record that was judged good, with all that follows from it."""
    record = verdict.record
    if _insert(db, record, now_ms):
        _take(db, record, now_ms)
        for detail in verdict.alarms:
            _raise_alarm(db, arrival, ("fork", detail), now_ms)
        db.execute("DELETE FROM quarantine WHERE cid = ?", (bytes(record.cid),))


def _is_stored(db: sqlite3.Connection, arrival: Arrival) -> bool:
    values = (bytes(arrival.cid), arrival.topic.org, arrival.topic.device)
    return db.execute("SELECT 1 FROM record WHERE cid = ? AND org = ? AND device = ?", values).fetchone() is not None


def _insert(db: sqlite3.Connection, record: Record, now_ms: int) -> bool:
    """Insert a record; tell whether it is new."""
    body = record.body
    device = getattr(body, "device", None)
    values = (bytes(record.cid), record.kind, body.org, device, now_ms, record.raw)
    statement = "INSERT OR IGNORE INTO record (cid, kind, org, device, received_ms, raw) VALUES (?, ?, ?, ?, ?, ?)"
    return db.execute(statement, values).rowcount == 1


def _take(db: sqlite3.Connection, record: Record, now_ms: int) -> None:
    """Note what a new record changes: numbers used, keys enrolled or revoked, uploads declared."""
    body = record.body
    if isinstance(body, FIELD_BODIES):
        _use_number(db, record.cid, body, now_ms)
        _note_succession(db, record, body)
        if body.place.prev is not None:
            db.execute(
                "INSERT OR IGNORE INTO successor VALUES (?, ?, ?, ?)",
                (body.org, body.device, bytes(body.place.prev), bytes(record.cid)),
            )
    if isinstance(body, Blob):
        _declare_upload(db, record.cid, body)
    elif isinstance(body, Enrol):
        _enrol(db, body.org, body.device, body.key)
    elif isinstance(body, Rotate):
        _enrol(db, body.org, body.device, body.new_key)
        _retire(db, body)
    elif isinstance(body, Revoke):
        _enrol(db, body.org, body.device, body.key)
        _revoke(db, (body.org, body.device, body.key), now_ms)


def _use_number(db: sqlite3.Connection, cid: Cid, body: FieldBody, now_ms: int) -> None:
    place = body.place
    db.execute(
        "INSERT OR IGNORE INTO place VALUES (?, ?, ?, ?, ?)",
        (body.org, body.device, place.epoch, place.seq, bytes(cid)),
    )
    db.execute("INSERT OR IGNORE INTO epoch VALUES (?, ?, ?, ?)", (body.org, body.device, place.epoch, now_ms))


def _enrol(db: sqlite3.Connection, org: str, device: str, key: bytes) -> None:
    # A key that was revoked stays revoked: an old enrolment sent again must not revive it.
    db.execute("INSERT OR IGNORE INTO device_key (org, device, key) VALUES (?, ?, ?)", (org, device, key))


def _retire(db: sqlite3.Connection, body: Rotate) -> None:
    # The first successor stays: a second rotation of the same key would be a fork of the device.
    db.execute(
        "UPDATE device_key SET successor = ? WHERE org = ? AND device = ? AND key = ? AND successor IS NULL",
        (body.new_key, body.org, body.device, body.old_key),
    )


def _note_succession(db: sqlite3.Connection, record: Record, body: FieldBody) -> None:
    """Note where a successor began to sign: the lowest number seen in its first epoch."""
    place = body.place
    db.execute(
        "UPDATE device_key SET since_epoch = ?1, since_seq = ?2 WHERE org = ?3 AND device = ?4 AND key = ?5"
        " AND (since_epoch IS NULL OR (since_epoch = ?1 AND since_seq > ?2))",
        (place.epoch, place.seq, body.org, body.device, record.key.raw),
    )


def _revoke(db: sqlite3.Connection, key: tuple[str, str, bytes], now_ms: int) -> None:
    db.execute(
        "UPDATE device_key SET revoked_ms = ? WHERE org = ? AND device = ? AND key = ? AND revoked_ms IS NULL",
        (now_ms, *key),
    )


def _declare_upload(db: sqlite3.Connection, cid: Cid, body: Blob) -> None:
    nothing = encode_bitmap((), compute_shape(body.size).frames)
    db.execute(
        "INSERT OR IGNORE INTO upload VALUES (?, ?, ?, ?, ?, ?, 0)",
        (body.org, bytes(body.root), body.device, bytes(cid), body.size, nothing),
    )


def _refuse(ledger: Ledger, arrival: Arrival, refusal: Refusal, now_ms: int) -> Answer | None:
    topic, rule, reason = arrival.topic, *describe(refusal)
    if not _has_room(ledger.db, arrival):
        _raise_alarm(
            ledger.db, arrival, ("quarantine-full", "refused records are no longer kept: look at them"), now_ms
        )
        return None
    if isinstance(refusal, SequenceConflict):
        _raise_alarm(ledger.db, arrival, ("conflict", f"{arrival.cid}: {reason}"), now_ms)
    ledger.db.execute(
        "INSERT OR IGNORE INTO quarantine VALUES (?, ?, ?, ?, ?, ?, ?)",
        (bytes(arrival.cid), topic.org, topic.device, rule, reason[:MAX_REASON], now_ms, arrival.raw),
    )
    _count_as_used(ledger, arrival, now_ms)
    return _answer(arrival, "refused", reason=rule, remedy=f"{reason[:1_900]}. {refusal.remedy}")


def _count_as_used(ledger: Ledger, arrival: Arrival, now_ms: int) -> None:
    """Note the number of a refused record, but only where an enrolled key signed it: no stranger may use numbers up."""
    record = arrival.record
    if not isinstance(record, Record) or not isinstance(record.body, FIELD_BODIES):
        return
    body = record.body
    if ledger.is_revoked(body.org, body.device, record.key.raw) is False:
        _use_number(ledger.db, record.cid, body, now_ms)


def _has_room(db: sqlite3.Connection, arrival: Arrival) -> bool:
    if db.execute("SELECT 1 FROM quarantine WHERE cid = ?", (bytes(arrival.cid),)).fetchone():
        return True
    bounds = {(arrival.topic.org, arrival.topic.device): QUARANTINE_BYTES, ("", ""): QUARANTINE_TOTAL_BYTES}
    return all(_quarantine_used(db, *whose) + len(arrival.raw) <= bound for whose, bound in bounds.items())


def _quarantine_used(db: sqlite3.Connection, org: str, device: str) -> int:
    row = db.execute("SELECT bytes FROM quarantine_use WHERE org = ? AND device = ?", (org, device)).fetchone()
    return 0 if row is None else int(row[0])


def _raise_alarm(db: sqlite3.Connection, arrival: Arrival, matter: tuple[str, str], now_ms: int) -> None:
    """Raise an alarm (kind and detail), or count the one that is there."""
    topic, (kind, detail) = arrival.topic, matter
    db.execute(
        "INSERT INTO alarm (org, device, kind, detail, at_ms) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (org, device, kind, detail) DO UPDATE SET times = times + 1",
        (topic.org, topic.device, kind, detail[:MAX_REASON], now_ms),
    )


def _answer(arrival: Arrival, verdict: str, *, reason: str | None = None, remedy: str | None = None) -> Answer:
    record = arrival.record
    body = record.body if isinstance(record, Record) else None
    place = body.place if isinstance(body, FIELD_BODIES) else None
    return Answer(
        arrival.cid,
        verdict,
        epoch=None if place is None else place.epoch,
        seq=None if place is None else place.seq,
        reason=reason,
        remedy=remedy,
    )


def _cid(row: tuple[bytes] | None) -> Cid | None:
    return None if row is None else Cid.from_bytes(bytes(row[0]))
