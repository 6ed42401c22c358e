"""Crews' days told in a process of their own, begun when the first one comes: most servers see clouds alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from cec.apart import Refused, Worker
from cec.errors import CrewDayRefused
from cec.surveyor import UNSIGNED, derive_secret
from domain.cid import Cid
from domain.envelope import open_envelope
from domain.records.field import Observation
from ingest.pipeline.field_ports import FieldDraft, FieldKnown, FieldOutline, FieldRequest
from ingest.pipeline.ports import Draft
from register.entries import Box

T = TypeVar("T")


class PoolFielder:
    """An `ingest.pipeline.field_ports.Fielder` on a process of its own; open it with `PoolFielder.open`.

    Parameters
    ----------
    secret
        The server's secret for tree codes; each organisation's follows from it.
    region
        Whose equations of volume and biomass; see `survey.allometry.choose_models`.
    """

    def __init__(self, secret: bytes, region: str | None = None) -> None:
        self._secret = secret
        self._region = region
        self._worker = Worker()

    @classmethod
    @asynccontextmanager
    async def open(cls, secret: bytes, region: str | None = None) -> "AsyncIterator[PoolFielder]":
        """Have a worker ready until the block ends; its process begins with the first day."""
        fielder = cls(secret, region)
        try:
            yield fielder
        finally:
            fielder._worker.close()

    async def outline(self, request: FieldRequest) -> FieldOutline:
        """Return what must be known before a day is told.

        Raises
        ------
        CrewDayRefused
            When its readings contradict each other.
        BrokenExecutor
            When the worker died of it; the next day finds a new worker.
        """
        return _accept(await self._worker.run(outline_request, request, self._secret))

    async def tell(self, request: FieldRequest, known: FieldKnown) -> FieldDraft:
        """Return what a day says; fails as `outline` does."""
        return _accept(await self._worker.run(tell_request, request, known, self._secret, self._region))


def _accept(outcome: T | Refused) -> T:
    if isinstance(outcome, Refused):
        raise CrewDayRefused(outcome.rule, outcome.words)
    return outcome


def outline_request(request: FieldRequest, secret: bytes) -> FieldOutline:
    """Return what must be known before a day is told; runs in a worker, which alone pays for importing the science."""
    from survey.records.field_day import FieldDay, outline_day

    outline = outline_day(FieldDay(_open(request), request.told, request.codes), derive_secret(secret, request.org))
    return FieldOutline(tuple(Box(*box) for box in outline.boxes), outline.codes)


def tell_request(request: FieldRequest, known: FieldKnown, secret: bytes, region: str | None) -> FieldDraft:
    """Return what a day says, as unsigned bodies; runs in a worker, as `outline_request`."""
    from cec.known import open_known, open_trees
    from survey.records.field import CrewSurvey, FieldContext, survey_day
    from survey.records.field_day import FieldDay
    from survey.records.field_join import FieldKnown as KnownBefore

    context = FieldContext(
        request.org,
        request.campaign,
        derive_secret(secret, request.org),
        at_ms=request.at_ms,
        taken_ms=request.taken_ms,
        unsigned=UNSIGNED,
        region=region,
    )
    day = FieldDay(_open(request), request.told, request.codes)
    told = survey_day(day, KnownBefore(open_known(known.known), open_trees(known.before)), context)
    if not isinstance(told, CrewSurvey):
        return FieldDraft(None, (), told.visited, told.unplaced)
    draft = Draft(told.survey, told.trees, told.closing, 0, matches=told.matches)
    return FieldDraft(draft, told.evidence, told.visited, told.unplaced)


def _open(request: FieldRequest) -> tuple[tuple[Cid, Observation], ...]:
    records = [open_envelope(raw) for raw in request.observations]
    return tuple((record.cid, record.expect(Observation)) for record in records)
