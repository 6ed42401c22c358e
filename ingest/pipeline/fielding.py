"""Tells crews' days: readings out of the journal, trees out of the readings, signed records into the journal once.

A day is told when no reading has come for it for a while. What comes later makes a further survey of the day, of the
trees that it changes; trees keep their codes by what the journal notes of each reading.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from domain.cid import Cid
from domain.codec import Value
from domain.envelope import Record
from domain.errors import CecError
from domain.keys import SigningKey
from ingest import jobs
from ingest.entries import Job
from ingest.errors import JournalUnwritable
from ingest.journal import Journal, now_ms
from ingest.pipeline import field_days
from ingest.pipeline.bodies import read_body
from ingest.pipeline.errors import DayTooLarge, InvalidJob, NotNow, NoTreePlaced, TreesCame
from ingest.pipeline.field_days import FIELD_JOB, CrewDay, DayRecords
from ingest.pipeline.field_ports import FieldDraft, Fielder, FieldKnown, FieldOutline, FieldRequest
from ingest.pipeline.knowing import await_register, gather_around, have_come, is_behind, read_surveys
from ingest.pipeline.ports import Known
from ingest.pipeline.surveying import COMPARISONS, MAX_ATTEMPTS, RETRY_S, put_back, sign_draft
from ingest.steps import run_in_thread
from register.errors import RecordNotFound, RegisterUnavailable
from register.ports import RegisterReader

MOST_BYTES: Final = 256 << 20
"""Envelopes of one day: a hundred crews' days, and what a worker holds at once."""
QUIET_S: Final = 600.0
"""How long a day must be quiet: a crew that walks on, or a link that comes and goes, is not done."""
_MOST_STEPS: Final = 8
"""Records of one tree that are followed back; see `survey.records.field_join`."""


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
        Is told of each survey of a day that was committed.
    quiet_s
        How long a day must be quiet before it is told.
    """

    journal: Journal
    register: RegisterReader
    fielder: Fielder
    key: SigningKey
    told: Callable[[], None]
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
            await put_back(self.journal, job, str(error), retry_in_s=RETRY_S)
        except CecError as error:
            # What is refused today is refused tomorrow; later readings of the day have a job of their own.
            await put_back(self.journal, job, str(error), retry_in_s=None)
        except Exception as error:  # noqa: BLE001  # a worker that died must not end the server
            again = RETRY_S if job.attempts < MAX_ATTEMPTS else None
            await put_back(self.journal, job, f"{type(error).__name__}: {error}", retry_in_s=again)
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
            await self.journal.write(partial(_close, job=job, day=day))
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
            draft = await self.fielder.tell(request, await self._gather(day, outline, frozenset(records.names)))
            signed = [] if draft.draft is None else await run_in_thread(sign_draft, draft.draft, self.key)
            if not signed and draft.unplaced:
                raise NoTreePlaced(draft.unplaced)
            try:
                await self._commit(job, day, records, draft, signed, row=row)
            except TreesCame:
                continue
            if draft.draft is not None:
                self.told()
            return
        raise TreesCame(day.org)

    async def _gather(self, day: CrewDay, outline: FieldOutline, own: frozenset[Cid]) -> FieldKnown:
        """Return what is known of a day's trees: what the day itself has told is no second measurement."""
        known, named = await gather_around(self.register, day.org, outline.boxes, outline.codes)
        known, resting = await run_in_thread(_sort_known, known, own)
        before = [raw for last in resting for raw in await _follow_back(self.register, last, own)]
        links = [read_body(raw)["survey"] for raw in before]
        more = await read_surveys(self.register, {link for link in links if isinstance(link, Cid)} - named)
        return FieldKnown(replace(known, surveys=(*known.surveys, *more.values())), tuple(before))

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


def _close(db: sqlite3.Connection, *, job: Job, day: CrewDay) -> None:
    """Finish the job of a day that is told."""
    jobs.finish(db, job.id, (), now_ms())
    field_days.note_told(db, day, (), ())


def _sort_known(known: Known, own: frozenset[Cid]) -> tuple[Known, list[bytes]]:
    """Return what is known without newest evidence that is the day's own, and the last records that rest on this."""
    newest = tuple(raw for raw in known.newest if not _rests_on(read_body(raw), own))
    return replace(known, newest=newest), [raw for raw in known.trees if _rests_on(read_body(raw), own)]


async def _follow_back(register: RegisterReader, last: bytes, own: frozenset[Cid]) -> list[bytes]:
    """Return the records before one that rests on the day's own readings, to the first that does not."""
    found: list[bytes] = []
    for _ in range(_MOST_STEPS):
        body = read_body(last)
        before = body.get("prev")
        if not _rests_on(body, own) or not isinstance(before, Cid):
            break
        try:
            last = await register.record(before)
        except RecordNotFound:
            break
        found.append(last)
    return found


def _rests_on(body: Mapping[str, Value], own: frozenset[Cid]) -> bool:
    readings = body.get("readings", ())
    return isinstance(readings, Sequence) and not own.isdisjoint(readings)
