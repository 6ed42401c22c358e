"""UDP: datagrams of whoever sends to the port."""

import socket
from collections.abc import AsyncGenerator, Callable
from typing import Final

from firmware_bridge.ports.address import UdpAddress
from firmware_bridge.ports.reading import MAX_DELIVERY, wait_readable

MAX_DATAGRAM: Final = 65_535
"""The largest that IP carries; one larger than a delivery is several."""


async def read_udp(address: UdpAddress, opened: Callable[[str], None]) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of datagrams; an empty one has none.

    Raises
    ------
    OSError
        When the port cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as stream:
        stream.settimeout(0)
        stream.bind((address.host, address.port))
        opened("listening")
        while True:
            await wait_readable(stream.fileno())
            try:
                data = stream.recv(MAX_DATAGRAM)
            except BlockingIOError:
                continue
            for at in range(0, len(data), MAX_DELIVERY):
                yield data[at : at + MAX_DELIVERY]
