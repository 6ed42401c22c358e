"""Copies admitted records to block store and register, in order, from where it last was."""

from dataclasses import dataclass
from typing import Final

from domain.envelope import open_envelope
from ingest.jobs import FOLLOWED
from ingest.journal import Journal
from ingest.steps import run_in_thread
from ipfs.store import BlockStore
from register.ports import RegisterWriter

BATCH: Final = 2_000
"""Records copied at once: about 2 MB, one transaction each in block store and register."""


@dataclass(frozen=True, slots=True)
class Follower:
    """Follows the journal; what it did twice after a crash changes nothing.

    Attributes
    ----------
    journal, blocks, register
        From where, to where.
    """

    journal: Journal
    blocks: BlockStore
    register: RegisterWriter

    async def step(self) -> int:
        """Copy the next records; return how many there were."""
        row = await self.journal.mark(FOLLOWED)
        entries = await self.journal.records_after(row, limit=BATCH)
        if not entries:
            return 0
        await run_in_thread(self.blocks.put_many, [(entry.cid, entry.raw) for entry in entries])
        records = await run_in_thread(lambda: [open_envelope(entry.raw) for entry in entries])
        await self.register.add_records(records)
        await self.journal.set_mark(FOLLOWED, entries[-1].row)
        return len(entries)
