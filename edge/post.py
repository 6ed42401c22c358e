"""What a connection's tasks share: the spool, what is on its way, and when to rest."""

import asyncio
import math
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import aiomqtt

from domain.cid import Cid
from domain.records.receipt import Receipt
from domain.topics import Topic
from edge.clock import ClockWatch
from edge.errors import CannotRecord
from edge.identity import Identity
from edge.pulse import Pulse
from edge.settings import EdgeSettings
from edge.spool import Item, Spool

MESSAGE_BYTES: Final = 96 << 10
"""Records in one message: a third of the largest, so that a bad link loses less when it breaks."""
WINDOW_RECORDS: Final = 400
"""Records that may be without a receipt at once; beyond it the agent waits, whatever the spool holds."""
LEAST_RECORDS: Final = 2
"""And on the worst link: one leaves while the answer to the other is on its way."""
AT_RISK: Final = 40
"""A cut sends again what was on its way: a fortieth of what connections carry here, half of what may be (5 %), since
the next connection may carry less."""
FIRST_CARRIED: Final = 1_280
"""What the first connection is trusted to carry: 32 records on their way."""
MESSAGE_RECORDS: Final = 200
"""Records in one message at most."""
SLOW_S: Final = 60.0
"""Longest time for the broker to acknowledge a message: behind a window of 256 KiB it takes 33 s at 64 kbit/s. A dead
link is found by its keep-alive before."""
LONGEST_PAUSE_S: Final = 300.0
"""A server cannot silence a device for longer: it may ask again."""
OVERHEAD_BYTES: Final = 120
"""Of a message on a metered link, beside its payload: topic, MQTT, TLS and TCP headers, acknowledgement."""


@dataclass(slots=True)
class Post:
    """State of the agent that outlives a connection.

    Attributes
    ----------
    settings, spool, identity
        How, from where, and as whom it sends.
    clock, pulse
        What time it is, and how it is doing.
    news
        Something new is in the spool.
    answers
        The server said something.
    moved
        A record has just left.
    due
        When each record on its way is sent again, and after which wait: monotonic seconds.
    carried, carried_before
        Records that this connection has brought receipts for, and that the one before did.
    rest_until
        Before which the server wants to hear nothing: monotonic seconds.
    asked_at
        When the last question left: monotonic seconds.
    rotate_at, rotate_wait_s
        When the word that ends the former key is sent again, and the wait after that.
    """

    settings: EdgeSettings
    spool: Spool
    identity: Identity
    clock: ClockWatch = field(default_factory=ClockWatch)
    pulse: Pulse = field(default_factory=Pulse)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    due: dict[Cid, tuple[float, float]] = field(default_factory=dict)
    carried: int = 0
    carried_before: int = FIRST_CARRIED
    rest_until: float = 0.0
    asked_at: float = -math.inf
    rotate_at: float = 0.0
    rotate_wait_s: float = 5.0

    def topic(self, channel: str) -> str:
        """Return the name of one of the device's channels."""
        return str(Topic(self.identity.body.org, self.identity.body.device, channel))

    def begin(self) -> None:
        """Begin a connection: what was on its way when the last one broke may be lost, so all of it is due again."""
        if self.carried or self.due:
            self.carried_before = self.carried
        self.due.clear()
        self.carried = 0

    def compute_window(self) -> int:
        """Return how many records may be without a receipt: few where links break often, ever more on one that lasts.

        A window of a fortieth of what was carried doubles every 28 round trips.
        """
        return min(WINDOW_RECORDS, max(LEAST_RECORDS, max(self.carried, self.carried_before) // AT_RISK))

    def choose(self, *, limit: int = MESSAGE_RECORDS) -> list[Item]:
        """Return records that are to be sent now."""
        now = time.monotonic()
        on_way = {cid for cid, (due, _) in self.due.items() if due > now}
        free = min(limit, self.compute_window() - len(on_way))
        return self.spool.pending(limit_bytes=MESSAGE_BYTES, skip=on_way, limit=free) if free > 0 else []

    def note_leaving(self, items: list[Item], size: int) -> None:
        """Note that records leave; when the disk is full they leave uncounted, since only receipts make room."""
        until, settings = time.monotonic() + SLOW_S, self.settings
        for item in items:
            _, wait_s = self.due.get(item.cid, (0.0, settings.retry_s / 2))
            self.due[item.cid] = (until, min(2 * wait_s, settings.retry_most_s))
        with suppress(CannotRecord):
            self.spool.mark_sent(items, metered=self.meter(size))
        self.moved.set()

    def note_left(self, items: list[Item]) -> None:
        """Note that the broker has records: from now on the server's word on them is waited for."""
        now = time.monotonic()
        for item in items:
            # Those that the server has answered meanwhile are no longer due.
            if item.cid in self.due:
                wait_s = self.due[item.cid][1]
                self.due[item.cid] = (now + wait_s, wait_s)

    def meter(self, size: int) -> tuple[str, int] | None:
        """Return what a message costs, under this month's name; absent where the link is not metered."""
        return (self.meter_name, size + OVERHEAD_BYTES) if self.settings.is_metered else None

    @property
    def meter_name(self) -> str:
        """Name of this month's counter."""
        return f"metered:{self.clock.month()}"

    def is_over_budget(self) -> bool:
        """Tell whether files must wait for the next month, or for another link."""
        budget = self.settings.budget_bytes
        return self.settings.is_metered and budget is not None and self.spool.counted(self.meter_name) >= budget

    async def rest(self) -> None:
        """Wait until the server wants to hear more."""
        await asyncio.sleep(max(0.0, self.rest_until - time.monotonic()))

    async def send_small(self, client: aiomqtt.Client, channel: str, payload: bytes) -> None:
        """Publish a message that is no record and no frame, such as a question."""
        metered = self.meter(len(payload))
        if metered is not None:
            with suppress(CannotRecord):
                self.spool.count(*metered, is_hint=False)
        await self.publish(client, channel, payload)

    async def publish(self, client: aiomqtt.Client, channel: str, payload: bytes) -> None:
        """Publish to one of the device's channels, at least once."""
        await client.publish(self.topic(channel), payload, qos=1, timeout=SLOW_S)
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            # Python 3.11's `asyncio.wait_for`, which the MQTT client uses, swallows a cancellation that comes with its
            # result; a task that went on would hold its whole connection for ever.
            raise asyncio.CancelledError

    def take_receipt(self, receipt: Receipt) -> None:
        """Note what a receipt says beside what became of records."""
        self.clock.note_server(receipt.at_ms)
        self.pulse.heard = time.monotonic()
        for answer in receipt.answers or ():
            self.carried += self.due.pop(answer.record, None) is not None
        if receipt.pause_ms is not None:
            self.rest_until = time.monotonic() + min(receipt.pause_ms / 1_000, LONGEST_PAUSE_S)


async def wait_for(event: asyncio.Event, seconds: float) -> bool:
    """Return whether an event came within a time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
