"""Surveys in a process of their own: a cloud's arithmetic must not stop the server's conversation."""

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from cec.apart import Refused, Worker
from cec.errors import CloudRefused
from domain.cid import DAG_CBOR, Cid
from ingest.pipeline.ports import Draft, Known, SurveyRequest

_CODES_OF: Final = b"cec/v1/codes of\0"
"""Before an organisation's id: its own secret for tree codes follows from the server's by both."""
UNSIGNED = Cid(DAG_CBOR, bytes(32))
"""Stands for the survey's link until the survey is signed."""


def draft_survey(request: SurveyRequest, secret: bytes, region: str | None = None) -> Draft:
    """Return what a cloud holds, as unsigned bodies; runs in a worker, which alone pays for importing the science."""
    from cec.drafting import draft_cloud

    return draft_cloud(request, derive_secret(secret, request.org), UNSIGNED, region=region)


def compare_draft(draft: Draft, known: Known) -> Draft:
    """Return a draft in which known trees have their codes; runs in a worker, as `draft_survey`."""
    from cec.known import open_known
    from survey.records.campaigns import Found
    from survey.records.resurvey import match_records

    matched = match_records(Found(draft.survey, draft.trees, draft.result), open_known(known), UNSIGNED)
    return replace(draft, survey=matched.survey, trees=matched.trees, gone=matched.gone, matches=matched.matches)


def derive_secret(secret: bytes, org: str) -> bytes:
    """Return an organisation's own secret for tree codes, so that one file of two of them begins no code twice."""
    return hmac.digest(secret, _CODES_OF + org.encode(), "sha256")


class PoolSurveyor:
    """An `ingest.pipeline.ports.Surveyor` on a process of its own; open it with `PoolSurveyor.open`.

    Parameters
    ----------
    secret
        The server's secret for tree codes; each organisation's follows from it.
    region
        Whose equations take stem diameters that were measured; absent: those of the whole Earth.
    """

    def __init__(self, secret: bytes, region: str | None = None) -> None:
        self._secret, self._region = secret, region
        self._worker = Worker(_warm_up)

    @classmethod
    @asynccontextmanager
    async def open(cls, secret: bytes, region: str | None = None) -> "AsyncIterator[PoolSurveyor]":
        """Run a worker until the block ends; it is warm by the time the first cloud comes."""
        surveyor = cls(secret, region)
        try:
            yield surveyor
        finally:
            surveyor._worker.close()

    async def survey(self, request: SurveyRequest) -> Draft:
        """Return what a cloud holds.

        Raises
        ------
        CloudRefused
            When it cannot be read, with what to do.
        BrokenExecutor
            When the worker died of it; the next cloud finds a new worker.
        """
        return _accept(await self._worker.run(draft_survey, request, self._secret, self._region))

    async def compare(self, draft: Draft, known: Known) -> Draft:
        """Return a draft in which known trees have their codes; fails as `survey` does."""
        return _accept(await self._worker.run(compare_draft, draft, known))


def _accept(outcome: Draft | Refused) -> Draft:
    if isinstance(outcome, Refused):
        raise CloudRefused(outcome.rule, outcome.words)
    return outcome


def _warm_up() -> None:
    """Import the tree science while the cloud is still on its way."""
    import survey.airborne.plot  # noqa: F401  # for its effect: compiled kernels are loaded
