"""Waiting with an end: every wait of the program has a time and says what it waited for."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from cec.errors import WaitedTooLong

T = TypeVar("T")


async def wait_within(awaited: Awaitable[T], stage: str, seconds: float, *, hint: str) -> T:
    """Return what is awaited; `WaitedTooLong` names the stage and says what to do."""
    try:
        async with asyncio.timeout(seconds):
            return await awaited
    except TimeoutError as error:
        raise WaitedTooLong(stage, seconds, hint) from error
