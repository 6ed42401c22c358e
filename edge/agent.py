"""The agent: one connection to the broker at a time, records before files, everything sent until it is signed for."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import aiomqtt

from domain.cid import Cid
from domain.records.field import Blob, Place
from edge import health
from edge.client import CERTIFICATE_REFUSED, PromptClient, explain_failure, open_client
from edge.errors import CannotRecord, FileUnreadable, TlsUnusable
from edge.identity import Identity, load_identity
from edge.post import Post, wait_for
from edge.pulse import NOTE, PulseNote, encode_note
from edge.session import LONGEST_WAIT_S, Session
from edge.settings import EdgeSettings, open_tls
from edge.spool import Spool, open_spool
from ipfs.unixfs import plan_file

FIRST_WAIT_S: Final = 0.2
CANCEL_PAUSE_S: Final = 0.5
CANCELLATIONS: Final = 20
"""How often, and after which pause, the link is told to end."""
PULSE_S: Final = 5.0
"""How often the clock is looked at, and the state of link and device."""
NOTE_S: Final = 15.0
"""How often that is noted for other processes while it does not change."""
EARLY_CUTS: Final = 3
"""Secure links in a row that the broker ends before it answers, from which on it is told as a refusal."""

_LOG: Final = logging.getLogger(__name__)


class Agent:
    """A device's agent; open it with `Agent.open`.

    Attributes
    ----------
    settings
        How it works.
    spool
        What waits and what became of the rest.
    post
        What its connections share.
    beat
        Counts the rounds of the agent's own loop; a watchdog sees by it that the agent lives.
    """

    def __init__(self, settings: EdgeSettings, spool: Spool, identity: Identity) -> None:
        self.settings = settings
        self.spool = spool
        self.post = Post(settings, spool, identity)
        self.beat = 0
        self._early_cuts = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: EdgeSettings) -> "AsyncIterator[Agent]":
        """Open the spool and run the link until the block ends.

        Raises
        ------
        NotEnrolled, WrongEnrolment
            When the folder holds no enrolment of this device.
        SpoolBusy
            When another agent works there.
        TlsUnusable
            When the certificates' files cannot be used.
        """
        identity = load_identity(settings.folder)
        if settings.tls is not None:
            open_tls(settings.tls)
        with open_spool(settings.folder, identity) as spool:
            if spool.damage is not None:
                _LOG.error("%s", spool.damage)
            spool.begin_rotation()
            agent = cls(settings, spool, identity)
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(agent._keep_linked(), name="edge link"),
                    group.create_task(agent._keep_pulse(), name="edge pulse"),
                ]
                try:
                    yield agent
                finally:
                    await _end(tasks)

    @property
    def identity(self) -> Identity:
        """Who the device is."""
        return self.post.identity

    @property
    def is_connected(self) -> bool:
        """Whether the broker is reached now."""
        return self.post.pulse.is_connected

    @property
    def refusal(self) -> str | None:
        """Why the server or the broker does not take this device, in words; absent while they do."""
        return self.post.pulse.refusal

    def notify(self) -> None:
        """Tell the link that something new is in the spool."""
        self.post.news.set()

    async def offer_file(self, path: Path, *, media: str, crs: str | None = None, scanned: str | None = None) -> Cid:
        """Return the root of a file after declaring it; its upload follows by itself.

        Parameters
        ----------
        path
            The file.
        media
            Its media type.
        crs, scanned
            What the crew says of a cloud: its CRS, and how it was taken, in the words of `domain.records.field.Blob`.
        """
        try:
            dag = await asyncio.to_thread(plan_file, path)
        except OSError as error:
            raise FileUnreadable(path, error.strerror or "") from error
        body = self.identity.body

        def declare(place: Place) -> Blob:
            return Blob(
                org=body.org,
                device=body.device,
                campaign=self.settings.campaign,
                place=place,
                root=dag.root,
                size=dag.size,
                media=media,
                name=path.name,
                crs=crs,
                scanned=scanned,
            )

        self.spool.offer(path, dag, declare)
        self.notify()
        return dag.root

    async def wait_drained(self, *, timeout_s: float) -> bool:
        """Return whether the server has everything, after waiting for it up to a time."""
        try:
            async with asyncio.timeout(timeout_s):
                while not self.spool.is_drained():
                    self.post.answers.clear()
                    await wait_for(self.post.answers, 0.5)
        except TimeoutError:
            return False
        return True

    def read_pulse(self) -> PulseNote:
        """Return how the agent is doing now."""
        settings, post = self.settings, self.post
        note = post.pulse.take_note(f"{settings.host}:{settings.port}")
        alarms = (
            *health.tell_alarms(
                settings.folder, dropped=self.spool.counted("dropped") + post.pulse.dropped, is_full=post.pulse.is_full
            ),
            *post.clock.alarms(),
        )
        return replace(
            note,
            memory_bytes=health.read_memory_bytes(),
            sent_bytes=self.spool.counted(post.meter_name) if settings.is_metered else None,
            budget_bytes=settings.budget_bytes if settings.is_metered else None,
            alarms=alarms or None,
        )

    async def _keep_pulse(self) -> None:
        """Look at the clock, and note for other processes how the agent is doing."""
        last: tuple[object, ...] = ()
        noted_at = 0.0
        while True:
            self.post.clock.tick()
            note, now = self.read_pulse(), time.monotonic()
            shown = (note.is_connected, note.refusal, note.alarms)
            # A card wears by each write: what changes all the time is noted now and then.
            if shown != last or now - noted_at >= NOTE_S:
                with suppress(CannotRecord):
                    self.spool.note(NOTE, encode_note(note))
                last, noted_at = shown, now
            self.beat += 1
            await asyncio.sleep(PULSE_S)

    async def _keep_linked(self) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            client: PromptClient | None = None
            try:
                client = open_client(self.settings, self.identity)
                async with client:
                    wait_s = FIRST_WAIT_S
                    await Session(client, self.post).serve()
            except* (aiomqtt.MqttError, OSError, TimeoutError, TlsUnusable) as group:
                self._note_failure(group.exceptions[0], client)
            finally:
                self.post.pulse.is_connected = False
            # Jitter: many devices come back when a mast does.
            await asyncio.sleep(wait_s * (0.5 + random.random()))  # noqa: S311
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def _note_failure(self, error: BaseException, client: PromptClient | None) -> None:
        _LOG.info("link: %s", error)
        reason = explain_failure(error, client)
        is_early = self.settings.tls is not None and client is not None and client.is_cut_early
        self._early_cuts = self._early_cuts + 1 if is_early else 0
        if self._early_cuts >= EARLY_CUTS:
            reason = reason or CERTIFICATE_REFUSED
        if reason is not None:
            self.post.pulse.refusal = reason


async def _end(tasks: "Iterable[asyncio.Task[None]]") -> None:
    """Cancel tasks until they end.

    Once is not enough: Python 3.11's `asyncio.wait_for`, which the MQTT client uses, swallows a cancellation that comes
    with its result.
    """
    waiting = set(tasks)
    for _ in range(CANCELLATIONS):
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=CANCEL_PAUSE_S)
        if not waiting:
            return
