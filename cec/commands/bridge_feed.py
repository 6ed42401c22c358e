"""A log's bytes to another program, over a pseudo-terminal or TCP, as if the instrument were there."""

import asyncio
import fcntl
import os
import pty
import re
import select
import socket
import sys
import termios
import tty
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

from cec.console import Console, print_json
from cec.errors import PortNotNamed, UnreadablePort
from cec.waiting import wait_within
from domain.quantities import ID_PATTERN
from firmware_bridge.ports.address import TcpListenAddress, parse_port
from firmware_bridge.replay import play, read_drivers

READER_S: Final = 600.0
"""Longest wait for the other program: a person starts it by hand."""
SEND_S: Final = 60.0
"""Longest wait for it to take what was sent."""
END_S: Final = 5.0
"""Longest wait for it to take the last bytes."""
QUIET_S: Final = 1.0
"""Time without an unread byte after which a reader is taken to have them all."""
SETTLE_S: Final = 0.5
"""Programs that open a terminal make its settings, and drop what came before that."""
_POLL_S: Final = 0.05
_NAMED: Final = re.compile(rf"({ID_PATTERN})=(.+)")
_HINT: Final = "start the program that is to read, or end with Ctrl-C"


class Reader(Protocol):
    """The other program."""

    async def send(self, data: bytes) -> bool:
        """Send bytes; tell whether it is still there."""
        ...


async def feed_reader(log: Path, to: str, *, speed: float, as_json: bool) -> int:
    """Wait for a program at `to`, send it the bytes of one port of a log, and return how many were sent.

    Raises
    ------
    PortNotNamed
        When the log has several ports and `to` names none of them.
    WaitedTooLong
        When nobody reads.
    """
    port, place = _choose_port(tuple(read_drivers(log)), to)
    sent = 0
    async with _open_reader(place, Console(is_quiet=as_json), as_json=as_json) as reader:
        async for delivery in play(log, speed=speed):
            if port not in (None, delivery.port):
                continue
            if not await wait_within(reader.send(delivery.data), "the reader", SEND_S, hint=_HINT):
                break
            sent += len(delivery.data)
    return sent


def _choose_port(ports: tuple[str, ...], to: str) -> tuple[str | None, str]:
    """Return which port is to be sent, where to."""
    match = _NAMED.fullmatch(to)
    if match is None and len(ports) == 1:
        return None, to
    if match is None or match[1] not in ports:
        raise PortNotNamed(ports, to if match is None else match[2])
    return match[1], match[2]


@asynccontextmanager
async def _open_reader(place: str, console: Console, *, as_json: bool) -> AsyncIterator[Reader]:
    if place == "pty":
        async with _open_terminal(console, as_json=as_json) as terminal:
            yield terminal
        return
    address = parse_port(place)
    if not isinstance(address, TcpListenAddress):
        raise UnreadablePort(place, "bytes are sent to pty or tcp-listen:HOST:PORT alone")
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    loop = asyncio.get_running_loop()
    with socket.create_server((address.host, address.port), family=family, backlog=1) as listener:
        listener.settimeout(0)
        console.say(f"  waits for a program that connects to {address.host} port {address.port}")
        stream, _ = await wait_within(loop.sock_accept(listener), "a reader", READER_S, hint=_HINT)
    with stream:
        yield _Connection(stream)
        with suppress(TimeoutError, ConnectionError):
            await _end(stream)


async def _end(stream: socket.socket) -> None:
    """End a connection after its last byte: what the reader itself sent must be taken, or the end would be a reset."""
    stream.shutdown(socket.SHUT_WR)
    async with asyncio.timeout(END_S):
        while await asyncio.get_running_loop().sock_recv(stream, 4_096):
            pass


class _Connection:
    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream

    async def send(self, data: bytes) -> bool:
        try:
            await asyncio.get_running_loop().sock_sendall(self._stream, data)
        except ConnectionError:
            return False
        return True


@asynccontextmanager
async def _open_terminal(console: Console, *, as_json: bool) -> AsyncIterator[Reader]:
    """Give a terminal that another program has opened."""
    master, slave = pty.openpty()
    name = os.ttyname(slave)
    # From here on the terminal is hung up until the other program opens it.
    os.close(slave)
    try:
        os.set_blocking(master, False)
        terminal = _Terminal(master)
        if as_json:
            print_json({"pty": name})
        console.say(f"  waits for a program that opens {name}")
        await wait_within(terminal.wait_opened(), f"a reader of {name}", READER_S, hint=_HINT)
        tty.setraw(master)
        await asyncio.sleep(SETTLE_S)
        yield terminal
        with suppress(TimeoutError):
            await terminal.wait_taken(name)
    finally:
        os.close(master)


class _Terminal:
    def __init__(self, master: int) -> None:
        self._master = master

    async def wait_opened(self) -> None:
        # The kernel tells nobody when a terminal is opened.
        while self._is_hung_up():  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)

    async def wait_taken(self, name: str) -> None:
        """Wait until the reader has left or has taken all: what a terminal holds is lost when it is closed.

        The kernel hands bytes over a moment after they were written, so that nothing must be unread for a while.
        """
        clock = asyncio.get_running_loop()
        quiet_since = clock.time()
        async with asyncio.timeout(END_S):
            while clock.time() - quiet_since < QUIET_S and not self._is_hung_up():
                if _count_unread(name):
                    quiet_since = clock.time()
                await asyncio.sleep(_POLL_S)

    async def send(self, data: bytes) -> bool:
        rest = data
        while rest and not self._is_hung_up():
            try:
                rest = rest[os.write(self._master, rest) :]
            except BlockingIOError:
                await asyncio.sleep(_POLL_S)
        return not rest

    def _is_hung_up(self) -> bool:
        poll = select.poll()
        poll.register(self._master, 0)
        return any(events & select.POLLHUP for _, events in poll.poll(0))


def _count_unread(name: str) -> int:
    slave = os.open(name, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        return int.from_bytes(fcntl.ioctl(slave, termios.FIONREAD, bytes(4)), sys.byteorder)
    finally:
        os.close(slave)
