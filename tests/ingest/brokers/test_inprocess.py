"""A service in the broker's own process hears devices as over a socket: same topics, same promises, same limits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiomqtt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.keys import SigningKey
from domain.topics import UPLINK
from ingest.broker import reader
from ingest.broker.embedded import SERVER, UNREAD, EmbeddedBroker
from ingest.broker.inprocess import WAITING
from ingest.broker.reader import PacketReader
from ingest.journal import Journal
from tests.ingest.devices import ORG_KEY, Device
from tests.ingest.test_embedded import connect, login, next_message

Messages = AsyncIterator[tuple[str, bytes]]


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[EmbeddedBroker]:
    async with Journal.open(tmp_path / "j") as journal:
        await journal.add_organisation("north-forest", ORG_KEY.public.raw)
        async with EmbeddedBroker.open(journal) as broker:
            yield broker


class Ear:
    """Listens on a link in a task of its own."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()

    async def listen(self, messages: Messages) -> None:
        async for message in messages:
            await self.heard.put(message)

    async def next(self) -> tuple[str, bytes]:
        async with asyncio.timeout(5):
            return await self.heard.get()


@asynccontextmanager
async def listening(broker: EmbeddedBroker) -> AsyncIterator[Ear]:
    ear = Ear()
    task = asyncio.create_task(ear.listen(broker.link.messages()))
    try:
        async with asyncio.timeout(5):
            await broker.link.connected.wait()
        yield ear
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_device_is_heard_on_each_of_its_channels_and_answered(broker: EmbeddedBroker) -> None:
    device = Device()
    async with listening(broker) as ear, connect(broker, device.name, login(device)) as client:
        for channel in UPLINK:
            await client.publish(str(device.topic(channel)), channel.encode(), qos=1)
            await client.publish(str(device.topic(channel)), b"unconfirmed", qos=0)
            assert await ear.next() == (str(device.topic(channel)), channel.encode())
            assert await ear.next() == (str(device.topic(channel)), b"unconfirmed")
        await client.subscribe(str(device.topic("rcpt")), qos=1)
        assert await broker.link.publish(str(device.topic("rcpt")), b"receipt") is True
        assert (await next_message(client)).payload == b"receipt"
    async with asyncio.timeout(5):
        while await broker.link.publish(str(device.topic("rcpt")), b"receipt"):  # noqa: ASYNC110  # no event tells it
            await asyncio.sleep(0.01)


async def test_an_answer_to_another_organisations_device_of_the_same_name_is_not_sent(broker: EmbeddedBroker) -> None:
    device, namesake = Device(), Device(org="south-forest")
    async with connect(broker, device.name, login(device)) as client:
        await client.subscribe(str(device.topic("rcpt")), qos=1)
        assert await broker.link.publish(str(namesake.topic("rcpt")), b"receipt") is False
        with pytest.raises(TimeoutError):
            await next_message(client, 0.2)


async def test_what_a_device_says_elsewhere_is_acknowledged_and_not_heard(broker: EmbeddedBroker) -> None:
    device, other = Device(), Device(name="rover-2")
    async with listening(broker) as ear, connect(broker, device.name, login(device)) as client:
        for topic in (other.topic(), device.topic("rcpt"), device.topic("cmd"), "anything/else"):
            await client.publish(str(topic), b"forged", qos=1)
        await client.publish(str(device.topic()), b"own", qos=1)
        assert await ear.next() == (str(device.topic()), b"own")


async def test_exactly_once_is_not_spoken(broker: EmbeddedBroker) -> None:
    device = Device()
    async with listening(broker) as ear:
        with pytest.raises(aiomqtt.MqttError):
            async with connect(broker, device.name, login(device), timeout=1) as client:
                await client.publish(str(device.topic()), b"twice?", qos=2)
        assert ear.heard.empty()


def with_will(broker: EmbeddedBroker, device: Device, keepalive: int = 60) -> aiomqtt.Client:
    return aiomqtt.Client(
        broker.host,
        broker.port,
        identifier=device.name,
        username=device.name,
        password=login(device),
        protocol=aiomqtt.ProtocolVersion.V311,
        will=aiomqtt.Will(str(device.topic("will")), b"", qos=1),
        keepalive=keepalive,
    )


async def test_the_will_is_told_when_the_link_breaks_and_not_after_a_goodbye(broker: EmbeddedBroker) -> None:
    device = Device()
    async with listening(broker) as ear:
        async with with_will(broker, device):
            pass
        client = with_will(broker, device)
        await client.__aenter__()
        broker.gate.cut(device.name)
        with pytest.raises(aiomqtt.MqttError):
            await next_message(client)
        assert await ear.next() == (str(device.topic("will")), b"")
        await asyncio.sleep(0.1)
        assert ear.heard.empty()


async def test_a_client_that_is_silent_beyond_its_keep_alive_is_cut(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The allowance of MQTT 3.1.1, section 3.1.2.10, is one and a half keep-alives; here a tenth of one.
    monkeypatch.setattr(reader, "PATIENCE", 0.1)
    device = Device()
    async with listening(broker) as ear:
        with pytest.raises(aiomqtt.MqttError):
            async with with_will(broker, device, keepalive=4) as client:
                await next_message(client, 3)
        assert await ear.next() == (str(device.topic("will")), b"")


async def test_a_device_that_speaks_is_not_silent(broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "PATIENCE", 0.1)
    device = Device()
    async with listening(broker) as ear, with_will(broker, device, keepalive=4) as client:
        for _ in range(8):
            await asyncio.sleep(0.1)
            await client.publish(str(device.topic()), b"still here", qos=1)
        assert ear.heard.qsize() == 8


async def test_a_service_that_is_behind_is_felt_by_the_device_and_nothing_is_dropped(broker: EmbeddedBroker) -> None:
    device, count = Device(), 3 * WAITING
    messages = broker.link.messages()
    first = asyncio.ensure_future(anext(messages))
    await broker.link.connected.wait()
    async with connect(broker, device.name, login(device), timeout=30) as client, asyncio.TaskGroup() as group:
        sent = [
            group.create_task(client.publish(str(device.topic()), b"%d" % number, qos=1)) for number in range(count)
        ]
        await asyncio.sleep(0.5)
        # One is in the listener's hand, one in the reader's.
        assert sum(task.done() for task in sent) <= WAITING + 2
        heard = [await first] + [await anext(messages) for _ in range(count - 1)]
    assert [payload for _, payload in heard] == [b"%d" % number for number in range(count)]
    await messages.aclose()


async def test_without_a_service_in_the_process_messages_go_by_the_broker(broker: EmbeddedBroker) -> None:
    device = Device()
    async with listening(broker):
        pass
    async with (
        connect(broker, SERVER, broker.password) as server,
        connect(broker, device.name, login(device)) as client,
    ):
        await server.subscribe("cec/v1/+/+/+/rec", qos=1)
        await client.publish(str(device.topic()), b"hello", qos=1)
        assert (await next_message(server)).payload == b"hello"


async def test_a_server_may_subscribe_to_one_shard(broker: EmbeddedBroker) -> None:
    device = Device()
    async with (
        connect(broker, SERVER, broker.password) as server,
        connect(broker, device.name, login(device)) as client,
    ):
        # The shard of rover-1 is 3e (the vector in domain.topics).
        await server.subscribe([("cec/v1/3e/+/+/rec", 1), ("cec/v1/3f/+/+/birth", 1)])
        await client.publish(str(device.topic("birth")), b"another shard's", qos=1)
        await client.publish(str(device.topic("rec")), b"mine", qos=1)
        assert (await next_message(server)).payload == b"mine"


async def test_a_device_that_reads_no_answers_gets_no_more_and_holds_up_nobody(broker: EmbeddedBroker) -> None:
    lazy, other = Device(), Device(name="rover-2", key=SigningKey.from_seed(b"2" * 32))
    async with listening(broker) as ear, connect(broker, other.name, login(other)) as client:
        answers, writer = await open_by_hand(broker, lazy)
        # SUBSCRIBE and its SUBACK (MQTT 3.1.1, sections 3.8 and 3.9); the answers that follow are never acknowledged.
        topic = str(lazy.topic("rcpt")).encode()
        writer.write(bytes([0x82, len(topic) + 5, 0, 1, 0, len(topic)]) + topic + b"\x01")
        assert await answers.readexactly(5) == b"\x90\x03\x00\x01\x01"
        sent = 0
        while await broker.link.publish(topic.decode(), b"receipt"):
            sent += 1
            await asyncio.sleep(0)
            assert sent <= UNREAD
        assert sent == UNREAD
        await client.publish(str(other.topic()), b"not held up", qos=1)
        assert (await ear.next())[1] == b"not held up"
        writer.close()


async def open_by_hand(broker: EmbeddedBroker, device: Device) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return a connection of a device after its CONNECT (section 3.1) was accepted (section 3.2)."""
    answers, writer = await asyncio.open_connection(broker.host, broker.port)
    texts = [len(raw).to_bytes(2) + raw for raw in (device.name.encode(), device.name.encode(), login(device).encode())]
    body = b"\x00\x04MQTT\x04\xc2\x00\x3c" + b"".join(texts)
    writer.write(bytes([0x10, len(body) & 0x7F | 0x80, len(body) >> 7]) + body)
    assert await answers.readexactly(4) == b"\x20\x02\x00\x00"
    return answers, writer


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=300)), max_size=8), st.integers(1, 400))
@settings(deadline=None)
async def test_packets_are_the_same_however_the_network_cuts_them(packets: list[tuple[int, bytes]], size: int) -> None:
    def whole(kind: int, body: bytes) -> bytes:
        length = [len(body)] if len(body) < 0x80 else [len(body) & 0x7F | 0x80, len(body) >> 7]
        return bytes([kind, *length]) + body

    stream = asyncio.StreamReader()
    source = PacketReader(stream, lambda: 0)
    raw = b"".join(whole(*packet) for packet in packets)
    for first in range(0, len(raw), size):
        stream.feed_data(raw[first : first + size])
    stream.feed_eof()
    read = b""
    while chunk := await source.read(7):
        read += chunk
    assert read == raw
