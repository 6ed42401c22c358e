"""How steps are repeated: in threads for disks, waiting for the journal's bell when there is nothing to do."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, ParamSpec, TypeVar

from ingest.bell import Bell

P = ParamSpec("P")
T = TypeVar("T")

IDLE_S: Final = 1.0
"""Longest sleep without a ring: jobs that wait for their next attempt ring no bell."""
AFTER_FAILURE_S: Final = 2.0

_LOG: Final = logging.getLogger(__name__)


async def run_in_thread(work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """Return what a blocking call returns."""
    return await asyncio.to_thread(work, *args, **options)


async def repeat(step: Callable[[], Awaitable[int]], bell: Bell, *, pause_s: float = 0.0) -> None:
    """Take a step for ever; wait for the bell whenever it found nothing to do, and pause between steps."""
    while True:
        seen = bell.rings
        if not await step():
            await bell.wait(seen, timeout_s=IDLE_S)
        if pause_s:
            await asyncio.sleep(pause_s)


def outlasting(step: Callable[[], Awaitable[int]]) -> Callable[[], Awaitable[int]]:
    """Return a step that tells of a failure and is taken again, in place of ending the server."""

    async def take() -> int:
        try:
            return await step()
        except Exception:  # noqa: BLE001  # a full disk or a silent chain passes; the server must outlast it
            _LOG.exception("pipeline step failed; it is taken again")
            await asyncio.sleep(AFTER_FAILURE_S)
            return 0

    return take
