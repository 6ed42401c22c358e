"""The pipeline of one server: surveys, crews' days, followers and anchors, side by side."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from ingest.journal import Journal
from ingest.pipeline.anchoring import Anchorer
from ingest.pipeline.fielding import FieldWorker
from ingest.pipeline.follower import Follower
from ingest.pipeline.surveying import SurveyWorker
from ingest.steps import outlasting, repeat

CREWS_PAUSE_S: Final = 0.5
"""Pause between batches of observations that are sorted by day: a day waits for minutes, devices for their answers."""


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
    crews
        Tells crews' days; absent where none come.
    """

    journal: Journal
    surveys: SurveyWorker
    follower: Follower
    anchorer: Anchorer
    anchor_every_s: float = 1.0
    crews: FieldWorker | None = None

    @asynccontextmanager
    async def open(self) -> "AsyncIterator[Pipeline]":
        """Run the pipeline until the block ends."""
        bell = self.journal.bell
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(repeat(outlasting(self.surveys.step), bell), name="pipeline surveys"),
                group.create_task(repeat(outlasting(self.follower.step), bell), name="pipeline follower"),
                group.create_task(
                    repeat(outlasting(self.anchorer.step), bell, pause_s=self.anchor_every_s), name="pipeline anchors"
                ),
            ]
            if self.crews is not None:
                work = repeat(outlasting(self.crews.step), bell, pause_s=CREWS_PAUSE_S)
                tasks.append(group.create_task(work, name="pipeline crews"))
            try:
                yield self
            finally:
                for task in tasks:
                    task.cancel()
