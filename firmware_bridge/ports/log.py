"""A recorded log as a port: one of its ports, in the log's own time or as asked for."""

from collections.abc import AsyncGenerator, Callable

from firmware_bridge.ports.address import LogAddress
from firmware_bridge.ports.errors import LogUnclear
from firmware_bridge.replay import play, read_drivers


async def read_log(address: LogAddress, opened: Callable[[str], None]) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of one port of a log, and end with it.

    Raises
    ------
    LogUnclear
        When the log has several ports and the address names none, or one that the log has not.
    InvalidLog
        When it cannot be played.
    """
    ports = tuple(read_drivers(address.path))
    wanted = address.port
    if wanted is not None and wanted not in ports:
        raise LogUnclear(str(address.path), ports)
    opened("")
    async for delivery in play(address.path, speed=address.speed):
        if address.port is None and wanted not in (None, delivery.port):
            raise LogUnclear(str(address.path), ports)
        if address.port is None:
            wanted = delivery.port
        if delivery.port == wanted:
            yield delivery.data
