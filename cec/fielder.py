"""Crews' days told in a process of their own, begun when the first one comes: most servers see clouds alone."""

import asyncio
import hmac
import multiprocessing
from collections.abc import AsyncIterator, Callable
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import asynccontextmanager
from typing import ParamSpec, TypeVar

from cec.errors import CrewDayRefused
from cec.surveyor import CODES_OF, UNSIGNED, Refused, end_with_parent
from domain.cid import Cid
from domain.envelope import open_envelope
from domain.errors import CecError
from domain.records.field import Observation
from domain.records.result import Result, Survey, Tree
from ingest.pipeline.field_ports import FieldDraft, FieldKnown, FieldOutline, FieldRequest
from ingest.pipeline.ports import Draft
from register.entries import Box

P = ParamSpec("P")
T = TypeVar("T")


class PoolFielder:
    """An `ingest.pipeline.field_ports.Fielder` on a process of its own; open it with `PoolFielder.open`.

    Parameters
    ----------
    secret
        The server's secret for tree codes.
    region
        Whose equations of volume and biomass; see `survey.allometry.choose_models`.
    """

    def __init__(self, secret: bytes, region: str | None = None) -> None:
        self._secret = secret
        self._region = region
        self._pool = _prepare_pool()

    @classmethod
    @asynccontextmanager
    async def open(cls, secret: bytes, region: str | None = None) -> "AsyncIterator[PoolFielder]":
        """Have a worker ready until the block ends; its process begins with the first day."""
        fielder = cls(secret, region)
        try:
            yield fielder
        finally:
            fielder._pool.shutdown(wait=False, cancel_futures=True)

    async def outline(self, request: FieldRequest) -> FieldOutline:
        """Return what must be known before a day is told.

        Raises
        ------
        CrewDayRefused
            When its readings contradict each other.
        BrokenExecutor
            When the worker died of it; the next day finds a new worker.
        """
        return await self._run(outline_request, request, self._secret)

    async def tell(self, request: FieldRequest, known: FieldKnown) -> FieldDraft:
        """Return what a day says; fails as `outline` does."""
        return await self._run(tell_request, request, known, self._secret, self._region)

    async def _run(self, work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        try:
            outcome = await loop.run_in_executor(self._pool, _attempt, work, args, options)
        except BrokenExecutor:
            self._pool = _prepare_pool()
            raise
        if isinstance(outcome, Refused):
            raise CrewDayRefused(outcome.rule, outcome.words)
        return outcome


def outline_request(request: FieldRequest, secret: bytes) -> FieldOutline:
    """Return what must be known before a day is told; runs in a worker, which alone pays for importing the science."""
    from survey.records.field_day import FieldDay, outline_day

    outline = outline_day(FieldDay(_open(request), request.told, request.codes), _own(secret, request.org))
    return FieldOutline(tuple(Box(*box) for box in outline.boxes), outline.codes)


def tell_request(request: FieldRequest, known: FieldKnown, secret: bytes, region: str | None) -> FieldDraft:
    """Return what a day says, as unsigned bodies; runs in a worker, as `outline_request`."""
    from survey.records.campaigns import KnownForest, KnownSurvey
    from survey.records.field import CrewSurvey, FieldContext, survey_day
    from survey.records.field_day import FieldDay
    from survey.records.field_join import FieldKnown as KnownBefore

    surveys = {
        record.cid: KnownSurvey(
            record.expect(Survey), None if one.result is None else open_envelope(one.result).expect(Result)
        )
        for one in known.known.surveys
        for record in [open_envelope(one.survey)]
    }
    trees, before = (
        {record.cid: record.expect(Tree) for record in map(open_envelope, envelopes)}
        for envelopes in (known.known.trees, known.before)
    )
    context = FieldContext(
        request.org,
        request.campaign,
        _own(secret, request.org),
        at_ms=request.at_ms,
        taken_ms=request.taken_ms,
        unsigned=UNSIGNED,
        region=region,
    )
    day = FieldDay(_open(request), request.told, request.codes)
    told = survey_day(day, KnownBefore(KnownForest(trees, surveys), before), context)
    if not isinstance(told, CrewSurvey):
        return FieldDraft(None, (), told.visited, told.unplaced)
    draft = Draft(told.survey, told.trees, told.closing, 0, matches=told.matches)
    return FieldDraft(draft, told.evidence, told.visited, told.unplaced)


def _open(request: FieldRequest) -> tuple[tuple[Cid, Observation], ...]:
    records = [open_envelope(raw) for raw in request.observations]
    return tuple((record.cid, record.expect(Observation)) for record in records)


def _own(secret: bytes, org: str) -> bytes:
    """Return an organisation's own secret for tree codes, as clouds' surveys have it."""
    return hmac.digest(secret, CODES_OF + org.encode(), "sha256")


def _attempt(work: Callable[P, T], args: tuple[object, ...], options: dict[str, object]) -> T | Refused:
    try:
        return work(*args, **options)  # type: ignore[arg-type]  # as `PoolFielder._run` was given them
    except CecError as error:
        return Refused(type(error).__name__, str(error))


def _prepare_pool() -> ProcessPoolExecutor:
    # Spawned, not forked: the server has threads. Nothing begins before the first day is put in.
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=end_with_parent)
