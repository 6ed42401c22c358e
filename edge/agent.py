"""The agent: one connection to the broker at a time, records before files, everything sent until it is signed for."""

import asyncio
import logging
import random
import socket
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiomqtt

from domain.cid import Cid
from domain.envelope import pack_message, unpack_message
from domain.errors import CecError
from domain.login import encode_login
from domain.records.field import Blob, Place
from domain.records.receipt import Receipt
from domain.topics import Topic
from domain.upload import WINDOW_FRAMES, Ask, compute_shape, encode_ask, encode_frame
from edge.client import PromptClient
from edge.errors import FileChanged, FileUnreadable
from edge.frames import FrameReader, check_file, list_missing
from edge.identity import Identity, load_identity
from edge.settings import EdgeSettings
from edge.spool import Spool, Upload, open_spool
from ipfs.unixfs import plan_file

MESSAGE_BYTES: Final = 96 << 10
"""Records in one message: a third of the largest, so that a bad link loses less when it breaks."""
FIRST_WAIT_S: Final = 0.2
LONGEST_WAIT_S: Final = 20.0
KEEP_ALIVE_S: Final = 20
TIMEOUT_S: Final = 8.0
"""Longest time for the broker to acknowledge anything; a half-open link is noticed by it."""
ANSWER_S: Final = 4.0
"""Wait for the server's word on an upload, or on the device itself, before it is asked again."""
WINDOW_RECORDS: Final = 400
"""Records that may be without a receipt at once; beyond it the agent waits, whatever the spool holds."""
CANCEL_PAUSE_S: Final = 0.5
CANCELLATIONS: Final = 20
"""How often, and after which pause, the link is told to end."""

_LOG: Final = logging.getLogger(__name__)


class Agent:
    """A device's agent; open it with `Agent.open`.

    Attributes
    ----------
    spool
        What waits and what became of the rest.
    identity
        Who the device is.
    is_connected
        Whether the broker is reached now.
    connections
        How often it was reached.
    refusal
        Why the server does not know this device, in its words; absent while it does.
    """

    def __init__(self, settings: EdgeSettings, spool: Spool, identity: Identity) -> None:
        self.settings = settings
        self.spool = spool
        self.identity = identity
        self.is_connected = False
        self.connections = 0
        self._news = asyncio.Event()
        self._answers = asyncio.Event()
        self._upload_answers = asyncio.Event()
        self._known = asyncio.Event()
        self.refusal: str | None = None
        self._due: dict[Cid, tuple[float, float]] = {}

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: EdgeSettings) -> "AsyncIterator[Agent]":
        """Open the spool and run the link until the block ends."""
        identity = load_identity(settings.folder)
        with open_spool(settings.folder, identity) as spool:
            if spool.damage is not None:
                _LOG.error("%s", spool.damage)
            agent = cls(settings, spool, identity)
            async with asyncio.TaskGroup() as group:
                link = group.create_task(agent._keep_linked(), name="edge link")
                try:
                    yield agent
                finally:
                    await _end(link)

    def notify(self) -> None:
        """Tell the link that something new is in the spool."""
        self._news.set()

    async def offer_file(self, path: Path, *, media: str, crs: str | None = None) -> Cid:
        """Return the root of a file after declaring it; its upload follows by itself."""
        try:
            dag = await asyncio.to_thread(plan_file, path)
        except OSError as error:
            raise FileUnreadable(path, error.strerror or "") from error
        body = self.identity.body

        def declare(place: Place) -> Blob:
            campaign = self.settings.campaign
            return Blob(body.org, body.device, campaign, place, dag.root, dag.size, media, name=path.name, crs=crs)

        self.spool.offer(path, dag, declare)
        self.notify()
        return dag.root

    async def wait_drained(self, *, timeout_s: float) -> bool:
        """Return whether the server has everything, after waiting for it up to a time."""
        try:
            async with asyncio.timeout(timeout_s):
                while not self.spool.is_drained():
                    self._answers.clear()
                    await _wait(self._answers, 0.5)
        except TimeoutError:
            return False
        return True

    async def _keep_linked(self) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            try:
                async with self._connect() as client:
                    wait_s = FIRST_WAIT_S
                    await self._serve(client)
            except* (aiomqtt.MqttError, OSError, TimeoutError) as group:
                _LOG.info("link: %s", group.exceptions[0])
            finally:
                self.is_connected = False
            # Jitter: many devices come back when a mast does.
            await asyncio.sleep(wait_s * (0.5 + random.random()))  # noqa: S311
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def _connect(self) -> PromptClient:
        body = self.identity.body
        login = encode_login(
            self.identity.enrol, self.identity.key, client_id=body.device, at_ms=time.time_ns() // 1_000_000
        )
        return PromptClient(
            self.settings.host,
            self.settings.port,
            identifier=body.device,
            username=body.device,
            password=login,
            protocol=aiomqtt.ProtocolVersion.V311,
            clean_session=True,
            keepalive=KEEP_ALIVE_S,
            timeout=TIMEOUT_S,
            will=aiomqtt.Will(self._topic("will"), b"", qos=1),
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )

    def _topic(self, channel: str) -> str:
        return str(Topic(self.identity.body.org, self.identity.body.device, channel))

    async def _serve(self, client: aiomqtt.Client) -> None:
        """Work on one connection until it breaks."""
        await client.subscribe(self._topic("rcpt"), qos=1)
        self.is_connected, self.connections = True, self.connections + 1
        # What was on its way when the last connection broke may be lost: all of it is due again.
        self._due.clear()
        self._known.clear()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._receive(client), name="edge receive")
            await self._introduce(client)
            group.create_task(self._send(client), name="edge send")
            group.create_task(self._upload_all(client), name="edge upload")

    async def _introduce(self, client: aiomqtt.Client) -> None:
        """Send enrolment and birth until the server has signed for the enrolment.

        A broker may let a device in before the server listens there; records that come before the enrolment would be
        refused.
        """
        wait_s = min(1.0, ANSWER_S)
        while not self._known.is_set():
            message = pack_message([self.identity.enrol.raw, self.spool.birth])
            self.spool.mark_birth_sent()
            await client.publish(self._topic("birth"), message, qos=1)
            await _wait(self._known, wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def _receive(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            if not isinstance(message.payload, bytes):
                continue
            try:
                for raw in unpack_message(message.payload):
                    self._note(self.spool.apply_receipt(raw))
            except CecError as error:
                # Nothing is deleted for an answer that cannot be trusted; the server will be asked again.
                _LOG.warning("receipt: %s", error)
            self._answers.set()
            self._news.set()

    def _note(self, receipt: Receipt) -> None:
        """Tell those who wait what a receipt says."""
        for answer in receipt.answers or ():
            self._due.pop(answer.record, None)
            if answer.record != self.identity.enrol.cid:
                continue
            self.refusal = None if answer.verdict == "stored" else f"{answer.reason}: {answer.remedy}"
            if self.refusal is None:
                self._known.set()
        if receipt.uploads:
            self._upload_answers.set()

    async def _send(self, client: aiomqtt.Client) -> None:
        while True:
            self._news.clear()
            now = time.monotonic()
            on_way = {cid for cid, (due, _) in self._due.items() if due > now}
            free = min(200, WINDOW_RECORDS - len(on_way))
            items = self.spool.pending(limit_bytes=MESSAGE_BYTES, skip=on_way)[:free] if free > 0 else []
            if not items:
                await _wait(self._news, min(1.0, self.settings.retry_s))
                continue
            self.spool.mark_sent(items)
            for item in items:
                _, wait_s = self._due.get(item.cid, (0.0, self.settings.retry_s / 2))
                wait_s = min(2 * wait_s, self.settings.retry_most_s)
                self._due[item.cid] = (now + wait_s, wait_s)
            await client.publish(self._topic("rec"), pack_message([item.raw for item in items]), qos=1)

    async def _upload_all(self, client: aiomqtt.Client) -> None:
        while True:
            ready = [
                one for one in self.spool.uploads() if one.problem is None and not self.spool.is_waiting(one.record)
            ]
            if not ready:
                await asyncio.sleep(0.1)
                continue
            try:
                await self._upload(client, ready[0])
            except (FileChanged, FileUnreadable) as error:
                self.spool.note_problem(ready[0].root, str(error))

    async def _upload(self, client: aiomqtt.Client, upload: Upload) -> None:
        """Send one file until the server has it whole: ask what it holds, then the rest, a window at a time."""
        reader = FrameReader(upload)
        count = compute_shape(upload.size).frames
        is_told = False
        while (current := self.spool.upload(upload.root)) is not None and not self.spool.is_waiting(current.record):
            check_file(current)
            if not is_told:
                # At the start, and whenever no word came within its time: frames or answer were lost.
                is_told = await self._ask(client, current)
                continue
            missing = list_missing(current.held, count)
            window = [frame for _, frame in zip(range(WINDOW_FRAMES), missing, strict=False)]
            for number in window:
                frame = await asyncio.to_thread(reader.read, number)
                await client.publish(self._topic("blob"), encode_frame(frame), qos=1)
            is_told = await self._await_held(current.root, window)

    async def _ask(self, client: aiomqtt.Client, upload: Upload) -> bool:
        """Ask what the server holds of a file; return whether it said so within its time."""
        self._upload_answers.clear()
        await client.publish(self._topic("blob"), encode_ask(Ask(upload.root)), qos=1)
        return await _wait(self._upload_answers, ANSWER_S)

    async def _await_held(self, root: Cid, window: list[int]) -> bool:
        """Return whether the server came to hold all frames of a window, each word of it within its time.

        On a slow link it answers before the last of them has come: what is still on its way must not be sent again.
        """
        while True:
            current = self.spool.upload(root)
            if current is None or not any(not current.held[frame >> 3] >> (frame & 7) & 1 for frame in window):
                return True
            self._upload_answers.clear()
            if not await _wait(self._upload_answers, ANSWER_S):
                return False


async def _end(task: "asyncio.Task[None]") -> None:
    """Cancel a task until it ends.

    Once is not enough: Python 3.11's `asyncio.wait_for`, which the MQTT client uses, swallows a cancellation that comes
    with its result.
    """
    waiting: Iterable[asyncio.Task[None]] = {task}
    for _ in range(CANCELLATIONS):
        task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=CANCEL_PAUSE_S)
        if not waiting:
            return


async def _wait(event: asyncio.Event, seconds: float) -> bool:
    """Return whether an event came within a time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
