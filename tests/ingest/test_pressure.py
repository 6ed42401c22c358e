"""A server that has more in hand than it can take says so to its devices, and loses nothing meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest

from domain.cid import Cid
from domain.envelope import open_envelope, pack_message, unpack_message
from domain.inquiry import Inquiry, encode_inquiry
from domain.records.receipt import Receipt
from ingest.entries import Stand
from ingest.errors import UndeclaredUpload
from ingest.journal import Journal
from ingest.service import MAX_PAUSE_MS, IngestService, Server
from ingest.uploads import RESERVE_BYTES
from ipfs.memory import MemoryBlockStore
from tests.ingest.devices import INGEST_KEY, ORG_KEY, Device

MESSAGES = 900


class Flood:
    """A link over which a device sends everything at once, and that keeps what it is told."""

    def __init__(self, device: Device) -> None:
        self.connected = asyncio.Event()
        self.receipts: list[Receipt] = []
        self._device = device

    async def messages(self) -> AsyncIterator[tuple[str, bytes]]:
        self.connected.set()
        yield str(self._device.topic("birth")), pack_message([self._device.enrol.raw])
        for _ in range(MESSAGES):
            yield str(self._device.topic()), pack_message([self._device.observe().raw])
        await asyncio.Event().wait()

    async def publish(self, _topic: str, payload: bytes) -> bool:
        self.receipts += [open_envelope(raw).expect(Receipt) for raw in unpack_message(payload)]
        return True

    @property
    def stored(self) -> int:
        return sum(answer.verdict == "stored" for receipt in self.receipts for answer in receipt.answers or ())


@pytest.fixture
async def flood(tmp_path: Path) -> AsyncIterator[Flood]:
    flood = Flood(Device())
    async with Journal.open(tmp_path / "j") as journal:
        await journal.add_organisation("north-forest", ORG_KEY.public.raw)
        async with IngestService.open(flood, Server(journal, MemoryBlockStore(), INGEST_KEY, tmp_path / "up")):
            async with asyncio.timeout(30):
                while flood.stored < MESSAGES + 1:  # noqa: ASYNC110  # the flood has no event
                    await asyncio.sleep(0.02)
            yield flood


async def test_a_flood_is_answered_with_a_rest_that_ends_with_it(flood: Flood) -> None:
    pauses = [receipt.pause_ms or 0 for receipt in flood.receipts]
    assert 0 < max(pauses) <= MAX_PAUSE_MS
    assert pauses[-1] == 0


def test_the_disk_that_uploads_leave_holds_a_days_records() -> None:
    # A day of a busy crew: 20,000 readings of 350 bytes in records of 40.
    assert RESERVE_BYTES > 5 * 20_000 * 350


class AwayBook:
    """A register that is away."""

    async def anchors_of(self, _cids: Sequence[Cid]) -> Mapping[Cid, Stand]:
        raise UndeclaredUpload("the register does not answer")


class Asking(Flood):
    """A device that asks how far its record has come, and then records another."""

    async def messages(self) -> AsyncIterator[tuple[str, bytes]]:
        self.connected.set()
        first = self._device.observe("first")
        yield str(self._device.topic("birth")), pack_message([self._device.enrol.raw])
        yield str(self._device.topic()), pack_message([first.raw])
        while self.stored < 2:  # noqa: ASYNC110  # receipts have no event
            await asyncio.sleep(0.01)
        yield str(self._device.topic("ask")), encode_inquiry(Inquiry(progress=(first.cid,)))
        await asyncio.sleep(0.2)
        yield str(self._device.topic()), pack_message([self._device.observe("second").raw])
        await asyncio.Event().wait()


async def test_a_register_that_is_away_costs_an_answer_and_not_the_server(tmp_path: Path) -> None:
    link = Asking(Device())
    async with Journal.open(tmp_path / "j") as journal:
        await journal.add_organisation("north-forest", ORG_KEY.public.raw)
        server = Server(journal, MemoryBlockStore(), INGEST_KEY, tmp_path / "up", AwayBook())
        async with IngestService.open(link, server), asyncio.timeout(10):
            while link.stored < 3:  # noqa: ASYNC110  # receipts have no event
                await asyncio.sleep(0.02)
