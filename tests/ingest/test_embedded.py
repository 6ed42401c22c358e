"""The embedded broker lets devices into their own topics only, and outlasts strangers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiomqtt
import pytest

from domain.envelope import seal
from domain.keys import SigningKey
from domain.login import encode_login
from domain.records.membership import Enrol, Revoke
from domain.topics import Topic
from ingest.broker import gate
from ingest.broker.embedded import SERVER, EmbeddedBroker
from ingest.journal import Journal
from tests.ingest.devices import AT_MS, INGEST_KEY, ORG_KEY, POLICY, Device

REFUSED_SUBSCRIPTION = 0x80
"""SUBACK's code of a failure (MQTT 3.1.1, section 3.9.3)."""


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    async with Journal.open(tmp_path / "j") as journal:
        await journal.add_organisation("north-forest", ORG_KEY.public.raw)
        yield journal


@pytest.fixture
async def broker(journal: Journal) -> AsyncIterator[EmbeddedBroker]:
    async with EmbeddedBroker.open(journal) as broker:
        yield broker


def login(device: Device) -> str:
    return encode_login(device.enrol, device.key, client_id=device.name, at_ms=AT_MS)


def connect(broker: EmbeddedBroker, name: str, password: str, **options: int) -> aiomqtt.Client:
    return aiomqtt.Client(
        broker.host,
        broker.port,
        identifier=name,
        username=name,
        password=password,
        protocol=aiomqtt.ProtocolVersion.V311,
        timeout=options.get("timeout", 5),
        keepalive=options.get("keepalive", 30),
    )


async def next_message(client: aiomqtt.Client, seconds: float = 5) -> aiomqtt.Message:
    async with asyncio.timeout(seconds):
        return await anext(aiter(client.messages))


async def test_what_a_device_publishes_reaches_the_server(broker: EmbeddedBroker) -> None:
    device = Device()
    async with (
        connect(broker, SERVER, broker.password) as server,
        connect(broker, device.name, login(device)) as client,
    ):
        await server.subscribe("cec/v1/+/+/+/rec", qos=1)
        await client.publish(str(device.topic()), b"hello", qos=1)
        message = await next_message(server)
        assert (message.topic.value, message.payload) == (str(device.topic()), b"hello")


async def test_what_the_server_answers_reaches_the_device_alone(broker: EmbeddedBroker) -> None:
    device, other = Device(), Device(name="rover-2", key=SigningKey.from_seed(b"2" * 32))
    async with (
        connect(broker, SERVER, broker.password) as server,
        connect(broker, device.name, login(device)) as client,
        connect(broker, other.name, login(other)) as stranger,
    ):
        topic = str(device.topic("rcpt"))
        await client.subscribe(topic, qos=1)
        (granted,) = await stranger.subscribe(topic, qos=1)
        assert (granted if isinstance(granted, int) else granted.value) == REFUSED_SUBSCRIPTION
        await server.publish(topic, b"receipt", qos=1)
        assert (await next_message(client)).payload == b"receipt"
        with pytest.raises(TimeoutError):
            await next_message(stranger, 0.3)


@pytest.mark.parametrize("topic", [Topic("north-forest", "rover-2", "rec"), Topic("north-forest", "rover-1", "rcpt")])
async def test_a_device_cannot_publish_where_others_speak(broker: EmbeddedBroker, topic: Topic) -> None:
    device = Device()
    async with (
        connect(broker, SERVER, broker.password) as server,
        connect(broker, device.name, login(device)) as client,
    ):
        for channel in ("rec", "blob", "birth", "will"):
            await server.subscribe(f"cec/v1/+/+/+/{channel}", qos=1)
        await client.publish(str(topic), b"forged", qos=1)
        await client.publish(str(device.topic()), b"own", qos=1)
        assert (await next_message(server)).payload == b"own"


def _wrong_signature(device: Device) -> tuple[str, str]:
    return device.name, encode_login(device.enrol, ORG_KEY, client_id=device.name, at_ms=AT_MS)


def _others_login(device: Device) -> tuple[str, str]:
    return "rover-2", login(device)


def _not_enrolled(device: Device) -> tuple[str, str]:
    body = Enrol(device.org, device.name, device.key.public.raw, INGEST_KEY.public.raw, AT_MS)
    return device.name, encode_login(seal(body, device.key), device.key, client_id=device.name, at_ms=AT_MS)


def _as_server(device: Device) -> tuple[str, str]:
    return SERVER, login(device)


def _no_login(device: Device) -> tuple[str, str]:
    return device.name, "guess"


@pytest.mark.parametrize("make", [_wrong_signature, _others_login, _not_enrolled, _as_server, _no_login])
async def test_who_cannot_show_an_enrolment_is_not_let_in(
    broker: EmbeddedBroker, make: Callable[[Device], tuple[str, str]]
) -> None:
    with pytest.raises(aiomqtt.MqttError, match="Not authorized"):
        async with connect(broker, *make(Device())):
            pass
    assert broker.gate.counts.refused == 1


async def test_a_revoked_device_is_not_let_in_and_a_live_one_is_cut(journal: Journal, broker: EmbeddedBroker) -> None:
    device = Device()
    await journal.admit(device.send(device.enrol), POLICY)
    revoke = seal(Revoke(device.org, device.name, device.key.public.raw, "lost", AT_MS), ORG_KEY)
    client = connect(broker, device.name, login(device))
    await client.__aenter__()
    await journal.admit(device.send(revoke), POLICY)
    broker.gate.cut(device.name)
    with pytest.raises(aiomqtt.MqttError):
        await next_message(client)
    with pytest.raises(aiomqtt.MqttError, match="Not authorized"):
        async with connect(broker, device.name, login(device)):
            pass


async def test_a_device_that_connects_again_takes_over_its_own_session(broker: EmbeddedBroker) -> None:
    device = Device()
    async with connect(broker, SERVER, broker.password) as server:
        await server.subscribe("cec/v1/+/+/+/rec", qos=1)
        first = connect(broker, device.name, login(device))
        await first.__aenter__()
        async with connect(broker, device.name, login(device)) as second:
            await second.publish(str(device.topic()), b"second", qos=1)
            assert (await next_message(server)).payload == b"second"
        with pytest.raises(aiomqtt.MqttError):
            await next_message(first)


async def test_a_stranger_cannot_take_over_a_session(broker: EmbeddedBroker) -> None:
    device = Device()
    async with (
        connect(broker, SERVER, broker.password) as server,
        connect(broker, device.name, login(device)) as client,
    ):
        await server.subscribe("cec/v1/+/+/+/rec", qos=1)
        with pytest.raises(aiomqtt.MqttError):
            async with connect(broker, device.name, "guess"):
                pass
        await client.publish(str(device.topic()), b"still here", qos=1)
        assert (await next_message(server)).payload == b"still here"


async def test_devices_of_two_organisations_that_are_named_alike_do_not_meet(
    journal: Journal, broker: EmbeddedBroker
) -> None:
    other_key = SigningKey.from_seed(b"p" * 32)
    await journal.add_organisation("south-forest", other_key.public.raw)
    device = Device()
    body = Enrol("south-forest", device.name, device.key.public.raw, INGEST_KEY.public.raw, AT_MS)
    other = encode_login(seal(body, other_key), device.key, client_id=device.name, at_ms=AT_MS)
    async with connect(broker, SERVER, broker.password) as server:
        await server.subscribe("cec/v1/+/+/+/rec", qos=1)
        async with connect(broker, device.name, other) as client:
            (granted,) = await client.subscribe(str(device.topic("rcpt")), qos=1)
            assert (granted if isinstance(granted, int) else granted.value) == REFUSED_SUBSCRIPTION
            await client.publish(str(device.topic()), b"forged", qos=1)
            await client.publish(str(Topic("south-forest", device.name, "rec")), b"own", qos=1)
            assert (await next_message(server)).payload == b"own"
            with pytest.raises(aiomqtt.MqttError, match="Not authorized"):
                async with connect(broker, device.name, login(device)):
                    pass
        async with connect(broker, device.name, login(device)) as client:
            await client.publish(str(device.topic()), b"after", qos=1)
            assert (await next_message(server)).payload == b"after"


async def test_a_half_open_connection_ends_at_the_deadline(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The deadline itself, made short.
    monkeypatch.setattr(gate, "CONNECT_DEADLINE_S", 0.2)
    reader, writer = await asyncio.open_connection(broker.host, broker.port)
    writer.write(b"\x10")
    async with asyncio.timeout(3):
        with pytest.raises((ConnectionError, EOFError)):
            await reader.readexactly(1)
    writer.close()


@pytest.mark.parametrize(
    "opening",
    [
        pytest.param(b"\x10\xff\xff\xff\x7f", id="256 MB announced"),
        pytest.param(b"\x10\xff\xff\xff\xff\xff", id="endless length"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="HTTP"),
        pytest.param(b"\x30\x05\x00\x01ab", id="PUBLISH first"),
        pytest.param(b"\x10\x02\x00\x00", id="empty protocol"),
    ],
)
async def test_what_is_not_mqtt_is_cut_at_once(broker: EmbeddedBroker, opening: bytes) -> None:
    reader, writer = await asyncio.open_connection(broker.host, broker.port)
    writer.write(opening)
    async with asyncio.timeout(3):
        with pytest.raises((ConnectionError, EOFError)):
            await reader.readexactly(1)
    writer.close()


async def test_a_packet_larger_than_any_message_ends_the_connection(broker: EmbeddedBroker) -> None:
    device = Device()
    async with connect(broker, SERVER, broker.password) as server:
        await server.subscribe("cec/v1/+/+/+/rec", qos=1)
        client = connect(broker, device.name, login(device), timeout=1)
        await client.__aenter__()
        with pytest.raises(aiomqtt.MqttError):
            await client.publish(str(device.topic()), bytes(300_000), qos=1)
        async with connect(broker, device.name, login(device)) as client:
            await client.publish(str(device.topic()), b"small", qos=1)
            assert (await next_message(server)).payload == b"small"


async def test_nothing_is_retained(broker: EmbeddedBroker) -> None:
    device = Device()
    async with connect(broker, device.name, login(device)) as client:
        await client.publish(str(device.topic()), b"old", qos=1, retain=True)
    async with connect(broker, SERVER, broker.password) as server:
        await server.subscribe("cec/v1/+/+/+/rec", qos=1)
        with pytest.raises(TimeoutError):
            await next_message(server, 0.3)
