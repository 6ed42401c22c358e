"""The index over the journal's records: by organisation, campaign, audience, and by tree code.

Rows are indexed in the order of admission, whole prefixes of it only: one writer commits at a time, so a row never
appears below one that is indexed already. Who may see a record is decided by the campaign record that was admitted
before it, once: a page of the feed must read the same whenever it is asked for.
"""

import sqlite3
from collections.abc import Mapping
from typing import Final

from domain.cid import Cid
from domain.codec import Value, decode_map
from domain.records.field import Birth, Blob, Close, Observation
from domain.records.frame import Campaign, SpeciesList
from domain.records.match import Match
from domain.records.result import Result, Survey, Tree
from ingest.exchange.store import Store

BATCH: Final = 2_000
"""Rows indexed in one transaction: some 100 ms, so that admission does not wait long."""
OWN, MEMBERS, ALL = range(3)
"""Audiences: the organisation alone, every member of this server, everyone."""

_AUDIENCES: Final = {"private": OWN, "members": MEMBERS, "public": ALL}
_TREE_KINDS: Final = (Survey.KIND, Match.KIND, Tree.KIND, Result.KIND)
_EVIDENCE_KINDS: Final = (Observation.KIND, Blob.KIND, Birth.KIND, Close.KIND)
_NO_CAMPAIGN: Final = (OWN, OWN)


async def bring_up(store: Store) -> None:
    """Index every record that was admitted so far."""
    while not await store.read(is_current):
        await store.write(catch_up)


def is_current(db: sqlite3.Connection) -> bool:
    """Tell whether every record is indexed."""
    statement = "SELECT (SELECT max(row) FROM record) IS (SELECT max(row) FROM exchange_entry)"
    return bool(db.execute(statement).fetchone()[0])


def catch_up(db: sqlite3.Connection) -> int:
    """Index the next records; return how many."""
    rows = db.execute(
        "SELECT row, cid, kind, org, raw FROM record WHERE row > (SELECT coalesce(max(row), 0) FROM exchange_entry)"
        " ORDER BY row LIMIT ?",
        (BATCH,),
    ).fetchall()
    for row, cid, kind, org, raw in rows:
        body = _read_body(raw)
        campaign = _text(body, "campaign")
        if kind == Campaign.KIND:
            _note_campaign(db, org, campaign, body)
        values = (row, cid, kind, org, campaign, _find_audience(db, kind, org, campaign), *_tree_place(kind, body))
        db.execute("INSERT OR IGNORE INTO exchange_entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
    return len(rows)


def _read_body(raw: bytes) -> Mapping[str, Value]:
    body = decode_map(raw)["body"]
    if not isinstance(body, Mapping):
        raise AssertionError("an admitted envelope holds a body")  # noqa: TRY004  # a bug, not an input
    return body


def _note_campaign(db: sqlite3.Connection, org: str, campaign: str, body: Mapping[str, Value]) -> None:
    trees, evidence = (_AUDIENCES[_text(body, name)] for name in ("trees", "evidence"))
    db.execute("INSERT OR REPLACE INTO exchange_campaign VALUES (?, ?, ?, ?)", (org, campaign, trees, evidence))


def _find_audience(db: sqlite3.Connection, kind: str, org: str, campaign: str) -> int:
    statement = "SELECT trees, evidence FROM exchange_campaign WHERE org = ? AND campaign = ?"
    # Nobody said who may see it: its organisation alone.
    trees, evidence = db.execute(statement, (org, campaign)).fetchone() or _NO_CAMPAIGN
    if kind in _TREE_KINDS:
        return int(trees)
    if kind in _EVIDENCE_KINDS:
        return int(evidence)
    # Whoever sees a campaign's trees may know what the campaign was. Keys, devices and areas stay with their owner.
    return int(max(trees, evidence)) if kind in (Campaign.KIND, SpeciesList.KIND) else OWN


def _tree_place(kind: str, body: Mapping[str, Value]) -> tuple[str | None, bytes | None]:
    if kind != Tree.KIND:
        return None, None
    prev = body.get("prev")
    return _text(body, "code"), bytes(prev) if isinstance(prev, Cid) else None


def _text(body: Mapping[str, Value], name: str) -> str:
    value = body.get(name, "")
    return value if isinstance(value, str) else ""
