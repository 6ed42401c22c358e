"""The page on a real server, for browsers."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette

from edge.page.server import FIRST_REQUEST_S, serve_page


@asynccontextmanager
async def serve(page: Starlette, *, first_request_s: float = FIRST_REQUEST_S) -> AsyncIterator[str]:
    """Serve a page on a free loopback port; yields its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        # From here on connections wait in the socket until the server takes them.
        listener.listen()
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(serve_page(page, listener, first_request_s=first_request_s), name="page")
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            serving.cancel()
