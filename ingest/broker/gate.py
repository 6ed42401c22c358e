"""The gate before the broker: who may come in, how long they may take, and how much they may say at once.

A connection has eight seconds for its TLS handshake and a CONNECT of at most 8 kB, and is checked before the broker
hears of it; so a stranger can neither hold a socket open, nor take over a session, nor make the broker allocate.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from amqtt.adapters import ReaderAdapter, StreamWriterAdapter

from domain.topics import UPLINK, Topic
from ingest.broker.certificates import read_common_name
from ingest.broker.connect import ConnectRequest, parse_connect
from ingest.broker.reader import Lane, PacketReader, Uplink
from ingest.errors import IngestError, LoginRefused

CONNECT_DEADLINE_S: Final = 8.0
"""Time for a TLS handshake and a whole CONNECT: a slow modem needs four seconds."""
MAX_CONNECTIONS: Final = 1_024
"""Sockets at once; a process has 1,024 to 65,536 descriptors."""
_TAKEOVER_S: Final = 5.0
_REFUSED: Final = b"\x20\x02\x00\x05"
"""CONNACK: not authorised (MQTT 3.1.1, section 3.2.2.3)."""


class Doorkeeper(Protocol):
    """Decides who may connect."""

    async def check(self, request: ConnectRequest, shown: str | None) -> str:
        """Return the organisation that the client belongs to, empty for the server's own; or raise `LoginRefused`.

        `shown` is the common name of the certificate that it showed; absent without one.
        """
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
    uplink
        Where publications of devices go while somebody listens there.
    tls
        What connections are secured with; absent for plain TCP.
    counts
        What happened.
    """

    doorkeeper: Doorkeeper
    serve: Serve
    backlog: Callable[[], int]
    uplink: Uplink
    tls: ssl.SSLContext | None = None
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

    async def _admit(self, reader: PacketReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(CONNECT_DEADLINE_S):
            if self.tls is not None:
                # Nothing may be waited for before it: what the client says first belongs to the handshake.
                await writer.start_tls(self.tls)
            request = parse_connect(await reader.open())
            try:
                shown = read_common_name(writer.get_extra_info("ssl_object"))
                org = await self.doorkeeper.check(request, shown)
                await self._take_over(request.client_id, org)
            except IngestError:
                writer.write(_REFUSED)
                await writer.drain()
                raise
        self.counts.accepted += 1
        await self._serve(request, org, reader, writer)

    async def _serve(
        self, request: ConnectRequest, org: str, reader: PacketReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve a client that was let in, and tell its will when it goes without a word."""
        reader.time_silence(request.keep_alive_s)
        if org:
            topics = (str(Topic(org, request.client_id, channel)) for channel in UPLINK)
            reader.lane = Lane(self.uplink, frozenset(topics), writer)
        mine = _Client(org, asyncio.current_task(), writer)
        self._clients[request.client_id] = mine
        try:
            await self.serve(reader, StreamWriterAdapter(writer))
        finally:
            if self._clients.get(request.client_id) is mine:
                del self._clients[request.client_id]
        if request.will_topic is not None and not reader.has_parted and self.uplink.is_open:
            await self.uplink.take(request.will_topic, b"")

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
