"""A bell that followers wait for: it never misses a ring between looking and waiting."""

import asyncio


class Bell:
    """Counts rings and wakes whoever waits; for one event loop."""

    def __init__(self) -> None:
        self._rings = 0
        self._waiters: set[asyncio.Future[None]] = set()

    @property
    def rings(self) -> int:
        """Rings so far: look at it before looking at what the bell is about."""
        return self._rings

    def ring(self) -> None:
        """Wake all who wait."""
        self._rings += 1
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    async def wait(self, seen: int, *, timeout_s: float) -> None:
        """Return when the bell has rung more than `seen` times, or after a while."""
        if self._rings > seen:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            async with asyncio.timeout(timeout_s):
                await waiter
        except TimeoutError:
            self._waiters.discard(waiter)
