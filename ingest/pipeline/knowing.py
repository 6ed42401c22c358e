"""What is known of a survey's ground: the last records of the same organisation's trees there, from the register.

The register follows the journal; a comparison waits until it holds every tree that the journal does. Trees that are
admitted after that, from another server, are noticed when the comparison is committed.
"""

import asyncio
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from domain.cid import Cid
from domain.records.result import Result, Survey, Tree
from ingest.jobs import FOLLOWED, get_mark
from ingest.journal import Journal
from ingest.pipeline.bodies import read_body
from ingest.pipeline.errors import RegisterBehind, TooManyKnown
from ingest.pipeline.frames import list_codes_in
from ingest.pipeline.ports import Draft, Known, KnownSurvey
from ingest.steps import run_in_thread
from register.entries import Box
from register.ports import PAGE_LIMIT, RegisterReader

MOST_KNOWN: Final = 100_000
"""Trees that one survey is compared with: about 100 MB of envelopes, on their way to another process."""
MOST_SURVEYS: Final = 1_000
"""Surveys that their last records come from; a comparison names no more."""
PATIENCE_S: Final = 30.0
"""How long a survey that is done waits for the register before it is put back."""
_POLL_S: Final = 0.5


def is_behind(db: sqlite3.Connection) -> bool:
    """Tell whether the journal holds trees, surveys or their results that the register does not."""
    statement = "SELECT 1 FROM record WHERE row > ? AND kind IN (?, ?, ?) LIMIT 1"
    kinds = Tree.KIND, Survey.KIND, Result.KIND
    return db.execute(statement, (get_mark(db, FOLLOWED), *kinds)).fetchone() is not None


def have_come(db: sqlite3.Connection, org: str, after_row: int) -> bool:
    """Tell whether trees of an organisation were admitted after a row."""
    statement = "SELECT 1 FROM record WHERE row > ? AND kind = ? AND org = ? LIMIT 1"
    return db.execute(statement, (after_row, Tree.KIND, org)).fetchone() is not None


async def await_register(journal: Journal) -> int:
    """Return the row up to which the register holds all trees, once that is every tree there is.

    Raises
    ------
    RegisterBehind
        When it does not catch up in time.
    """
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                seen = journal.bell.rings
                row, behind = await journal.read(lambda db: (get_mark(db, FOLLOWED), is_behind(db)))
                if not behind:
                    return row
                await journal.bell.wait(seen, timeout_s=_POLL_S)
    except TimeoutError as error:
        raise RegisterBehind(PATIENCE_S) from error


async def gather_known(register: RegisterReader, draft: Draft) -> Known:
    """Return what is known of a draft's ground or shared frame, and of its codes wherever their trees stand.

    Raises
    ------
    TooManyKnown
        When more trees are known there than one comparison takes.
    RegisterError
        When the register does not answer.
    """
    org = draft.survey.org
    boxes = [draft.ground] if draft.ground else []
    codes = [tree.code for tree in draft.trees] + await list_codes_in(register, org, draft.survey.crs)
    known, _ = await gather_around(register, org, boxes, codes)
    return known


async def gather_around(
    register: RegisterReader, org: str, boxes: Iterable[Box], codes: Sequence[str]
) -> tuple[Known, set[Cid]]:
    """Return what is known of an organisation's trees in some boxes or of some codes, and the names of its surveys.

    A new record goes on from a tree's last one; what the tree is, its newest evidence says. These differ where an
    older cloud was surveyed late.

    Raises
    ------
    TooManyKnown
        When more trees are known there than one comparison takes.
    RegisterError
        When the register does not answer.
    """
    trees: dict[str, tuple[Cid, bytes]] = {}
    for box in boxes:
        found = await _read_ground(register, org, box)
        trees |= await run_in_thread(_sort_trees, found, org)
        if len(trees) > MOST_KNOWN:
            raise TooManyKnown(MOST_KNOWN, "trees are known on its ground")
    # The same evidence gives the same code, also where its place is told otherwise or not at all.
    by_code = await register.last_of(codes)
    missing = [cid for code, cid in by_code.items() if code not in trees]
    if len(trees) + len(missing) > MOST_KNOWN:
        raise TooManyKnown(MOST_KNOWN, "trees are known on its ground")
    elsewhere = [await register.record(cid) for cid in missing]
    trees |= await run_in_thread(_sort_trees, elsewhere, org)
    newest = [await register.record(cid) for cid in (await register.newest_of(list(trees))).values()]
    others = await run_in_thread(_sort_trees, newest, org)
    surveys = await read_surveys(register, {survey for survey, _ in trees.values()})
    surveys |= await read_surveys(register, {survey for survey, _ in others.values()} - surveys.keys())
    last, now = (tuple(raw for _, raw in some.values()) for some in (trees, others))
    return Known(last, tuple(surveys.values()), now), set(surveys)


async def _read_ground(register: RegisterReader, org: str, box: Box) -> list[bytes]:
    found: list[bytes] = []
    cursor: str | None = None
    while True:
        page = await register.last_in(org, box, cursor=cursor, limit=PAGE_LIMIT)
        found += page.envelopes
        cursor = page.cursor
        if cursor is None:
            return found
        if len(found) > MOST_KNOWN:
            raise TooManyKnown(MOST_KNOWN, "trees are known on its ground")


def _sort_trees(envelopes: Iterable[bytes], org: str) -> dict[str, tuple[Cid, bytes]]:
    """Return survey and envelope of each tree that says it is the organisation's, by code."""
    trees: dict[str, tuple[Cid, bytes]] = {}
    for raw in envelopes:
        body = read_body(raw)
        survey = body["survey"]
        if body["org"] == org and isinstance(survey, Cid):
            trees[str(body["code"])] = (survey, raw)
    return trees


async def read_surveys(register: RegisterReader, cids: Collection[Cid]) -> dict[Cid, KnownSurvey]:
    """Return surveys as they were signed, in the order of their making.

    Raises
    ------
    TooManyKnown
        When there are more than one comparison takes.
    RegisterError
        When the register does not answer.
    """
    if len(cids) > MOST_SURVEYS:
        raise TooManyKnown(MOST_SURVEYS, "surveys have told of the trees on its ground")
    entries = [await register.survey(cid) for cid in cids]
    return {
        entry.record: KnownSurvey(
            await register.record(entry.record),
            None if entry.result is None else await register.record(entry.result),
        )
        for entry in sorted(entries, key=lambda entry: (entry.at_ms, bytes(entry.record)))
    }
