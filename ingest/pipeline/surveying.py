"""Surveys uploaded clouds: file out of blocks, trees out of the file, signed records into the journal once."""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from domain.cid import Cid
from domain.codec import decode_map
from domain.envelope import Record, open_envelope, seal
from domain.errors import CecError
from domain.keys import SigningKey
from domain.merkle import build_sorted_tree
from domain.records.field import Blob
from ingest.entries import Job
from ingest.journal import Journal, now_ms
from ingest.pipeline.errors import InvalidJob
from ingest.pipeline.ports import Draft, Surveyor, SurveyRequest
from ingest.service import SURVEY_JOB
from ingest.steps import run_in_thread
from ipfs.store import BlockStore
from ipfs.unixfs import read_file

MAX_ATTEMPTS: Final = 3
"""A worker that died may have been killed for another's memory; one that dies thrice dies of this cloud."""
RETRY_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class SurveyWorker:
    """Takes survey jobs one after the other.

    Attributes
    ----------
    journal, blocks
        Where jobs and clouds are.
    surveyor
        Finds the trees.
    key
        Signs the records: the organisation's accredited service key.
    folder
        Where clouds lie while they are surveyed.
    told
        Is told how many points and trees each survey had.
    """

    journal: Journal
    blocks: BlockStore
    surveyor: Surveyor
    key: SigningKey
    folder: Path
    told: Callable[[int, int], None]

    async def step(self) -> int:
        """Survey the next cloud; return how many jobs were taken."""
        job = await self.journal.claim_job(SURVEY_JOB)
        if job is None:
            return 0
        try:
            draft = await self._survey(job)
        except CecError as error:
            # What the tree science refuses today it refuses tomorrow: the reason is kept for people.
            await self.journal.fail_job(job.id, str(error), retry_in_s=None)
            return 1
        except Exception as error:  # noqa: BLE001  # a worker that died must not end the server
            again = RETRY_S if job.attempts < MAX_ATTEMPTS else None
            await self.journal.fail_job(job.id, f"{type(error).__name__}: {error}", retry_in_s=again)
            return 1
        records = await run_in_thread(sign_draft, draft, self.key)
        await self.journal.finish_job(job.id, records)
        self.told(draft.points, len(draft.trees))
        return 1

    async def _survey(self, job: Job) -> Draft:
        link = decode_map(job.payload).get("blob")
        raw = await self.journal.record(link) if isinstance(link, Cid) else None
        if raw is None or not isinstance(link, Cid):
            raise InvalidJob(job.id, "its blob record is not in the journal")
        blob = open_envelope(raw).expect(Blob)
        path = await run_in_thread(self._write_cloud, blob)
        try:
            return await self.surveyor.survey(
                SurveyRequest(path, blob.root, link, blob.org, blob.campaign, blob.crs, now_ms())
            )
        finally:
            path.unlink(missing_ok=True)

    def _write_cloud(self, blob: Blob) -> Path:
        """Return the cloud as a file, block by block out of the store."""
        self.folder.mkdir(parents=True, exist_ok=True)
        suffix = ".laz" if blob.media.endswith("laszip") else ".las"
        descriptor, name = tempfile.mkstemp(suffix=suffix, dir=self.folder)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                for part in read_file(blob.root, self.blocks.get):
                    stream.write(part)
        except BaseException:
            Path(name).unlink()
            raise
        return Path(name)

    def sweep(self) -> None:
        """Delete what surveys of a process that was killed have left; no survey may be under way."""
        for path in self.folder.glob("tmp*.la[sz]"):
            path.unlink(missing_ok=True)


def sign_draft(draft: Draft, key: SigningKey) -> list[Record]:
    """Return a draft's records in the order of their dependence: survey, trees, result."""
    survey = seal(draft.survey, key)
    trees = [seal(replace(tree, survey=survey.cid), key) for tree in draft.trees]
    leaves = sorted(bytes(tree.cid) for tree in trees)
    root = build_sorted_tree(leaves).root if leaves else None
    result = replace(draft.result, survey=survey.cid, count=len(trees), trees_root=root)
    return [survey, *trees, seal(result, key)]
