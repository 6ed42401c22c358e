"""A device's way to a broker that wants no password beside a certificate: its TLS, and a CONNECT without a login.

The agent always shows its enrolment as its password; NATS refuses whoever shows one beside a certificate.
"""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from ingest.broker.certificates import open_client_context
from ingest.broker.connect import parse_connect
from ingest.settings import TlsFiles

CHUNK = 64 << 10


@asynccontextmanager
async def open_tunnel(host: str, port: int, tls: TlsFiles) -> AsyncIterator[int]:
    """Yield a port of this machine that leads to a broker."""
    context = open_client_context(tls)
    tasks: set[asyncio.Task[None]] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await _join(reader, writer, await asyncio.open_connection(host, port, ssl=context))
        except (OSError, EOFError, ssl.SSLError, asyncio.CancelledError):
            pass  # asyncio's streams complain of a connection's task that ends in a cancellation
        finally:
            tasks.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(carry, host, 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _join(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    far: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    far_reader, far_writer = far
    try:
        far_writer.write(await _read_connect(reader))
        pumps = [asyncio.create_task(_pump(reader, far_writer)), asyncio.create_task(_pump(far_reader, writer))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
    finally:
        far_writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()


async def _read_connect(reader: asyncio.StreamReader) -> bytes:
    """Return the CONNECT that comes, without its login."""
    await reader.readexactly(1)
    length, shift = 0, 0
    while True:
        (byte,) = await reader.readexactly(1)
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    asked = parse_connect(await reader.readexactly(length))
    will = _text(asked.will_topic) + _text("") if asked.will_topic else b""
    flags = 0x02 | (0x0C if will else 0)
    body = _text("MQTT") + bytes([4, flags]) + struct.pack("!H", asked.keep_alive_s) + _text(asked.client_id) + will
    return bytes([0x10]) + _encode_length(len(body)) + body


def _encode_length(length: int) -> bytes:
    out = bytearray()
    while True:
        length, low = length >> 7, length & 0x7F
        out.append(low | (0x80 if length else 0))
        if not length:
            return bytes(out)


def _text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("!H", len(raw)) + raw
