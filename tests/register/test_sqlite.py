import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from domain import codes
from domain.cid import RAW, Cid
from domain.envelope import Record, seal
from domain.records.result import Result, Survey, Tree
from register.entries import Anchor, Box
from register.errors import CodeCollision, InvalidCursor, NotAnchored, RecordNotFound, TreeNotFound
from register.sqlite import SqliteRegister
from tests.domain.samples import BODIES, CLOUD, KEY, OBSERVATION

SURVEY = seal(BODIES["survey"], KEY)
SECRET = bytes(32)


def tree(number: int, *, lon_nd: int = 15_000_000_000, lat_nd: int = 47_000_000_000, prev: Cid | None = None) -> Record:
    body = BODIES["tree"]
    assert isinstance(body, Tree)
    code = codes.mint_cloud_code(SECRET, CLOUD, (number, 0, 0))
    position = dataclasses.replace(body.position, lon_nd=lon_nd, lat_nd=lat_nd)
    return seal(dataclasses.replace(body, code=code, survey=SURVEY.cid, position=position, prev=prev), KEY)


def code_of(record: Record) -> str:
    return record.expect(Tree).code


_RESULT_BODY = BODIES["result"]
assert isinstance(_RESULT_BODY, Result)
RESULT = seal(dataclasses.replace(_RESULT_BODY, survey=SURVEY.cid), KEY)


@pytest_asyncio.fixture
async def register(tmp_path: Path) -> AsyncIterator[SqliteRegister]:
    async with SqliteRegister.open(tmp_path / "register.sqlite") as opened:
        yield opened


def anchor(records: list[Record]) -> tuple[Anchor, list[Cid]]:
    cids = sorted((record.cid for record in records), key=bytes)
    return Anchor(b"r" * 32, len(cids), 5, 1_790_000_000_000, b"t" * 32, Cid.of(RAW, b"manifest")), cids


async def test_a_tree_is_found_by_its_code_with_survey_and_anchor(register: SqliteRegister) -> None:
    first = tree(1)
    await register.add_records([SURVEY, first, RESULT])
    entry = await register.tree(code_of(first))
    assert (entry.record, entry.survey, entry.anchor) == (first.cid, SURVEY.cid, None)
    await register.add_anchor(*anchor([SURVEY, first, RESULT]))
    entry = await register.tree(code_of(first))
    assert entry.anchor is not None
    assert entry.anchor.height == 5


async def test_history_follows_the_links_and_the_latest_is_shown(register: SqliteRegister) -> None:
    first = tree(1)
    later = tree(1, lon_nd=15_000_000_500, prev=first.cid)
    await register.add_records([SURVEY, first, later])
    assert (await register.tree(code_of(first))).history == (later.cid, first.cid)
    page = await register.features()
    assert [json.loads(feature)["properties"]["record"] for feature in page.features] == [str(later.cid)]


async def test_a_code_cannot_begin_twice(register: SqliteRegister) -> None:
    await register.add_records([SURVEY, tree(1)])
    with pytest.raises(CodeCollision):
        await register.add_records([tree(1, lon_nd=16_000_000_000)])
    assert (await register.counts()).trees == 1


async def test_adding_twice_changes_nothing(register: SqliteRegister) -> None:
    records = [SURVEY, tree(1), tree(2), RESULT]
    for _ in range(2):
        await register.add_records(records)
        await register.add_anchor(*anchor(records))
    counts = await register.counts()
    assert (counts.trees, counts.surveys, counts.records, counts.anchors, counts.anchored) == (2, 1, 4, 1, 4)


async def test_pages_cover_all_trees_once_and_neighbours_stay_together(register: SqliteRegister) -> None:
    records = [tree(n, lon_nd=15_000_000_000 + n * 1_000_000) for n in range(25)]
    await register.add_records([SURVEY, *records])
    seen, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        page = await register.features(cursor=cursor, limit=10)
        seen += [json.loads(feature)["id"] for feature in page.features]
        cursor, pages = page.cursor, pages + 1
    assert pages == 3
    assert sorted(seen) == sorted(code_of(record) for record in records)
    assert len(set(seen)) == 25


async def test_a_box_holds_its_edges_and_nothing_beyond(register: SqliteRegister) -> None:
    inside, edge, outside = tree(1), tree(2, lon_nd=15_000_001_000), tree(3, lon_nd=15_000_001_001)
    await register.add_records([SURVEY, inside, edge, outside])
    page = await register.features(Box(15_000_000_000, 46_000_000_000, 15_000_001_000, 47_000_000_000))
    assert {json.loads(feature)["id"] for feature in page.features} == {code_of(inside), code_of(edge)}


async def test_a_batch_comes_back_sorted(register: SqliteRegister) -> None:
    records = [SURVEY, *(tree(n) for n in range(5))]
    await register.add_records(records)
    await register.add_anchor(*anchor(records))
    found, batch = await register.anchor_of(records[3].cid)
    assert found.count == len(batch) == 6
    assert list(batch) == sorted(batch, key=bytes)


async def test_the_anchors_of_many_records_are_told_at_once_and_of_others_nothing(register: SqliteRegister) -> None:
    first = tree(1)
    records = [SURVEY, first, RESULT]
    await register.add_records(records)
    stands, cids = anchor([SURVEY, first])
    await register.add_anchor(stands, cids)
    asked = [record.cid for record in records] * 400
    assert await register.anchors_of(asked) == {SURVEY.cid: stands, first.cid: stands}
    assert await register.anchors_of([]) == {}


async def test_private_records_are_counted_but_not_shown(register: SqliteRegister) -> None:
    observation = seal(OBSERVATION, KEY)
    await register.add_records([observation])
    assert (await register.counts()).records == 1
    with pytest.raises(RecordNotFound):
        await register.record(observation.cid)


async def test_public_records_come_back_byte_for_byte(register: SqliteRegister) -> None:
    await register.add_records([SURVEY])
    assert await register.record(SURVEY.cid) == SURVEY.raw


async def test_surveys_count_their_trees_and_name_their_result(register: SqliteRegister) -> None:
    await register.add_records([SURVEY, tree(1), tree(2), RESULT])
    (entry,) = await register.surveys()
    assert (entry.trees, entry.result, entry.record) == (2, RESULT.cid, SURVEY.cid)


async def test_what_is_not_there_is_said_by_name(register: SqliteRegister) -> None:
    await register.add_records([SURVEY])
    with pytest.raises(TreeNotFound):
        await register.tree("0" * 17)
    with pytest.raises(NotAnchored):
        await register.anchor_of(SURVEY.cid)
    with pytest.raises(RecordNotFound):
        await register.anchor_of(RESULT.cid)
    for cursor in ("x", "1.", "1.2.3", "-1.2", "9" * 50 + ".1"):
        with pytest.raises(InvalidCursor):
            await register.features(cursor=cursor)


async def test_an_index_made_again_gives_the_same_answers(register: SqliteRegister) -> None:
    records = [SURVEY, *(tree(n, lat_nd=47_000_000_000 + n) for n in range(9)), RESULT]
    await register.add_records(records)
    before = (await register.features(), await register.surveys(), await register.counts())
    await register.clear()
    assert (await register.counts()).records == 0
    await register.add_records(records)
    assert (await register.features(), await register.surveys(), await register.counts()) == before


def test_samples_are_what_the_register_indexes() -> None:
    assert isinstance(SURVEY.body, Survey)
    assert isinstance(RESULT.body, Result)
