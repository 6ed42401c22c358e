"""The page on a socket, inside the agent: bounded, without signal handlers, gone when its task is cancelled."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_CONNECTIONS: Final = 32
"""A crew's telephones with several connections each; more would cost memory that the agent needs."""
MAX_HEAD: Final = 16 << 10
"""Bytes of a request's head: a path, a cookie and what browsers add."""
KEEP_ALIVE_S: Final = 15
"""Longer than a page's refresh, so that a telephone keeps its connection; short enough to drop who left."""
FIRST_REQUEST_S: Final = 10.0
"""What a new connection gets for its first request's head; uvicorn itself would wait for ever, and sockets that say
nothing would take the crew's places."""
GRACE_S: Final = 1
"""What a request that is being answered gets when the agent ends."""
_BACKLOG: Final = 16
_TICKS_A_SECOND: Final = 10
"""How often uvicorn calls `on_tick`."""


async def serve_page(page: Starlette, listener: socket.socket, *, first_request_s: float = FIRST_REQUEST_S) -> None:
    """Serve a page on a bound socket until cancelled; the caller closes the socket.

    Parameters
    ----------
    page
        What `edge.page.app.create_page` made.
    listener
        Bound to loopback or the local network.
    first_request_s
        What a new connection gets for its first request; it is closed after one to two times as long.
    """
    config = uvicorn.Config(
        page,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        backlog=_BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        h11_max_incomplete_event_size=MAX_HEAD,
    )
    server = _PageServer(config, first_request_s)
    # Cancelled from within, uvicorn would leave its connections open; so it is asked to end, and waited for.
    serving = asyncio.create_task(server.serve([listener]), name="page server")
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise


class _PageServer(uvicorn.Server):
    """uvicorn without its signal handlers, since the agent decides what a signal means, and without silent guests."""

    def __init__(self, config: uvicorn.Config, first_request_s: float) -> None:
        super().__init__(config)
        self._sweep_ticks = max(1, round(first_request_s * _TICKS_A_SECOND))
        self._silent: set[H11Protocol] = set()

    async def on_tick(self, counter: int) -> bool:
        """Close connections that have said nothing since the tick that looked before."""
        if counter % self._sweep_ticks == 0:
            silent = {one for one in self._connections() if one.cycle is None}  # type: ignore[redundant-expr]  # it is
            for connection in silent & self._silent:
                connection.transport.close()
            self._silent = silent
        return await super().on_tick(counter)

    def _connections(self) -> list[H11Protocol]:
        return [one for one in self.server_state.connections if isinstance(one, H11Protocol)]

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield
