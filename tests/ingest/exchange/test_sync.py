"""Two installations over HTTP come to agree, whatever is missing on either side and whenever one is killed."""

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cid import DAG_CBOR, RAW, Cid
from domain.envelope import Record, seal
from domain.merkle import build_sorted_tree
from domain.records.field import Observation
from domain.records.membership import Revoke
from domain.records.result import Estimate, Tree
from domain.upload import MAX_FILE_BYTES
from ingest.exchange.digest import EMPTY, LISTED, PrefixDigest, compute_root, digest_prefix
from ingest.exchange.errors import InvalidExchange, PeerFailed
from ingest.exchange.peer import Peer
from ingest.exchange.reconciling import Difference, compare
from ingest.exchange.syncing import SyncReport, synchronise
from ingest.exchange.trust import Trust, trust_service
from ingest.journal import now_ms
from tests.ingest.devices import AT_MS, ORG_KEY, Device, renumber
from tests.ingest.exchange.houses import (
    ORG,
    OTHER,
    SERVICE_KEY,
    House,
    make_campaign,
    make_resurvey,
    make_stand,
    open_house,
)


class Pair:
    """Two installations, and the way from the first to the second."""

    def __init__(self, here: House, there: House, url: str, token: str) -> None:
        self.here, self.there, self.url, self.token = here, there, url, token

    async def sync(self) -> SyncReport:
        async with Peer.open(self.url, self.token) as peer:
            return await synchronise(self.here.journal, peer, ORG, now_ms)

    async def assert_equal(self) -> None:
        assert await self.here.digest() == await self.there.digest()


@asynccontextmanager
async def open_pair(folder: Path) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(open_house(folder / "here"))
        there = await stack.enter_async_context(open_house(folder / "there"))
        url = await stack.enter_async_context(there.serve())
        yield Pair(here, there, url, await there.token())


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async with open_pair(tmp_path) as pair:
        yield pair


async def test_an_empty_installation_gets_everything_and_then_one_question_suffices(pair: Pair) -> None:
    await pair.there.fill(make_campaign(), *make_stand(30))
    report = await pair.sync()
    assert (report.pulled, report.pushed, report.agrees) == (33, 0, True)
    await pair.assert_equal()
    again = await pair.sync()
    assert (again.pulled, again.pushed, again.agrees, again.requests) == (0, 0, True, 1)


async def test_what_a_survey_was_compared_with_travels_with_its_trees(pair: Pair) -> None:
    await pair.there.fill(make_campaign(), *make_resurvey(2))
    report = await pair.sync()
    assert (report.pulled, report.pushed, report.agrees) == (6, 0, True)
    await pair.assert_equal()


async def test_both_directions_in_one_run(pair: Pair) -> None:
    await pair.there.fill(make_campaign("a"), *make_stand(10, "a", campaign="a"))
    await pair.here.fill(make_campaign("b"), *make_stand(20, "b", campaign="b"))
    report = await pair.sync()
    assert (report.pulled, report.pushed, report.agrees) == (13, 23, True)
    await pair.assert_equal()


async def test_what_came_back_on_a_loop_does_not_double(pair: Pair, tmp_path: Path) -> None:
    async with open_house(tmp_path / "third") as third, third.serve() as url:
        token = await third.token()
        await pair.there.fill(make_campaign(), *make_stand(10))
        for _ in range(2):
            await pair.sync()
            for house in (pair.here, pair.there):
                async with Peer.open(url, token) as peer:
                    assert (await synchronise(house.journal, peer, ORG, now_ms)).agrees
        counts = [len(await house.records()) for house in (pair.here, pair.there, third)]
        assert counts == [13, 13, 13]


async def test_field_records_travel_with_the_enrolment_that_vouches_for_them(pair: Pair) -> None:
    device = Device()
    revoke = seal(Revoke(ORG, device.name, device.key.public.raw, "lost", AT_MS), ORG_KEY)
    await pair.there.admit(device, device.enrol, device.observe("one"), device.observe("two"), revoke)
    report = await pair.sync()
    assert (report.pulled, report.agrees) == (4, True)
    assert [record.kind for record in await pair.here.records()] == ["enrol", "observation", "observation", "revoke"]
    assert await pair.here.journal.is_revoked(ORG, device.name, device.key.public.raw)


async def test_a_restored_older_copy_is_filled_up_by_ranges_though_its_cursor_says_all_was_read(
    pair: Pair,
) -> None:
    stand = make_stand(300)
    await pair.there.fill(make_campaign(), *stand)
    await pair.sync()
    # The peer loses records behind the cursors: as if its disk had come back from an older backup.
    lost = [bytes(record.cid) for record in random.Random(5).sample(stand[1:-1], 20)]
    await pair.there.journal.write(partial(_forget, cids=lost))
    report = await pair.sync()
    assert (report.pulled, report.pushed, report.agrees, report.rounds) == (0, 20, True, 1)
    await pair.assert_equal()


def _forget(db: sqlite3.Connection, cids: list[bytes]) -> None:
    for cid in cids:
        db.execute("DELETE FROM exchange_entry WHERE cid = ?", (cid,))
        db.execute("DELETE FROM record WHERE cid = ?", (cid,))


async def test_two_bodies_under_one_number_stay_apart_with_an_alarm_on_both_sides(pair: Pair) -> None:
    device = Device()
    for house in (pair.here, pair.there):
        await house.admit(device, device.enrol)
    first = device.observe("this")
    second = seal(renumber(device.observe("that").expect(Observation), 0), device.key)
    third = device.observe("after")
    assert await pair.here.admit(device, first, third) == ["stored", "stored"]
    assert await pair.there.admit(device, second) == ["stored"]
    for _ in range(3):
        report = await pair.sync()
        assert (report.agrees, report.disputed) == (True, 1)
    for house, ours, theirs in ((pair.here, first, second), (pair.there, second, first)):
        assert await house.journal.record(ours.cid) == ours.raw
        assert await house.journal.record(theirs.cid) is None
        assert [entry.raw for entry in await house.journal.quarantined(limit=9)] == [theirs.raw]
        (alarm,) = await house.journal.alarms(limit=9)
        assert str(ours.cid) in alarm
        assert str(theirs.cid) in alarm
    assert await pair.there.journal.record(third.cid) == third.raw


async def test_two_histories_of_one_tree_stay_apart_with_an_alarm_on_both_sides(pair: Pair) -> None:
    stand = make_stand(1)
    await pair.there.fill(make_campaign(), *stand)
    await pair.sync()
    tree = stand[1].expect(Tree)
    grown = [
        seal(replace(tree, prev=stand[1].cid, height_mm=Estimate(value, 300, 0, "apex-above-terrain")), SERVICE_KEY)
        for value in (30_000, 31_000)
    ]
    await pair.here.fill(grown[0])
    await pair.there.fill(grown[1])
    report = await pair.sync()
    assert (report.agrees, report.disputed) == (True, 1)
    for house, theirs in ((pair.here, grown[1]), (pair.there, grown[0])):
        assert [entry.rule for entry in await house.journal.quarantined(limit=9)] == ["TreeForked"]
        assert [entry.raw for entry in await house.journal.quarantined(limit=9)] == [theirs.raw]
        assert len(await house.journal.alarms(limit=9)) == 1


async def test_a_key_that_nobody_trusts_is_told_and_may_be_trusted_later(pair: Pair) -> None:
    stranger = SERVICE_KEY.from_seed(b"z" * 32)
    stand = make_stand(3, key=stranger)
    await pair.there.fill(make_campaign(), *stand)
    report = await pair.sync()
    assert (report.pulled, report.agrees) == (1, False)
    # The trees of a survey that was not taken have nothing to stand on.
    assert {outcome.rule for outcome in report.refused_here.values()} == {"UntrustedSigner"}
    assert stranger.public.raw.hex() in report.refused_here[stand[0].cid].reason
    await pair.here.journal.write(lambda db: trust_service(db, Trust(ORG, stranger.public)))
    again = await pair.sync()
    assert (again.pulled, again.agrees, again.refused_here) == (5, True, {})


async def test_a_late_record_of_a_key_that_is_revoked_here_stays_in_quarantine_and_is_told(pair: Pair) -> None:
    device = Device()
    one, late = device.observe("one"), device.observe("late")
    revoke = seal(Revoke(ORG, device.name, device.key.public.raw, "lost", AT_MS), ORG_KEY)
    assert await pair.here.admit(device, device.enrol, one, revoke) == ["stored"] * 3
    assert await pair.there.admit(device, device.enrol, one, late) == ["stored"] * 3
    report = await pair.sync()
    assert (report.pulled, report.pushed, report.agrees) == (0, 1, False)
    assert {cid: outcome.rule for cid, outcome in report.refused_here.items()} == {late.cid: "KeyRevoked"}
    assert [entry.raw for entry in await pair.here.journal.quarantined(limit=9)] == [late.raw]


async def test_a_declared_cloud_beyond_any_upload_is_refused_and_the_rest_is_taken(pair: Pair) -> None:
    device = Device()
    small, large = device.declare(Cid.of(RAW, b"s"), 1_000), device.declare(Cid.of(RAW, b"l"), MAX_FILE_BYTES + 1)
    # Another software's server took it; ours only holds it.
    await pair.there.admit(device, device.enrol, small)
    await pair.there.fill(large)
    report = await pair.sync()
    assert (report.pulled, report.agrees) == (2, False)
    assert {outcome.rule for outcome in report.refused_here.values()} == {"UploadTooLarge"}


async def test_a_token_of_another_organisation_is_told(pair: Pair) -> None:
    pair.token = await pair.there.token(OTHER)
    with pytest.raises(InvalidExchange, match=ORG):
        await pair.sync()


async def test_a_token_without_the_scope_is_told(pair: Pair) -> None:
    pair.token = await pair.there.token(ORG, ["feed"])
    with pytest.raises(PeerFailed, match="export"):
        await pair.sync()


async def test_another_server_under_the_same_address_is_read_from_its_beginning(pair: Pair, tmp_path: Path) -> None:
    await pair.there.fill(make_campaign(), *make_stand(5))
    await pair.sync()
    pair.url = pair.url.rstrip("/")
    async with open_house(tmp_path / "new") as new, new.serve() as url:
        await new.fill(make_campaign("new"), *make_stand(5, "new", campaign="new"))
        # What was kept for the old server is now asked of the new one.
        await pair.here.journal.write(lambda db: db.execute("UPDATE exchange_peer SET url = ?", (url,)))
        async with Peer.open(url, await new.token()) as peer:
            report = await synchronise(pair.here.journal, peer, ORG, now_ms)
        assert (report.pulled, report.agrees) == (8, True)
        assert await new.digest() == await pair.here.digest()


async def test_a_peer_that_is_gone_is_told(pair: Pair) -> None:
    async with Peer.open("http://127.0.0.1:9", "x") as peer:
        with pytest.raises(PeerFailed, match="run it again"):
            await synchronise(pair.here.journal, peer, ORG, now_ms)


@pytest.mark.parametrize("after", range(6))
async def test_cut_off_before_any_question_and_run_again_gives_the_same(tmp_path: Path, after: int) -> None:
    class Dying(Peer):
        async def _ask(self, *args: object, **options: object) -> bytes:
            if self.traffic.requests == after:
                raise asyncio.CancelledError
            return await super()._ask(*args, **options)  # type: ignore[arg-type]

    async with open_pair(tmp_path) as pair:
        await pair.there.fill(make_campaign("a"), *make_stand(10, "a", campaign="a"))
        await pair.here.fill(make_campaign("b"), *make_stand(10, "b", campaign="b"))
        async with Dying.open(pair.url, pair.token) as peer:
            with pytest.raises(asyncio.CancelledError):
                await synchronise(pair.here.journal, peer, ORG, now_ms)
        report = await pair.sync()
        assert report.agrees
        await pair.assert_equal()
        assert [len(await house.records()) for house in (pair.here, pair.there)] == [26, 26]


@pytest.mark.slow
async def test_five_thousand_records_that_differ_by_hundreds_on_both_sides(
    pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    campaign, stand = make_campaign(), make_stand(5_000)
    survey, trees, result = stand[0], stand[1:-1], stand[-1]
    chance = random.Random(11)
    only_here, only_there = set(chance.sample(range(2_500), 300)), set(chance.sample(range(2_500, 5_000), 400))
    await pair.here.fill(campaign, survey, *_without(trees, only_there), result)
    await pair.there.fill(campaign, survey, *_without(trees, only_here), result)
    report = await pair.sync()
    assert (report.pulled, report.pushed, report.agrees) == (400, 300, True)
    await pair.assert_equal()
    with capsys.disabled():
        print(f"\n700 of 5,000: {report.requests} questions, {report.sent} bytes out, {report.received} in")  # noqa: T201


@pytest.mark.slow
async def test_five_thousand_records_by_ranges_alone(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    stand = make_stand(5_000)
    await pair.here.fill(make_campaign(), *stand)
    await pair.there.fill(make_campaign(), *stand)
    assert (await pair.sync()).requests == 1
    chance = random.Random(12)
    lost = [bytes(record.cid) for record in chance.sample(stand[1:-1], 40)]
    for house, some in ((pair.here, lost[:20]), (pair.there, lost[20:])):
        await house.journal.write(partial(_forget, cids=some))
    report = await pair.sync()
    assert report.agrees
    await pair.assert_equal()
    with capsys.disabled():
        print(f"\n40 of 5,000: {report.requests} questions, {report.sent} bytes out, {report.received} in")  # noqa: T201


def _without(trees: list[Record], left_out: set[int]) -> list[Record]:
    return [tree for index, tree in enumerate(trees) if index not in left_out]


@given(st.sets(st.binary(min_size=1, max_size=4), max_size=70))
def test_the_streaming_root_is_that_of_the_whole_tree(leaves: set[bytes]) -> None:
    ordered = sorted(leaves)
    expected = build_sorted_tree(ordered).root if ordered else EMPTY
    assert compute_root(ordered) == (len(ordered), expected)


@given(st.sets(st.integers(0, 999)), st.sets(st.integers(0, 999)))
def test_ranges_find_exactly_the_difference_of_two_sets(ours: set[int], theirs: set[int]) -> None:
    names = {number: Cid.of(DAG_CBOR, str(number).encode()) for number in ours | theirs}
    sides = [sorted(bytes(names[number]) for number in side) for side in (ours, theirs)]
    difference, asked = Difference(), [""]
    while asked:
        pairs = [[_digest(side, prefix) for side in sides] for prefix in asked]
        asked = [prefix for here, there in pairs for prefix in compare(here, there, difference)]
    assert set(difference.ours) == {names[number] for number in ours - theirs}
    assert set(difference.theirs) == {names[number] for number in theirs - ours}


def _digest(leaves: list[bytes], prefix: str) -> PrefixDigest:
    within = [leaf for leaf in leaves if leaf[4:].hex().startswith(prefix)]
    cids = tuple(map(Cid.from_bytes, within)) if len(within) <= LISTED else None
    return PrefixDigest(prefix, *compute_root(within), cids)


@pytest.mark.parametrize("prefix", ["", "0", "a7", "f", "fff"])
async def test_a_prefix_selects_the_records_whose_hash_begins_with_it(tmp_path: Path, prefix: str) -> None:
    async with open_house(tmp_path / "j") as house:
        await house.fill(*make_stand(60))
        await house.digest()
        found = await house.journal.read(lambda db: digest_prefix(db, ORG, "ridge-2026", prefix))
        leaves = sorted(bytes(record.cid) for record in await house.records())
        assert found == _digest(leaves, prefix)


async def test_a_prefix_of_other_symbols_is_refused(tmp_path: Path) -> None:
    async with open_house(tmp_path / "j") as house:
        for prefix in ("g", "A", "0" * 65):
            with pytest.raises(InvalidExchange):
                await house.journal.read(partial(digest_prefix, org=ORG, campaign="", prefix=prefix))
