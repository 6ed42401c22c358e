"""A portal in the test's own process, with three trees."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio

from register.sqlite import SqliteRegister
from tests.portal.sources import connect, fill, register_path


@pytest_asyncio.fixture
async def register(tmp_path: Path) -> AsyncIterator[SqliteRegister]:
    async with SqliteRegister.open(register_path(tmp_path)) as opened:
        await fill(opened)
        yield opened


@pytest_asyncio.fixture
async def client(register: SqliteRegister) -> AsyncIterator[httpx.AsyncClient]:
    async with connect(register) as opened:
        yield opened
