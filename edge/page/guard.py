"""What every request must keep and every answer carries: own host, own origin, and a policy without foreign code."""

import ipaddress
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.page.errors import ForeignOrigin, PageError, WrongHost
from edge.page.headers import HEADERS
from edge.page.problem import answer_problem

_READING: Final = frozenset({"GET", "HEAD"})


class Guard:
    """ASGI middleware before everything else."""

    def __init__(self, app: ASGIApp, *, names: frozenset[str]) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        app = self._app
        try:
            check_request(scope, self._names)
        except PageError as error:
            app = answer_problem(error.status, str(error))
        await app(scope, receive, _with_headers(send))


def check_request(scope: Scope, names: frozenset[str]) -> None:
    """Return when a request may be looked at.

    Raises
    ------
    WrongHost
        When it names a host that is neither a number nor one of `names`. A number cannot be rebound: a page that may
        read it was itself loaded from it.
    ForeignOrigin
        When it writes and was sent by another site's page, or does not say by which.
    """
    headers = Headers(scope=scope)
    host = headers.get("host", "")
    if not _is_own_host(host, names):
        raise WrongHost(host)
    if scope["method"] in _READING:
        return
    origin = headers.get("origin", "")
    site = headers.get("sec-fetch-site", "same-origin")
    if site != "same-origin" or origin.lower() != f"{scope['scheme']}://{host}".lower():
        raise ForeignOrigin(origin or "none given")


def _is_own_host(host: str, names: frozenset[str]) -> bool:
    name = host[: host.rfind("]") + 1] if host.startswith("[") else host.partition(":")[0]
    if name.lower().rstrip(".") in names:
        return True
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers
