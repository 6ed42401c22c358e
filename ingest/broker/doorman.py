"""Keeps a broker's door in step with the journal: who was enrolled is let in, whose key ended is put out at once.

It follows the journal by a mark of its own, so that nothing is forgotten over a crash, and what another process writes
beside the server counts as well.
"""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from domain.envelope import Body, open_envelope
from domain.records.membership import Enrol, Revoke, Rotate
from ingest.broker.doors import DeviceDoor
from ingest.broker.errors import DeviceNameTaken
from ingest.journal import Journal
from ingest.steps import outlasting, repeat

MARK: Final = "doors"
ROWS: Final = 50_000
"""Rows looked through at once."""
_CHANGES: Final = (
    "SELECT raw FROM record WHERE row > ? AND row <= ? AND kind IN ('enrol', 'rotate', 'revoke') ORDER BY row"
)
_VALID: Final = "SELECT 1 FROM device_key WHERE org = ? AND device = ? AND revoked_ms IS NULL"

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Doorman:
    """Lets devices in and puts them out as the journal says.

    Attributes
    ----------
    journal
        What it follows.
    door
        The broker's door.
    """

    journal: Journal
    door: DeviceDoor

    @asynccontextmanager
    async def open(self) -> "AsyncIterator[Doorman]":
        """Keep the door until the block ends; a broker that does not answer is asked again."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(repeat(outlasting(self.step), self.journal.bell), name="doorman")
            try:
                yield self
            finally:
                task.cancel()

    async def step(self) -> int:
        """Act on the next enrolments and revocations; return how many rows were looked through.

        Raises
        ------
        DoorRefused
            When the broker does not take it now; the step may be taken again.
        """
        after = await self.journal.mark(MARK)
        until = min(after + ROWS, await self.journal.last_row())
        if until <= after:
            return 0
        for body in await self.journal.read(lambda db: _select_changes(db, after, until)):
            try:
                await self._act(body)
            except DeviceNameTaken as error:
                # Asking again would change nothing; a person must rename one of the two.
                _LOG.error("%s", error)  # where it was raised tells nothing
        await self.journal.set_mark(MARK, until)
        return until - after

    async def _act(self, body: Body) -> None:
        if isinstance(body, Enrol | Rotate):
            await self.door.admit(body.org, body.device)
        elif isinstance(body, Revoke):
            await self.door.cut(body.org, body.device)
            if await self.journal.read(lambda db: _has_key(db, body)):
                # Another key of the device is good: it may come again with that one.
                await self.door.admit(body.org, body.device)


def _select_changes(db: sqlite3.Connection, after: int, until: int) -> list[Body]:
    return [open_envelope(raw).body for (raw,) in db.execute(_CHANGES, (after, until))]


def _has_key(db: sqlite3.Connection, body: Revoke) -> bool:
    return db.execute(_VALID, (body.org, body.device)).fetchone() is not None
