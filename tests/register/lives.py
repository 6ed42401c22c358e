"""What every register promises of trees that were seen more than once, or by two at once: an abstract suite."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from domain.envelope import Record
from register.entries import Box
from register.errors import InvalidCursor
from register.indexed import TableRegister
from register.migrations.versions import r0001_tables, r0002_one_latest
from register.opening import open_register
from register.ports import Register
from tests.register.samples import LAT_ND, LON_ND, RESULT, SURVEY, code_of, make_survey, make_tree
from tests.register.suite import list_features

TAKEN_MS = 1_700_000_000_000
"""November 2023, before any of the samples' surveys was made."""


class LifeSuite:
    """Promises of `register.ports.Register` on the lives of trees."""

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

    async def test_an_older_cloud_surveyed_late_is_history_and_not_what_the_tree_is(self, register: Register) -> None:
        now, then = (make_survey(number, taken_ms=taken_ms) for number, taken_ms in ((1, TAKEN_MS), (2, TAKEN_MS - 9)))
        oldest = make_survey(0, taken_ms=TAKEN_MS - 99)
        first = make_tree(1, survey=oldest)
        felled = make_tree(1, prev=first.cid, survey=now, status="gone")
        stood = make_tree(1, lon_nd=LON_ND + 5, prev=felled.cid, survey=then)
        for record in (oldest, now, then, first, felled, stood):
            await register.add_records([record])
        entry = await register.tree(code_of(first))
        assert entry.history == (felled.cid, stood.cid, first.cid)
        assert (entry.record, entry.survey, entry.last) == (felled.cid, now.cid, stood.cid)
        (feature,) = await list_features(register)
        assert feature["properties"]["status"] == "gone"  # type: ignore[index]
        counts = await register.counts()
        assert (counts.trees, counts.gone, counts.aside) == (0, 1, 0)
        # What is surveyed next goes on from the last record, and is newest again if its evidence is.
        again = make_tree(1, lon_nd=LON_ND + 6, prev=stood.cid, survey=now)
        await register.add_records([again])
        assert (await register.tree(code_of(first))).history == (again.cid, felled.cid, stood.cid, first.cid)

    async def test_the_next_survey_goes_on_from_the_last_record_and_compares_with_the_newest(
        self, register: Register
    ) -> None:
        now, then = (make_survey(number, taken_ms=taken_ms) for number, taken_ms in ((1, TAKEN_MS), (2, TAKEN_MS - 9)))
        first = make_tree(1, survey=now)
        late = make_tree(1, lon_nd=LON_ND + 50_000, prev=first.cid, survey=then)
        other = make_tree(2, survey=then)
        await register.add_records([now, then, first, late, other])
        page = await register.last_in("north-forest", Box(LON_ND, LAT_ND, LON_ND, LAT_ND))
        assert sorted(page.envelopes) == sorted([late.raw, other.raw])
        codes = [code_of(first), code_of(other), code_of(make_tree(3))]
        assert await register.last_of(codes) == {code_of(first): late.cid, code_of(other): other.cid}
        assert await register.newest_of(codes) == {code_of(first): first.cid}

    async def test_a_survey_that_comes_after_its_trees_puts_them_in_their_place(self, register: Register) -> None:
        now, then = (make_survey(number, taken_ms=taken_ms) for number, taken_ms in ((1, TAKEN_MS), (2, TAKEN_MS - 9)))
        trees = [make_tree(number, survey=now) for number in range(3)]
        late = [make_tree(number, lon_nd=LON_ND + 5, prev=tree.cid, survey=then) for number, tree in enumerate(trees)]
        await register.add_records([now, *trees, *late])
        for before, after in zip(trees, late, strict=True):
            assert (await register.tree(code_of(before))).history == (after.cid, before.cid)
        await register.add_records([then])
        for before, after in zip(trees, late, strict=True):
            entry = await register.tree(code_of(before))
            assert (entry.history, entry.last) == ((before.cid, after.cid), after.cid)
        assert {str(feature["properties"]["record"]) for feature in await list_features(register)} == {  # type: ignore[index]
            str(tree.cid) for tree in trees
        }

    async def test_a_register_from_before_evidence_counted_is_migrated_to_what_its_records_say(
        self, address: str, register: Register
    ) -> None:
        surveys = [make_survey(number, taken_ms=TAKEN_MS - number % 2) for number in range(4)]
        trees: list[list[Record]] = []
        for number in range(8):
            trees.append([])
            for step in range(1 + number % 5):
                prev = trees[-1][-1].cid if trees[-1] else None
                survey = surveys[(2 * number + step + 1) % 4] if number < 6 else make_survey(90 + number)
                status = ("alive", "gone", "alive", "stump")[(number + step) % 4]
                place = LON_ND + 10 * number + step
                trees[-1].append(make_tree(number, lon_nd=place, prev=prev, survey=survey, status=status))
        records = [*surveys, *(record for history in trees for record in history)]
        await register.add_records(records)
        entries = [await register.tree(code_of(history[0])) for history in trees]
        before = (await list_features(register), entries, await register.counts(), await register.surveys())
        assert isinstance(register, TableRegister)
        async with register.writing() as connection:
            await connection.run_sync(go_back_to_0002)
        async with open_register(address) as again:
            entries = [await again.tree(code_of(history[0])) for history in trees]
            assert (await list_features(again), entries, await again.counts(), await again.surveys()) == before
            await again.add_records([surveys[0], *trees[0], make_survey(97)])
            assert await again.tree(code_of(trees[7][0])) == await register.tree(code_of(trees[7][0]))
        assert any(entry.record != entry.last for entry in entries)
        assert before[2].gone

    async def test_of_two_that_begin_a_code_one_stands_and_the_other_is_kept_with_the_reason(
        self, register: Register, other: Register
    ) -> None:
        first, second = sorted((make_tree(1), make_tree(1, lon_nd=LON_ND + 1)), key=lambda each: bytes(each.cid))
        await register.add_records([SURVEY, second])
        await other.add_records([first])
        entry = await register.tree(code_of(first))
        assert entry.history == (first.cid,)
        (aside,) = entry.aside
        assert (aside.record, aside.code, aside.rule) == (second.cid, code_of(first), "begun-twice")
        assert "another record begins the same code" in aside.reason
        assert (await register.aside()).entries == (aside,)
        assert await register.record(second.cid) == second.raw
        counts = await register.counts()
        assert (counts.trees, counts.records, counts.aside) == (1, 3, 1)
        assert [feature["properties"]["record"] for feature in await list_features(register)] == [str(first.cid)]  # type: ignore[index]

    async def test_of_two_successors_the_longer_branch_stands_and_the_others_follow_their_own(
        self, register: Register
    ) -> None:
        first = make_tree(1)
        small, large = sorted(
            (make_tree(1, lon_nd=LON_ND + east, prev=first.cid) for east in (1, 2)), key=lambda each: bytes(each.cid)
        )
        behind_large = make_tree(1, lon_nd=LON_ND + 3, prev=large.cid)
        await register.add_records([SURVEY, first, large])
        await register.add_records([small])
        assert (await register.tree(code_of(first))).history == (small.cid, first.cid)
        await register.add_records([behind_large])
        entry = await register.tree(code_of(first))
        assert entry.history == (behind_large.cid, large.cid, first.cid)
        assert [(each.record, each.rule) for each in entry.aside] == [(small.cid, "followed-twice")]
        ends = [make_tree(1, lon_nd=LON_ND + 9, prev=small.cid)]
        ends.append(make_tree(1, lon_nd=LON_ND + 10, prev=ends[-1].cid))
        await register.add_records(ends)
        entry = await register.tree(code_of(first))
        assert entry.record == ends[-1].cid
        assert {each.record: each.rule for each in entry.aside} == {
            large.cid: "followed-twice",
            behind_large.cid: "behind-one-aside",
        }

    async def test_what_is_set_aside_comes_in_pages(self, register: Register) -> None:
        twins = [make_tree(number, lon_nd=LON_ND + east) for number in range(7) for east in (0, 1)]
        await register.add_records([SURVEY, *twins])
        found: list[str] = []
        cursor: str | None = None
        for _ in range(9):
            page = await register.aside(cursor=cursor, limit=2)
            found += [each.code for each in page.entries]
            cursor = page.cursor
            if cursor is None:
                break
        assert sorted(found) == sorted({code_of(each) for each in twins})
        for bad in ("1.2", "abc", "", "9" * 20, "1" * 41):
            with pytest.raises(InvalidCursor) as refusal:
                await register.aside(cursor=bad)
            assert refusal.value.cursor == bad

    async def test_records_in_any_order_and_in_any_parts_come_to_the_same(
        self, register: Register, other: Register
    ) -> None:
        surveys = [make_survey(number, taken_ms=TAKEN_MS - number % 3) for number in range(4)]
        records = [*surveys]
        for number in range(6):
            history = [make_tree(number, survey=surveys[0])]
            for step in range(1, 5):
                before = history[step * number % len(history)]
                history.append(make_tree(number, lon_nd=LON_ND + step, prev=before.cid, survey=surveys[step % 4]))
            records += history
        codes = {code_of(record) for record in records[len(surveys) :]}
        answers = []
        for seed in range(6):
            await register.clear()
            random.Random(seed).shuffle(records)
            size = 1 + 5 * seed
            for start in range(0, len(records), size):
                await (register if start % 2 else other).add_records(records[start : start + size])
            entries = [await register.tree(code) for code in sorted(codes)]
            aside = [(each.record, each.rule) for entry in entries for each in entry.aside]
            whole = [(entry.history, entry.last) for entry in entries]
            answers.append((whole, sorted(aside, key=str), (await register.counts()), await register.surveys()))
            features = await list_features(register)
            assert {feature["properties"]["record"] for feature in features} == {str(entry.record) for entry in entries}  # type: ignore[index]
        assert all(answer == answers[0] for answer in answers)
        assert answers[0][1]

    async def test_trees_that_are_gone_are_counted_apart_in_the_register_and_in_each_survey(
        self, register: Register
    ) -> None:
        later = make_survey(5)
        trees = [make_tree(number) for number in range(4)]
        ends = [
            make_tree(number, prev=trees[number].cid, survey=later, status=status)
            for number, status in enumerate(("gone", "stump", "standing-dead"))
        ]
        await register.add_records([SURVEY, later, *trees, *ends])
        counts = await register.counts()
        assert (counts.trees, counts.gone) == (2, 2)
        found = {entry.record: (entry.trees, entry.gone) for entry in await register.surveys()}
        assert found == {SURVEY.cid: (4, 0), later.cid: (1, 2)}

    async def test_newer_surveys_are_those_of_newer_evidence_and_the_same_organisation(
        self, register: Register
    ) -> None:
        own = make_survey(50, taken_ms=TAKEN_MS)
        older = make_survey(60, taken_ms=TAKEN_MS - 1)
        newer = [make_survey(number, taken_ms=TAKEN_MS + 9 - number) for number in (2, 1, 0)]
        same_time = make_survey(51, taken_ms=TAKEN_MS)
        others = make_survey(99, org="south-forest", taken_ms=TAKEN_MS + 5)
        await register.add_records([own, older, *newer, same_time, others])
        found = await register.newer_surveys(own.cid)
        assert [entry.record for entry in found] == [same_time.cid, *(survey.cid for survey in newer)]
        assert await register.newer_surveys(own.cid, limit=2) == found[:2]
        dates = await register.dates_of([own.cid, older.cid, RESULT.cid])
        assert dates == {own.cid: TAKEN_MS, older.cid: TAKEN_MS - 1}

    async def test_of_two_writers_that_begin_a_code_at_once_the_same_one_wins_always(
        self, register: Register, other: Register
    ) -> None:
        for number in range(10):
            first, second = make_tree(number), make_tree(number, lon_nd=LON_ND + 1)
            await asyncio.gather(register.add_records([first]), other.add_records([second]))
            entry = await register.tree(code_of(first))
            assert entry.history == (min(first.cid, second.cid, key=bytes),)
            assert [each.record for each in entry.aside] == [max(first.cid, second.cid, key=bytes)]

    async def test_of_two_writers_that_succeed_a_record_at_once_the_same_one_wins_always(
        self, register: Register, other: Register
    ) -> None:
        firsts = [make_tree(number) for number in range(10)]
        await register.add_records(firsts)
        for number, first in enumerate(firsts):
            pair = [make_tree(number, lon_nd=LON_ND + east, prev=first.cid) for east in (1, 2)]
            await asyncio.gather(register.add_records([pair[0]]), other.add_records([pair[1]]))
            winner, loser = sorted((one.cid for one in pair), key=bytes)
            entry = await register.tree(code_of(first))
            assert entry.history == (winner, first.cid)
            assert [each.record for each in entry.aside] == [loser]
        assert len(await list_features(register)) == 10

    async def test_a_survey_and_its_trees_that_two_writers_add_at_once_find_each_other(
        self, register: Register, other: Register
    ) -> None:
        now = make_survey(1, taken_ms=TAKEN_MS)
        await register.add_records([now])
        for number in range(10):
            then = make_survey(number + 2, taken_ms=TAKEN_MS - 9)
            first = make_tree(number, survey=now)
            late = make_tree(number, lon_nd=LON_ND + 5, prev=first.cid, survey=then)
            await asyncio.gather(register.add_records([first, late]), other.add_records([then]))
            assert (await register.tree(code_of(first))).history == (first.cid, late.cid)


def go_back_to_0002(connection: Connection) -> None:
    """Make a register's tables what they were when the last to come was the latest, with all that they hold."""
    is_sqlite = connection.dialect.name == "sqlite"
    columns = "id, code, cid, prev, survey, is_last AS is_latest, hilbert, lon_nd, lat_nd, feature"
    connection.execute(text(f"CREATE TABLE kept_trees AS SELECT {columns} FROM trees ORDER BY id"))  # noqa: S608
    connection.execute(text("CREATE TABLE kept_surveys AS SELECT cid, result, org, campaign, at_ms FROM surveys"))
    connection.execute(text("CREATE TABLE kept_records AS SELECT cid, kind, envelope FROM records"))
    for name in ("trees", "surveys", "records", "anchors", "anchored", *(("boxes",) if is_sqlite else ())):
        connection.execute(text(f"DROP TABLE {name}"))
    with Operations.context(MigrationContext.configure(connection)):
        r0001_tables.upgrade()
        r0002_one_latest.upgrade()
    names = columns.replace("is_last AS ", "")
    connection.execute(text(f"INSERT INTO trees ({names}) SELECT {names} FROM kept_trees ORDER BY id"))  # noqa: S608
    connection.execute(text("INSERT INTO surveys SELECT * FROM kept_surveys"))
    connection.execute(text("INSERT INTO records SELECT * FROM kept_records"))
    for name in ("trees", "surveys", "records"):
        connection.execute(text(f"DROP TABLE kept_{name}"))
    connection.execute(text("UPDATE alembic_version SET version_num = '0002'"))
