"""The RPC over HTTP/1.1 and WebSocket, everything bounded; h11 and `websocket` speak, this file moves their bytes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import h11

from chain.network.errors import InvalidFrame, RequestTooLarge
from chain.network.rpc import Rpc
from chain.network.rpc_answers import INVALID_REQUEST, TOO_LARGE, Request, Response, answer, answer_json, refuse
from chain.network.websocket import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    Message,
    MessageReader,
    compute_accept,
    encode_frame,
)

MAX_HEAD: Final = 16 << 10
"""Bytes of a request's line and headers."""
MAX_BODY: Final = 1_000_000
"""Bytes of a request's body (CometBFT's own default); a transaction is far smaller."""
MAX_CONNECTIONS: Final = 200
"""Open connections; one more is closed at once."""
READ_TIMEOUT_S: Final = 60.0
"""How long a request, or the next one on a kept connection, may take to arrive; CometBFT's client pings every 27 s."""
WRITE_TIMEOUT_S: Final = 30.0
_CHUNK: Final = 64 << 10
_WEBSOCKET_PATH: Final = "/websocket"
_PROTOCOL_ERROR: Final = (1002).to_bytes(2, "big")


@asynccontextmanager
async def serve_rpc(rpc: Rpc, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[int]:
    """Serve an RPC until the block ends; yields the port (a free one when 0 was asked)."""
    connections = _Connections(rpc)
    server = await asyncio.start_server(connections.accept, host, port, limit=_CHUNK)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await connections.close()
        await server.wait_closed()


class _Connections:
    """The connections that are open, so that none outlives the server."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._tasks: set[asyncio.Task[Any]] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a server's callback runs in a task"  # noqa: S101
        if len(self._tasks) >= MAX_CONNECTIONS:
            writer.close()
            return
        self._tasks.add(task)
        try:
            # A peer that is slow or gone, or a server that closes: this connection ends, the others go on.
            with suppress(OSError, TimeoutError, asyncio.CancelledError):
                await _serve_connection(self._rpc, reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def close(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _serve_connection(rpc: Rpc, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
    while True:
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                request = await _read_request(connection, reader)
        except h11.RemoteProtocolError as error:
            await _send(connection, writer, Response(error.error_status_hint, refuse(None, INVALID_REQUEST)))
            return
        except RequestTooLarge as error:
            await _send(connection, writer, Response(TOO_LARGE, refuse(None, INVALID_REQUEST, str(error))))
            return
        if request is None:
            return
        if request.websocket_key and request.target == _WEBSOCKET_PATH:
            await _serve_websocket(rpc, connection, reader, writer, key=request.websocket_key)
            return
        await _send(connection, writer, await answer(rpc, request))
        if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
            return
        connection.start_next_cycle()


async def _read_request(connection: h11.Connection, reader: asyncio.StreamReader) -> Request | None:
    """Return the next request; None when the peer ends the connection."""
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_CHUNK))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > MAX_BODY:
                raise RequestTooLarge(MAX_BODY)
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            method, target = head.method.decode("ascii"), head.target.decode("ascii")
            return Request(method, target, bytes(body), _read_websocket_key(head))
        else:
            return None


def _read_websocket_key(head: h11.Request) -> bytes:
    """Return the key of a request to switch to WebSocket, empty when it is none."""
    headers = dict(head.headers)
    switches = head.method == b"GET" and headers.get(b"upgrade", b"").lower() == b"websocket"
    return headers.get(b"sec-websocket-key", b"") if switches else b""


async def _send(connection: h11.Connection, writer: asyncio.StreamWriter, response: Response) -> None:
    if connection.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
        return
    body = _encode(response.content)
    headers = [("content-type", "application/json"), ("content-length", str(len(body)))]
    if response.status == TOO_LARGE:
        headers.append(("connection", "close"))
    events = (h11.Response(status_code=response.status, headers=headers), h11.Data(data=body), h11.EndOfMessage())
    await _write(writer, b"".join(connection.send(event) or b"" for event in events))


async def _serve_websocket(
    rpc: Rpc,
    connection: h11.Connection,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    *,
    key: bytes,
) -> None:
    try:
        accept = compute_accept(key)
    except InvalidFrame as error:
        await _send(connection, writer, Response(400, refuse(None, INVALID_REQUEST, str(error))))
        return
    headers = [(b"upgrade", b"websocket"), (b"connection", b"Upgrade"), (b"sec-websocket-accept", accept)]
    switched = connection.send(h11.InformationalResponse(status_code=101, headers=headers))
    await _write(writer, switched or b"")
    messages = MessageReader()
    raw = connection.trailing_data[0]
    try:
        while True:
            for message in messages.feed(raw):
                await _write(writer, await _answer_message(rpc, message))
                if message.opcode == CLOSE:
                    return
            async with asyncio.timeout(READ_TIMEOUT_S):
                raw = await reader.read(_CHUNK)
            if not raw:
                return
    except InvalidFrame:
        await _write(writer, encode_frame(CLOSE, _PROTOCOL_ERROR))


async def _answer_message(rpc: Rpc, message: Message) -> bytes:
    """Return the frames that answer a message, none to a pong."""
    if message.opcode in (TEXT, BINARY):
        content = (await answer_json(rpc, message.payload)).content
        return b"" if content is None else encode_frame(TEXT, _encode(content))
    if message.opcode == PING:
        return encode_frame(PONG, message.payload)
    return encode_frame(CLOSE, message.payload) if message.opcode == CLOSE else b""


def _encode(content: object) -> bytes:
    return b"" if content is None else json.dumps(content, separators=(",", ":")).encode()


async def _write(writer: asyncio.StreamWriter, raw: bytes) -> None:
    writer.write(raw)
    async with asyncio.timeout(WRITE_TIMEOUT_S):
        await writer.drain()
