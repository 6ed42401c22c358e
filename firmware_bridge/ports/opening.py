"""Ports that stay open: what is lost is opened again, with waits that grow and are never the same twice."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from firmware_bridge.ports.address import (
    BluetoothAddress,
    LogAddress,
    PortAddress,
    SerialAddress,
    TcpAddress,
    TcpListenAddress,
    UdpAddress,
)
from firmware_bridge.ports.bluetooth import read_bluetooth
from firmware_bridge.ports.log import read_log
from firmware_bridge.ports.serial import read_serial
from firmware_bridge.ports.tcp import read_tcp, read_tcp_listen
from firmware_bridge.ports.udp import read_udp

_JITTER: Final = 0.5
"""Least share of a wait: devices that lost one access point do not come back in step."""


class Phase(StrEnum):
    """Where a port is."""

    OPENING = "opening"
    OPEN = "open"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class PortState:
    """A port's state, told whenever it changes.

    Attributes
    ----------
    phase
        Opening, open, or lost (or never got).
    words
        Why, or who is connected; for people.
    retry_s
        Seconds until it is opened again, when lost.
    """

    phase: Phase
    words: str = ""
    retry_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Waits:
    """Waits before a port is opened again, in seconds: the first, doubled each time, up to the longest.

    Attributes
    ----------
    first_s
        After the first failure: a plug that was pushed back is there at once.
    longest_s
        A crew should not wait longer than this for an instrument that was switched on.
    """

    first_s: float = 0.5
    longest_s: float = 15.0

    def after(self, failures: int) -> float:
        """Return the wait after so many failures in a row, from half of it to the whole, by chance."""
        whole: float = min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, 20))
        return whole * random.uniform(_JITTER, 1.0)  # noqa: S311  # spreads load, keeps no secret


def tell_nobody(_state: PortState) -> None:
    """Take a state and do nothing."""


@asynccontextmanager
async def open_port(
    address: PortAddress,
    *,
    tell: Callable[[PortState], None] = tell_nobody,
    waits: Waits | None = None,
    idle_s: float | None = None,
) -> AsyncIterator[AsyncIterator[bytes]]:
    """Give the bytes of a port, at most `reading.MAX_DELIVERY` at once.

    Bytes that are not taken wait in the kernel's own bounded buffers. A recorded log ends; any other port is opened
    again until the context is left. To cancel the taking of a delivery ends the port: where time must pass without
    bytes (as drivers ask for), set `idle_s` rather than a timeout.

    Parameters
    ----------
    address
        Which port.
    tell
        Is called with each change of state.
    waits
        Before the port is opened again.
    idle_s
        When set, no bytes (``b""``) are given whenever so many seconds brought none.

    Raises
    ------
    PortError
        When the address can never work here.
    """
    async with aclosing(_deliver(address, tell, waits or Waits())) as deliveries:
        if idle_s is None:
            yield deliveries
            return
        async with aclosing(_pass_time(deliveries, idle_s)) as timed:
            yield timed


async def _pass_time(deliveries: AsyncIterator[bytes], idle_s: float) -> AsyncGenerator[bytes, None]:
    async def take() -> bytes | None:
        return await anext(deliveries, None)

    taking = asyncio.create_task(take(), name="port.take")
    try:
        while True:
            await asyncio.wait({taking}, timeout=idle_s)
            if not taking.done():
                yield b""
                continue
            data = taking.result()
            if data is None:
                return
            yield data
            taking = asyncio.create_task(take(), name="port.take")
    finally:
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)


async def _deliver(
    address: PortAddress, tell: Callable[[PortState], None], waits: Waits
) -> AsyncGenerator[bytes, None]:
    failures = 0
    while True:
        tell(PortState(Phase.OPENING))
        try:
            async with aclosing(_read(address, lambda words: tell(PortState(Phase.OPEN, words)))) as deliveries:
                async for data in deliveries:
                    failures = 0
                    yield data
        except OSError as error:
            if isinstance(address, LogAddress):
                raise
            failures += 1
            wait_s = waits.after(failures)
            tell(PortState(Phase.LOST, error.strerror or str(error) or "no answer in time", wait_s))
            await asyncio.sleep(wait_s)
        else:
            return


def _read(address: PortAddress, opened: Callable[[str], None]) -> AsyncGenerator[bytes, None]:
    """Return the bytes of a port until it is lost (`OSError`) or, for a log, ends."""
    match address:
        case SerialAddress():
            return read_serial(address, opened)
        case BluetoothAddress():
            return read_bluetooth(address, opened)
        case TcpAddress():
            return read_tcp(address, opened)
        case TcpListenAddress():
            return read_tcp_listen(address, opened)
        case UdpAddress():
            return read_udp(address, opened)
        case LogAddress():
            return read_log(address, opened)
