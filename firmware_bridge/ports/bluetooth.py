"""Serial lines over Bluetooth: a socket of the kernel's own, where Python was built with its headers."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable
from typing import Final

from firmware_bridge.ports.address import BluetoothAddress
from firmware_bridge.ports.errors import BluetoothMissing
from firmware_bridge.ports.reading import receive

CONNECT_S: Final = 20.0
"""Longest time for a connection: a paired device that sleeps answers within 10 s."""


async def read_bluetooth(address: BluetoothAddress, opened: Callable[[str], None]) -> AsyncGenerator[bytes, None]:
    """Yield a device's bytes.

    Raises
    ------
    BluetoothMissing
        When this Python has no Bluetooth.
    OSError
        When the device does not answer, or is lost.
    """
    if not hasattr(socket, "AF_BLUETOOTH"):
        raise BluetoothMissing(address.device, address.channel)
    with socket.socket(socket.AF_BLUETOOTH, socket.SOCK_STREAM, socket.BTPROTO_RFCOMM) as stream:
        stream.settimeout(0)
        async with asyncio.timeout(CONNECT_S):
            await asyncio.get_running_loop().sock_connect(stream, (address.device, address.channel))
        opened("")
        while True:
            yield await receive(stream)
