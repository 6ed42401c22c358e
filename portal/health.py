"""``/health`` for whoever sends traffic here, and ``/metrics`` for Prometheus."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Final, Protocol

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One thing that is as it should be, or not.

    Attributes
    ----------
    name, state, words
        What was looked at; ``ok``, ``warn`` or ``fail``; what it is and what to do.
    """

    name: str
    state: str
    words: str


class Watcher(Protocol):
    """Knows how the server does."""

    async def checks(self) -> Sequence[HealthCheck]:
        """Return what an operator should know."""
        ...

    async def metrics(self) -> bytes:
        """Return every counter in Prometheus' text format."""
        ...


def create_health_router(watcher: Watcher) -> APIRouter:
    """Return the routes for operators."""
    router = APIRouter(include_in_schema=False)

    @router.get("/health")
    async def health() -> JSONResponse:
        """Answer 200 while traffic is welcome, 503 while it is not; each check says why."""
        checks = await watcher.checks()
        is_failing = any(check.state == "fail" for check in checks)
        status = HTTPStatus.SERVICE_UNAVAILABLE if is_failing else HTTPStatus.OK
        body = {"status": "fail" if is_failing else "ok", "checks": [asdict(check) for check in checks]}
        return JSONResponse(body, status, {"Cache-Control": "no-store"})

    @router.get("/metrics")
    async def metrics() -> Response:
        """Return every counter."""
        return Response(await watcher.metrics(), media_type=PROMETHEUS)

    return router
