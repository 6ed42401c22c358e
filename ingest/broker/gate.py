"""The gate before the broker: who may come in, how long they may take, and how much they may say at once.

A connection has ten seconds to send a CONNECT of at most 8 kB and is checked before the broker hears of it; so a
stranger can neither hold a socket open, nor take over a device's session, nor make the broker allocate. Afterwards
every packet is read whole under a limit, and the next is held back while the broker has too much in hand.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

from amqtt.adapters import ReaderAdapter, StreamWriterAdapter

from ingest.broker.connect import CONNECT, MAX_CONNECT, ConnectRequest, parse_connect
from ingest.errors import IngestError, LoginRefused, MalformedConnect, PacketTooLarge

CONNECT_DEADLINE_S: Final = 10.0
"""Time for a whole CONNECT: a slow modem needs two seconds."""
PACKET_DEADLINE_S: Final = 120.0
"""Time for the rest of a packet once it began: 256 KiB at 2.2 kB/s."""
MAX_PACKET: Final = (256 << 10) + 1_024
"""Bytes of a packet: a message and its topic."""
MAX_CONNECTIONS: Final = 1_024
"""Sockets at once; a process has 1,024 to 65,536 descriptors."""
BACKLOG: Final = 256
"""Messages that may be on their way through the broker before readers wait."""
BACKLOG_WAIT_S: Final = 0.01
BACKLOG_WAITS: Final = 200
_TAKEOVER_S: Final = 5.0
_REFUSED: Final = b"\x20\x02\x00\x05"
"""CONNACK: not authorised (MQTT 3.1.1, section 3.2.2.3)."""
_MAX_LENGTH_BYTES: Final = 4
_CONTINUES: Final = 0x80


class Doorkeeper(Protocol):
    """Decides who may connect."""

    async def check(self, request: ConnectRequest) -> str:
        """Return the organisation that the client belongs to, empty for the server's own; or raise `LoginRefused`."""
        ...


Serve = Callable[[ReaderAdapter, StreamWriterAdapter], Awaitable[None]]


@dataclass(slots=True)
class GateCounts:
    """What the gate saw."""

    accepted: int = 0
    refused: int = 0
    cut: int = 0


@dataclass(frozen=True, slots=True)
class _Client:
    """A client that was let in."""

    org: str
    task: "asyncio.Task[None] | None"
    writer: asyncio.StreamWriter


@dataclass(slots=True)
class Gate:
    """A listener that hands checked connections to the broker.

    Attributes
    ----------
    doorkeeper
        Who decides.
    serve
        What serves a connection until it ends.
    backlog
        Messages that the broker has in hand.
    counts
        What happened.
    """

    doorkeeper: Doorkeeper
    serve: Serve
    backlog: Callable[[], int]
    counts: GateCounts = field(default_factory=GateCounts)
    _clients: dict[str, _Client] = field(default_factory=dict)
    _connections: int = 0

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection from its first byte to its end."""
        if self._connections >= MAX_CONNECTIONS:
            self.counts.refused += 1
            writer.transport.abort()
            return
        self._connections += 1
        try:
            await self._admit(PacketReader(reader, self.backlog), writer)
        except (IngestError, OSError, EOFError, TimeoutError):
            self.counts.refused += 1
        finally:
            self._connections -= 1
            writer.transport.abort()

    def cut(self, client_id: str) -> None:
        """End a client's connection at once, if it has one."""
        client = self._clients.get(client_id)
        if client is not None:
            self.counts.cut += 1
            client.writer.transport.abort()

    def org_of(self, client_id: str) -> str | None:
        """Return the organisation of a client that is connected; empty for the server's own."""
        client = self._clients.get(client_id)
        return None if client is None else client.org

    def cut_all(self) -> None:
        """End every connection."""
        for client_id in tuple(self._clients):
            self.cut(client_id)

    async def _admit(self, reader: "PacketReader", writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(CONNECT_DEADLINE_S):
            request = parse_connect(await reader.open())
            try:
                org = await self.doorkeeper.check(request)
                await self._take_over(request.client_id, org)
            except IngestError:
                writer.write(_REFUSED)
                await writer.drain()
                raise
        self.counts.accepted += 1
        mine = _Client(org, asyncio.current_task(), writer)
        self._clients[request.client_id] = mine
        try:
            await self.serve(reader, StreamWriterAdapter(writer))
        finally:
            if self._clients.get(request.client_id) is mine:
                del self._clients[request.client_id]

    async def _take_over(self, client_id: str, org: str) -> None:
        """End the client's older connection and wait until the broker has let go of it."""
        older = self._clients.get(client_id)
        if older is None:
            return
        if older.org != org:
            # Two organisations may have named a device alike; neither may end the other's session.
            raise LoginRefused(client_id, "another organisation's device of this name is connected; rename one")
        self.cut(client_id)
        if older.task is not None:
            await asyncio.wait([older.task], timeout=_TAKEOVER_S)


class PacketReader(ReaderAdapter):  # type: ignore[misc]  # amqtt ships no types
    """What the broker reads from: whole packets, each bounded in size and time.

    Parameters
    ----------
    reader
        The socket.
    backlog
        Messages that the broker has in hand.
    """

    def __init__(self, reader: asyncio.StreamReader, backlog: Callable[[], int]) -> None:
        self._reader = reader
        self._backlog = backlog
        self._waiting = b""
        self._offset = 0

    async def open(self) -> bytes:
        """Return the body of the first packet, which stays to be read by the broker."""
        first = await self._reader.readexactly(1)
        if first[0] != CONNECT:
            raise MalformedConnect("the first packet must be CONNECT")
        self._waiting = await self._read_rest(first, MAX_CONNECT)
        return _body_of(self._waiting)

    async def read(self, n: int = -1) -> bytes:
        """Return `n` bytes of the packets that follow; fewer, or none, at the end of the connection."""
        if self._offset >= len(self._waiting):
            await self._next_packet()
        end = len(self._waiting) if n < 0 else self._offset + n
        part = self._waiting[self._offset : end]
        self._offset += len(part)
        return part

    def feed_eof(self) -> None:
        """Take note that the connection ended."""
        with suppress(AssertionError):
            self._reader.feed_eof()

    async def _next_packet(self) -> None:
        # Bounded: what is held back here may be the very acknowledgement that the backlog waits for.
        for _ in range(BACKLOG_WAITS):
            if self._backlog() <= BACKLOG:
                break
            await asyncio.sleep(BACKLOG_WAIT_S)
        self._waiting, self._offset = b"", 0
        try:
            first = await self._reader.readexactly(1)
            async with asyncio.timeout(PACKET_DEADLINE_S):
                self._waiting = await self._read_rest(first, MAX_PACKET)
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError, PacketTooLarge):
            # To the broker all of these are the end of the connection.
            self._waiting = b""

    async def _read_rest(self, first: bytes, limit: int) -> bytes:
        header, length = bytearray(first), 0
        for place in range(_MAX_LENGTH_BYTES):
            byte = await self._reader.readexactly(1)
            header += byte
            length |= (byte[0] & 0x7F) << (7 * place)
            if byte[0] < _CONTINUES:
                break
        else:
            raise PacketTooLarge(length, limit)
        if length > limit:
            raise PacketTooLarge(length, limit)
        return bytes(header) + await self._reader.readexactly(length)


def _body_of(packet: bytes) -> bytes:
    """Return what follows the fixed header."""
    place = 1
    while packet[place] >= _CONTINUES:
        place += 1
    return packet[place + 1 :]
