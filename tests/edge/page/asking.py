"""A browser's requests without a browser: over ASGI, with the headers that a browser sends."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC
from typing import Final

import httpx

from edge.page.app import create_page
from tests.edge.desk import MemoryDesk

ADDRESS: Final = "http://192.0.2.7:8090"
WRITES: Final = {"origin": ADDRESS}


@asynccontextmanager
async def ask(
    desk: MemoryDesk, *, names: frozenset[str] = frozenset({"localhost"})
) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the desk's page that follows no redirect by itself."""
    page = create_page(desk, names=names, zone=UTC, mono_ms=lambda: 99)
    transport = httpx.ASGITransport(page, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as client:
        yield client


async def fetch_token(client: httpx.AsyncClient, path: str = "/enter", *, action: str = "/enter") -> str:
    """Return the token of the form on a page that leads to `action`."""
    page = (await client.get(path)).text
    found = re.search(rf'action="{re.escape(action)}".*?name="token" value="([^"]+)"', page)
    assert found is not None, f"no form to {action} on {path}"
    return found.group(1)
