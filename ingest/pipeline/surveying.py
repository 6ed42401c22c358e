"""Surveys uploaded clouds: file out of blocks, trees out of the file, signed records into the journal once.

Known trees keep their codes: before a survey is signed, it is compared with what the register knows of its ground.
"""

import asyncio
import logging
import os
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from domain.cid import Cid
from domain.codec import decode_map
from domain.envelope import Record, open_envelope, seal
from domain.errors import CecError
from domain.keys import SigningKey
from domain.merkle import build_sorted_tree
from domain.records.field import Blob, Place
from ingest import jobs
from ingest.entries import Job
from ingest.errors import JournalUnwritable
from ingest.journal import Journal, now_ms
from ingest.pipeline.errors import InvalidJob, NotNow, TreesCame
from ingest.pipeline.knowing import await_register, gather_known, have_come, is_behind
from ingest.pipeline.ports import Draft, Surveyor, SurveyRequest
from ingest.service import CLOUD_MEDIA, SURVEY_JOB
from ingest.steps import run_in_thread
from ipfs.store import BlockStore
from ipfs.unixfs import read_file
from register.errors import RegisterUnavailable
from register.ports import RegisterReader

MAX_ATTEMPTS: Final = 3
"""A worker that died may have been killed for another's memory; one that dies thrice dies of this cloud."""
RETRY_S: Final = 2.0
COMPARISONS: Final = 5
"""How often a survey is compared again because trees came from elsewhere meanwhile, before its job is put back."""
FIRST_YEAR_MS: Final = 946_684_800_000
"""Start of 2000; a clock that says less was never set."""
_DAY_MS: Final = 86_400_000

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SurveyWorker:
    """Takes survey jobs one after the other.

    Attributes
    ----------
    journal, blocks
        Where jobs and clouds are.
    register
        Knows the trees of earlier surveys.
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
    register: RegisterReader
    surveyor: Surveyor
    key: SigningKey
    folder: Path
    told: Callable[[int, int], None]

    async def step(self) -> int:
        """Survey the next cloud; return how many jobs were taken."""
        # Trees of the survey before must be in the register, or they would be taken for new ones.
        if await self.journal.read(is_behind):
            return 0
        job = await self.journal.claim_job(SURVEY_JOB)
        if job is None:
            return 0
        try:
            draft = await self._finish(job, await self._survey(job))
        except (NotNow, RegisterUnavailable, JournalUnwritable) as error:
            await put_back(self.journal, job, str(error), retry_in_s=RETRY_S)
            return 1
        except CecError as error:
            # What the tree science refuses today it refuses tomorrow: the reason is kept for people.
            await put_back(self.journal, job, str(error), retry_in_s=None)
            return 1
        except Exception as error:  # noqa: BLE001  # a worker that died must not end the server
            again = RETRY_S if job.attempts < MAX_ATTEMPTS else None
            await put_back(self.journal, job, f"{type(error).__name__}: {error}", retry_in_s=again)
            return 1
        self.told(draft.points, len(draft.trees))
        return 1

    async def _finish(self, job: Job, draft: Draft) -> Draft:
        """Compare a draft with what is known and commit its records, once; return what was committed."""
        for _ in range(COMPARISONS):
            row = await await_register(self.journal)
            known = await gather_known(self.register, draft)
            compared = await self.surveyor.compare(draft, known) if known.trees else draft
            records = await run_in_thread(sign_draft, compared, self.key)
            try:
                await self.journal.write(partial(_commit, job=job, records=records, org=draft.survey.org, row=row))
            except TreesCame:
                continue
            return compared
        raise TreesCame(draft.survey.org)

    async def _survey(self, job: Job) -> Draft:
        link = decode_map(job.payload).get("blob")
        raw = await self.journal.record(link) if isinstance(link, Cid) else None
        if raw is None or not isinstance(link, Cid):
            raise InvalidJob(job.id, "its blob record is not in the journal")
        blob = open_envelope(raw).expect(Blob)
        path = await run_in_thread(self._write_cloud, blob)
        try:
            return await self.surveyor.survey(
                SurveyRequest(
                    cloud=path,
                    root=blob.root,
                    blob=link,
                    org=blob.org,
                    campaign=blob.campaign,
                    crs=blob.crs,
                    at_ms=now_ms(),
                    taken_ms=tell_taken(blob.place, now_ms()),
                    scanned=blob.scanned,
                )
            )
        finally:
            path.unlink(missing_ok=True)

    def _write_cloud(self, blob: Blob) -> Path:
        """Return the cloud as a file, block by block out of the store."""
        self.folder.mkdir(parents=True, exist_ok=True)
        suffix = CLOUD_MEDIA.get(blob.media, "")
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


async def put_back(journal: Journal, job: Job, reason: str, *, retry_in_s: float | None) -> None:
    """Put a job back or give it up, once the journal can be written: on a full disk, when there is room again."""
    _LOG.log(logging.INFO if retry_in_s else logging.WARNING, "%s: %s", job.id, reason)
    while True:
        try:
            await journal.fail_job(job.id, reason, retry_in_s=retry_in_s)
        except JournalUnwritable:
            await asyncio.sleep(RETRY_S)
        else:
            return


def tell_taken(place: Place, now_ms: int) -> int | None:
    """Return when a cloud was taken, as its device's clocks say; nothing where they cannot be right."""
    stated = place.at_ms if place.gnss_at_ms is None else place.gnss_at_ms
    return stated if FIRST_YEAR_MS <= stated <= now_ms + _DAY_MS else None


def sign_draft(draft: Draft, key: SigningKey) -> list[Record]:
    """Return a draft's records in the order of their dependence: survey, trees, those gone, matches, result."""
    survey = seal(draft.survey, key)
    trees = [seal(replace(tree, survey=survey.cid), key) for tree in (*draft.trees, *draft.gone)]
    matches = [seal(replace(match, survey=survey.cid), key) for match in draft.matches]
    leaves = sorted(bytes(tree.cid) for tree in trees)
    result = replace(
        draft.result,
        survey=survey.cid,
        count=len(trees),
        trees_root=build_sorted_tree(leaves).root if leaves else None,
        matches=tuple(match.cid for match in matches) or None,
    )
    return [survey, *trees, *matches, seal(result, key)]


def _commit(db: sqlite3.Connection, *, job: Job, records: Sequence[Record], org: str, row: int) -> None:
    """Commit a survey in one transaction, unless trees came that it was not compared with."""
    if have_come(db, org, row):
        raise TreesCame(org)
    jobs.finish(db, job.id, records, now_ms())
