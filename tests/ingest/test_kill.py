"""What a signed receipt promised is there after the whole server was killed at any moment."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import aiomqtt
import pytest

from domain.cid import Cid
from domain.envelope import Record, open_envelope, pack_message, unpack_message
from domain.login import encode_login
from domain.records.receipt import Receipt
from domain.upload import encode_frame, parse_bitmap
from ingest.journal import Journal
from ingest.uploads import UploadDesk
from ipfs.local import LocalBlockStore
from tests.ingest.devices import AT_MS, INGEST_KEY, Device
from tests.ingest.test_uploads import File

SERVER = """
import asyncio, sys
from pathlib import Path
from ingest.broker.embedded import SERVER, EmbeddedBroker
from ingest.journal import Journal
from ingest.link import BrokerLink
from ingest.service import IngestService, Server
from ingest.settings import BrokerAddress
from ipfs.local import LocalBlockStore
from tests.ingest.devices import INGEST_KEY, ORG_KEY

async def main():
    folder = Path(sys.argv[1])
    async with Journal.open(folder / "journal") as journal, EmbeddedBroker.open(journal) as broker:
        await journal.add_organisation("north-forest", ORG_KEY.public.raw)
        with LocalBlockStore(folder / "blocks") as blocks:
            async with IngestService.open(broker.link, Server(journal, blocks, INGEST_KEY, folder / "up")) as service:
                await service.link.connected.wait()
                print(broker.port, flush=True)
                await asyncio.sleep(60)

asyncio.run(main())
"""


@asynccontextmanager
async def killed_after(folder: Path, seconds: float) -> AsyncIterator[int]:
    """Run a server in a process of its own, give its port, and kill it (no goodbye) after a while."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVER, str(folder), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            port = int(await process.stdout.readline())
        asyncio.get_running_loop().call_later(seconds, process.send_signal, signal.SIGKILL)
        yield port
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


class Publisher:
    """A device that publishes until its link breaks, and remembers what it was promised."""

    def __init__(self, file: File) -> None:
        self.device = Device()
        self.file = file
        self.blob = self.device.declare(file.dag.root, len(file.content))
        self.stored: set[Cid] = set()
        self.held: set[int] = set()

    async def run(self, port: int) -> None:
        device = self.device
        async with aiomqtt.Client(
            "127.0.0.1",
            port,
            identifier=device.name,
            username=device.name,
            password=encode_login(device.enrol, device.key, client_id=device.name, at_ms=AT_MS),
            protocol=aiomqtt.ProtocolVersion.V311,
            timeout=2,
        ) as client:
            await client.subscribe(str(device.topic("rcpt")), qos=1)
            await self.publish(client, "birth", device.enrol, self.blob)
            async with asyncio.TaskGroup() as group:
                group.create_task(self.listen(client), name="listen")
                group.create_task(self.send(client), name="send")

    async def publish(self, client: aiomqtt.Client, channel: str, *records: Record) -> None:
        await client.publish(str(self.device.topic(channel)), pack_message([record.raw for record in records]), qos=1)

    async def send(self, client: aiomqtt.Client) -> None:
        while True:
            await self.publish(client, "rec", *(self.device.observe() for _ in range(3)))
            missing = [number for number in range(self.file.shape.frames) if number not in self.held]
            for number in missing[:4]:
                await client.publish(str(self.device.topic("blob")), encode_frame(self.file.frame(number)), qos=1)
            await asyncio.sleep(0.01)

    async def listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            for raw in unpack_message(message.payload):
                record = open_envelope(raw)
                assert record.key == INGEST_KEY.public
                self.note(record.expect(Receipt))

    def note(self, receipt: Receipt) -> None:
        self.stored |= {answer.record for answer in receipt.answers or () if answer.verdict == "stored"}
        for state in receipt.uploads or ():
            self.held |= parse_bitmap(state.held or b"", state.frames)


@pytest.mark.parametrize("seconds", [0.15, 0.4])
async def test_what_was_receipted_outlives_a_kill_of_the_server(tmp_path: Path, seconds: float) -> None:
    publisher = Publisher(File(Random(8).randbytes(12 << 20)))
    async with killed_after(tmp_path, seconds) as port:
        with pytest.raises((aiomqtt.MqttError, ExceptionGroup)):
            await publisher.run(port)
    assert publisher.stored
    async with Journal.open(tmp_path / "journal") as journal:
        for cid in publisher.stored:
            raw = await journal.record(cid)
            assert raw is not None
            assert open_envelope(raw).cid == cid
        entry = await journal.upload("north-forest", publisher.file.dag.root)
        with LocalBlockStore(tmp_path / "blocks") as blocks:
            assert entry is not None
            desk = UploadDesk(tmp_path / "up", blocks)
            held = parse_bitmap(desk.bitmap(entry), publisher.file.shape.frames)
            assert held >= publisher.held
            # The bytes are right as well: with the rest, the file is whole.
            rest = [frame for frame in publisher.file.frames() if frame.frame not in held]
            assert desk.take(entry, rest)[1]
            desk.close()
