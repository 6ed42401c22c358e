r"""Recorded logs: what came over each port and when, written as it comes and played again.

One line a delivery, ``milliseconds TAB port TAB hexadecimal bytes LF``; milliseconds never fall. The first line may
tell each port's driver: ``# cec-log 2 TAB port=driver TAB …``. A log without it has the ports ``gnss``, ``hypsometer``
and ``caliper``, each with the driver of its name.

A log may end anywhere: power goes when it goes. A last line that was not written to its end is told and skipped;
anything else that is no delivery refuses the log.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from domain.quantities import ID_PATTERN
from firmware_bridge.errors import InvalidLog

MAX_DATA: Final = 8_192
"""Bytes of a delivery: more is written as several."""
MAX_LINE: Final = 2 * MAX_DATA + 64
"""Longest line: a delivery in hexadecimal, time and port before it; a header names at most `MAX_PORTS` ports."""
MAX_PORTS: Final = 16
"""Ports of a log: nobody carries more instruments."""
MAX_MS: Final = 100 * 86_400_000
"""Longest log: a season of 100 days without a new one."""
DRIVERS_OF_OLD: Final[Mapping[str, str]] = {"gnss": "gnss", "hypsometer": "hypsometer", "caliper": "caliper"}
"""Ports and drivers of a log without header."""
_MAGIC: Final = b"# cec-log "
_VERSION: Final = "2"
_FIELDS: Final = 3
_HEXADECIMAL: Final = re.compile(rb"([0-9A-Fa-f]{2})*")
_MAX_DIGITS: Final = 12
_PORT: Final = re.compile(ID_PATTERN)
_PAIR: Final = re.compile(rf"({ID_PATTERN})=({ID_PATTERN})")
_BEGUN: Final = re.compile(rb"([0-9]{1,12}(\t([a-z0-9-]{0,32}(\t[0-9a-f]*)?)?)?)\0*")
"""The beginning of a line that was being written; behind it, blocks of a file that was not closed may be zero."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Bytes that came over a port at once, at a time since the log began."""

    at_ms: int
    port: str
    data: bytes


@dataclass(frozen=True, slots=True)
class TornEnd:
    """A log's last line, which was not written to its end.

    Attributes
    ----------
    line
        Its number, from 1.
    raw
        What was written of it.
    """

    line: int
    raw: bytes


def warn_of_torn_end(end: TornEnd) -> None:
    """Tell a torn end in the program's log."""
    logging.getLogger(__name__).warning(
        "Line %d of the log was not written to its end; its %d bytes are skipped", end.line, len(end.raw)
    )


def read_drivers(path: Path) -> dict[str, str]:
    """Return the driver of each port of a log; `InvalidLog` when its header is none."""
    with path.open("rb") as stream:
        raw = stream.readline(MAX_LINE + 1)
    return parse_header(raw) if raw.startswith(_MAGIC) and raw.endswith(b"\n") else dict(DRIVERS_OF_OLD)


def encode_header(drivers: Mapping[str, str]) -> bytes:
    r"""Return the header that tells each port's driver; `InvalidLog` for a name that a log cannot hold.

    Examples
    --------
    >>> encode_header({"rover": "gnss", "laser": "haglof"})
    b'# cec-log 2\trover=gnss\tlaser=haglof\n'
    """
    header = "\t".join([f"{_MAGIC.decode()}{_VERSION}", *(f"{port}={name}" for port, name in drivers.items())])
    raw = f"{header}\n".encode()
    parse_header(raw)
    return raw


def parse_header(raw: bytes) -> dict[str, str]:
    """Return the driver of each port that a header tells."""
    magic, *pairs = raw.rstrip(b"\r\n").decode("ascii", "replace").split("\t")
    if magic != f"{_MAGIC.decode()}{_VERSION}":
        raise InvalidLog(1, f"header {magic[:40]!r} is not of version {_VERSION}; a newer program may play it")
    matches = [_PAIR.fullmatch(pair) for pair in pairs]
    found = {match[1]: match[2] for match in matches if match is not None}
    if not 1 <= len(pairs) <= MAX_PORTS or len(found) != len(pairs):
        raise InvalidLog(1, f"header must name 1 to {MAX_PORTS} different ports as port=driver, of a-z, 0-9 and -")
    return found


def parse_log(path: Path, *, tell: Callable[[TornEnd], None] = warn_of_torn_end) -> Iterator[Delivery]:
    """Yield a log's deliveries; `InvalidLog` at the first line that is none; `tell` is told a torn end."""
    ports = read_drivers(path)
    last = 0
    with path.open("rb") as stream:
        for number, raw in enumerate(iter(lambda: stream.readline(MAX_LINE + 1), b""), start=1):
            if number == 1 and raw.startswith(_MAGIC) and raw.endswith(b"\n"):
                continue
            if not raw.endswith(b"\n") and _is_torn(raw, stream, number == 1):
                _check_begun(raw, number, ports, last)
                tell(TornEnd(number, raw.rstrip(b"\0")))
                return
            if len(raw) > MAX_LINE:
                raise InvalidLog(number, f"longer than {MAX_LINE} bytes")
            delivery = parse_delivery(raw, number, ports)
            _check_order(delivery.at_ms, last, number)
            last = delivery.at_ms
            yield delivery


def parse_delivery(raw: bytes, number: int, ports: Collection[str] = tuple(DRIVERS_OF_OLD)) -> Delivery:
    """Return the delivery of one line; `InvalidLog` when it is none."""
    fields = raw.rstrip(b"\r\n").split(b"\t")
    if len(fields) != _FIELDS or not fields[0].isdigit() or len(fields[0]) > _MAX_DIGITS:
        raise InvalidLog(number, "not three fields, the first a number")
    at_ms, port = int(fields[0]), fields[1].decode("ascii", "replace")
    _check_bounds(at_ms, port, number, ports)
    if _HEXADECIMAL.fullmatch(fields[2]) is None:
        raise InvalidLog(number, "bytes are not hexadecimal")
    return Delivery(at_ms, port, bytes.fromhex(fields[2].decode("ascii")))


async def play(
    path: Path,
    *,
    speed: float,
    tell: Callable[[TornEnd], None] = warn_of_torn_end,
    wait_until: Callable[[float], Awaitable[None]] | None = None,
) -> AsyncIterator[Delivery]:
    """Yield a log's deliveries in time: `speed` 1 as recorded, 60 a minute a second, 0 as fast as they are taken.

    Parameters
    ----------
    path
        The log.
    speed
        How many of its seconds pass in one.
    tell
        Told where the log was not written to its end.
    wait_until
        Waits for so many seconds after the beginning; absent: by the running loop's clock.
    """
    wait = wait_until or begin_clock()
    for delivery in parse_log(path, tell=tell):
        if speed > 0:
            await wait(delivery.at_ms / 1000 / speed)
        yield delivery


def begin_clock() -> Callable[[float], Awaitable[None]]:
    """Return what waits until so many seconds after now."""
    clock = asyncio.get_running_loop()
    began = clock.time()

    async def wait_until(after_s: float) -> None:
        await asyncio.sleep(max(0.0, began + after_s - clock.time()))

    return wait_until


def _is_torn(raw: bytes, stream: BinaryIO, is_first: bool) -> bool:  # noqa: FBT001  # a fact, not a switch
    """Tell whether bytes without a line end are a line that was being written when the log ended."""
    begun = _BEGUN.fullmatch(raw) is not None or not raw.strip(b"\0")
    header = is_first and (raw.startswith(_MAGIC) or _MAGIC.startswith(raw.rstrip(b"\0")))
    rest = iter(lambda: stream.read(MAX_LINE), b"")
    return (begun or header) and all(not piece.strip(b"\0") for piece in rest)


def _check_begun(raw: bytes, number: int, ports: Collection[str], last: int) -> None:
    """Refuse a torn line whose whole fields already break a rule."""
    fields = raw.rstrip(b"\0").split(b"\t")
    if len(fields) > 1 and fields[0].isdigit():
        _check_order(int(fields[0]), last, number)
    if len(fields) == _FIELDS and fields[0].isdigit():
        _check_bounds(int(fields[0]), fields[1].decode("ascii", "replace"), number, ports)


def _check_order(at_ms: int, last: int, number: int) -> None:
    if at_ms < last:
        raise InvalidLog(number, "time falls")


def _check_bounds(at_ms: int, port: str, number: int, ports: Collection[str]) -> None:
    if at_ms > MAX_MS:
        raise InvalidLog(number, f"later than {MAX_MS // 86_400_000} days")
    if port not in ports or _PORT.fullmatch(port) is None:
        raise InvalidLog(number, f"a port other than {', '.join(ports)}")
