"""How the server does, as the portal tells it to operators."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ingest.metrics import render_metrics
from ingest.watch import Reading, Watch, list_checks
from portal.ports import HealthCheck

FRESH_S: Final = 2.0
"""How long a reading serves: each costs a commit and counts over the journal, and anybody may ask."""


@dataclass(slots=True)
class Watchman:
    """A `portal.ports.Watcher` over ingest's watch.

    Attributes
    ----------
    watch
        Reads the counters.
    """

    watch: Watch
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _reading: Reading | None = None
    _until: float = 0.0

    async def checks(self) -> Sequence[HealthCheck]:
        """Return what an operator should know."""
        return [HealthCheck(one.name, one.state, one.words) for one in list_checks(await self._read())]

    async def metrics(self) -> bytes:
        """Return every counter in Prometheus' text format."""
        return render_metrics(await self._read())

    async def _read(self) -> Reading:
        async with self._turn:
            if self._reading is None or time.monotonic() > self._until:
                self._reading = await self.watch.read()
                self._until = time.monotonic() + FRESH_S
            return self._reading
