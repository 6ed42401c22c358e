"""A client whose handshake fails leaves no socket open, however often it tries."""

import asyncio
import gc
import socket
import ssl
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import aiomqtt
import pytest

from edge.client import PromptClient
from ingest.broker.client import ServerClient

RESET: Final = struct.pack("ii", 1, 0)
"""Of SO_LINGER: close with a reset."""


@contextmanager
def hang_up(*, is_rude: bool) -> Iterator[int]:
    """Listen on a port, read what a client says first, and end the connection: in order, or with a reset."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            try:
                while True:
                    taken, _ = server.accept()
                    with taken:
                        taken.recv(4_096)
                        if is_rude:
                            taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            except OSError:
                return

        thread = threading.Thread(target=serve, name="hang up")
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(10.0)


@pytest.mark.parametrize("is_rude", [False, True])
@pytest.mark.parametrize("client", [ServerClient, PromptClient])
async def test_a_handshake_that_fails_leaves_no_socket_open(client: type[aiomqtt.Client], *, is_rude: bool) -> None:
    gc.collect()
    with hang_up(is_rude=is_rude) as port, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            with pytest.raises(aiomqtt.MqttError):
                async with (
                    asyncio.timeout(10.0),
                    client("127.0.0.1", port, tls_context=ssl.create_default_context(), timeout=5),
                ):
                    pytest.fail("a broker that hung up")
        gc.collect()
    assert [str(warning.message) for warning in caught if "unclosed" in str(warning.message)] == []
