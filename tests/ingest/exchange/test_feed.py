"""The feed shows a member what it may see, in the order of admission, without gaps; cursors cannot be made up."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cid import Cid
from domain.envelope import seal
from domain.records.field import Observation
from ingest.exchange.batch import unpack_batch
from ingest.exchange.cursors import format_cursor, parse_cursor
from ingest.exchange.errors import CursorAhead, ForeignCursor, InvalidFeedCursor, TokenRefused
from ingest.exchange.feed import KIND, FeedPage, feed
from ingest.exchange.members import add_member, find_member, remove_members
from ingest.exchange.tables import prepare
from tests.domain.samples import BODIES
from tests.ingest.devices import AT_MS, Device
from tests.ingest.exchange.houses import ORG, OTHER, OTHER_KEY, House, make_campaign, make_stand, open_house


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path / "j") as house:
        yield house


async def read_all(house: House, org: str = ORG, limit: int = 7, after: str = "") -> list[Cid]:
    cids: list[Cid] = []
    while True:
        page = await feed(house.journal, org, after, limit)
        cids += [entry.cid for entry in page.entries]
        if not page.has_more:
            return cids
        after = page.cursor


async def test_pages_together_are_all_records_in_the_order_of_admission(house: House) -> None:
    records = [make_campaign(), *make_stand(20)]
    await house.fill(*records)
    assert await read_all(house) == [record.cid for record in records]


async def test_a_reader_beside_concurrent_admissions_misses_nothing_and_sees_nothing_twice(house: House) -> None:
    devices = [Device(name=f"rover-{number}") for number in range(8)]
    for device in devices:
        assert await house.admit(device, device.enrol) == ["stored"]
    seen: list[Cid] = []
    is_done = asyncio.Event()

    async def follow() -> None:
        cursor = ""
        while True:
            ended = is_done.is_set()
            page = await feed(house.journal, ORG, cursor, 5)
            seen.extend(entry.cid for entry in page.entries)
            cursor = page.cursor
            if ended and not page.entries:
                return

    async def send(device: Device) -> None:
        for number in range(25):
            assert await house.admit(device, device.observe(str(number))) == ["stored"]

    async with asyncio.TaskGroup() as group:
        group.create_task(follow())
        async with asyncio.TaskGroup() as writers:
            for device in devices:
                writers.create_task(send(device))
        is_done.set()
    assert seen == [record.cid for record in await house.records()]
    assert len(seen) == len(set(seen)) == 8 * 26


async def test_a_member_sees_of_others_what_their_campaigns_allow(house: House) -> None:
    shown = [make_campaign("open", org=OTHER), *make_stand(3, campaign="open", org=OTHER, key=OTHER_KEY)]
    members = [
        make_campaign("club", org=OTHER, trees="members"),
        *make_stand(2, "club", campaign="club", org=OTHER, key=OTHER_KEY),
    ]
    hidden = [
        make_campaign("shut", org=OTHER, trees="private"),
        *make_stand(2, "shut", campaign="shut", org=OTHER, key=OTHER_KEY),
        *make_stand(2, "lost", campaign="never-declared", org=OTHER, key=OTHER_KEY),
    ]
    observation = BODIES["observation"]
    assert isinstance(observation, Observation)
    evidence = [seal(replace(observation, org=OTHER, campaign="open"), OTHER_KEY)]
    await house.fill(*shown, *hidden, *members, *evidence)
    visible = await read_all(house, ORG)
    assert visible == [record.cid for record in (*shown, *members)]
    assert await read_all(house, OTHER) == [record.cid for record in await house.records()]


async def test_who_may_see_a_record_was_decided_when_it_was_admitted(house: House) -> None:
    before = make_stand(2, "before", campaign="open", org=OTHER, key=OTHER_KEY)
    after = make_stand(2, "after", campaign="open", org=OTHER, key=OTHER_KEY)
    first, then = make_campaign("open", org=OTHER, trees="private"), make_campaign("open", org=OTHER)
    await house.fill(first, *before)
    assert await read_all(house, ORG) == []
    await house.fill(then, *after)
    assert await read_all(house, ORG) == [record.cid for record in (then, *after)]


async def test_behind_the_last_page_the_cursor_passes_what_is_private(house: House) -> None:
    await house.fill(*make_stand(5, org=OTHER, campaign="shut", key=OTHER_KEY))
    page = await feed(house.journal, ORG, "", 10)
    assert page.entries == ()
    assert await house.journal.read(lambda db: parse_cursor(db, page.cursor)) == 7


async def test_a_page_as_car_holds_the_records_and_the_cursor(house: House) -> None:
    records = [make_campaign(), *make_stand(3)]
    await house.fill(*records)
    page = await feed(house.journal, ORG, "", 3)
    batch = unpack_batch(KIND, page.pack())
    assert batch.records == tuple(record.raw for record in records[:3])
    assert (batch.fields["cursor"], batch.fields["has_more"]) == (page.cursor, True)


async def test_a_cursor_of_another_server_is_refused_by_name(house: House, tmp_path: Path) -> None:
    async with open_house(tmp_path / "other") as other:
        page = await feed(other.journal, ORG, "", 10)
    with pytest.raises(ForeignCursor, match="one cursor for each server"):
        await feed(house.journal, ORG, page.cursor, 10)


async def test_a_cursor_beyond_a_restored_journal_is_told(house: House) -> None:
    cursor = await house.journal.read(lambda db: format_cursor(db, 99))
    with pytest.raises(CursorAhead, match="older copy"):
        await feed(house.journal, ORG, cursor, 10)


@given(st.text(max_size=80) | st.binary(min_size=32, max_size=32).map(lambda raw: raw.hex()))
def test_any_text_is_a_cursor_or_our_error(text: str) -> None:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.execute("CREATE TABLE record (row INTEGER PRIMARY KEY)")
    prepare(db)
    try:
        assert parse_cursor(db, text) == 0
        assert text == ""
    except InvalidFeedCursor:
        pass
    finally:
        db.close()


async def test_every_changed_symbol_of_a_cursor_is_found(house: House) -> None:
    await house.fill(make_campaign())
    cursor = (await feed(house.journal, ORG, "", 10)).cursor
    for place, symbol in enumerate(cursor[:-1]):
        other = "A" if symbol != "A" else "B"
        changed = cursor[:place] + other + cursor[place + 1 :]
        with pytest.raises(InvalidFeedCursor):
            await feed(house.journal, ORG, changed, 10)


async def test_a_poll_waits_for_news_and_no_longer_than_asked(house: House) -> None:
    token = await house.token()
    page = await house.exchange.feed(token, "", 10, wait_s=0.05, is_own=False)
    assert page.entries == ()

    async def poll() -> FeedPage:
        return await house.exchange.feed(token, page.cursor, 10, wait_s=20, is_own=False)

    waiting = asyncio.create_task(poll())
    await asyncio.sleep(0.05)
    assert not waiting.done()
    campaign = make_campaign()
    await house.fill(campaign)
    async with asyncio.timeout(5):
        assert [entry.cid for entry in (await waiting).entries] == [campaign.cid]


async def test_a_token_speaks_for_its_organisation_within_its_scopes(house: House) -> None:
    token = await house.token(ORG, ["feed"])
    member = await house.journal.read(lambda db: find_member(db, token, "feed"))
    assert (member.org, sorted(member.scopes)) == (ORG, ["feed"])
    for bad, scope in ((token, "import"), (token[:-1], "feed"), ("", "feed"), ("x" * 999, "feed")):
        with pytest.raises(TokenRefused, match=scope):
            await house.journal.read(partial(find_member, token=bad, scope=scope))


async def test_a_token_is_not_kept_and_can_be_taken_back(house: House) -> None:
    token = await house.journal.write(lambda db: add_member(db, ORG, ["feed"], label="a", now_ms=AT_MS))
    kept = await house.journal.read(lambda db: db.execute("SELECT * FROM exchange_member").fetchall())
    assert token not in repr(kept)
    assert await house.journal.write(lambda db: remove_members(db, ORG)) == 1
    with pytest.raises(TokenRefused):
        await house.journal.read(lambda db: find_member(db, token, "feed"))
