"""The ingest service: what devices publish becomes journal, blocks and signed answers.

An answer is sent only after the commit it speaks of has reached the disk. Everything between the broker and the
journal is bounded; whatever is dropped on the way was not answered and will be sent again.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from domain.codec import encode
from domain.envelope import open_envelope, unpack_message
from domain.errors import CecError, InvalidField, InvalidTopic
from domain.inquiry import parse_inquiry
from domain.keys import SigningKey
from domain.records.field import Blob
from domain.records.receipt import Answer, UploadState
from domain.topics import Topic
from domain.upload import Ask, Frame, compute_shape, parse_upload
from ingest.admission import Arrival, Policy, read_arrival
from ingest.answering import AnchorBook, Answerer, NoAnchors
from ingest.entries import Job, UploadEntry
from ingest.errors import DamagedFrame, JournalUnwritable, UndeclaredUpload, UploadUnwritable
from ingest.journal import Journal, now_ms
from ingest.link import Link
from ingest.receipts import Outcome, refuse_upload, seal_answers, seal_outcome
from ingest.settings import IngestSettings
from ingest.uploads import UploadDesk
from ipfs.store import BlockStore

MAX_ASK: Final = 64
"""Bytes of a question about an upload; it has 54."""
SURVEY_JOB: Final = "survey"
"""Kind of the job that a whole point cloud causes."""
CLOUD_MEDIA: Final = {
    "application/vnd.laszip": ".laz",
    "application/vnd.las": ".las",
    "model/e57": ".e57",
    "application/x-ply": ".ply",
}
"""Media types that are surveyed, with the end of a file's name; the survey itself looks at the bytes."""
DISK_PAUSE_S: Final = 1.0
"""Rest after the disk took nothing, so that a full disk is not asked a thousand times a second."""
CANCEL_PAUSE_S: Final = 0.5
CANCELLATIONS: Final = 20
"""How often, and after which pause, a task is told to end."""
_RECORDS_QUEUED: Final = 256
"""Messages of records that wait: 64 MiB at most."""
_FRAMES_QUEUED: Final = 1_024
"""Frames that wait: 64 MiB at most."""
_ASKS_QUEUED: Final = 64
"""Inquiries that wait; beyond it they are let go, since whoever asked asks again."""
MAX_PAUSE_MS: Final = 5_000
"""Longest rest that a device is told to take, when as much waits as may."""

_LOG: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class ServiceCounts:
    """What came and what was answered since the service began."""

    messages: int = 0
    envelopes: int = 0
    stored: int = 0
    refused: int = 0
    unanswered: int = 0
    frames: int = 0
    frame_bytes: int = 0
    damaged_blocks: int = 0
    inquiries: int = 0
    malformed: int = 0
    connections_lost: int = 0


@dataclass(frozen=True, slots=True)
class _Message:
    topic: Topic
    payload: bytes


@dataclass(frozen=True, slots=True)
class Server:
    """What the service works with.

    Attributes
    ----------
    journal, blocks
        Where records and blocks go.
    key
        Signs answers.
    folder
        Where unfinished uploads wait.
    anchors
        Knows which records stand on the chain.
    """

    journal: Journal
    blocks: BlockStore
    key: SigningKey
    folder: Path
    anchors: AnchorBook = field(default_factory=NoAnchors)


class IngestService:
    """Serves devices over one broker; open it with `IngestService.open`.

    Attributes
    ----------
    counts
        What happened so far.
    link
        The connection to the broker.
    """

    def __init__(self, link: Link, server: Server, settings: IngestSettings) -> None:
        self._server = server
        self._settings = settings
        self._policy = Policy(server.key.public, settings.max_upload_bytes)
        self._records: asyncio.Queue[_Message] = asyncio.Queue(_RECORDS_QUEUED)
        self._frames: asyncio.Queue[_Message] = asyncio.Queue(_FRAMES_QUEUED)
        self._asks: asyncio.Queue[_Message] = asyncio.Queue(_ASKS_QUEUED)
        self._answerer = Answerer(server.journal, server.anchors, server.key)
        self._desk = UploadDesk(server.folder, server.blocks)
        self.link = link
        self.counts = ServiceCounts()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, link: Link, server: Server, *, settings: IngestSettings | None = None
    ) -> "AsyncIterator[IngestService]":
        """Run the service until the block ends."""
        service = cls(link, server, settings or IngestSettings())
        try:
            async with asyncio.TaskGroup() as group:
                work = {
                    "listen": service._listen(),
                    "admit": service._admit_all(),
                    "assemble": service._assemble_all(),
                    "answer": service._answer_all(),
                }
                tasks = [group.create_task(one, name=f"ingest {name}") for name, one in work.items()]
                try:
                    yield service
                finally:
                    await end_tasks(tasks)
        finally:
            service._desk.close()

    async def _listen(self) -> None:
        async for name, payload in self.link.messages():
            self.counts.messages += 1
            try:
                topic = Topic.parse(name)
            except InvalidTopic:
                self.counts.malformed += 1
                continue
            if topic.channel == "blob":
                await self._frames.put(_Message(topic, payload))
            elif topic.channel == "will":
                self.counts.connections_lost += 1
            elif topic.channel == "ask":
                if not self._asks.full():
                    self._asks.put_nowait(_Message(topic, payload))
            else:
                await self._records.put(_Message(topic, payload))

    @property
    def load_ppm(self) -> int:
        """How full the fuller of the two queues is, in millionths."""
        return max(
            1_000_000 * self._records.qsize() // _RECORDS_QUEUED, 1_000_000 * self._frames.qsize() // _FRAMES_QUEUED
        )

    def _pause_ms(self) -> int:
        """Return how long a device should rest: nothing while less than half of what may wait does."""
        return max(0, 2 * self.load_ppm - 1_000_000) * MAX_PAUSE_MS // 1_000_000

    async def _answer_all(self) -> None:
        while True:
            message = await self._asks.get()
            try:
                inquiry = parse_inquiry(message.payload)
            except CecError:
                self.counts.malformed += 1
                continue
            self.counts.inquiries += 1
            try:
                answers = await self._answerer.answer(message.topic, inquiry)
            except CecError as error:
                # The register may be away for a while: the device asks again.
                _LOG.warning("inquiry not answered: %s", error, extra={"device": message.topic.device})
                continue
            for topic, payload in answers:
                await self.link.publish(str(topic), payload)

    async def _admit_all(self) -> None:
        while True:
            messages = await _gather(self._records, self._settings.batch_messages)
            arrivals = await asyncio.to_thread(self._read_messages, messages)
            try:
                await self._admit(arrivals)
            except JournalUnwritable as error:
                # Nothing was promised: the devices keep their records and send them again.
                await self._rest(error, unanswered=len(arrivals))

    async def _rest(self, error: CecError, *, unanswered: int) -> None:
        """Note that the disk took nothing, and give it time."""
        self.counts.unanswered += unanswered
        _LOG.error("%s", error)
        await asyncio.sleep(DISK_PAUSE_S)

    def _read_messages(self, messages: Sequence[_Message]) -> list[Arrival]:
        """Return the envelopes of messages; one that is no message is one arrival, so that it is kept and answered."""
        arrivals: list[Arrival] = []
        for message in messages:
            try:
                envelopes = unpack_message(message.payload)
            except CecError:
                self.counts.malformed += 1
                envelopes = (message.payload,)
            arrivals += [read_arrival(message.topic, raw) for raw in envelopes]
        return arrivals

    async def _admit(self, arrivals: Sequence[Arrival]) -> None:
        self.counts.envelopes += len(arrivals)
        answers = await self._server.journal.admit(arrivals, self._policy)
        by_device: defaultdict[Topic, list[Answer]] = defaultdict(list)
        for arrival, answer in zip(arrivals, answers, strict=True):
            self._count(arrival, answer)
            if answer is not None:
                by_device[Topic(arrival.topic.org, arrival.topic.device, "rcpt")].append(answer)
        for topic, given in by_device.items():
            messages = seal_answers(topic, given, self._server.key, at_ms=now_ms(), pause_ms=self._pause_ms())
            for message in messages:
                await self.link.publish(str(topic), message)

    def _count(self, arrival: Arrival, answer: Answer | None) -> None:
        about = {"record": arrival.cid, "org": arrival.topic.org, "device": arrival.topic.device}
        if answer is None:
            self.counts.unanswered += 1
            _LOG.warning("not answered: quarantine is full", extra=about)
        elif answer.verdict == "stored":
            self.counts.stored += 1
            _LOG.debug("stored", extra=about)
        else:
            self.counts.refused += 1
            _LOG.info("refused", extra={**about, "rule": answer.reason})

    async def _assemble_all(self) -> None:
        while True:
            messages = await _gather(
                self._frames, self._settings.answer_frames, patience_s=self._settings.answer_after_s
            )
            for topic, asked in _group_uploads(messages, self.counts).items():
                for parts in asked.values():
                    try:
                        await self._assemble(topic, parts)
                    except (JournalUnwritable, UploadUnwritable) as error:
                        await self._rest(error, unanswered=len(parts))

    async def _assemble(self, topic: Topic, parts: list[Frame | Ask]) -> None:
        root = parts[0].root
        frames = [part for part in parts if isinstance(part, Frame)]
        self.counts.frames += len(frames)
        self.counts.frame_bytes += sum(len(frame.data) for frame in frames)
        entry = await self._server.journal.upload(topic.org, root)
        if entry is None:
            outcome = Outcome(answers=(refuse_upload(root, UndeclaredUpload(str(root))),))
        else:
            outcome = await self._take(entry, frames)
        self.counts.refused += len(outcome.answers)
        reply = Topic(topic.org, topic.device, "rcpt")
        await self.link.publish(str(reply), seal_outcome(reply, outcome, self._server.key, at_ms=now_ms()))

    async def _take(self, entry: UploadEntry, frames: list[Frame]) -> Outcome:
        """Take frames and return what is held once that is on the disk and in the journal."""
        count = compute_shape(entry.size).frames
        if entry.is_whole:
            # A crash may have come between the word that it is whole and the end of its part file.
            await asyncio.to_thread(self._desk.drop, entry)
            return Outcome(UploadState(entry.root, count, is_whole=True))
        answers: tuple[Answer, ...] = ()
        try:
            held, is_complete = await asyncio.to_thread(self._desk.take, entry, frames)
        except (DamagedFrame, InvalidField) as error:
            self.counts.damaged_blocks += isinstance(error, DamagedFrame)
            answers = (refuse_upload(entry.root, error),)
            held, is_complete = await asyncio.to_thread(self._desk.take, entry, [])
        if is_complete:
            await self._finish(entry, held)
            return Outcome(UploadState(entry.root, count, is_whole=True), answers)
        if frames:
            await self._server.journal.save_held(entry.org, entry.root, held)
        return Outcome(UploadState(entry.root, count, is_whole=False, held=held), answers)

    async def _finish(self, entry: UploadEntry, held: bytes) -> None:
        raw = await self._server.journal.record(entry.record)
        blob = open_envelope(raw or b"").expect(Blob)
        jobs: list[Job] = []
        if blob.media in CLOUD_MEDIA:
            jobs.append(Job(f"{SURVEY_JOB}/{entry.record}", SURVEY_JOB, encode({"blob": entry.record})))
        await self._server.journal.save_whole(entry.org, entry.root, held, then=jobs)
        await asyncio.to_thread(self._desk.drop, entry)


async def end_tasks(tasks: Iterable["asyncio.Task[None]"]) -> None:
    """Cancel tasks until they end.

    Once is not enough: Python 3.11's `asyncio.wait_for`, which the MQTT client uses, swallows a cancellation that comes
    with its result, and the task would go on for ever.
    """
    waiting = set(tasks)
    for _ in range(CANCELLATIONS):
        for task in waiting:
            task.cancel()
        if waiting:
            _, waiting = await asyncio.wait(waiting, timeout=CANCEL_PAUSE_S)


async def _gather(queue: "asyncio.Queue[_Message]", most: int, *, patience_s: float = 0.0) -> list[_Message]:
    """Return the next messages: all that wait, at least one, and with patience those that come soon after."""
    messages = [await queue.get()]
    deadline = asyncio.get_running_loop().time() + patience_s
    # What is short is a question: whoever asks waits for the answer, and sends nothing meanwhile.
    while len(messages) < most and len(messages[-1].payload) > MAX_ASK:
        try:
            messages.append(queue.get_nowait())
        except asyncio.QueueEmpty:
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                break
            await _wait_for_one(queue, messages, left)
    return messages


async def _wait_for_one(queue: "asyncio.Queue[_Message]", messages: list[_Message], patience_s: float) -> None:
    try:
        async with asyncio.timeout(patience_s):
            messages.append(await queue.get())
    except TimeoutError:
        return


def _group_uploads(messages: Sequence[_Message], counts: ServiceCounts) -> dict[Topic, dict[bytes, list[Frame | Ask]]]:
    """Return what was sent by device and file, in order."""
    grouped: dict[Topic, dict[bytes, list[Frame | Ask]]] = {}
    for message in messages:
        try:
            part = parse_upload(message.payload)
        except CecError:
            counts.malformed += 1
            continue
        grouped.setdefault(message.topic, {}).setdefault(bytes(part.root), []).append(part)
    return grouped
