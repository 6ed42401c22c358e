"""The same server over four ways to a broker: what a device sends arrives once, and nobody speaks for another."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import aiomqtt
import pytest

import edge.settings
from domain.envelope import pack_message, seal
from domain.errors import CecError
from domain.inquiry import parse_inquiry
from domain.keys import SigningKey
from domain.login import encode_login
from domain.readings import Note
from domain.records.field import Observation, Place
from domain.records.membership import Enrol, Revoke
from domain.topics import CHANNELS
from edge.agent import Agent
from edge.client import PromptClient
from edge.identity import import_enrolment, open_key
from edge.settings import EdgeSettings
from ingest.broker.certificates import open_client_context
from ingest.broker.doorman import Doorman
from ingest.broker.errors import DeviceNameTaken
from ingest.journal import Journal
from ingest.service import IngestService, Server
from ingest.settings import TlsFiles
from ipfs.memory import MemoryBlockStore
from ipfs.unixfs import read_file
from tests.ingest.brokers.servers import (
    BROKERS,
    EMBEDDED,
    HOST,
    IN_PROCESS,
    MOSQUITTO,
    NATS,
    Certificates,
    Site,
    embedded_process,
    free_ports,
    open_site,
)
from tests.ingest.brokers.tunnel import open_tunnel
from tests.ingest.devices import AT_MS, INGEST_KEY, ORG_KEY, Device

pytestmark = pytest.mark.engine

ORG = "north-forest"
OTHER_KEY = SigningKey.from_seed(b"2" * 32)
RECORDS = 240
KILLS = 3


@dataclass(frozen=True)
class House:
    """A site, its journal, and a service between them."""

    site: Site
    journal: Journal
    blocks: MemoryBlockStore
    service: IngestService


@asynccontextmanager
async def open_house(name: str, folder: Path) -> AsyncIterator[House]:
    """Run a server whose door is kept by the journal."""
    async with open_unkept_house(name, folder) as house, Doorman(house.journal, house.site.door).open():
        yield house


@asynccontextmanager
async def open_unkept_house(name: str, folder: Path) -> AsyncIterator[House]:
    """Run a server whose broker hears nothing of who may come in."""
    blocks = MemoryBlockStore()
    async with Journal.open(folder / "j") as journal:
        await journal.add_organisation(ORG, ORG_KEY.public.raw)
        async with open_site(name, folder, journal) as site:
            server = Server(journal, blocks, INGEST_KEY, folder / "up")
            async with serving(site, server) as service:
                yield House(site, journal, blocks, service)


@asynccontextmanager
async def serving(site: Site, server: Server) -> AsyncIterator[IngestService]:
    async with IngestService.open(site.link, server) as service:
        async with asyncio.timeout(10):
            await site.link.connected.wait()
        yield service


@pytest.fixture(params=BROKERS)
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(request.param, tmp_path) as house:
        yield house


def enrol_agent(folder: Path, name: str = "rover-1") -> None:
    key = open_key(folder)
    import_enrolment(folder, seal(Enrol(ORG, name, key.public.raw, INGEST_KEY.public.raw, AT_MS), ORG_KEY).raw)


def observe(place: Place) -> Observation:
    return Observation(ORG, "rover-1", "ridge", place, (Note(1, "a note"),))


@asynccontextmanager
async def agent_at(site_port: int, tls: TlsFiles, folder: Path, *, takes_login: bool) -> AsyncIterator[Agent]:
    """Run a device's agent over TLS; where the broker wants no password beside a certificate, through a tunnel."""
    async with AsyncExitStack() as stack:
        settings = EdgeSettings(folder, HOST, site_port, "ridge", retry_s=0.5)
        if takes_login:
            settings = replace(settings, tls=edge.settings.TlsFiles(tls.ca, tls.certificate, tls.key))
        else:
            settings = replace(settings, port=await stack.enter_async_context(open_tunnel(HOST, site_port, tls)))
        yield await stack.enter_async_context(Agent.open(settings))


def connect(site: Site, device: Device, tls: TlsFiles) -> aiomqtt.Client:
    login = encode_login(device.enrol, device.key, client_id=device.name, at_ms=AT_MS)
    # A broker that turns a client away over TLS 1.3 does so after the handshake; this client notices at once.
    return PromptClient(
        HOST,
        site.port,
        identifier=device.name,
        username=device.name if site.takes_login else None,
        password=login if site.takes_login else None,
        protocol=aiomqtt.ProtocolVersion.V311,
        timeout=5,
        keepalive=30,
        tls_context=open_client_context(tls),
    )


async def next_message(client: aiomqtt.Client, seconds: float = 10) -> aiomqtt.Message:
    async with asyncio.timeout(seconds):
        return await anext(aiter(client.messages))


async def list_refused(journal: Journal) -> list[str]:
    """Return the rules by which records were refused; a question of the agent is no record."""
    refused = []
    for entry in await journal.quarantined(limit=100):
        try:
            parse_inquiry(entry.raw)
        except CecError:
            refused.append(entry.rule)
    return refused


def codes(granted: object) -> list[int]:
    assert isinstance(granted, list | tuple)
    return [code if isinstance(code, int) else int(code.value) for code in granted]


async def until_connected(client: aiomqtt.Client) -> None:
    """Enter a client; NATS may turn a device away until it has read that it was admitted."""
    async with asyncio.timeout(10):
        while True:
            try:
                await client.__aenter__()
            except aiomqtt.MqttError:
                await asyncio.sleep(0.1)
            else:
                return


async def test_an_agents_records_and_a_file_arrive(house: House, tmp_path: Path) -> None:
    enrol_agent(tmp_path / "d")
    content = Random(1).randbytes((2 << 20) + 77)
    (tmp_path / "cloud.laz").write_bytes(content)
    site = house.site
    await site.door.admit(ORG, "rover-1")
    tls = site.certificates.client("rover-1")
    async with agent_at(site.port, tls, tmp_path / "d", takes_login=site.takes_login) as agent:
        for _ in range(300):
            agent.spool.append(observe, readings=1)
        root = await agent.offer_file(tmp_path / "cloud.laz", media="application/vnd.laszip")
        assert await agent.wait_drained(timeout_s=30)
        status = agent.spool.status()
    assert (status.readings, status.received, status.refused, status.queued) == (300, 302, 0, 0)
    assert (await house.journal.counts()).observations == 300
    assert await list_refused(house.journal) == []
    assert b"".join(read_file(root, house.blocks.get)) == content


async def test_a_device_speaks_for_itself_and_hears_what_it_is_told_alone(house: House) -> None:
    site, device, other = house.site, Device(), Device(name="rover-2", key=OTHER_KEY)
    for one in (device, other):
        await site.door.admit(ORG, one.name)
    mine, others = (connect(site, one, site.certificates.client(one.name)) for one in (device, other))
    await until_connected(mine)
    await until_connected(others)
    for topic in (str(other.topic("rcpt")), f"cec/v1/+/{ORG}/+/rcpt", "cec/v1/#", "#", "$SYS/#"):
        with suppress(aiomqtt.MqttError):
            assert codes(await mine.subscribe(topic, qos=1)) == [0x80]
    assert codes(await others.subscribe(str(other.topic("rcpt")), qos=1)) == [1]
    assert codes(await mine.subscribe(str(device.topic("rcpt")), qos=1)) == [1]
    for channel in CHANNELS:
        await mine.publish(str(other.topic(channel)), pack_message([other.enrol.raw]), qos=1)
    await mine.publish(str(device.topic("rcpt")), b"to myself", qos=1)
    await mine.publish(str(device.topic("birth")), pack_message([device.enrol.raw]), qos=1)
    # Its own birth is answered to itself; nothing of what it forged came through before it.
    assert (await next_message(mine)).topic.value == str(device.topic("rcpt"))
    assert (house.service.counts.messages, house.service.counts.stored) == (1, 1)
    with pytest.raises(TimeoutError):
        await next_message(others, 0.3)
    await mine.__aexit__(None, None, None)
    await others.__aexit__(None, None, None)


async def test_nobody_connects_without_a_certificate_of_the_organisation(house: House, tmp_path: Path) -> None:
    site, device = house.site, Device()
    await site.door.admit(ORG, device.name)
    ours = site.certificates.client(device.name)
    stranger = Certificates.make(tmp_path / "stranger").client(device.name)
    for shown in (TlsFiles(ours.ca), TlsFiles(ours.ca, stranger.certificate, stranger.key)):
        with pytest.raises(aiomqtt.MqttError):
            async with connect(site, device, shown):
                pass
    plain = PromptClient(HOST, site.port, identifier=device.name, protocol=aiomqtt.ProtocolVersion.V311, timeout=1)
    with pytest.raises(aiomqtt.MqttError):
        async with plain:
            pass


async def test_a_devices_certificate_is_no_other_devices(house: House) -> None:
    site, device, other = house.site, Device(), Device(name="rover-2", key=OTHER_KEY)
    for one in (device, other):
        await site.door.admit(ORG, one.name)
    thief = connect(site, other, site.certificates.client(device.name))
    with suppress(aiomqtt.MqttError):
        async with thief:
            await thief.publish(str(other.topic("birth")), pack_message([other.enrol.raw]), qos=1)
    client = connect(site, device, site.certificates.client(device.name))
    await until_connected(client)
    await client.subscribe(str(device.topic("rcpt")), qos=1)
    await client.publish(str(device.topic("birth")), pack_message([device.enrol.raw]), qos=1)
    await next_message(client)
    assert house.service.counts.messages == 1
    await client.__aexit__(None, None, None)


@pytest.mark.parametrize("name", [EMBEDDED, IN_PROCESS, MOSQUITTO])  # NATS does not hold it: ingest/broker/nats.py
async def test_a_device_cannot_end_another_devices_connection(name: str, tmp_path: Path) -> None:
    device, other = Device(), Device(name="rover-2", key=OTHER_KEY)
    async with open_house(name, tmp_path) as house:
        site = house.site
        for one in (device, other):
            await site.door.admit(ORG, one.name)
        victim = connect(site, other, site.certificates.client(other.name))
        await until_connected(victim)
        with suppress(aiomqtt.MqttError):
            async with connect(site, other, site.certificates.client(device.name)):
                await asyncio.sleep(0.2)
        await victim.subscribe(str(other.topic("rcpt")), qos=1)
        await victim.publish(str(other.topic("birth")), pack_message([other.enrol.raw]), qos=1)
        assert (await next_message(victim)).topic.value == str(other.topic("rcpt"))
        await victim.__aexit__(None, None, None)


async def test_a_revoked_device_is_cut_at_once_and_its_records_are_refused(house: House) -> None:
    site, device = house.site, Device()
    await site.door.admit(ORG, device.name)
    tls = site.certificates.client(device.name)
    client = connect(site, device, tls)
    await until_connected(client)
    await client.subscribe(str(device.topic("rcpt")), qos=1)
    await client.publish(str(device.topic("birth")), pack_message([device.enrol.raw, device.observe().raw]), qos=1)
    await next_message(client)
    revoke = seal(Revoke(ORG, device.name, device.key.public.raw, "stolen", AT_MS), ORG_KEY)
    await client.publish(str(device.topic()), pack_message([revoke.raw]), qos=1)
    with pytest.raises(aiomqtt.MqttError):
        await _listen(client)
    assert (await house.journal.counts()).observations == 1
    await _say_more(site, device, tls)
    assert (await house.journal.counts()).observations == 1


async def _listen(client: aiomqtt.Client) -> None:
    """Read what comes until the connection ends."""
    async with asyncio.timeout(10):
        async for _ in client.messages:
            pass


async def _say_more(site: Site, device: Device, tls: TlsFiles) -> None:
    """Try to publish as a device that was put out."""
    with suppress(aiomqtt.MqttError):
        async with connect(site, device, tls) as again:
            granted = codes(await again.subscribe(str(device.topic("rcpt")), qos=1))
            await again.publish(str(device.topic()), pack_message([device.observe().raw]), qos=1)
            await asyncio.sleep(0.3)
            assert granted == [0x80]


@pytest.fixture(params=BROKERS)
async def unkept_house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    async with open_unkept_house(request.param, tmp_path) as house:
        yield house


async def test_ingest_refuses_a_revoked_device_whatever_the_broker_does(unkept_house: House) -> None:
    house, site, device = unkept_house, unkept_house.site, Device()
    await site.door.admit(ORG, device.name)
    client = connect(site, device, site.certificates.client(device.name))
    await until_connected(client)
    await client.subscribe(str(device.topic("rcpt")), qos=1)
    await client.publish(str(device.topic("birth")), pack_message([device.enrol.raw]), qos=1)
    await next_message(client)
    # Revoked in the journal alone: the broker has not heard of it.
    revoke = seal(Revoke(ORG, device.name, device.key.public.raw, "stolen", AT_MS), ORG_KEY)
    policy = house.service._policy
    await house.journal.admit(device.send(revoke), policy)
    await client.publish(str(device.topic()), pack_message([device.observe().raw]), qos=1)
    await next_message(client)
    counts = await house.journal.counts()
    assert (counts.observations, counts.quarantined) == (0, 1)
    await client.__aexit__(None, None, None)


async def test_a_device_that_was_put_out_may_be_let_in_again(house: House) -> None:
    site, device = house.site, Device()
    if site.name in (EMBEDDED, IN_PROCESS):
        await house.journal.admit(device.send(device.enrol), house.service._policy)
    for _ in range(2):
        await site.door.admit(ORG, device.name)
        await site.door.admit(ORG, device.name)
        client = connect(site, device, site.certificates.client(device.name))
        await until_connected(client)
        assert codes(await client.subscribe(str(device.topic("rcpt")), qos=1)) == [1]
        await site.door.cut("south-forest", device.name)
        with pytest.raises(TimeoutError):
            await next_message(client, 0.3)
        await site.door.cut(ORG, device.name)
        with pytest.raises(aiomqtt.MqttError):
            await next_message(client)
        await site.door.cut(ORG, device.name)


async def test_another_organisations_device_of_the_same_name_is_not_let_in(house: House) -> None:
    site, device = house.site, Device()
    await site.door.admit(ORG, device.name)
    if site.name in (EMBEDDED, IN_PROCESS):
        return  # it tells them apart by their enrolments: tests/ingest/test_embedded.py
    with pytest.raises(DeviceNameTaken):
        await site.door.admit("south-forest", device.name)
    client = connect(site, device, site.certificates.client(device.name))
    await until_connected(client)
    assert codes(await client.subscribe(str(device.topic("rcpt")), qos=1)) == [1]
    await client.__aexit__(None, None, None)


@pytest.mark.slow
@pytest.mark.parametrize("name", [MOSQUITTO, NATS])
async def test_everything_arrives_once_though_the_broker_is_killed_and_remembers_nothing(
    name: str, tmp_path: Path
) -> None:
    enrol_agent(tmp_path / "d")
    async with open_house(name, tmp_path) as house:
        site = house.site
        await site.door.admit(ORG, "rover-1")
        tls = site.certificates.client("rover-1")
        async with agent_at(site.port, tls, tmp_path / "d", takes_login=site.takes_login) as agent:
            await _speak_through_kills(agent, tmp_path, site.restart)
        await _expect_each_once(house.journal)


async def _expect_each_once(journal: Journal) -> None:
    counts = await journal.counts()
    assert (counts.observations, counts.alarms, counts.uploads_whole) == (RECORDS, 0, 1)
    assert await list_refused(journal) == []


async def _speak_through_kills(agent: Agent, folder: Path, restart: Callable[[], Awaitable[None]]) -> None:
    content = Random(4).randbytes(3 << 20)
    (folder / "cloud.laz").write_bytes(content)
    await agent.offer_file(folder / "cloud.laz", media="application/vnd.laszip")
    for number in range(RECORDS):
        agent.spool.append(observe, readings=1)
        agent.notify()
        await asyncio.sleep(0.005)
        if number % (RECORDS // KILLS) == RECORDS // KILLS // 2:
            await restart()
    assert await agent.wait_drained(timeout_s=60)


@pytest.mark.slow
async def test_the_same_with_the_whole_server_and_its_embedded_broker(tmp_path: Path) -> None:
    enrol_agent(tmp_path / "d")
    certificates = Certificates.make(tmp_path / "certificates")
    (port,) = free_ports(1)
    server = embedded_process(tmp_path, port)
    await server.start()
    try:
        async with agent_at(port, certificates.client("rover-1"), tmp_path / "d", takes_login=True) as agent:
            await _speak_through_kills(agent, tmp_path, server.restart)
    finally:
        await server.kill()
    async with Journal.open(tmp_path / "journal") as journal:
        await _expect_each_once(journal)
