"""An audit finds whatever was taken out of, or put into, a device's sequence."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cid import RAW, Cid
from domain.envelope import Record, seal
from domain.keys import SigningKey
from domain.readings import Note
from domain.records.field import Birth, Blob, Close, Observation, Place
from ingest.audit import Audit, audit_links, list_links
from ingest.beside import open_beside, select_links, select_refused, write
from ingest.errors import JournalDamaged, NoJournal
from ingest.journal import Journal
from tests.ingest.devices import AT_MS, ORG_KEY, POLICY, Device, enrolled, outcome

KEY = SigningKey.from_seed(b"d" * 32)
CLOUD = Cid.of(RAW, b"a cloud")


def place(epoch: int, seq: int, prev: Cid | None) -> Place:
    return Place(bytes([epoch]) * 16, seq, AT_MS, b"b" * 16, seq, prev)


def sign_day(epoch: int, notes: int, prev: Cid | None = None, *, is_closed: bool = True) -> list[Record]:
    """A device's day: birth, observations, close."""
    day = [seal(Birth("north-forest", "rover-1", place(epoch, 0, prev), "cec", last=prev), KEY)]
    for seq in range(1, notes + 1):
        where = place(epoch, seq, day[-1].cid)
        day.append(seal(Observation("north-forest", "rover-1", "ridge", where, (Note(1, f"{epoch} {seq}"),)), KEY))
    if is_closed:
        where = place(epoch, notes + 1, day[-1].cid)
        day.append(seal(Close("north-forest", "rover-1", where, notes, day[-1].cid, "ridge"), KEY))
    return day


def audit(records: list[Record], campaign: str | None = None) -> Audit:
    return audit_links(list_links(records), campaign=campaign)


def test_a_day_from_birth_to_close_is_complete() -> None:
    found = audit(sign_day(1, 5), "ridge")
    assert (found.verdict, found.of_campaign) == ("complete", 6)
    assert audit(sign_day(1, 5), "valley").of_campaign == 0


def test_a_day_without_a_close_is_open_since_its_tail_may_be_withheld() -> None:
    assert audit(sign_day(1, 5, is_closed=False)).verdict == "open"
    assert audit(sign_day(1, 5)[:-1]).verdict == "open"


@given(st.integers(2, 12), st.data())
def test_whatever_is_taken_out_before_the_close_shows(notes: int, data: st.DataObject) -> None:
    day = sign_day(1, notes)
    out = data.draw(st.sets(st.integers(0, notes), min_size=1))
    found = audit([record for place, record in enumerate(day) if place not in out])
    assert found.verdict == "broken"
    (epoch,) = found.epochs
    assert {seq for low, high in epoch.missing for seq in range(low, high + 1)} == out


def test_the_order_in_which_records_came_changes_nothing() -> None:
    day = sign_day(1, 20)
    random.Random(3).shuffle(day)
    assert audit(day).verdict == "complete"


def test_a_second_epoch_that_links_the_first_is_complete_without_a_close_between() -> None:
    first = sign_day(1, 3, is_closed=False)
    assert audit([*first, *sign_day(2, 3, first[-1].cid)]).verdict == "complete"


def test_a_tail_withheld_before_a_new_epoch_shows_by_its_birth() -> None:
    first = sign_day(1, 3, is_closed=False)
    found = audit([*first[:-1], *sign_day(2, 3, first[-1].cid)])
    assert found.verdict == "broken"
    assert str(first[-1].cid) in found.findings[0]


def test_a_record_swapped_for_another_breaks_the_link_of_the_next() -> None:
    day = sign_day(1, 3)
    body = day[2].expect(Observation)
    day[2] = seal(replace(body, readings=(Note(1, "another"),)), KEY)
    (epoch,) = audit(day).epochs
    assert len(epoch.findings) == 1
    assert "number 3 follows" in epoch.findings[0]


def test_a_close_that_signs_another_end_shows() -> None:
    day = sign_day(1, 3)
    close = day[-1].expect(Close)
    day[-1] = seal(replace(close, last_seq=2), KEY)
    assert audit(day).verdict == "broken"


def test_two_lives_of_one_card_show_as_a_fork() -> None:
    first = sign_day(1, 3, is_closed=False)
    found = audit([*first, *sign_day(2, 1, first[-1].cid), *sign_day(3, 1, first[-1].cid)])
    assert found.verdict == "broken"
    assert "copied" in found.findings[0]


def test_no_records_prove_nothing() -> None:
    assert audit([]).verdict == "broken"


async def test_a_journal_is_audited_beside_its_server_and_refused_numbers_are_not_missing(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    async with Journal.open(path) as journal:
        await journal.add_organisation("north-forest", ORG_KEY.public.raw)
        device = await enrolled(journal, Device(key=KEY))
        for record in sign_day(1, 4):
            assert await outcome(journal, device, record) == "stored"
        with open_beside(path) as db:
            found = audit_links(select_links(db, "north-forest", "rover-1"), campaign="ridge")
        assert (found.verdict, found.of_campaign, found.epochs[0].records) == ("complete", 5, 6)
        size = POLICY.max_upload_bytes + 1
        huge = seal(Blob(device.org, device.name, "ridge", place(2, 0, None), CLOUD, size, "image/jpeg"), KEY)
        assert await outcome(journal, device, huge) == "UploadTooLarge"
        with open_beside(path) as db:
            epoch = audit_links(select_links(db, "north-forest", "rover-1")).epochs[1]
            assert (epoch.records, epoch.refused, epoch.missing) == (0, 1, [])
            assert [entry.rule for entry in select_refused(db, device="rover-1")] == ["UploadTooLarge"]
            assert select_refused(db, device="rover-2") == []


def test_no_journal_and_no_database_are_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(NoJournal), open_beside(tmp_path / "journal.sqlite"):
        pass
    (tmp_path / "journal.sqlite").write_bytes(b"no database at all, but long enough to be read as one" * 9)
    with pytest.raises(JournalDamaged), open_beside(tmp_path / "journal.sqlite"):
        pass


async def test_what_fails_beside_a_server_leaves_nothing_half_written(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    async with Journal.open(path) as journal:
        with open_beside(path) as db, pytest.raises(ZeroDivisionError):
            write(db, lambda inner: (inner.execute("INSERT INTO mark VALUES ('x', 1)"), 1 // 0))
        assert await journal.mark("x") == 0
