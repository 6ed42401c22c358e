"""What every register promises, as one abstract suite: subclass it and give it an address."""

import asyncio
import json
import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from domain.cid import Cid
from domain.envelope import Record, seal
from domain.records.result import Tree
from register.entries import Box
from register.errors import InvalidCursor, NotAnchored, RecordNotFound, TreeNotFound
from register.hilbert import compute_hilbert
from register.opening import open_register
from register.ports import Register
from tests.domain.samples import KEY, OBSERVATION
from tests.register.samples import (
    LAT_ND,
    LON_ND,
    RESULT,
    SURVEY,
    code_of,
    make_anchor,
    make_local_tree,
    make_survey,
    make_tree,
)


async def list_features(register: Register, box: Box | None = None, *, limit: int = 1_000) -> list[dict[str, object]]:
    """Return the features of all pages."""
    features: list[dict[str, object]] = []
    cursor: str | None = None
    for _ in range(1_000):
        page = await register.features(box, cursor=cursor, limit=limit)
        features += [json.loads(feature) for feature in page.features]
        cursor = page.cursor
        if cursor is None:
            return features
    raise AssertionError("pages without end")


async def list_latest(register: Register, org: str, box: Box, *, limit: int = 1_000) -> list[bytes]:
    """Return an organisation's latest envelopes in a box, of all pages."""
    envelopes: list[bytes] = []
    cursor: str | None = None
    for _ in range(1_000):
        page = await register.last_in(org, box, cursor=cursor, limit=limit)
        assert len(page.envelopes) <= limit
        envelopes += page.envelopes
        cursor = page.cursor
        if cursor is None:
            return envelopes
    raise AssertionError("pages without end")


class RegisterSuite:
    """Promises of `register.ports.Register`."""

    @pytest.fixture
    def address(self) -> str:
        """Give the address of an empty register."""
        raise NotImplementedError

    @pytest_asyncio.fixture
    async def register(self, address: str) -> AsyncIterator[Register]:
        async with open_register(address) as opened:
            yield opened

    @pytest_asyncio.fixture
    async def other(self, address: str, register: Register) -> AsyncIterator[Register]:
        """Give the same register as another process sees it."""
        del register
        async with open_register(address) as opened:
            yield opened

    async def test_a_tree_is_found_by_its_code_with_survey_and_anchor(self, register: Register) -> None:
        first = make_tree(1)
        await register.add_records([SURVEY, first, RESULT])
        entry = await register.tree(code_of(first))
        assert (entry.record, entry.survey, entry.anchor) == (first.cid, SURVEY.cid, None)
        anchor, cids = make_anchor([SURVEY, first, RESULT])
        await register.add_anchor(anchor, cids)
        assert (await register.tree(code_of(first))).anchor == anchor

    async def test_history_follows_the_links_and_the_latest_is_shown(self, register: Register) -> None:
        first = make_tree(1)
        second = make_tree(1, lon_nd=LON_ND + 500, prev=first.cid)
        third = make_tree(1, lon_nd=LON_ND + 900, prev=second.cid)
        await register.add_records([SURVEY, first, second])
        await register.add_records([third])
        assert (await register.tree(code_of(first))).history == (third.cid, second.cid, first.cid)
        (feature,) = await list_features(register)
        assert feature["properties"]["record"] == str(third.cid)  # type: ignore[index]
        assert (await register.counts()).trees == 1

    async def test_adding_twice_changes_nothing(self, register: Register) -> None:
        records = [SURVEY, make_tree(1), make_tree(2), RESULT]
        for _ in range(2):
            await register.add_records([*records, *records])
            await register.add_anchor(*make_anchor(records))
        counts = await register.counts()
        assert (counts.trees, counts.surveys, counts.records, counts.anchors, counts.anchored) == (2, 1, 4, 1, 4)

    async def test_adding_nothing_is_nothing(self, register: Register) -> None:
        await register.add_records([])
        await register.add_anchor(*make_anchor([]))
        counts = await register.counts()
        assert (counts.records, counts.anchors, counts.anchored) == (0, 1, 0)

    async def test_a_record_keeps_its_first_anchor(self, register: Register) -> None:
        await register.add_records([SURVEY, RESULT])
        first, cids = make_anchor([SURVEY])
        await register.add_anchor(first, cids)
        second, both = make_anchor([SURVEY, RESULT], root=b"s" * 32)
        await register.add_anchor(second, both)
        assert (await register.anchor_of(SURVEY.cid))[0] == first
        assert (await register.anchor_of(RESULT.cid))[0] == second

    async def test_pages_cover_all_trees_once_in_the_order_of_the_curve(self, register: Register) -> None:
        places = random.Random(1)
        records = [
            make_tree(n, lon_nd=places.randint(-180, 180) * 10**9, lat_nd=places.randint(-90, 90) * 10**9)
            for n in range(40)
        ]
        await register.add_records([SURVEY, *records])
        seen = [str(feature["id"]) for feature in await list_features(register, limit=7)]
        assert sorted(seen) == sorted(code_of(record) for record in records)
        along = {code_of(record): _place_on_curve(record) for record in records}
        assert [along[code] for code in seen] == sorted(along.values())

    async def test_a_box_holds_its_edges_and_nothing_beyond(self, register: Register) -> None:
        inside = {
            "a corner": make_tree(1, lon_nd=-LON_ND, lat_nd=-LAT_ND),
            "an edge": make_tree(2, lon_nd=-LON_ND + 1_000, lat_nd=-LAT_ND + 7),
            "the middle": make_tree(3, lon_nd=-LON_ND + 5, lat_nd=-LAT_ND + 5),
        }
        outside = [
            make_tree(4, lon_nd=-LON_ND - 1, lat_nd=-LAT_ND),
            make_tree(5, lon_nd=-LON_ND + 1_001, lat_nd=-LAT_ND),
            make_tree(6, lon_nd=-LON_ND, lat_nd=-LAT_ND - 1),
            make_tree(7, lon_nd=-LON_ND, lat_nd=-LAT_ND + 8),
        ]
        await register.add_records([SURVEY, *inside.values(), *outside])
        found = await list_features(register, Box(-LON_ND, -LAT_ND, -LON_ND + 1_000, -LAT_ND + 7), limit=2)
        assert {feature["id"] for feature in found} == {code_of(record) for record in inside.values()}
        assert len(found) == 3

    async def test_a_tree_in_a_local_frame_has_a_page_but_no_place_on_the_map(self, register: Register) -> None:
        tree = make_local_tree(1)
        await register.add_records([SURVEY, tree])
        assert (await register.tree(code_of(tree))).record == tree.cid
        assert await list_features(register) == []
        assert (await register.counts()).trees == 1

    async def test_a_page_has_no_more_than_was_asked_for_and_at_least_one(self, register: Register) -> None:
        await register.add_records([SURVEY, make_tree(1), make_tree(2)])
        for limit, length in ((-5, 1), (0, 1), (1, 1), (2, 2), (10**6, 2)):
            assert len((await register.features(limit=limit)).features) == length

    async def test_a_batch_comes_back_sorted(self, register: Register) -> None:
        records = [SURVEY, *(make_tree(n) for n in range(5))]
        await register.add_records(records)
        await register.add_anchor(*make_anchor(records))
        found, batch = await register.anchor_of(records[3].cid)
        assert found.count == len(batch) == 6
        assert list(batch) == sorted((record.cid for record in records), key=bytes)

    async def test_the_anchors_of_many_records_are_told_at_once_and_of_others_nothing(self, register: Register) -> None:
        first = make_tree(1)
        records = [SURVEY, first, RESULT]
        await register.add_records(records)
        stands, cids = make_anchor([SURVEY, first])
        await register.add_anchor(stands, cids)
        asked = [record.cid for record in records] * 400
        assert await register.anchors_of(asked) == {SURVEY.cid: stands, first.cid: stands}
        assert await register.anchors_of([]) == {}

    async def test_private_records_are_counted_but_not_shown(self, register: Register) -> None:
        observation = seal(OBSERVATION, KEY)
        await register.add_records([observation])
        assert (await register.counts()).records == 1
        with pytest.raises(RecordNotFound):
            await register.record(observation.cid)

    async def test_public_records_come_back_byte_for_byte(self, register: Register) -> None:
        await register.add_records([SURVEY])
        assert await register.record(SURVEY.cid) == SURVEY.raw

    async def test_surveys_count_their_trees_and_name_their_result(self, register: Register) -> None:
        await register.add_records([SURVEY, make_tree(1), make_tree(2)])
        await register.add_records([RESULT])
        (entry,) = await register.surveys()
        assert (entry.trees, entry.result, entry.record) == (2, RESULT.cid, SURVEY.cid)
        assert await register.survey(SURVEY.cid) == entry

    async def test_the_trees_of_a_survey_come_in_pages_by_code(self, register: Register) -> None:
        trees = [make_tree(number) for number in (3, 1, 2)]
        await register.add_records([SURVEY, make_survey(7), *trees])
        by_code = sorted(trees, key=lambda tree: tree.expect(Tree).code)
        assert await register.trees_of(SURVEY.cid) == tuple(tree.raw for tree in by_code)
        rest = await register.trees_of(SURVEY.cid, after=by_code[0].expect(Tree).code, limit=1)
        assert rest == (by_code[1].raw,)
        assert await register.trees_of(make_survey(7).cid) == ()

    async def test_an_organisations_trees_in_a_box_come_as_signed_latest_only_and_in_pages(
        self, register: Register
    ) -> None:
        theirs = make_survey(3, org="south-forest")
        ours = [make_tree(number, lon_nd=LON_ND + number) for number in range(7)]
        grown = make_tree(1, lon_nd=LON_ND + 10, prev=ours[1].cid, survey=make_survey(9))
        outside = make_tree(50, lon_nd=LON_ND + 5_000)
        others = [make_tree(number + 20, lon_nd=LON_ND + number, survey=theirs) for number in range(4)]
        await register.add_records(
            [SURVEY, make_survey(9), theirs, *ours, grown, outside, *others, make_local_tree(80)]
        )
        box = Box(LON_ND, LAT_ND, LON_ND + 1_000, LAT_ND)
        found = await list_latest(register, "north-forest", box, limit=2)
        assert sorted(found) == sorted(tree.raw for tree in [*ours[:1], grown, *ours[2:]])
        assert sorted(await list_latest(register, "south-forest", box)) == sorted(tree.raw for tree in others)
        assert await list_latest(register, "east-forest", box) == []

    async def test_the_latest_records_of_many_codes_are_told_at_once_and_of_unknown_ones_nothing(
        self, register: Register
    ) -> None:
        first, second = make_tree(1), make_tree(2)
        successor = make_tree(1, lon_nd=LON_ND + 9, prev=first.cid)
        await register.add_records([SURVEY, first, second, successor])
        asked = [code_of(make_tree(number)) for number in range(1_200)]
        assert await register.last_of(asked) == {code_of(first): successor.cid, code_of(second): second.cid}
        assert await register.last_of([]) == {}

    async def test_a_survey_is_found_however_many_came_after_it(self, register: Register) -> None:
        surveys = [make_survey(number) for number in range(1_002)]
        await register.add_records(surveys)
        listed = await register.surveys()
        assert [entry.record for entry in listed] == [survey.cid for survey in reversed(surveys[2:])]
        rest = await register.surveys(after=listed[-1].record)
        assert [entry.record for entry in rest] == [surveys[1].cid, surveys[0].cid]
        assert await register.surveys(after=rest[-1].record) == ()
        assert (await register.survey(surveys[0].cid)).record == surveys[0].cid

    async def test_surveys_made_at_one_time_come_each_on_one_page(self, register: Register) -> None:
        surveys = [make_survey(3, org=f"forest-{number}") for number in range(9)]
        await register.add_records(surveys)
        found: list[Cid] = []
        for _ in range(9):
            page = await register.surveys(after=found[-1] if found else None, limit=2)
            found += [entry.record for entry in page]
            if not page:
                break
        assert sorted(found, key=bytes) == sorted((survey.cid for survey in surveys), key=bytes)
        with pytest.raises(InvalidCursor):
            await register.surveys(after=RESULT.cid)

    async def test_what_is_not_there_is_said_by_name(self, register: Register) -> None:
        await register.add_records([SURVEY])
        with pytest.raises(TreeNotFound):
            await register.tree("0" * 17)
        with pytest.raises(NotAnchored):
            await register.anchor_of(SURVEY.cid)
        with pytest.raises(RecordNotFound):
            await register.anchor_of(RESULT.cid)
        with pytest.raises(RecordNotFound):
            await register.survey(RESULT.cid)

    @pytest.mark.parametrize(
        "cursor", ["", "x", "1.", ".1", "1.2.3", "-1.2", "1.-2", "9" * 50 + ".1", "9223372036854775808.1", "1.²"]
    )
    async def test_a_cursor_that_was_not_given_is_refused(self, register: Register, cursor: str) -> None:
        with pytest.raises(InvalidCursor):
            await register.features(cursor=cursor)

    async def test_the_largest_cursor_is_past_the_last_page(self, register: Register) -> None:
        await register.add_records([SURVEY, make_tree(1)])
        assert (await register.features(cursor=f"{2**63 - 1}.{2**63 - 1}")).features == ()

    async def test_an_index_made_again_gives_the_same_answers(self, register: Register) -> None:
        records = [SURVEY, *(make_tree(n, lat_nd=LAT_ND + n) for n in range(9)), RESULT]
        await register.add_records(records)
        before = (await register.features(limit=4), await register.surveys(), await register.counts())
        await register.clear()
        assert (await register.counts()).records == 0
        await register.add_records(records)
        assert (await register.features(limit=4), await register.surveys(), await register.counts()) == before

    async def test_what_was_added_is_there_for_others_and_after_opening_again(
        self, address: str, register: Register, other: Register
    ) -> None:
        await register.add_records([SURVEY, make_tree(1)])
        assert (await other.counts()).trees == 1
        async with open_register(address) as again:
            assert await again.features() == await register.features()

    async def test_writers_of_the_same_records_in_any_order_add_them_once(
        self, register: Register, other: Register
    ) -> None:
        trees = [make_tree(number) for number in range(60)]
        later = [make_tree(number, lon_nd=LON_ND + 9, prev=tree.cid) for number, tree in enumerate(trees)]
        await register.add_records([SURVEY])
        sets = [(trees[start : start + 30], later[start : start + 30]) for start in (0, 15, 30)]
        shuffled = random.Random(2)
        async with asyncio.TaskGroup() as group:
            for writer in (register, other):
                for before, after in sets:
                    batch = shuffled.sample(before, 30) + shuffled.sample(after, 30)
                    group.create_task(writer.add_records(batch))
        counts = await register.counts()
        assert (counts.trees, counts.records) == (60, 121)
        for tree, last in zip(trees, later, strict=True):
            assert (await other.tree(code_of(tree))).history == (last.cid, tree.cid)

    async def test_two_writers_at_once_note_an_anchor_once(self, register: Register, other: Register) -> None:
        records = [SURVEY, *(make_tree(n) for n in range(20))]
        await register.add_records(records)
        anchor, cids = make_anchor(records)
        await asyncio.gather(*(writer.add_anchor(anchor, cids) for writer in (register, other) for _ in range(3)))
        counts = await register.counts()
        assert (counts.anchors, counts.anchored) == (1, 21)
        assert await other.anchor_of(SURVEY.cid) == (anchor, tuple(cids))


def _place_on_curve(record: Record) -> int:
    position = record.expect(Tree).position
    assert position.lon_nd is not None
    assert position.lat_nd is not None
    return compute_hilbert(position.lon_nd, position.lat_nd)
