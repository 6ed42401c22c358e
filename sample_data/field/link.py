"""A bad link: a TCP proxy on loopback that delays, throttles, cuts, refuses and stalls, all from a seed.

What a crew's modem does in a valley. Faults are drawn for each connection by its number, so that a run can be
repeated whatever the timing of the others.
"""

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeAlias

import numpy as np

from sample_data.errors import LARGEST_SEED, check_range

# More would exhaust file descriptors of a test run; further ones are refused like any other.
_MOST_CONNECTIONS = 64
# One read; small enough that a cut may fall within a message.
_CHUNK_BYTES = 4_096
# Chunks on their way in one direction; full, the sender feels back pressure.
_CHUNKS_IN_FLIGHT = 64
# A target that does not answer is as good as a refused connection.
_CONNECT_TIMEOUT_S = 10.0
_LONGEST_WAIT_S = 600.0

_Way: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class LinkFaults:
    """What the link does wrong; the default is nothing."""

    latency_s: float = 0.0
    """Delay each way."""
    jitter_s: float = 0.0
    """Further delay, uniform from 0 to this, for each chunk; order is kept."""
    bytes_per_s: float = 0.0
    """Bandwidth each way of each connection; 0 is unlimited."""
    cut_after_bytes: int = 0
    """Mean number of bytes, both ways together, after which a connection is cut; 0 is never."""
    stall_share: float = 0.0
    """Share of cuts that come as silence: both ends stay open, nothing passes."""
    stall_s: float = 5.0
    """How long silence lasts before the connection is cut."""
    refuse_s: float = 0.0
    """How long after a cut new connections are refused."""
    most_cuts: int = 1_000_000
    """After so many cuts the link is good."""


@dataclass(slots=True)
class LinkCounts:
    """What the link did."""

    connections: int = 0
    """Forwarded to the target."""
    refused: int = 0
    """Closed at once: after a cut, over the limit, or with no target behind."""
    cuts: int = 0
    """Connections cut, those after a stall among them."""
    stalls: int = 0
    """Cuts that came as silence."""
    bytes_up: int = 0
    """Forwarded to the target."""
    bytes_down: int = 0
    """Forwarded from the target."""


class _Cut(Exception):
    """The connection has used up its bytes."""


@dataclass(slots=True)
class _Connection:
    """One connection's fate and what it still may pass."""

    number: int
    rng: np.random.Generator
    left_bytes: float
    stalls: bool


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Bytes on their way; empty is the end of the stream."""

    due_s: float
    data: bytes


class LossyLink:
    """A TCP proxy with seeded faults; an asynchronous context manager.

    Parameters
    ----------
    target_host, target_port
        Where connections are forwarded.
    seed
        Source of all chance.
    faults
        What goes wrong.

    Attributes
    ----------
    port
        Where it listens on 127.0.0.1, once entered.
    counts
        What it did.

    Raises
    ------
    InvalidParameter
        A fault or the seed is out of range.
    """

    def __init__(self, target_host: str, target_port: int, *, seed: int, faults: LinkFaults | None = None) -> None:
        self._faults = faults or LinkFaults()
        _check(self._faults)
        check_range("seed", seed, 0, LARGEST_SEED)
        self._target = (target_host, target_port)
        self._seed = seed
        self._refuse_until_s = 0.0
        self._accepted = 0
        self._group = asyncio.TaskGroup()
        self._serving: set[asyncio.Task[None]] = set()
        self._stack = contextlib.AsyncExitStack()
        self.port = 0
        self.counts = LinkCounts()

    @property
    def cuts(self) -> int:
        """Connections cut so far."""
        return self.counts.cuts

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._group)
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=2 * _CHUNK_BYTES)
        self._stack.callback(server.close)
        self.port = int(server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._serving:
            task.cancel()
        await self._stack.__aexit__(kind, error, trace)
        # Aborted transports close their sockets in the loop's next round.
        await asyncio.sleep(0)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        refusing = asyncio.get_running_loop().time() < self._refuse_until_s
        if refusing or len(self._serving) >= _MOST_CONNECTIONS:
            self.counts.refused += 1
            _reset(writer)
            return
        self._accepted += 1
        number = self._accepted
        task = self._group.create_task(self._serve(number, reader, writer), name=f"link connection {number}")
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection until it ends, is cut or the link closes."""
        writers = [writer]
        try:
            target_reader, target_writer = await self._connect()
            writers.append(target_writer)
            await self._forward(self._draw(number), (reader, target_writer), (target_reader, writer))
            await _close(writers)
        except* (_Cut, OSError):
            # Cut by us, or one end went away: the other learns it by the reset below.
            pass
        finally:
            for one in writers:
                _reset(one)

    async def _connect(self) -> _Way:
        """Return a connection to the target; a target that does not answer counts as a refusal."""
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                way = await asyncio.open_connection(*self._target, limit=2 * _CHUNK_BYTES)
        except OSError:
            self.counts.refused += 1
            raise
        self.counts.connections += 1
        return way

    def _draw(self, number: int) -> _Connection:
        rng = np.random.default_rng([0x1119, self._seed, number])
        mean = self._faults.cut_after_bytes
        left = 1.0 + rng.exponential(mean) if mean else float("inf")
        return _Connection(number, rng, left, stalls=bool(rng.random() < self._faults.stall_share))

    async def _forward(self, connection: _Connection, up: _Way, down: _Way) -> None:
        """Pump both ways; raise when the connection is cut, after its silence if it stalls."""
        try:
            async with asyncio.TaskGroup() as pumps:
                for name, (reader, writer) in (("up", up), ("down", down)):
                    queue: asyncio.Queue[_Chunk] = asyncio.Queue(_CHUNKS_IN_FLIGHT)
                    label = f"link {connection.number} {name}"
                    pumps.create_task(self._take(connection, reader, queue), name=f"{label} take")
                    pumps.create_task(self._pass_on(connection, queue, writer, name), name=f"{label} pass")
        except* _Cut:
            await self._cut(connection)
            raise

    async def _take(self, connection: _Connection, reader: asyncio.StreamReader, queue: asyncio.Queue[_Chunk]) -> None:
        """Read chunks and stamp each with the time at which it is due at the other end."""
        due_s, clock = 0.0, asyncio.get_running_loop()
        data = b"more"
        while data:
            async with asyncio.timeout(_LONGEST_WAIT_S):
                data = await reader.read(_CHUNK_BYTES)
            delay_s = self._faults.latency_s + self._faults.jitter_s * connection.rng.random()
            due_s = max(due_s, clock.time() + delay_s)
            await queue.put(_Chunk(due_s, data))

    async def _pass_on(
        self, connection: _Connection, queue: asyncio.Queue[_Chunk], writer: asyncio.StreamWriter, way: str
    ) -> None:
        """Write chunks when they are due, as fast as the bandwidth lets."""
        clock = asyncio.get_running_loop()
        while (chunk := await queue.get()).data:
            await asyncio.sleep(max(0.0, chunk.due_s - clock.time()))
            data = chunk.data[: self._allow(connection, len(chunk.data))]
            writer.write(data)
            async with asyncio.timeout(_LONGEST_WAIT_S):
                await writer.drain()
            self._count(way, len(data))
            if len(data) < len(chunk.data):
                raise _Cut
            if self._faults.bytes_per_s:
                await asyncio.sleep(len(data) / self._faults.bytes_per_s)
        await asyncio.sleep(max(0.0, chunk.due_s - clock.time()))
        writer.write_eof()

    def _allow(self, connection: _Connection, wanted: int) -> int:
        """Return how many bytes may pass; fewer than wanted when the connection is to be cut."""
        if self.counts.cuts >= self._faults.most_cuts or wanted <= connection.left_bytes:
            connection.left_bytes -= wanted
            return wanted
        return max(0, int(connection.left_bytes))

    def _count(self, way: str, size: int) -> None:
        if way == "up":
            self.counts.bytes_up += size
        else:
            self.counts.bytes_down += size

    async def _cut(self, connection: _Connection) -> None:
        self.counts.cuts += 1
        if connection.stalls:
            self.counts.stalls += 1
            await asyncio.sleep(self._faults.stall_s)
        self._refuse_until_s = asyncio.get_running_loop().time() + self._faults.refuse_s


def _check(faults: LinkFaults) -> None:
    check_range("latency_s", faults.latency_s, 0.0, _LONGEST_WAIT_S)
    check_range("jitter_s", faults.jitter_s, 0.0, _LONGEST_WAIT_S)
    check_range("bytes_per_s", faults.bytes_per_s, 0.0, 1e12)
    check_range("cut_after_bytes", faults.cut_after_bytes, 0, 2**40)
    check_range("stall_share", faults.stall_share, 0.0, 1.0)
    check_range("stall_s", faults.stall_s, 0.0, _LONGEST_WAIT_S)
    check_range("refuse_s", faults.refuse_s, 0.0, _LONGEST_WAIT_S)
    check_range("most_cuts", faults.most_cuts, 0, 2**40)


async def _close(writers: list[asyncio.StreamWriter]) -> None:
    """End connections in order: what was written still arrives."""
    while writers:
        writer = writers.pop()
        writer.close()
        async with asyncio.timeout(_LONGEST_WAIT_S):
            await writer.wait_closed()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection at once, without a farewell, as a lost carrier does."""
    endpoint = writer.get_extra_info("socket")
    if endpoint is not None and endpoint.fileno() >= 0:
        # Linger of zero seconds: the kernel sends a reset in place of an orderly end.
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
