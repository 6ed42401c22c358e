"""Keys that end: what they signed before is not lost, and what they sign after is not taken."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.cid import RAW, Cid
from domain.envelope import seal
from domain.keys import SigningKey
from domain.readings import Note
from domain.records.field import Observation, Place
from domain.records.membership import Revoke, Rotate
from ingest import ledger
from ingest.errors import NotQuarantined, SequenceConflict
from ingest.journal import Journal
from tests.ingest.devices import AT_MS, ORG_KEY, POLICY, Device, enrolled, outcome


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    async with Journal.open(tmp_path / "journal.sqlite") as journal:
        await journal.add_organisation("north-forest", ORG_KEY.public.raw)
        yield journal


async def rotated(journal: Journal, device: Device) -> tuple[SigningKey, SigningKey]:
    """Rotate an enrolled device's key; return the old and the new one."""
    old, new = device.key, SigningKey.from_seed(b"n" * 32)
    rotate = seal(Rotate(device.org, device.name, old.public.raw, new.public.raw, AT_MS), ORG_KEY)
    assert await outcome(journal, device, rotate) == "stored"
    return old, new


async def test_what_the_old_key_signed_before_a_rotation_is_taken_until_the_new_one_took_over(journal: Journal) -> None:
    device = await enrolled(journal, Device())
    old, new = await rotated(journal, device)
    first, second = device.observe("by the old key"), device.observe("by the old key, late")
    assert await outcome(journal, device, first) == "stored"
    device.key = new
    assert await outcome(journal, device, device.observe("by the new key")) == "stored"
    assert await outcome(journal, device, second) == "stored"
    device.key = old
    assert await outcome(journal, device, device.observe("by the old key, too late")) == "KeyRetired"


async def test_a_retired_key_begins_no_new_epoch(journal: Journal) -> None:
    device = await enrolled(journal, Device())
    old, new = await rotated(journal, device)
    device.key = new
    assert await outcome(journal, device, device.observe()) == "stored"
    body = Observation(device.org, device.name, "ridge", Place(b"e" * 16, 0, AT_MS, b"b" * 16, 0), (Note(1, "late"),))
    assert await outcome(journal, device, seal(body, old)) == "KeyRetired"


async def test_a_person_may_admit_what_a_revoked_key_signed_before_it_was_lost(journal: Journal) -> None:
    device = await enrolled(journal, Device())
    revoke = seal(Revoke(device.org, device.name, device.key.public.raw, "lost", AT_MS), ORG_KEY)
    assert await outcome(journal, device, revoke) == "stored"
    late = device.observe("measured before the card was lost")
    assert await outcome(journal, device, late) == "KeyRevoked"
    record = await journal.write(lambda db: ledger.pardon(db, late.cid, person="A. Berg", policy=POLICY, now_ms=AT_MS))
    assert record == late
    assert await journal.record(late.cid) == late.raw
    assert await journal.quarantined(limit=9) == ()
    assert await outcome(journal, device, late) == "stored"


async def test_what_breaks_another_rule_is_not_admitted_by_a_person_either(journal: Journal) -> None:
    device = await enrolled(journal, Device())
    first = device.observe("first")
    second = seal(replace(first.expect(Observation), readings=(Note(1, "second"),)), device.key)
    assert await outcome(journal, device, first) == "stored"
    assert await outcome(journal, device, second) == "SequenceConflict"
    with pytest.raises(SequenceConflict):
        await journal.write(lambda db: ledger.pardon(db, second.cid, person="A. Berg", policy=POLICY, now_ms=AT_MS))
    assert [entry.cid for entry in await journal.quarantined(limit=9)] == [second.cid]


async def test_nothing_is_pardoned_or_dropped_that_is_not_in_quarantine(journal: Journal) -> None:
    stranger = Cid.of(RAW, b"nothing")
    with pytest.raises(NotQuarantined):
        await journal.write(lambda db: ledger.pardon(db, stranger, person="A. Berg", policy=POLICY, now_ms=AT_MS))
    with pytest.raises(NotQuarantined):
        await journal.write(lambda db: ledger.drop(db, stranger))
