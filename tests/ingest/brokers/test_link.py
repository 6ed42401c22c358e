"""The server's link outlives brokers that break off, refuse or fall silent, and admission does not wait with them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ingest.broker.errors import CertificateUnusable
from ingest.broker.packets import find_end
from ingest.broker.shards import Shards
from ingest.link import BrokerLink
from ingest.settings import BrokerAddress, TlsFiles

HANG_S = 60.0
"""Only what waits for an event that does not come takes so long."""
ACCEPTED = b"\x20\x02\x00\x00"
"""CONNACK (MQTT 3.1.1, section 3.2)."""


@dataclass
class Deaf:
    """A broker that lets in and subscribes, and acknowledges no publication."""

    grants: int = 1
    connections: int = 0
    filters: list[list[str]] = field(default_factory=list)
    published: asyncio.Event = field(default_factory=asyncio.Event)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        buffer = bytearray()
        with suppress(OSError):
            while chunk := await reader.read(1 << 16):
                buffer += chunk
                while 0 < (end := find_end(buffer, 0, 1 << 20)) <= len(buffer):
                    self.answer(bytes(buffer[:end]), writer)
                    del buffer[:end]
        writer.close()

    def answer(self, packet: bytes, writer: asyncio.StreamWriter) -> None:
        kind = packet[0] & 0xF0
        if kind == 0x10:
            writer.write(ACCEPTED)
        elif kind == 0x80:
            body = packet[2 + (packet[1] > 0x7F) :]
            names = list_filters_of(body[2:])
            self.filters.append(names)
            writer.write(bytes([0x90, 2 + len(names)]) + body[:2] + bytes([self.grants] * len(names)))
        elif kind == 0x30:
            self.published.set()


def list_filters_of(payload: bytes) -> list[str]:
    """Return the filters of a SUBSCRIBE (section 3.8.3)."""
    names = []
    while payload:
        size = int.from_bytes(payload[:2])
        names.append(payload[2 : 2 + size].decode())
        payload = payload[3 + size :]
    return names


@asynccontextmanager
async def open_deaf(grants: int = 1) -> AsyncIterator[tuple[Deaf, int]]:
    deaf = Deaf(grants)
    server = await asyncio.start_server(deaf.serve, "127.0.0.1", 0)
    try:
        yield deaf, int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for writer in deaf.writers:
            writer.transport.abort()


@asynccontextmanager
async def listening(link: BrokerLink) -> AsyncIterator[None]:
    async def listen() -> None:
        async with aclosing(link.messages()) as messages:  # type: ignore[type-var]  # it is a generator
            async for _ in messages:
                pass

    task = asyncio.create_task(listen())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_an_answer_is_given_up_when_the_link_breaks_before_it_is_acknowledged() -> None:
    async with open_deaf() as (deaf, port):
        link = BrokerLink(BrokerAddress("127.0.0.1", port), publish_s=100 * HANG_S)
        async with listening(link), asyncio.timeout(HANG_S):
            await link.connected.wait()
            answer = asyncio.create_task(link.publish("cec/v1/3e/north-forest/rover-1/rcpt", b"receipt"))
            await deaf.published.wait()
            deaf.writers[-1].transport.abort()
            assert await answer is False


async def test_a_link_that_breaks_is_opened_again() -> None:
    async with open_deaf() as (deaf, port):
        link = BrokerLink(BrokerAddress("127.0.0.1", port))
        async with listening(link), asyncio.timeout(10):
            for number in range(1, 3):
                await link.connected.wait()
                assert deaf.connections == number
                deaf.writers[-1].transport.abort()
                while link.connected.is_set():  # noqa: ASYNC110  # no event tells that another was cleared
                    await asyncio.sleep(0.01)
        assert await link.publish("cec/v1/3e/north-forest/rover-1/rcpt", b"receipt") is False


async def test_a_server_that_may_not_listen_says_so_and_is_not_connected(caplog: pytest.LogCaptureFixture) -> None:
    async with open_deaf(grants=0x80) as (deaf, port):
        link = BrokerLink(BrokerAddress("127.0.0.1", port))
        async with listening(link), asyncio.timeout(10):
            while deaf.connections < 2:  # noqa: ASYNC110  # it tries again
                await asyncio.sleep(0.01)
            assert not link.connected.is_set()
    assert "cec/v1/+/+/+/birth" in caplog.text


async def test_a_share_is_asked_for_in_order_and_in_small_packets() -> None:
    async with open_deaf() as (deaf, port):
        link = BrokerLink(BrokerAddress("127.0.0.1", port), Shards(1, 4))
        async with listening(link), asyncio.timeout(5):
            await link.connected.wait()
    assert [name for names in deaf.filters for name in names] == [
        f"cec/v1/{number:02x}/+/+/{channel}"
        for channel in ("birth", "ask", "rec", "blob", "will")
        for number in range(64, 128)
    ]
    assert {len(names) for names in deaf.filters} == {32}


async def test_a_certificate_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(CertificateUnusable, match=r"ca\.pem"):
        BrokerLink(BrokerAddress("127.0.0.1", 1, tls=TlsFiles(tmp_path / "ca.pem")))
