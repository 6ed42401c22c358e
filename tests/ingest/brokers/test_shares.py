"""Several servers divide the devices of one broker: each device is served by exactly one, birth and records alike."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest

from domain.envelope import open_envelope, pack_message
from domain.keys import SigningKey
from domain.records.field import Observation
from domain.records.membership import Enrol
from ingest.broker.certificates import open_client_context
from ingest.broker.shards import Shards
from ingest.journal import Journal
from ingest.link import BrokerLink
from ingest.service import IngestService, Server
from ipfs.memory import MemoryBlockStore
from tests.ingest.brokers.servers import HOST, MOSQUITTO, NATS, Certificates, Site, open_mosquitto, open_nats
from tests.ingest.devices import INGEST_KEY, ORG_KEY, Device

pytestmark = pytest.mark.engine

SERVERS = ("cec-ingest-0", "cec-ingest-1", "cec-ingest-2")
DEVICES = tuple(Device(f"rover-{number}", key=SigningKey.from_seed(bytes([number]) * 32)) for number in range(24))


@asynccontextmanager
async def open_share(site: Site, index: int, folder: Path) -> AsyncIterator[Journal]:
    """Run one of the servers, with a journal of its own."""
    async with Journal.open(folder / f"journal-{index}") as journal:
        await journal.add_organisation("north-forest", ORG_KEY.public.raw)
        server = Server(journal, MemoryBlockStore(), INGEST_KEY, folder / f"up-{index}")
        link = BrokerLink(site.address(SERVERS[index]), Shards(index, len(SERVERS)))
        async with IngestService.open(link, server) as service:
            async with asyncio.timeout(30):
                await service.link.connected.wait()
            yield journal


async def speak(site: Site, device: Device) -> None:
    """Connect as a device, send its birth and a record, and wait for both answers."""
    await site.door.admit(device.org, device.name)
    client = aiomqtt.Client(
        HOST,
        site.port,
        identifier=device.name,
        protocol=aiomqtt.ProtocolVersion.V311,
        tls_context=open_client_context(site.certificates.client(device.name)),
    )
    async with asyncio.timeout(10):
        while True:
            try:
                await client.__aenter__()
                break
            except aiomqtt.MqttError:
                await asyncio.sleep(0.1)  # NATS may not yet have read that the device was admitted
        await client.subscribe(str(device.topic("rcpt")), qos=1)
        for channel, record in (("birth", device.enrol), ("rec", device.observe())):
            await client.publish(str(device.topic(channel)), pack_message([record.raw]), qos=1)
            await anext(aiter(client.messages))
        await client.__aexit__(None, None, None)


async def devices_in(journal: Journal, kind: type[Enrol] | type[Observation]) -> list[str]:
    records = [open_envelope(entry.raw).body for entry in await journal.records_after(0, limit=1_000)]
    return [body.device for body in records if isinstance(body, kind)]


@pytest.mark.parametrize("name", [MOSQUITTO, NATS])
async def test_every_device_is_served_by_the_one_server_that_holds_its_shard(name: str, tmp_path: Path) -> None:
    certificates = Certificates.make(tmp_path / "certificates")
    opened = {MOSQUITTO: open_mosquitto, NATS: open_nats}[name]
    async with opened(tmp_path / "broker", certificates, SERVERS) as site, AsyncExitStack() as stack:
        journals = [await stack.enter_async_context(open_share(site, index, tmp_path)) for index in range(len(SERVERS))]
        for device in DEVICES:
            await speak(site, device)
        for index, journal in enumerate(journals):
            share = Shards(index, len(SERVERS))
            mine = sorted(device.name for device in DEVICES if share.holds(device.name))
            assert mine
            assert sorted(await devices_in(journal, Enrol)) == mine
            assert sorted(await devices_in(journal, Observation)) == mine
            assert (await journal.counts()).quarantined == 0
