"""From ports to the spool: device bytes through their readers, readings gathered to observations."""

import asyncio
import time
from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from domain.readings import Reading
from domain.records.field import Observation, Place
from edge.spool import Spool
from firmware_bridge.framing import Skipped
from firmware_bridge.haglof import HaglofReader
from firmware_bridge.nmea import GnssReader
from firmware_bridge.replay import Delivery

BATCH_READINGS: Final = 40
"""Readings in an observation at most: with their sentences about 14 kB, small enough for a bad link."""
BATCH_S: Final = 2.0
"""Longest time that a reading waits for others before it is on the disk."""


@dataclass(slots=True)
class Capture:
    """Takes deliveries of a device's ports.

    Attributes
    ----------
    spool
        Where observations go.
    org, device, campaign
        Who measures.
    """

    spool: Spool
    org: str
    device: str
    campaign: str
    _gnss: GnssReader = field(default_factory=GnssReader)
    _lasers: dict[str, HaglofReader] = field(default_factory=dict)
    _waiting: list[Reading] = field(default_factory=list)
    _since: float = 0.0

    async def run(self, deliveries: AsyncIterable[Delivery]) -> None:
        """Take deliveries until they end; what waits is then recorded."""
        async for delivery in deliveries:
            self.take(delivery)
            # A log played at full speed must not keep the link from its turn.
            await asyncio.sleep(0)
        self._keep(self._gnss.flush())
        for laser in self._lasers.values():
            self._keep(laser.flush())
        self.record()

    def take(self, delivery: Delivery) -> None:
        """Take the bytes of one port."""
        mono_ms = time.monotonic_ns() // 1_000_000
        if delivery.port == "gnss":
            self._keep(self._gnss.feed(delivery.data, mono_ms=mono_ms))
        else:
            laser = self._lasers.setdefault(delivery.port, HaglofReader())
            self._keep(laser.feed(delivery.data, mono_ms=mono_ms))
        if len(self._waiting) >= BATCH_READINGS or (self._waiting and time.monotonic() - self._since > BATCH_S):
            self.record()

    def record(self) -> None:
        """Put what waits on the disk as observations."""
        while self._waiting:
            readings, self._waiting = tuple(self._waiting[:BATCH_READINGS]), self._waiting[BATCH_READINGS:]
            self.spool.append(lambda place, taken=readings: self._observe(place, taken), readings=len(readings))  # type: ignore[misc]

    def _observe(self, place: Place, readings: tuple[Reading, ...]) -> Observation:
        return Observation(self.org, self.device, self.campaign, place, readings)

    def _keep(self, found: Sequence[Reading | Skipped]) -> None:
        if not self._waiting:
            self._since = time.monotonic()
        skipped = sum(isinstance(one, Skipped) for one in found)
        if skipped:
            self.spool.count_skipped(skipped)
        self._waiting += [one for one in found if not isinstance(one, Skipped)]
