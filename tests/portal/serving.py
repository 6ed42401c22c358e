"""A portal on a real server, for browsers."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

_START_S = 10.0
_POLL_S = 0.02


@asynccontextmanager
async def serve(app: FastAPI) -> AsyncIterator[str]:
    """Serve `app` on a free loopback port; yields its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", ws="none"))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve([listener]), name="portal")
            async with asyncio.timeout(_START_S):
                while not server.started:  # noqa: ASYNC110 - uvicorn tells by this flag only
                    await asyncio.sleep(_POLL_S)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            server.should_exit = True
