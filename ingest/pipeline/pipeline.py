"""The pipeline of one server: surveys, followers and anchors, side by side."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from ingest.journal import Journal
from ingest.pipeline.anchoring import Anchorer
from ingest.pipeline.follower import Follower
from ingest.pipeline.steps import repeat
from ingest.pipeline.surveying import SurveyWorker

AFTER_FAILURE_S: Final = 2.0
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What follows admission; open it with `Pipeline.open`.

    Attributes
    ----------
    journal
        What it follows.
    surveys, follower, anchorer
        Its steps.
    anchor_every_s
        Pause between anchors, so that a batch has more than one record.
    """

    journal: Journal
    surveys: SurveyWorker
    follower: Follower
    anchorer: Anchorer
    anchor_every_s: float = 1.0

    @asynccontextmanager
    async def open(self) -> "AsyncIterator[Pipeline]":
        """Run the pipeline until the block ends."""
        bell = self.journal.bell
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(repeat(_outlasting(self.surveys.step), bell), name="pipeline surveys"),
                group.create_task(repeat(_outlasting(self.follower.step), bell), name="pipeline follower"),
                group.create_task(
                    repeat(_outlasting(self.anchorer.step), bell, pause_s=self.anchor_every_s), name="pipeline anchors"
                ),
            ]
            try:
                yield self
            finally:
                for task in tasks:
                    task.cancel()


def _outlasting(step: Callable[[], Awaitable[int]]) -> Callable[[], Awaitable[int]]:
    """Return a step that tells of a failure and is taken again, in place of ending the server."""

    async def take() -> int:
        try:
            return await step()
        except Exception:  # noqa: BLE001  # a full disk or a silent chain passes; the server must outlast it
            _LOG.exception("pipeline step failed; it is taken again")
            await asyncio.sleep(AFTER_FAILURE_S)
            return 0

    return take
