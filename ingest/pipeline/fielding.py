"""Tells crews' days: readings out of the journal, trees out of the readings, signed records into the journal once.

A day is told when no reading has come for it for a while. What comes later makes a further survey of the day, of the
trees that it changes; trees keep their codes by what the journal notes of each reading.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from domain.cid import Cid
from domain.codec import decode_map
from domain.envelope import Record
from domain.errors import CecError
from domain.keys import SigningKey
from ingest import jobs
from ingest.entries import Job
from ingest.errors import JournalUnwritable
from ingest.journal import Journal, now_ms
from ingest.pipeline import field_days
from ingest.pipeline.errors import DayTooLarge, InvalidJob, NotNow, NoTreePlaced, TreesCame
from ingest.pipeline.field_days import FIELD_JOB, CrewDay, DayRecords
from ingest.pipeline.field_ports import FieldDraft, Fielder, FieldKnown, FieldRequest
from ingest.pipeline.knowing import await_register, gather_around, have_come, is_behind, read_surveys
from ingest.pipeline.ports import Known
from ingest.pipeline.surveying import COMPARISONS, MAX_ATTEMPTS, RETRY_S, sign_draft
from ingest.steps import run_in_thread
from register.errors import RecordNotFound, RegisterUnavailable
from register.ports import RegisterReader

MOST_BYTES: Final = 256 << 20
"""Envelopes of one day: a hundred crews' days, and what a worker holds at once."""
QUIET_S: Final = 600.0
"""How long a day must be quiet: a crew that walks on, or a link that comes and goes, is not done."""
_MOST_STEPS: Final = 8
"""Records of one tree that are followed back; see `survey.records.field_join`."""

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FieldWorker:
    """Takes crews' days one after the other.

    Attributes
    ----------
    journal
        Where readings and jobs are.
    register
        Knows the trees of earlier surveys.
    fielder
        Makes trees of readings.
    key
        Signs the records: the organisation's accredited service key.
    told
        Is told how many trees a day had, and how many records of it go on from earlier ones.
    quiet_s
        How long a day must be quiet before it is told.
    """

    journal: Journal
    register: RegisterReader
    fielder: Fielder
    key: SigningKey
    told: Callable[[int, int], None]
    quiet_s: float = QUIET_S

    async def step(self) -> int:
        """Sort what came by its day, and tell the next day that is quiet; return how many of both there were."""
        planned = await self._plan()
        if planned == field_days.BATCH:
            # More may wait, of a day that seems quiet only because nobody has looked at it yet.
            return planned
        # Trees of the survey before must be in the register, or they would be taken for new ones.
        if await self.journal.read(is_behind):
            return planned
        job = await self.journal.claim_job(FIELD_JOB)
        if job is None:
            return planned
        try:
            await self._tell(job)
        except (NotNow, RegisterUnavailable, JournalUnwritable) as error:
            await self._fail(job, str(error), retry_in_s=RETRY_S)
        except CecError as error:
            # What is refused today is refused tomorrow; later readings of the day have a job of their own.
            await self._fail(job, str(error), retry_in_s=None)
        except Exception as error:  # noqa: BLE001  # a worker that died must not end the server
            again = RETRY_S if job.attempts < MAX_ATTEMPTS else None
            await self._fail(job, f"{type(error).__name__}: {error}", retry_in_s=again)
        return planned + 1

    async def _plan(self) -> int:
        """Sort the next observations by day; return how many there were."""
        after, until, found = await self.journal.read(field_days.select_unsorted)
        if not field_days.is_worth_moving(after, until, found):
            return 0
        observations = await run_in_thread(field_days.sort_observations, found)
        quiet_ms = round(1_000 * self.quiet_s)
        await self.journal.write(
            partial(field_days.note_sorted, observations=observations, until=until, quiet_ms=quiet_ms, now_ms=now_ms())
        )
        return len(observations)

    async def _tell(self, job: Job) -> None:
        day = field_days.parse_day(job.payload)
        if day is None:
            raise InvalidJob(job.id, "expected organisation, campaign and day")
        records = await self.journal.read(partial(field_days.select_day, day=day, most_bytes=MOST_BYTES))
        if isinstance(records, int):
            raise DayTooLarge(records, MOST_BYTES)
        if set(records.names) <= records.told:
            # A job before this one has told what this one was queued for.
            await self.journal.finish_job(job.id)
            return
        request = FieldRequest(
            day.org, day.campaign, records.envelopes, records.told, records.codes, now_ms(), records.taken_ms
        )
        await self._finish(job, day, records, request)

    async def _finish(self, job: Job, day: CrewDay, records: DayRecords, request: FieldRequest) -> None:
        """Compare a day with what is known and commit its records, once."""
        outline = await self.fielder.outline(request)
        for _ in range(COMPARISONS):
            row = await await_register(self.journal)
            trees, surveys = await gather_around(self.register, day.org, outline.boxes, outline.codes)
            before, more = await _gather_before(self.register, trees.values(), records.names)
            surveys |= await read_surveys(self.register, more - surveys.keys())
            known = FieldKnown(Known(tuple(raw for _, raw in trees.values()), tuple(surveys.values())), before)
            draft = await self.fielder.tell(request, known)
            signed = [] if draft.draft is None else await run_in_thread(sign_draft, draft.draft, self.key)
            if not signed and draft.unplaced:
                raise NoTreePlaced(draft.unplaced)
            try:
                await self._commit(job, day, records, draft, signed, row=row)
            except TreesCame:
                continue
            if draft.draft is not None:
                self.told(draft.visited, sum(tree.prev is not None for tree in draft.draft.trees))
            return
        raise TreesCame(day.org)

    async def _commit(  # noqa: PLR0917  # all of it is one transaction
        self, job: Job, day: CrewDay, records: DayRecords, draft: FieldDraft, signed: Sequence[Record], *, row: int
    ) -> None:
        """Commit a day's records and what was noted of its readings, unless trees came that it was not compared with.

        Raises
        ------
        TreesCame
            When such trees came.
        """

        def commit(db: sqlite3.Connection) -> None:
            if signed and have_come(db, day.org, row):
                raise TreesCame(day.org)
            jobs.finish(db, job.id, signed, now_ms())
            field_days.note_told(db, day, records.rows, draft.evidence)

        await self.journal.write(commit)

    async def _fail(self, job: Job, reason: str, *, retry_in_s: float | None) -> None:
        """Put a job back or give it up, once the journal can be written."""
        _LOG.log(logging.INFO if retry_in_s else logging.WARNING, "%s: %s", job.id, reason)
        while True:
            try:
                await self.journal.fail_job(job.id, reason, retry_in_s=retry_in_s)
            except JournalUnwritable:
                await asyncio.sleep(RETRY_S)
            else:
                return


async def _gather_before(
    register: RegisterReader, trees: Iterable[tuple[Cid, bytes]], names: Sequence[Cid]
) -> tuple[tuple[bytes, ...], set[Cid]]:
    """Return earlier records of trees whose latest rests on some readings, and the surveys of these records.

    They are followed to the first that does not rest on them: what the day itself has told is no second measurement.
    """
    found: list[bytes] = []
    surveys: set[Cid] = set()
    for _, raw in trees:
        last = raw
        for _ in range(_MOST_STEPS):
            body = decode_map(last)["body"]
            if not isinstance(body, dict):
                raise AssertionError("an indexed envelope holds a body")  # noqa: TRY004  # a bug, not an input
            if not set(body.get("readings", ())) & set(names) or "prev" not in body:
                break
            try:
                last = await register.record(body["prev"])
            except RecordNotFound:
                break
            found.append(last)
            before = decode_map(last)["body"]
            if isinstance(before, dict):
                surveys.add(before["survey"])
    return tuple(found), surveys
