r"""Recorded logs: what came over each port and when, played again.

One line a delivery, ``milliseconds TAB port TAB hexadecimal bytes``; milliseconds never fall.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firmware_bridge.errors import InvalidLog

PORTS: Final = ("gnss", "hypsometer", "caliper")
MAX_LINE: Final = 16_384
"""Longest line of a log: 8 kB of device bytes at once."""
MAX_MS: Final = 7 * 86_400_000
"""Longest log: a week."""
_FIELDS: Final = 3


@dataclass(frozen=True, slots=True)
class Delivery:
    """Bytes that came over a port at once, at a time since the log began."""

    at_ms: int
    port: str
    data: bytes


def parse_log(path: Path) -> Iterator[Delivery]:
    """Yield a log's deliveries; `InvalidLog` at the first line that is none."""
    last = 0
    with path.open("rb") as stream:
        for number, raw in enumerate(iter(lambda: stream.readline(MAX_LINE + 1), b""), start=1):
            if len(raw) > MAX_LINE:
                raise InvalidLog(number, f"longer than {MAX_LINE} bytes")
            delivery = parse_delivery(raw, number)
            if delivery.at_ms < last:
                raise InvalidLog(number, "time falls")
            last = delivery.at_ms
            yield delivery


def parse_delivery(raw: bytes, number: int) -> Delivery:
    """Return the delivery of one line; `InvalidLog` when it is none."""
    fields = raw.rstrip(b"\r\n").split(b"\t")
    if len(fields) != _FIELDS or not fields[0].isdigit() or len(fields[0]) > 12:  # noqa: PLR2004  # digits of a week
        raise InvalidLog(number, "not three fields, the first a number")
    at_ms, port = int(fields[0]), fields[1].decode("ascii", "replace")
    if at_ms > MAX_MS or port not in PORTS:
        raise InvalidLog(number, f"later than a week, or a port other than {', '.join(PORTS)}")
    try:
        return Delivery(at_ms, port, bytes.fromhex(fields[2].decode("ascii")))
    except ValueError as error:
        raise InvalidLog(number, "bytes are not hexadecimal") from error


async def play(path: Path, *, speed: float) -> AsyncIterator[Delivery]:
    """Yield a log's deliveries in time: `speed` 1 as recorded, 60 a minute a second, 0 as fast as they are taken."""
    clock = asyncio.get_running_loop()
    began = clock.time()
    for delivery in parse_log(path):
        if speed > 0:
            await asyncio.sleep(max(0.0, began + delivery.at_ms / 1000 / speed - clock.time()))
        yield delivery
