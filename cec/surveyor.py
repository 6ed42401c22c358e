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

P = TypeVar("P")
Q = TypeVar("Q")

CODES_OF: Final = b"cec/v1/codes of\0"
"""Before an organisation's id: its own secret for tree codes follows from the server's by both."""
UNSIGNED = Cid(DAG_CBOR, bytes(32))
"""Stands for the survey's link until the survey is signed."""


def draft_survey(request: SurveyRequest, secret: bytes, region: str | None = None) -> Draft:
    """Return what a cloud holds, as unsigned bodies; runs in a worker, which alone pays for importing the science."""
    from cec.drafting import draft_cloud

    # Each organisation's own, so that the same file of two of them begins no code twice.
    own = hmac.digest(secret, CODES_OF + request.org.encode(), "sha256")
    return draft_cloud(request, own, UNSIGNED, region=region)


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
    # A cloud of an earlier year may have been surveyed last: links go on from that, but it is not what the tree is.
    newest = {tree.code: tree for tree in (open_envelope(raw).expect(Tree) for raw in known.newest)}
    bodies = {record.cid: record.expect(Tree) for record in trees}
    forest = KnownForest({cid: newest.get(tree.code, tree) for cid, tree in bodies.items()}, surveys)
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
    region
        Whose equations take stem diameters that were measured; absent: those of the whole Earth.
    """

    def __init__(self, secret: bytes, region: str | None = None) -> None:
        self._secret, self._region = secret, region
        self._pool = _start_pool()

    @classmethod
    @asynccontextmanager
    async def open(cls, secret: bytes, region: str | None = None) -> "AsyncIterator[PoolSurveyor]":
        """Run a worker until the block ends; it is warm by the time the first cloud comes."""
        surveyor = cls(secret, region)
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
        return await self._run(_survey_apart, request, (self._secret, self._region))

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


def _survey_apart(request: SurveyRequest, how: tuple[bytes, str | None]) -> Draft | Refused:
    try:
        return draft_survey(request, *how)
    except CecError as error:
        return Refused(type(error).__name__, str(error))


def _compare_apart(draft: Draft, known: Known) -> Draft | Refused:
    try:
        return compare_draft(draft, known)
    except CecError as error:
        return Refused(type(error).__name__, str(error))


def _start_pool() -> ProcessPoolExecutor:
    # Spawned, not forked: the server has threads.
    pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=end_with_parent)
    pool.submit(_warm_up)
    return pool


def end_with_parent() -> None:
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
