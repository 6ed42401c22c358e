"""The doorman keeps a broker's door in step with the journal, whatever the broker says and whoever writes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.envelope import Record, seal
from domain.keys import SigningKey
from domain.records.membership import Revoke, Rotate
from ingest.broker.doorman import Doorman
from ingest.broker.errors import DeviceNameTaken, DoorRefused
from ingest.journal import Journal
from tests.ingest.devices import AT_MS, ORG_KEY, Device, enrolled, outcome


class Door:
    """A door that writes down what it was asked, and refuses as often as it is told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.refusals = 0
        self.taken = ""

    async def admit(self, _org: str, device: str) -> None:
        self._ask("admit", device)
        if device == self.taken:
            raise DeviceNameTaken(device, "south-forest")

    async def cut(self, _org: str, device: str) -> None:
        self._ask("cut", device)

    def _ask(self, what: str, device: str) -> None:
        if self.refusals:
            self.refusals -= 1
            raise DoorRefused(device, "not now")
        self.asked.append((what, device))


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    async with Journal.open(tmp_path / "j") as journal:
        await journal.add_organisation("north-forest", ORG_KEY.public.raw)
        yield journal


def revoke(device: Device) -> Record:
    return seal(Revoke(device.org, device.name, device.key.public.raw, "lost", AT_MS), ORG_KEY)


async def test_who_is_enrolled_is_let_in_and_who_is_revoked_is_put_out(journal: Journal) -> None:
    door = Door()
    device = await enrolled(journal, Device())
    await outcome(journal, device, device.observe())
    await outcome(journal, device, revoke(device))
    await Doorman(journal, door).step()
    assert door.asked == [("admit", "rover-1"), ("cut", "rover-1")]
    assert await Doorman(journal, door).step() == 0


async def test_a_device_with_another_good_key_may_come_again(journal: Journal) -> None:
    door = Door()
    device = await enrolled(journal, Device())
    new = SigningKey.from_seed(b"n" * 32)
    rotate = seal(Rotate(device.org, device.name, device.key.public.raw, new.public.raw, AT_MS), ORG_KEY)
    await outcome(journal, device, rotate)
    await outcome(journal, device, revoke(device))
    await Doorman(journal, door).step()
    assert door.asked[-2:] == [("cut", "rover-1"), ("admit", "rover-1")]


async def test_what_the_broker_did_not_take_is_asked_again_from_there(journal: Journal) -> None:
    door = Door()
    await enrolled(journal, Device())
    door.refusals = 1
    with pytest.raises(DoorRefused):
        await Doorman(journal, door).step()
    await Doorman(journal, door).step()
    assert door.asked == [("admit", "rover-1")]


async def test_a_name_that_is_taken_does_not_hold_up_the_next(journal: Journal) -> None:
    door = Door()
    door.taken = "rover-1"
    await enrolled(journal, Device())
    await enrolled(journal, Device("rover-2"))
    await Doorman(journal, door).step()
    assert door.asked == [("admit", "rover-1"), ("admit", "rover-2")]


async def test_the_doorman_acts_as_soon_as_something_is_admitted(journal: Journal) -> None:
    door = Door()
    async with Doorman(journal, door).open(), asyncio.timeout(5):
        await enrolled(journal, Device())
        while not door.asked:  # noqa: ASYNC110  # a door has no event
            await asyncio.sleep(0.01)
