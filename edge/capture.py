"""From ports to the spool: device bytes through their drivers, readings gathered to observations."""

import asyncio
import hashlib
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from domain.codec import encode
from domain.readings import GnssFix, Reading
from domain.records.field import Observation, Place
from edge.clock import ClockWatch, read_mono_ms
from edge.errors import CannotRecord, DiskFull
from edge.pulse import Pulse
from edge.spool import Spool
from firmware_bridge.catalogue import find_driver
from firmware_bridge.driver import Driver, Event, Passed, SkyView
from firmware_bridge.framing import Skipped
from firmware_bridge.replay import Delivery, parse_log, read_drivers

BATCH_READINGS: Final = 40
"""Readings in an observation at most: with their sentences about 14 kB, small enough for a bad link."""
BATCH_S: Final = 2.0
"""Longest time that a reading waits for others before it is on the disk."""
MAX_WAITING: Final = 5_000
"""Readings kept in memory while the disk is full: about 10 MB, an hour of a receiver and a laser."""
RETRY_S: Final = 1.0
"""How often a full disk is tried again."""
SKIPPED_LINES: Final = "skipped_lines"
"""Name under which the spool keeps the last lines that gave no reading, for ``cec edge doctor``."""
KEPT_LINES: Final = 20
_HEAD_BYTES: Final = 4_096
"""First bytes of a log by which it is known again; two logs of one device differ in their first fix."""

_LOG: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class Capture:
    """Takes what drivers yield and puts it on the disk.

    Attributes
    ----------
    spool
        Where observations go.
    org, device, campaign
        Who measures.
    pulse, clock
        What the crew is told of the sky and of time.
    """

    spool: Spool
    org: str
    device: str
    campaign: str
    pulse: Pulse = field(default_factory=Pulse)
    clock: ClockWatch = field(default_factory=ClockWatch)
    _waiting: deque[Reading] = field(default_factory=deque)
    _since: float = 0.0
    _retry_at: float = 0.0
    _lines: deque[tuple[str, bytes]] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))
    _skipped: int = 0
    _log: tuple[str, int] | None = None

    async def run_port(self, deliveries: AsyncIterator[bytes], driver: Driver) -> None:
        """Take the bytes of one live port until it ends; no bytes let time pass."""
        try:
            async for data in deliveries:
                self.take(driver.feed(data, mono_ms=read_mono_ms()))
                self.record_if_due()
        finally:
            # Also when the agent is told to stop: what the driver holds was measured.
            self.take(driver.flush())
            self.record()

    async def run_log(self, path: Path, *, speed: float) -> int:
        """Play a recorded log from where it was recorded up to, and return how many readings were new.

        How far it was taken stands in the spool with the readings themselves, so that a kill at any moment doubles
        none. Drivers hold parts of sentences: what was taken before is read again, and its readings passed over.

        Raises
        ------
        InvalidLog
            When it cannot be played.
        """
        name = await asyncio.to_thread(name_log, path)
        done = int.from_bytes(self.spool.noted(name) or b"", "big")
        drivers = {port: find_driver(driver).make() for port, driver in read_drivers(path).items()}
        passed, began = 0, read_mono_ms()
        self._log = (name, done)
        start: tuple[float, int] | None = None
        for delivery in parse_log(path):
            if passed >= done and speed > 0:
                start = start or (time.monotonic(), delivery.at_ms)
                await asyncio.sleep(start[0] + (delivery.at_ms - start[1]) / 1_000 / speed - time.monotonic())
            passed += self._take_delivery(delivery, drivers, began=began, left=done - passed)
            # A log played at full speed must not keep the link from its turn.
            await asyncio.sleep(0)
            await self._wait_for_room()
        for driver in drivers.values():
            passed += self._take_rest(driver.flush(), left=done - passed)
        while self._waiting:
            self.record()
            await self._wait_for_room(most=0)
        return self._log[1] - done

    def take(self, events: Sequence[Event]) -> None:
        """Take what a driver yields; readings wait for others a moment."""
        for event in events:
            match event:
                case Skipped():
                    self._skipped += 1
                    self._lines.append((str(event.error), event.raw))
                case SkyView():
                    self.pulse.note_sky(event)
                case Passed():
                    pass
                case _:
                    self._keep(event)

    def record_if_due(self) -> None:
        """Put what waits on the disk when it is enough, or has waited long."""
        now = time.monotonic()
        if now < self._retry_at:
            return
        is_old = now - self._since > BATCH_S
        if len(self._waiting) >= BATCH_READINGS or ((self._waiting or self._skipped) and is_old):
            self.record()

    def record(self) -> None:
        """Put what waits on the disk as observations; what a full disk refuses goes on waiting."""
        try:
            while self._waiting:
                self._record_batch()
            self._tell_skipped()
            self._tell_dropped()
        except CannotRecord as error:
            if not self.pulse.is_full:
                _LOG.error("%s", error)  # a person must act; where it was raised tells them nothing
            self.pulse.is_full = isinstance(error, DiskFull)
            self._retry_at = time.monotonic() + RETRY_S
        else:
            self.pulse.is_full = False

    def _record_batch(self) -> None:
        readings = tuple(self._waiting[place] for place in range(min(BATCH_READINGS, len(self._waiting))))
        mark, log = None, self._log
        if log is not None:
            log = (log[0], log[1] + len(readings))
            mark = (log[0], log[1].to_bytes(8, "big"))
        seen = [one.gnss_at_ms for one in readings if isinstance(one, GnssFix) and one.gnss_at_ms is not None]

        def observe(place: Place) -> Observation:
            at = Place(
                place.epoch, place.seq, place.at_ms, place.boot, place.mono_ms, place.prev,
                gnss_at_ms=seen[-1] if seen else None,
            )  # fmt: skip
            return Observation(self.org, self.device, self.campaign, at, readings)

        self.spool.append(observe, readings=len(readings), mark=mark)
        self._log = log
        for _ in readings:
            self._waiting.popleft()

    def _keep(self, reading: Reading) -> None:
        if not self._waiting:
            self._since = time.monotonic()
        if isinstance(reading, GnssFix) and reading.gnss_at_ms is not None and self._log is None:
            self.clock.note_gnss(reading.gnss_at_ms)
        self._waiting.append(reading)
        if len(self._waiting) > MAX_WAITING:
            self._waiting.popleft()
            self.pulse.dropped += 1

    def _take_delivery(self, delivery: Delivery, drivers: dict[str, Driver], *, began: int, left: int) -> int:
        """Take a delivery of a log, passing over so many readings; return how many were passed over."""
        events = drivers[delivery.port].feed(delivery.data, mono_ms=began + delivery.at_ms)
        passed = self._take_rest(events, left=left)
        self.record_if_due()
        return passed

    def _take_rest(self, events: Sequence[Event], *, left: int) -> int:
        passed = 0
        for event in events:
            if isinstance(event, Skipped | SkyView | Passed):
                if passed >= left:
                    self.take([event])
            elif passed < left:
                passed += 1
            else:
                self.take([event])
        return passed

    async def _wait_for_room(self, *, most: int = MAX_WAITING // 2) -> None:
        """Wait while a full disk keeps more than so many readings waiting: a log can, an instrument cannot."""
        while len(self._waiting) > most:
            await asyncio.sleep(RETRY_S)
            self.record()

    def _tell_skipped(self) -> None:
        if self._skipped:
            self.spool.count("skipped", self._skipped)
            self._skipped = 0
            self.spool.note(SKIPPED_LINES, encode([[why, raw] for why, raw in self._lines]))

    def _tell_dropped(self) -> None:
        if self.pulse.dropped:
            self.spool.count("dropped", self.pulse.dropped)
            self.pulse.dropped = 0


def name_log(path: Path) -> str:
    """Return the name under which the spool keeps how far a log was taken: by its path and its first bytes."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    return "log:" + hashlib.sha256(str(path.resolve()).encode() + b"\0" + head).hexdigest()
