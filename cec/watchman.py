"""How the server does, as the portal tells it to operators."""

from collections.abc import Sequence
from dataclasses import dataclass

from ingest.metrics import render_metrics
from ingest.watch import Watch, list_checks
from portal.ports import HealthCheck


@dataclass(frozen=True, slots=True)
class Watchman:
    """A `portal.health.Watcher` over ingest's watch."""

    watch: Watch

    async def checks(self) -> Sequence[HealthCheck]:
        """Return what an operator should know."""
        return [HealthCheck(one.name, one.state, one.words) for one in list_checks(await self.watch.read())]

    async def metrics(self) -> bytes:
        """Return every counter in Prometheus' text format."""
        return render_metrics(await self.watch.read())
