"""One connection to the broker: the device introduces itself, then records, files, questions and answers pass."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import aiomqtt

from domain.cid import Cid
from domain.envelope import pack_message, unpack_message
from domain.errors import CecError
from domain.inquiry import Inquiry, encode_inquiry
from domain.records.receipt import Answer, Receipt
from domain.topics import DOWNLINK
from edge import campaigns, history
from edge.errors import CannotRecord
from edge.identity import finish_rotation
from edge.post import Post, wait_for
from edge.spool import UNDECLARED
from edge.uploader import ANSWER_S, Uploader

LONGEST_WAIT_S: Final = 20.0
ASKED_AT_ONCE: Final = 200
"""Records asked about at once: a question of 8 kB."""
FIRST_ASK_S: Final = 5.0
LONGEST_ASK_S: Final = 300.0
"""Shortest and longest time between two questions while something is open; on a metered link always the longest."""
_SUBSCRIPTION_REFUSED: Final = 0x80
"""SUBACK (MQTT 3.1.1, 3.9.3)."""
_KEY_RULES: Final = ("KeyRevoked", "UnknownKey")
"""Rules of the server that are about the device itself, not about one record."""

_LOG: Final = logging.getLogger(__name__)


class Session:
    """Works on one connection until it breaks.

    Attributes
    ----------
    known
        The server has signed for this device's enrolment.
    """

    def __init__(self, client: aiomqtt.Client, post: Post) -> None:
        self._client = client
        self._post = post
        self._uploader = Uploader(client, post)
        self._rotated = asyncio.Event()
        self._progress = 0
        self.known = asyncio.Event()

    async def serve(self) -> None:
        """Serve the connection; it ends with an exception."""
        post = self._post
        await self._listen()
        post.pulse.is_connected, post.pulse.connections = True, post.pulse.connections + 1
        post.begin()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._receive(), name="edge receive")
            # A task of its own: Python 3.11's task groups may leave their parent marked as cancelled.
            await group.create_task(self._introduce(), name="edge introduce")
            group.create_task(self._send(), name="edge send")
            group.create_task(self._uploader.run(), name="edge upload")
            group.create_task(self._inquire(), name="edge inquire")
            group.create_task(self._rotate(), name="edge rotate")

    async def _listen(self) -> None:
        """Subscribe to what comes down; a broker that lets the device hear nothing is told to the crew."""
        topics = [self._post.topic(channel) for channel in DOWNLINK]
        granted = await self._client.subscribe([(topic, 1) for topic in topics])
        codes = [code if isinstance(code, int) else code.value for code in granted]
        refused = [topic for topic, code in zip(topics, codes, strict=False) if code >= _SUBSCRIPTION_REFUSED]
        if refused:
            self._post.pulse.refusal = (
                f"The broker does not let this device listen to {', '.join(refused)}: the organisation must allow it "
                "there; measuring goes on, and everything is kept here."
            )

    async def _introduce(self) -> None:
        """Send enrolment and birth until the server has signed for the enrolment.

        A broker may let a device in before the server listens there; records that come before the enrolment would be
        refused.
        """
        post, wait_s = self._post, min(1.0, ANSWER_S)
        former = () if post.identity.rotation is None else (post.identity.rotation.former.raw,)
        while not self.known.is_set():
            await post.rest()
            _unless_full(post.spool.mark_birth_sent)
            message = pack_message([*former, post.identity.enrol.raw, post.spool.birth])
            await post.send_small(self._client, "birth", message)
            await wait_for(self.known, wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def _receive(self) -> None:
        take = {self._post.topic("rcpt"): self._take_receipt, self._post.topic("cmd"): self._take_frame}
        async for message in self._client.messages:
            topic = message.topic.value
            if not isinstance(message.payload, bytes):
                continue
            try:
                for raw in unpack_message(message.payload):
                    take[topic](raw)
            except CecError as error:
                # Nothing is deleted for an answer that cannot be trusted or kept; the server will be asked again.
                _LOG.warning("%s: %s", topic.rsplit("/", 1)[-1], error)
            self._post.answers.set()
            self._post.news.set()

    def _take_frame(self, raw: bytes) -> None:
        try:
            self._post.spool.take_frame(raw)
        except CecError as error:
            # The others of the same message may be good.
            _LOG.warning("frame record: %s", error)

    def _take_receipt(self, raw: bytes) -> None:
        """Tell those who wait what a receipt says."""
        receipt = self._post.spool.apply_receipt(raw)
        self._post.take_receipt(receipt)
        self._progress += len(receipt.progress or ())
        for answer in receipt.answers or ():
            self._hear(answer)
        if receipt.uploads:
            self._uploader.told.set()
        self._prune_if_due(receipt)

    def _hear(self, answer: Answer) -> None:
        identity, pulse = self._post.identity, self._post.pulse
        if answer.record == identity.enrol.cid:
            if answer.verdict == "stored":
                self.known.set()
            pulse.refusal = None if answer.verdict == "stored" else f"{answer.reason}: {answer.remedy}"
        elif answer.reason == UNDECLARED:
            self._uploader.told.set()
        elif answer.reason in _KEY_RULES:
            pulse.refusal = f"{answer.reason}: {answer.remedy}"
        elif identity.rotation is not None and answer.record == identity.rotation.rotate.cid:
            self._end_rotation(answer)

    def _end_rotation(self, answer: Answer) -> None:
        if answer.verdict != "stored":
            self._post.pulse.refusal = f"{answer.reason}: {answer.remedy}"
            return
        self._post.spool.end_rotation()
        finish_rotation(self._post.settings.folder)
        self._post.identity = replace(self._post.identity, rotation=None)
        self._rotated.set()

    def _prune_if_due(self, receipt: Receipt) -> None:
        # Only what the server says makes anything old enough; it says it rarely.
        if receipt.progress:
            _unless_full(self._post.spool.prune)

    async def _send(self) -> None:
        post = self._post
        while True:
            post.news.clear()
            await post.rest()
            items = post.choose()
            if not items:
                await wait_for(post.news, min(1.0, post.settings.retry_s))
                continue
            message = pack_message([item.raw for item in items])
            post.note_leaving(items, len(message))
            await post.publish(self._client, "rec", message)
            post.note_left(items)

    async def _inquire(self) -> None:
        """Ask how far records have come, more and more seldom while nothing moves, and which frame records are new."""
        post, after, wait_s = self._post, 0, FIRST_ASK_S
        frames: tuple[Cid, ...] | None = campaigns.list_held(post.spool.db)
        frames_at = time.monotonic()
        while True:
            rows = history.list_open(post.spool.db, after=after, limit=ASKED_AT_ONCE)
            if rows or frames is not None:
                before = self._progress
                asked = Inquiry(tuple(cid for _, cid in rows) or None, frames)
                await self._ask(asked)
                await asyncio.sleep(wait_s)
                wait_s = FIRST_ASK_S if self._progress > before else min(2 * wait_s, LONGEST_ASK_S)
            else:
                await asyncio.sleep(FIRST_ASK_S)
            after = rows[-1][0] if len(rows) == ASKED_AT_ONCE else 0
            is_due = time.monotonic() - frames_at >= LONGEST_ASK_S and not post.settings.is_metered
            frames = campaigns.list_held(post.spool.db) if is_due else None
            frames_at = time.monotonic() if is_due else frames_at

    async def _ask(self, inquiry: Inquiry) -> None:
        """Send a question, but not sooner after the last one, of whatever connection, than is fit."""
        post = self._post
        least_s = LONGEST_ASK_S if post.settings.is_metered else FIRST_ASK_S
        await asyncio.sleep(max(0.0, post.asked_at + least_s - time.monotonic()))
        await post.rest()
        post.asked_at = time.monotonic()
        await post.send_small(self._client, "ask", encode_inquiry(inquiry))

    async def _rotate(self) -> None:
        """Send the word that ends the former key once nothing waits under it; the next login is the new key's."""
        post = self._post
        while (rotation := post.identity.rotation) is not None:
            if post.spool.is_former_waiting() or time.monotonic() < post.rotate_at:
                await asyncio.sleep(1.0)
                continue
            # The answer may be lost: asking again, more and more seldom, brings it.
            post.rotate_at = time.monotonic() + post.rotate_wait_s
            post.rotate_wait_s = min(2 * post.rotate_wait_s, LONGEST_ASK_S)
            await post.send_small(self._client, "birth", pack_message([rotation.rotate.raw]))
            await wait_for(self._rotated, ANSWER_S)


def _unless_full(do: Callable[[], object]) -> None:
    """Do what only counts or tidies; a full disk must not keep records from leaving."""
    try:
        do()
    except CannotRecord as error:
        _LOG.warning("%s", error)
