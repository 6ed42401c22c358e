"""TCP: to a server that sends, or from an instrument that connects."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable
from typing import Final

from firmware_bridge.ports.address import TcpAddress, TcpListenAddress
from firmware_bridge.ports.reading import MAX_DELIVERY, keep_alive, receive, wait_readable

CONNECT_S: Final = 10.0
"""Longest time for a connection to one address of a host."""
BACKLOG: Final = 4
"""Connections that wait to be taken; the newest is kept."""


async def read_tcp(address: TcpAddress, opened: Callable[[str], None]) -> AsyncGenerator[bytes, None]:
    """Yield a server's bytes.

    Raises
    ------
    OSError
        When no address of the host answers, or the connection is lost.
    """
    with await _connect(address) as stream:
        keep_alive(stream)
        opened("")
        while True:
            yield await receive(stream)


async def read_tcp_listen(address: TcpListenAddress, opened: Callable[[str], None]) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of the instrument that is connected.

    One at a time, and the newest counts: an instrument that lost its link connects again long before the old connection
    is known to be dead. Anyone who reaches the port may connect: listen on an address of the crew's own network.

    Raises
    ------
    OSError
        When the port cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.create_server((address.host, address.port), family=family, backlog=BACKLOG) as listener:
        listener.settimeout(0)
        peer = _Peer()
        try:
            opened("listening")
            while True:
                await wait_readable(listener.fileno(), *peer.descriptors())
                if peer.take(listener):
                    opened(f"connected: {peer.name}")
                data = peer.read()
                if data:
                    yield data
                elif data is None:
                    opened("listening")
        finally:
            peer.close()


class _Peer:
    """The instrument that is connected to a listening port, or none."""

    def __init__(self) -> None:
        self._stream: socket.socket | None = None
        self.name = ""

    def descriptors(self) -> tuple[int, ...]:
        return () if self._stream is None else (self._stream.fileno(),)

    def take(self, listener: socket.socket) -> bool:
        """Take the newest connection in place of the one before; tell whether there was one."""
        try:
            stream, origin = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return False
        self.close()
        stream.settimeout(0)
        keep_alive(stream)
        self._stream, self.name = stream, str(origin[0])
        return True

    def read(self) -> bytes | None:
        """Return what came, nothing when nothing did, and None once when the connection ended."""
        if self._stream is None:
            return b""
        try:
            data = self._stream.recv(MAX_DELIVERY)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if data:
            return data
        self.close()
        return None

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None


async def _connect(address: TcpAddress) -> socket.socket:
    """Return a connection to the first address of a host that answers."""
    loop = asyncio.get_running_loop()
    failure: OSError = ConnectionError("the host has no address")
    for family, kind, protocol, _, target in await loop.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM
    ):
        try:
            stream = socket.socket(family, kind, protocol)
        except OSError as error:  # a family that this machine does not speak
            failure = error
            continue
        stream.settimeout(0)
        try:
            async with asyncio.timeout(CONNECT_S):
                await loop.sock_connect(stream, target)
        except OSError as error:  # TimeoutError is one
            stream.close()
            failure = error
        except BaseException:
            stream.close()
            raise
        else:
            return stream
    raise failure
