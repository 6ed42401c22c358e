"""The service's ear in the embedded broker of the same process: no socket, no second copy, the same promises.

A message goes from the gate's reader straight to the service and is acknowledged once it stands in a bounded queue;
when the queue is full the reader stops reading, which the device feels. Answers go out through the broker.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final

WAITING: Final = 256
"""Messages that may wait: 64 MiB at most, usually 1."""

Send = Callable[[str, bytes], Awaitable[bool]]


class InProcessLink:
    """A `ingest.link.Link` without a socket.

    Parameters
    ----------
    send
        Hands a message to the broker for a device; tells whether the device is there.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._queue: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(WAITING)
        self.connected = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether a service listens; while none does, messages go the broker's own way."""
        return self.connected.is_set()

    async def messages(self) -> AsyncGenerator[tuple[str, bytes], None]:
        """Yield topic and payload of what devices send, for ever."""
        self.connected.set()
        try:
            while True:
                yield await self._queue.get()
        finally:
            self.connected.clear()
            self._let_go()

    async def publish(self, topic: str, payload: bytes) -> bool:
        """Publish at least once; tell whether the device is there to take it."""
        return await self._send(topic, payload)

    async def take(self, topic: str, payload: bytes) -> None:
        """Queue what a device said; waits while the queue is full."""
        await self._queue.put((topic, payload))

    def _let_go(self) -> None:
        """Forget what waits, so that no reader hangs on a service that is gone; devices will ask again."""
        while not self._queue.empty():
            self._queue.get_nowait()
