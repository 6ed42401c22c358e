"""A small server behind the real embedded broker: it signs for what comes and does as a test asks."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from domain.cid import DAG_CBOR, Cid
from domain.envelope import Record, open_envelope, pack_message, seal, unpack_message
from domain.inquiry import Inquiry, parse_inquiry
from domain.records.field import Blob
from domain.records.receipt import Answer, Progress, Receipt, UploadState
from domain.topics import Topic
from domain.upload import Frame, compute_shape, encode_bitmap, parse_upload
from edge.settings import EdgeSettings
from ingest.broker.embedded import EmbeddedBroker
from ingest.journal import Journal
from ingest.settings import ServerTls
from tests.edge.test_spool import AT_MS, INGEST_KEY, ORG_KEY


@dataclass(slots=True)
class Said:
    """One message of a device: its channel, its records, its frame or its inquiry."""

    channel: str
    records: tuple[Record, ...] = ()
    frame: int | None = None
    inquiry: Inquiry | None = None


@dataclass(slots=True)
class SmallServer:
    """Answers devices; what it says can be changed while it runs."""

    broker: EmbeddedBroker
    at_ms: int = AT_MS
    said: list[Said] = field(default_factory=list)
    judge: Callable[[Record], tuple[str, str] | None] = lambda _: None
    progress: Callable[[Cid], Progress | None] = lambda _: None
    frames: list[Record] = field(default_factory=list)
    pause_ms: int | None = None
    holds: dict[Cid, set[int]] = field(default_factory=dict)
    sizes: dict[Cid, int] = field(default_factory=dict)
    on_frame: Callable[[Cid, int], None] = lambda _root, _frame: None

    async def run(self) -> None:
        async for name, payload in self.broker.link.messages():
            topic = Topic.parse(name)
            match topic.channel:
                case "birth" | "rec":
                    await self._take_records(topic, payload)
                case "blob":
                    await self._take_frame(topic, payload)
                case "ask":
                    await self._take_inquiry(topic, parse_inquiry(payload))

    async def _take_records(self, topic: Topic, payload: bytes) -> None:
        records = tuple(open_envelope(raw) for raw in unpack_message(payload))
        self.said.append(Said(topic.channel, records))
        for record in records:
            if isinstance(record.body, Blob):
                self.sizes[record.body.root] = record.body.size
        answers = tuple(self._answer(record) for record in records)
        await self.send(topic, Receipt(topic.org, topic.device, self.at_ms, answers, pause_ms=self.pause_ms))

    def _answer(self, record: Record) -> Answer:
        refused = self.judge(record)
        if refused is None:
            return Answer(record.cid, "stored")
        return Answer(record.cid, "refused", reason=refused[0], remedy=refused[1])

    async def _take_frame(self, topic: Topic, payload: bytes) -> None:
        message = parse_upload(payload)
        held = self.holds.setdefault(message.root, set())
        if isinstance(message, Frame):
            held.add(message.frame)
            self.said.append(Said("blob", frame=message.frame))
            self.on_frame(message.root, message.frame)
        count = compute_shape(self.sizes[message.root]).frames
        is_whole = len(held) == count
        bits = None if is_whole else encode_bitmap(held, count)
        state = UploadState(message.root, count, is_whole, bits)
        await self.send(topic, Receipt(topic.org, topic.device, self.at_ms, uploads=(state,)))

    async def _take_inquiry(self, topic: Topic, inquiry: Inquiry) -> None:
        self.said.append(Said("ask", inquiry=inquiry))
        if inquiry.progress:
            found = tuple(one for cid in inquiry.progress if (one := self.progress(cid)) is not None)
            if found:
                await self.send(topic, Receipt(topic.org, topic.device, self.at_ms, progress=found))
        if inquiry.frames is not None:
            lacking = [one.raw for one in self.frames if one.cid not in inquiry.frames]
            if lacking:
                command = Topic(topic.org, topic.device, "cmd")
                await self.broker.link.publish(str(command), pack_message(lacking))

    async def send(self, topic: Topic, receipt: Receipt) -> None:
        answer = Topic(topic.org, topic.device, "rcpt")
        await self.broker.link.publish(str(answer), pack_message([seal(receipt, INGEST_KEY).raw]))


@asynccontextmanager
async def small_server(folder: Path, *, tls: ServerTls | None = None) -> AsyncIterator[SmallServer]:
    async with Journal.open(folder / "journal") as journal:
        await journal.add_organisation("north-forest", ORG_KEY.public.raw)
        async with EmbeddedBroker.open(journal, tls=tls) as broker, asyncio.TaskGroup() as group:
            server = SmallServer(broker)
            task = group.create_task(server.run(), name="small server")
            try:
                yield server
            finally:
                task.cancel()


def settings(folder: Path, server: SmallServer) -> EdgeSettings:
    return EdgeSettings(folder, "127.0.0.1", server.broker.port, "ridge", retry_s=0.5)


async def until(condition: Callable[[], object], *, seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # what is waited for tells nobody
            await asyncio.sleep(0.01)


def name_of(raw: bytes) -> Cid:
    return Cid.of(DAG_CBOR, raw)
