"""Anchors admitted records in batches of the journal's order.

Which rows a batch has is fixed in a job before anything is submitted, so after a crash the same rows give the same
root, which stands on the chain once. A job's output is admitted in one transaction, so a survey and its trees never
part.
"""

import sqlite3
from dataclasses import dataclass
from typing import Final

from domain.codec import decode_list, encode
from ingest import jobs
from ingest.entries import Job
from ingest.journal import Journal, now_ms
from ingest.pipeline.errors import InvalidJob
from ingest.pipeline.manifest import build_batch
from ingest.pipeline.ports import Anchors
from ingest.steps import run_in_thread
from ipfs.store import BlockStore
from register.entries import Anchor
from register.ports import RegisterWriter

KIND: Final = "anchor"
PLANNED: Final = "anchor planned"
RETRY_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Anchorer:
    """Anchors what the journal admitted.

    Attributes
    ----------
    journal, blocks, register
        Where records come from, where manifests go, who is told.
    anchors
        The chain.
    """

    journal: Journal
    blocks: BlockStore
    register: RegisterWriter
    anchors: Anchors

    async def step(self) -> int:
        """Anchor the next batch; return how many records it had."""
        job = await self.journal.claim_job(KIND) or await self._plan()
        if job is None:
            return 0
        return await self._anchor(job)

    async def _plan(self) -> Job | None:
        """Queue and claim a job for the rows that no job has; nothing when there are none."""
        after = await self.journal.mark(PLANNED)
        until = await self.journal.last_row()
        if until <= after:
            return None
        job = Job(f"{KIND}/{after}-{until}", KIND, encode([after, until]))
        await self.journal.write(lambda db: _plan_rows(db, job, until))
        return await self.journal.claim_job(KIND)

    async def _anchor(self, job: Job) -> int:
        rows = decode_list(job.payload)
        after, until = rows
        if not isinstance(after, int) or not isinstance(until, int):
            raise InvalidJob(job.id, "expected two rows")
        cids = await self.journal.cids_between(after, until)
        batch = await run_in_thread(build_batch, cids)
        await run_in_thread(self.blocks.put_many, batch.blocks)
        try:
            stands = await self.anchors.anchor(batch.tree.root, batch.tree.count, batch.manifest)
        except Exception as error:
            await self.journal.fail_job(job.id, str(error), retry_in_s=RETRY_S)
            raise
        anchor = Anchor(
            batch.tree.root, batch.tree.count, stands.height, stands.time_ms, stands.tx_hash, batch.manifest
        )
        await self.register.add_anchor(anchor, batch.cids)
        await self.journal.finish_job(job.id)
        return len(cids)


def _plan_rows(db: sqlite3.Connection, job: Job, until: int) -> None:
    """Queue a job and note its rows in one transaction: no row is ever planned twice, or for other rows' job."""
    jobs.queue(db, job, now_ms())
    jobs.set_mark(db, PLANNED, until)
