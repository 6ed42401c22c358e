"""Taking records that came from another installation: the checks of admission, without a topic.

Field and membership records pass `ingest.ledger.admit` as if the device itself had sent them. What an organisation or
its service signed (campaigns, areas, surveys, trees, results) needs a key that the operator trusts for it, and the
record that it follows. Two records in one place are never decided here: the first stays, the other is kept in
quarantine, and an alarm is raised once for each pair.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.cid import RAW, Cid
from domain.envelope import Record, open_envelope
from domain.errors import CecError
from domain.keys import PublicKey
from domain.records.frame import Area, Campaign, SpeciesList
from domain.records.match import Match
from domain.records.membership import Enrol, Revoke, Rotate
from domain.records.result import Result, Survey, Tree
from domain.topics import Topic
from domain.upload import MAX_FILE_BYTES
from ingest import ledger
from ingest.admission import FIELD_BODIES, Arrival, Policy, describe
from ingest.errors import KindNotTaken, Refusal, SequenceConflict, UnknownOrganisation
from ingest.exchange.catalogue import catch_up, is_current
from ingest.exchange.errors import MissingLink, TreeForked, UntrustedSigner

_SIGNED: Final = (Campaign, Area, SpeciesList, Survey, Match, Tree, Result)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one record.

    Attributes
    ----------
    cid
        Which.
    verdict
        ``taken``, ``known`` (it was here) or ``refused``.
    rule, reason
        What was broken, and in words what to do.
    """

    cid: Cid
    verdict: str
    rule: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """An envelope that was opened outside any transaction.

    Attributes
    ----------
    cid
        Of the bytes.
    record
        The record, or why it is none.
    """

    cid: Cid
    record: Record | CecError


def open_records(raws: Sequence[bytes]) -> list[Opened]:
    """Return envelopes with their signatures checked."""
    return [_open(raw) for raw in raws]


def take(db: sqlite3.Connection, opened: Sequence[Opened], now_ms: int, *, org: str | None = None) -> list[Outcome]:
    """Take or refuse records in order; with `org`, those of other organisations are refused."""
    while not is_current(db):
        catch_up(db)
    return [_take_one(db, item, now_ms, org) for item in opened]


def _open(raw: bytes) -> Opened:
    try:
        record = open_envelope(raw)
    except CecError as error:
        return Opened(Cid.of(RAW, raw), error)
    return Opened(record.cid, record)


def _take_one(db: sqlite3.Connection, item: Opened, now_ms: int, org: str | None) -> Outcome:
    record = item.record
    if not isinstance(record, Record):
        return Outcome(item.cid, "refused", type(record).__name__, str(record))
    if db.execute("SELECT 1 FROM record WHERE cid = ?", (bytes(record.cid),)).fetchone():
        return Outcome(record.cid, "known")
    try:
        if org is not None and record.body.org != org:
            raise UnknownOrganisation(record.body.org)
        if isinstance(record.body, _SIGNED):
            return _take_signed(db, record, now_ms)
        return _take_from_device(db, record, now_ms)
    except Refusal as refusal:
        rule, words = describe(refusal)
        return Outcome(record.cid, "refused", rule, f"{words}. {refusal.remedy}")


def _take_from_device(db: sqlite3.Connection, record: Record, now_ms: int) -> Outcome:
    body = record.body
    if not isinstance(body, (*FIELD_BODIES, Enrol, Rotate, Revoke)):
        raise KindNotTaken(record.kind)
    # An enrolment made for another server pins that server's key; here nothing is promised to the device by it.
    pinned = PublicKey(body.ingest_key) if isinstance(body, Enrol) else record.key
    # How large a cloud may be was the source's to say, and no bytes are asked for here.
    arrival = Arrival(Topic(body.org, body.device, "rec"), record.raw, record)
    (answer,) = ledger.admit(db, [arrival], Policy(pinned, MAX_FILE_BYTES), now_ms)
    if answer is None:
        return Outcome(record.cid, "refused", "QuarantineFull", "Its quarantine is full: look through it, then again")
    if answer.verdict == "stored":
        return Outcome(record.cid, "taken")
    if answer.reason == SequenceConflict.__name__ and isinstance(body, FIELD_BODIES):
        ours = ledger.Ledger(db).record_at(body)
        if ours is not None:
            _dispute(db, record, ours, SequenceConflict.__name__, now_ms=now_ms)
    return Outcome(record.cid, "refused", answer.reason or "", answer.remedy or "")


def _take_signed(db: sqlite3.Connection, record: Record, now_ms: int) -> Outcome:
    _check_signer(db, record)
    body = record.body
    if isinstance(body, Tree | Match | Result):
        _check_held(db, "survey", body.survey)
    for match in (body.matches or ()) if isinstance(body, Result) else ():
        _check_held(db, "match", match)
    try:
        if isinstance(body, Tree):
            _check_tree(db, body)
    except TreeForked as fork:
        _dispute(db, record, Cid.parse(fork.other), TreeForked.__name__, now_ms=now_ms)
        _keep(db, record, fork, now_ms)
        raise
    ledger.append(db, [record], now_ms)
    return Outcome(record.cid, "taken")


def _check_signer(db: sqlite3.Connection, record: Record) -> None:
    org = record.body.org
    key = ledger.Ledger(db).organisation_key(org)
    if key is None:
        raise UnknownOrganisation(org)
    statement = "SELECT 1 FROM exchange_trust WHERE org = ? AND key = ?"
    if record.key.raw != key and db.execute(statement, (org, record.key.raw)).fetchone() is None:
        raise UntrustedSigner(org, record.kind, f"{record.key} ({record.key.raw.hex()})")


def _check_held(db: sqlite3.Connection, what: str, cid: Cid) -> None:
    if db.execute("SELECT 1 FROM record WHERE cid = ?", (bytes(cid),)).fetchone() is None:
        raise MissingLink(what, str(cid))


def _check_tree(db: sqlite3.Connection, tree: Tree) -> None:
    """Refuse a tree record that does not go on from the last one of its code: the register would set one aside."""
    while not is_current(db):
        catch_up(db)
    statement = "SELECT cid FROM exchange_entry WHERE code = ? AND kind = 'tree' ORDER BY row DESC LIMIT 1"
    last = db.execute(statement, (tree.code,)).fetchone()
    prev = None if tree.prev is None else bytes(tree.prev)
    if last is None:
        if tree.prev is not None:
            raise MissingLink("predecessor", str(tree.prev))
        return
    if prev is not None and not _is_held(db, prev):
        raise MissingLink("predecessor", str(tree.prev))
    if bytes(last[0]) != prev:
        raise TreeForked(tree.code, str(_find_rival(db, tree, bytes(last[0]))))


def _is_held(db: sqlite3.Connection, cid: bytes) -> bool:
    return db.execute("SELECT 1 FROM record WHERE cid = ?", (cid,)).fetchone() is not None


def _find_rival(db: sqlite3.Connection, tree: Tree, last: bytes) -> Cid:
    """Return the record that follows the same predecessor, or begins the same code."""
    statement = "SELECT cid FROM exchange_entry WHERE code = ? AND prev IS ? LIMIT 1"
    row = db.execute(statement, (tree.code, None if tree.prev is None else bytes(tree.prev))).fetchone()
    return Cid.from_bytes(last if row is None else bytes(row[0]))


def _dispute(db: sqlite3.Connection, record: Record, ours: Cid, rule: str, *, now_ms: int) -> None:
    values = (record.body.org, bytes(ours), bytes(record.cid), rule, now_ms)
    is_new = db.execute("INSERT OR IGNORE INTO exchange_dispute VALUES (?, ?, ?, ?, ?)", values).rowcount
    # Of two records under one number admission itself has raised an alarm.
    if is_new and rule != SequenceConflict.__name__:
        detail = f"two records in one place ({rule}): {ours} stays, {record.cid} came from another installation"
        db.execute(
            "INSERT INTO alarm (org, device, kind, detail, at_ms) VALUES (?, ?, 'dispute', ?, ?)",
            (record.body.org, getattr(record.body, "device", ""), detail, now_ms),
        )


def _keep(db: sqlite3.Connection, record: Record, refusal: Refusal, now_ms: int) -> None:
    """Keep a forked tree's bytes, within the bound that a device has."""
    org = record.body.org
    used = db.execute("SELECT bytes FROM quarantine_use WHERE org = ? AND device = ''", (org,)).fetchone()
    if used is None or used[0] + len(record.raw) <= ledger.QUARANTINE_BYTES:
        rule, words = describe(refusal)
        values = (bytes(record.cid), org, "", rule, words, now_ms, record.raw)
        db.execute("INSERT OR IGNORE INTO quarantine VALUES (?, ?, ?, ?, ?, ?, ?)", values)
