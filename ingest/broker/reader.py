"""What the embedded broker reads from: whole packets, each bounded in size and time, and a fast lane for publications.

With a lane, a device's PUBLISH goes to the service in this process and is acknowledged here; amqtt sees only what is
left: subscriptions, pings, acknowledgements.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

from amqtt.adapters import ReaderAdapter

from ingest.broker.connect import CONNECT, MAX_CONNECT
from ingest.broker.errors import MalformedPacket
from ingest.broker.packets import DISCONNECT, PUBLISH, TYPE_MASK, find_body, find_end, parse_publish
from ingest.errors import MalformedConnect, PacketTooLarge

PACKET_DEADLINE_S: Final = 120.0
"""Time for the rest of a packet once it began: 256 KiB at 2.2 kB/s."""
MAX_PACKET: Final = (256 << 10) + 1_024
"""Bytes of a packet: a message and its topic."""
BACKLOG: Final = 256
"""Messages that may be on their way through the broker before readers wait."""
BACKLOG_WAIT_S: Final = 0.01
BACKLOG_WAITS: Final = 200
CHUNK: Final = 64 << 10
"""Bytes asked of the socket at once."""
ACKS_UNREAD: Final = 16 << 10
"""Bytes of acknowledgements that a client may leave unread before it is waited for: those of 4,096 messages."""
PATIENCE: Final = 1.5
"""Keep-alives that a client may be silent for (MQTT 3.1.1, section 3.1.2.10)."""
_KEEP_ALIVE_AT: Final = 8
"""Where the keep-alive stands in a CONNECT's body: after name (6), level (1) and flags (1)."""


class Uplink(Protocol):
    """Where publications go that need not pass through the broker."""

    @property
    def is_open(self) -> bool:
        """Whether somebody listens there."""
        ...

    async def take(self, topic: str, payload: bytes) -> None:
        """Take what a device said; waits while there is too much."""
        ...


@dataclass(slots=True)
class Lane:
    """A device's fast way to the service.

    Attributes
    ----------
    uplink
        Where its publications go.
    topics
        On which topics it may publish; elsewhere it is acknowledged and not heard, as MQTT 3.1.1 has it.
    writer
        Takes the acknowledgements.
    """

    uplink: Uplink
    topics: frozenset[str]
    writer: asyncio.StreamWriter
    _acknowledgements: bytearray = field(default_factory=bytearray)

    async def carry(self, packet: bytes) -> None:
        """Hand on a publication and note its acknowledgement.

        Raises
        ------
        MalformedPacket
            When it is none that is spoken here.
        """
        publish = parse_publish(packet)
        if publish.topic in self.topics:
            await self.uplink.take(publish.topic, publish.payload)
        self._acknowledgements += publish.acknowledgement

    async def acknowledge(self) -> None:
        """Send the acknowledgements of what was handed on, all in one write: a write costs more than a message.

        Raises
        ------
        TimeoutError
            When the client does not read them.
        """
        if self._acknowledgements:
            self.writer.write(bytes(self._acknowledgements))
            self._acknowledgements.clear()
            if self.writer.transport.get_write_buffer_size() > ACKS_UNREAD:
                async with asyncio.timeout(PACKET_DEADLINE_S):
                    await self.writer.drain()


class PacketReader(ReaderAdapter):  # type: ignore[misc]  # amqtt ships no types
    """A connection as whole packets.

    Parameters
    ----------
    reader
        The socket.
    backlog
        Messages that the broker has in hand.

    Attributes
    ----------
    lane
        Where publications go, once the client is known; absent where the broker has them all.
    has_parted
        Whether the client said goodbye.
    """

    def __init__(self, reader: asyncio.StreamReader, backlog: Callable[[], int]) -> None:
        self._reader = reader
        self._backlog = backlog
        self._buffer = bytearray()
        self._waiting = b""
        self._offset = 0
        self._silence_s: float | None = None
        self.lane: Lane | None = None
        self.has_parted = False

    async def open(self) -> bytes:
        """Return the body of the first packet, which stays to be read by the broker."""
        await self._read_more()
        if self._buffer[0] != CONNECT:
            raise MalformedConnect("the first packet must be CONNECT")
        while not self._has_packet(MAX_CONNECT):
            await self._read_more()
        self._waiting = self._take_packet(MAX_CONNECT)
        return self._waiting[find_body(self._waiting) :]

    def time_silence(self, keep_alive_s: int) -> None:
        """Time the client's silence here, and not in the broker, which does not see all that it says."""
        self._silence_s = PATIENCE * keep_alive_s if keep_alive_s else None
        place = find_body(self._waiting) + _KEEP_ALIVE_AT
        self._waiting = self._waiting[:place] + b"\0\0" + self._waiting[place + 2 :]

    async def read(self, n: int = -1) -> bytes:
        """Return `n` bytes of the packets that follow; fewer, or none, at the end of the connection."""
        if self._offset >= len(self._waiting):
            self._waiting, self._offset = b"", 0
            self._waiting = await self._next_packet()
        end = len(self._waiting) if n < 0 else self._offset + n
        part = self._waiting[self._offset : end]
        self._offset += len(part)
        return part

    def feed_eof(self) -> None:
        """Take note that the connection ended."""
        with suppress(AssertionError):
            self._reader.feed_eof()

    async def _next_packet(self) -> bytes:
        """Return the next packet that is the broker's to see; none at the end of the connection."""
        try:
            while True:
                await self._hold_back()
                packet = await self._read_packet()
                kind = packet[0] & TYPE_MASK
                if kind == PUBLISH and self.lane is not None and self.lane.uplink.is_open:
                    await self.lane.carry(packet)
                    continue
                self.has_parted = kind == DISCONNECT
                return packet
        except (EOFError, ConnectionError, TimeoutError, PacketTooLarge, MalformedPacket):
            # To the broker all of these are the end of the connection.
            return b""

    async def _hold_back(self) -> None:
        # Bounded: what is held back here may be the very acknowledgement that the backlog waits for.
        for _ in range(BACKLOG_WAITS):
            if self._backlog() <= BACKLOG:
                return
            await asyncio.sleep(BACKLOG_WAIT_S)

    async def _read_packet(self) -> bytes:
        """Return the next packet; only before it waits for one does it send what it owes."""
        if not self._has_packet(MAX_PACKET):
            if self.lane is not None:
                await self.lane.acknowledge()
            await self._await_packet()
        return self._take_packet(MAX_PACKET)

    async def _await_packet(self) -> None:
        """Wait for a packet: its first byte within the keep-alive, the others within a time from then."""
        begun = bool(self._buffer)
        async with asyncio.timeout(PACKET_DEADLINE_S if begun else self._silence_s) as deadline:
            while not self._has_packet(MAX_PACKET):
                await self._read_more()
                if not begun:
                    begun = True
                    deadline.reschedule(asyncio.get_running_loop().time() + PACKET_DEADLINE_S)

    async def _read_more(self) -> None:
        chunk = await self._reader.read(CHUNK)
        if not chunk:
            raise EOFError
        self._buffer += chunk

    def _has_packet(self, limit: int) -> bool:
        end = find_end(self._buffer, 0, limit)
        return 0 < end <= len(self._buffer)

    def _take_packet(self, limit: int) -> bytes:
        end = find_end(self._buffer, 0, limit)
        packet = bytes(self._buffer[:end])
        # A bytearray lets go of its head without moving the rest.
        del self._buffer[:end]
        return packet
