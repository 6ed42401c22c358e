"""The service answers what devices send, truly, over a real broker."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import aiomqtt
import pytest

from domain.cid import Cid
from domain.codec import decode_map
from domain.envelope import open_envelope, pack_message, unpack_message
from domain.login import encode_login
from domain.records.receipt import Receipt
from domain.upload import Ask, encode_ask, encode_frame, parse_bitmap
from ingest.broker.embedded import SERVER, EmbeddedBroker
from ingest.journal import Journal
from ingest.link import BrokerLink
from ingest.service import IngestService, Server, end_tasks
from ingest.settings import BrokerAddress
from ipfs.memory import MemoryBlockStore
from ipfs.unixfs import read_file
from tests.ingest.devices import AT_MS, INGEST_KEY, ORG_KEY, Device
from tests.ingest.test_uploads import File


class Running:
    """A server that runs, and a device connected to it."""

    def __init__(self, journal: Journal, blocks: MemoryBlockStore, service: IngestService) -> None:
        self.journal = journal
        self.blocks = blocks
        self.service = service


@asynccontextmanager
async def serving(journal: Journal, address: BrokerAddress, folder: Path) -> AsyncIterator[Running]:
    blocks = MemoryBlockStore()
    async with IngestService.open(BrokerLink(address), Server(journal, blocks, INGEST_KEY, folder)) as service:
        async with asyncio.timeout(5):
            await service.link.connected.wait()
        yield Running(journal, blocks, service)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    async with Journal.open(tmp_path / "j") as journal:
        await journal.add_organisation("north-forest", ORG_KEY.public.raw)
        yield journal


@pytest.fixture
async def broker(journal: Journal) -> AsyncIterator[EmbeddedBroker]:
    async with EmbeddedBroker.open(journal) as broker:
        yield broker


@pytest.fixture
async def running(journal: Journal, broker: EmbeddedBroker, tmp_path: Path) -> AsyncIterator[Running]:
    address = BrokerAddress(broker.host, broker.port, SERVER, broker.password)
    async with serving(journal, address, tmp_path / "uploads") as running:
        yield running


@pytest.fixture
async def client(broker: EmbeddedBroker, running: Running) -> AsyncIterator[aiomqtt.Client]:
    device = Device()
    assert running.service.link.connected.is_set()
    async with aiomqtt.Client(
        broker.host,
        broker.port,
        identifier=device.name,
        username=device.name,
        password=encode_login(device.enrol, device.key, client_id=device.name, at_ms=AT_MS),
        protocol=aiomqtt.ProtocolVersion.V311,
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
    ) as client:
        await client.subscribe(str(device.topic("rcpt")), qos=1)
        yield client


async def next_receipt(client: aiomqtt.Client) -> Receipt:
    async with asyncio.timeout(5):
        message = await anext(aiter(client.messages))
    assert isinstance(message.payload, bytes)
    (raw,) = unpack_message(message.payload)
    record = open_envelope(raw)
    assert record.key == INGEST_KEY.public
    return record.expect(Receipt)


async def send_and_read(client: aiomqtt.Client, topic: object, payload: bytes) -> Receipt:
    await client.publish(str(topic), payload, qos=1)
    return await next_receipt(client)


async def listen(client: aiomqtt.Client) -> None:
    """Listen until the link breaks."""
    async with asyncio.timeout(5):
        async for _ in client.messages:
            continue


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110  # counters have no event of their own
            await asyncio.sleep(0.01)


async def enrol(client: aiomqtt.Client, device: Device) -> None:
    receipt = await send_and_read(client, device.topic("birth"), pack_message([device.enrol.raw]))
    assert [answer.verdict for answer in receipt.answers or ()] == ["stored"]


async def test_records_are_answered_when_they_are_in_the_journal(running: Running, client: aiomqtt.Client) -> None:
    device = Device()
    await enrol(client, device)
    records = [device.observe(str(number)) for number in range(150)]
    await client.publish(str(device.topic()), pack_message([record.raw for record in records]), qos=1)
    answered = [answer for _ in range(2) for answer in (await next_receipt(client)).answers or ()]
    assert [answer.record for answer in answered] == [record.cid for record in records]
    assert {answer.verdict for answer in answered} == {"stored"}
    assert (await running.journal.counts()).observations == 150


async def test_a_payload_that_is_no_message_is_answered_as_one(running: Running, client: aiomqtt.Client) -> None:
    receipt = await send_and_read(client, Device().topic(), b"\x00nonsense")
    assert receipt.answers is not None
    assert (receipt.answers[0].verdict, receipt.answers[0].reason) == ("refused", "NotARecord")
    assert (await running.journal.counts()).quarantined == 1


async def upload(client: aiomqtt.Client, device: Device, file: File) -> Receipt:
    """Send a file as a device does, four frames at a time; return the last receipt."""
    root = file.dag.root
    receipt = await send_and_read(client, device.topic("blob"), encode_ask(Ask(root)))
    for _ in range(200):
        assert receipt.uploads is not None
        state = receipt.uploads[0]
        if state.is_whole:
            break
        held = parse_bitmap(state.held or b"", state.frames)
        wanted = [number for number in range(state.frames) if number not in held][:4]
        for number in wanted:
            await client.publish(str(device.topic("blob")), encode_frame(file.frame(number)), qos=1)
        receipt = await next_receipt(client)
    return receipt


async def test_an_upload_becomes_blocks_and_a_survey_job(running: Running, client: aiomqtt.Client) -> None:
    device, file = Device(), File(Random(1).randbytes((3 << 20) + 11))
    await enrol(client, device)
    blob = device.declare(file.dag.root, len(file.content))
    await send_and_read(client, device.topic(), pack_message([blob.raw]))
    receipt = await upload(client, device, file)
    assert receipt.uploads is not None
    assert receipt.uploads[0].is_whole
    assert b"".join(read_file(file.dag.root, running.blocks.get)) == file.content
    job = await running.journal.claim_job("survey")
    assert job is not None
    assert decode_map(job.payload) == {"blob": blob.cid}


async def test_a_photo_is_stored_and_causes_no_survey(running: Running, client: aiomqtt.Client) -> None:
    device, file = Device(), File(b"not really a photo")
    await enrol(client, device)
    blob = device.declare(file.dag.root, len(file.content), media="image/jpeg")
    await send_and_read(client, device.topic(), pack_message([blob.raw]))
    receipt = await upload(client, device, file)
    assert receipt.uploads is not None
    assert receipt.uploads[0].is_whole
    assert await running.journal.claim_job("survey") is None


async def test_frames_that_nobody_declared_are_refused_by_name(running: Running, client: aiomqtt.Client) -> None:
    device, file = Device(), File(b"undeclared")
    await enrol(client, device)
    receipt = await send_and_read(client, device.topic("blob"), encode_frame(file.frame(0)))
    (answer,) = receipt.answers or ()
    assert (answer.record, answer.verdict, answer.reason) == (file.dag.root, "refused", "UndeclaredUpload")
    assert receipt.uploads is None
    assert list[Cid](running.blocks.cids()) == []


async def test_a_damaged_block_is_refused_by_name_and_its_frames_are_asked_again(
    running: Running, client: aiomqtt.Client
) -> None:
    device, file = Device(), File(b"a small file")
    await enrol(client, device)
    await send_and_read(
        client, device.topic(), pack_message([device.declare(file.dag.root, len(file.content), "image/png").raw])
    )
    wrong = replace(file.frame(0), data=b"another file")
    receipt = await send_and_read(client, device.topic("blob"), encode_frame(wrong))
    assert [answer.reason for answer in receipt.answers or ()] == ["DamagedFrame"]
    assert [(state.is_whole, state.held) for state in receipt.uploads or ()] == [(False, b"\0")]
    assert running.service.counts.damaged_blocks == 1
    receipt = await send_and_read(client, device.topic("blob"), encode_frame(file.frame(0)))
    assert [state.is_whole for state in receipt.uploads or ()] == [True]


async def test_a_lost_link_is_told_by_the_devices_will(running: Running, broker: EmbeddedBroker) -> None:
    device = Device()
    async with aiomqtt.Client(
        broker.host,
        broker.port,
        identifier=device.name,
        username=device.name,
        password=encode_login(device.enrol, device.key, client_id=device.name, at_ms=AT_MS),
        protocol=aiomqtt.ProtocolVersion.V311,
        will=aiomqtt.Will(str(device.topic("will")), b"", qos=1),
    ) as client:
        broker.gate.cut(device.name)
        with pytest.raises(aiomqtt.MqttError):
            await next_receipt(client)
    await until(lambda: running.service.counts.connections_lost == 1)


async def test_the_service_comes_back_when_its_link_breaks(running: Running, broker: EmbeddedBroker) -> None:
    device, link = Device(), running.service.link
    broker.gate.cut_all()
    await until(lambda: not link.connected.is_set())
    await until(link.connected.is_set)
    async with aiomqtt.Client(
        broker.host,
        broker.port,
        identifier=device.name,
        username=device.name,
        password=encode_login(device.enrol, device.key, client_id=device.name, at_ms=AT_MS),
        protocol=aiomqtt.ProtocolVersion.V311,
    ) as client:
        await client.subscribe(str(device.topic("rcpt")), qos=1)
        await enrol(client, device)


async def test_a_task_that_misses_a_cancellation_ends_all_the_same() -> None:
    missed = 0

    async def work() -> None:
        nonlocal missed
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if missed:
                    raise
                missed += 1

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await end_tasks([task])
    assert (task.cancelled(), missed) == (True, 1)


@pytest.mark.engine
async def test_the_same_over_mosquitto(journal: Journal, mosquitto_binary: Path, tmp_path: Path) -> None:
    port = 21_883
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    server = await asyncio.create_subprocess_exec(mosquitto_binary, "-c", config, stderr=asyncio.subprocess.DEVNULL)
    try:
        await asyncio.sleep(0.5)
        async with (
            serving(journal, BrokerAddress("127.0.0.1", port), tmp_path / "uploads") as running,
            aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V311) as client,
        ):
            device = Device()
            await client.subscribe(str(device.topic("rcpt")), qos=1)
            await enrol(client, device)
            await send_and_read(client, device.topic(), pack_message([device.observe().raw]))
            assert (await running.journal.counts()).observations == 1
    finally:
        server.terminate()
        await server.wait()
