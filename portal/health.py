"""``/health`` for whoever sends traffic here, and ``/metrics`` for Prometheus."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from portal.ports import Watcher

PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"


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
