"""Surveys in processes of their own: a cloud's arithmetic must not stop the server's conversation."""

import asyncio
import hmac
import multiprocessing
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from typing import Final, TypeVar

from cec.errors import CloudRefused
from domain.cid import DAG_CBOR, Cid
from domain.envelope import open_envelope
from domain.errors import CecError
from domain.records.result import Result, Survey, Tree
from ingest.pipeline.ports import Draft, Known, SurveyRequest
from register.entries import Box

P = TypeVar("P")
Q = TypeVar("Q")

_CODES: Final = b"cec/v1/codes of\0"
UNSIGNED = Cid(DAG_CBOR, bytes(32))
"""Stands for the survey's link until the survey is signed."""


def draft_survey(request: SurveyRequest, secret: bytes) -> Draft:
    """Return what a cloud holds, as unsigned bodies; runs in a worker, which alone pays for importing the science."""
    from survey.airborne.plot import survey_plot
    from survey.parameters import PlotParameters
    from survey.records.bodies import RecordContext, build_result, build_survey, build_trees
    from survey.records.campaigns import enclose_ground

    plot = survey_plot(request.cloud, PlotParameters(crs=request.crs))
    # Each organisation's own, so that the same file of two of them begins no code twice.
    own = hmac.digest(secret, _CODES + request.org.encode(), "sha256")
    context = RecordContext(
        request.org, request.campaign, request.root, request.blob, own, request.at_ms, request.taken_ms
    )
    survey, closing = build_survey(plot, context), build_result(plot, context, UNSIGNED)
    ground = enclose_ground(closing, survey.crs)
    trees = build_trees(plot, context, UNSIGNED)
    return Draft(survey, trees, closing, plot.counts.read, None if ground is None else Box(*ground))


def compare_draft(draft: Draft, known: Known) -> Draft:
    """Return a draft in which known trees have their codes; runs in a worker, as `draft_survey`."""
    from survey.records.campaigns import Found, KnownForest, KnownSurvey
    from survey.records.resurvey import match_records

    trees = [open_envelope(raw) for raw in known.trees]
    surveys = {
        record.cid: KnownSurvey(
            record.expect(Survey), None if one.result is None else open_envelope(one.result).expect(Result)
        )
        for one in known.surveys
        for record in [open_envelope(one.survey)]
    }
    forest = KnownForest({record.cid: record.expect(Tree) for record in trees}, surveys)
    matched = match_records(Found(draft.survey, draft.trees, draft.result), forest, UNSIGNED)
    return replace(draft, survey=matched.survey, trees=matched.trees, gone=matched.gone, matches=matched.matches)


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a worker refused a cloud, as values: an exception with facts does not survive the way between processes."""

    rule: str
    words: str


class PoolSurveyor:
    """An `ingest.pipeline.ports.Surveyor` on a process of its own; open it with `PoolSurveyor.open`.

    Parameters
    ----------
    secret
        The campaign's secret for tree codes.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._pool = _start_pool()

    @classmethod
    @asynccontextmanager
    async def open(cls, secret: bytes) -> "AsyncIterator[PoolSurveyor]":
        """Run a worker until the block ends; it is warm by the time the first cloud comes."""
        surveyor = cls(secret)
        try:
            yield surveyor
        finally:
            surveyor._pool.shutdown(wait=False, cancel_futures=True)

    async def survey(self, request: SurveyRequest) -> Draft:
        """Return what a cloud holds.

        Raises
        ------
        CloudRefused
            When it cannot be read, with what to do.
        BrokenExecutor
            When the worker died of it; the next cloud finds a new worker.
        """
        return await self._run(_survey_apart, request, self._secret)

    async def compare(self, draft: Draft, known: Known) -> Draft:
        """Return a draft in which known trees have their codes; fails as `survey` does."""
        return await self._run(_compare_apart, draft, known)

    async def _run(self, work: Callable[[P, Q], "Draft | Refused"], what: P, beside: Q) -> Draft:
        loop = asyncio.get_running_loop()
        try:
            outcome = await loop.run_in_executor(self._pool, work, what, beside)
        except BrokenExecutor:
            self._pool = _start_pool()
            raise
        if isinstance(outcome, Refused):
            raise CloudRefused(outcome.rule, outcome.words)
        return outcome


def _survey_apart(request: SurveyRequest, secret: bytes) -> Draft | Refused:
    try:
        return draft_survey(request, secret)
    except CecError as error:
        return Refused(type(error).__name__, str(error))


def _compare_apart(draft: Draft, known: Known) -> Draft | Refused:
    try:
        return compare_draft(draft, known)
    except CecError as error:
        return Refused(type(error).__name__, str(error))


def _start_pool() -> ProcessPoolExecutor:
    # Spawned, not forked: the server has threads.
    pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=_end_with_parent)
    pool.submit(_warm_up)
    return pool


def _end_with_parent() -> None:
    """End this worker when the server dies: killed, it could not tell its workers, and they would wait for ever."""
    # Ctrl-C reaches the whole group of a terminal; the server decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_wait_and_exit, args=(parent,), name="parent watch", daemon=True).start()


def _wait_and_exit(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _warm_up() -> None:
    """Import the tree science while the cloud is still on its way."""
    import survey.airborne.plot  # noqa: F401  # for its effect: compiled kernels are loaded
