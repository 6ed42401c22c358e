"""The page's application over a desk, put together; each failure has its status here."""

import secrets
from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from domain.errors import CecError, InvalidCid
from edge.clock import read_mono_ms
from edge.crew import words
from edge.crew.errors import DamagedReceipt
from edge.errors import NoReceipt, SpoolUnreadable, UnknownItem
from edge.page.assets import read_assets
from edge.page.errors import PageError
from edge.page.guard import Guard
from edge.page.handlers import Handlers, read_theme
from edge.page.problem import answer_problem
from edge.page.tokens import Tokens
from edge.views import Desk

_STATUS: Final[Mapping[type[CecError], int]] = {
    UnknownItem: 404,
    InvalidCid: 404,
    NoReceipt: 409,
    DamagedReceipt: 409,
    SpoolUnreadable: 503,
}
"""Status of each failure; a `PageError` knows its own, any other is a fault of the request."""


def create_page(
    desk: Desk,
    *,
    names: frozenset[str] = frozenset({"localhost"}),
    zone: tzinfo | None = None,
    mono_ms: Callable[[], int] = read_mono_ms,
) -> Starlette:
    """Return the crew's page as an ASGI application; the caller binds it to loopback or the local network.

    Parameters
    ----------
    desk
        What is shown, and where entries go.
    names
        Names by which the device is opened, in small letters; numbers (IP addresses) always are.
    zone
        In which times are shown; absent: the device's own.
    mono_ms
        Monotonic clock of the device, in milliseconds.
    """
    handlers = Handlers(desk, Tokens(secrets.token_bytes(32)), read_assets(), zone, mono_ms)
    return Starlette(
        routes=handlers.routes(),
        middleware=[Middleware(Guard, names=names)],
        exception_handlers={CecError: _answer_failure, HTTPException: _answer_http, Exception: _answer_fault},
    )


async def _answer_failure(request: Request, error: Exception) -> Response:
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 400)
    if isinstance(error, PageError):
        status = error.status
    return answer_problem(status, str(error), theme=read_theme(request))


async def _answer_http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 400
    return answer_problem(status, words.ERROR_FALLBACK, theme=read_theme(request))


async def _answer_fault(request: Request, _error: Exception) -> Response:
    """Answer for a bug without telling its insides; the server logs it."""
    return answer_problem(500, words.ERROR_FALLBACK, theme=read_theme(request))
