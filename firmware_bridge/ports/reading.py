"""Waiting for bytes on descriptors without a thread or a buffer of our own: the kernel's buffers are the queue.

Needs an event loop that watches descriptors, as those of Linux and macOS do.
"""

import asyncio
import socket
from typing import Final

MAX_DELIVERY: Final = 8_192
"""Bytes of a delivery: two seconds of the fastest instrument, and what a log's line holds."""
KEEPALIVE_S: Final = (10, 5, 3)
"""Idle time, time between probes, and probes: a peer that is gone is noticed after 25 s."""


async def wait_readable(*descriptors: int) -> None:
    """Return when one of the descriptors has bytes, a connection, or has hung up."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    try:
        for descriptor in descriptors:
            loop.add_reader(descriptor, wake)
        await ready
    finally:
        for descriptor in descriptors:
            loop.remove_reader(descriptor)


async def receive(stream: socket.socket) -> bytes:
    """Return the next bytes of a connection.

    Raises
    ------
    OSError
        When it is lost; a peer that closed it is a `ConnectionResetError`.
    """
    while True:
        await wait_readable(stream.fileno())
        try:
            data = stream.recv(MAX_DELIVERY)
        except BlockingIOError:
            continue
        if not data:
            raise ConnectionResetError("closed by the other side")
        return data


def keep_alive(stream: socket.socket) -> None:
    """Let the kernel probe a quiet connection: only so is a peer noticed that vanished without a word."""
    idle, between, probes = KEEPALIVE_S
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, between)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, probes)
