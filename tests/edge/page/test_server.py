"""The page on a socket: it answers, holds its bounds, and goes when it is told."""

import asyncio
import signal
import socket
from datetime import UTC

import httpx
import pytest
from starlette.requests import Request
from starlette.types import Message

from edge.page.app import create_page
from edge.page.errors import FormTooSlow, InvalidForm
from edge.page.forms import MEDIA, read_form
from edge.page.server import MAX_CONNECTIONS, MAX_HEAD, serve_page
from tests.edge.desk import make_busy_desk
from tests.edge.page.serving import serve


async def test_a_page_is_served_until_cancelled_and_signals_stay_the_agents() -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        serving = asyncio.create_task(serve_page(create_page(make_busy_desk(), zone=UTC), listener))
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"http://127.0.0.1:{listener.getsockname()[1]}/")
            assert answer.status_code == 200
            assert "server" not in answer.headers
            assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
            serving.cancel()
            async with asyncio.timeout(5):
                with pytest.raises(asyncio.CancelledError):
                    await serving
            with pytest.raises(httpx.TransportError):
                await client.get(str(answer.url))


async def test_a_head_that_is_too_long_ends_its_connection_alone() -> None:
    async with serve(create_page(make_busy_desk())) as address, httpx.AsyncClient(base_url=address) as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rsplit(":", 1)[1]))
        writer.write(b"GET / HTTP/1.1\r\nx-long: " + b"x" * MAX_HEAD)
        await writer.drain()
        assert (await reader.readline()).startswith(b"HTTP/1.1 400")
        writer.close()
        await writer.wait_closed()
        assert (await client.get("/")).status_code == 200


async def test_beyond_the_bound_connections_are_answered_that_it_is_busy() -> None:
    async with serve(create_page(make_busy_desk())) as address, httpx.AsyncClient(base_url=address) as client:
        port = int(address.rsplit(":", 1)[1])
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MAX_CONNECTIONS)]
        assert (await client.get("/")).status_code == 503
        for _, writer in idle:
            writer.close()
            await writer.wait_closed()
        async with asyncio.timeout(5):
            while (await client.get("/")).status_code == 503:  # noqa: ASYNC110 - the server notices in its own time
                await asyncio.sleep(0.05)


async def test_a_connection_that_says_nothing_is_closed_and_one_that_asks_is_not() -> None:
    page = create_page(make_busy_desk())
    async with serve(page, first_request_s=0.3) as address, httpx.AsyncClient(base_url=address) as client:
        port = int(address.rsplit(":", 1)[1])
        dumb_reader, dumb = await asyncio.open_connection("127.0.0.1", port)
        slow_reader, slow = await asyncio.open_connection("127.0.0.1", port)
        slow.write(b"GET / HTTP/1.1\r\nhost: 127")
        assert (await client.get("/")).status_code == 200
        async with asyncio.timeout(3):
            assert await dumb_reader.read() == b""
            assert await slow_reader.read() == b""
        kept = len(client._transport._pool.connections)  # type: ignore[attr-defined]
        assert (await client.get("/")).status_code == 200
        assert len(client._transport._pool.connections) == kept == 1  # type: ignore[attr-defined]
        for writer in (dumb, slow):
            writer.close()
            await writer.wait_closed()


def make_request(*messages: Message, stalls: bool = False) -> Request:
    """Return a request whose body comes in `messages` and then, if it `stalls`, no further."""
    left = list(messages)

    async def receive() -> Message:
        if not left and stalls:
            await asyncio.Event().wait()
        return left.pop(0)

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", MEDIA.encode())]}
    return Request(scope, receive)


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    request = make_request({"type": "http.request", "body": b"height=", "more_body": True}, stalls=True)
    with pytest.raises(FormTooSlow):
        await read_form(request, within_s=0.05)


async def test_a_connection_that_ends_within_a_form_is_told() -> None:
    request = make_request({"type": "http.request", "body": b"height=", "more_body": True}, {"type": "http.disconnect"})
    with pytest.raises(InvalidForm, match="connection ended"):
        await read_form(request)


async def test_a_body_in_pieces_is_one_form() -> None:
    pieces = (b"hei", b"ght=2", b"4&remark=%C3%A9")
    messages = [
        {"type": "http.request", "body": piece, "more_body": number < len(pieces) - 1}
        for number, piece in enumerate(pieces)
    ]
    assert await read_form(make_request(*messages)) == {"height": "24", "remark": "é"}
