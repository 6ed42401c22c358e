"""``cec bridge corrections``: RTCM 3 from an NTRIP caster to a receiver's second port."""

import asyncio
import contextlib
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from serial import Serial

from cec.console import Console, print_json, print_text
from cec.errors import UnreadableCaster
from cec.signals import stop_on_signals, wait_for_stop
from domain.readings import GnssFix
from firmware_bridge.gnss.caster import DEFAULT_PORT, MAX_PORT
from firmware_bridge.gnss.ntrip import NtripSettings, corrections, fetch_sourcetable
from firmware_bridge.ports.address import SerialAddress, TcpAddress, parse_port
from firmware_bridge.ports.errors import InvalidAddress

PASSWORD: Final = "CEC_NTRIP_PASSWORD"  # noqa: S105  # the variable's name
GGA_EVERY_S: Final = 10.0
"""Casters with virtual stations want a position every 5 to 60 s."""
WRITE_S: Final = 5.0
"""Seconds after which a line that takes nothing counts as lost."""
MAX_LON: Final = 180
MAX_LAT: Final = 90
_NANO: Final = 1_000_000_000

Sink = Callable[[bytes], bool]
"""Takes a frame; tells whether it could."""


@dataclass(frozen=True, slots=True)
class CorrectionsRun:
    """Options of ``cec bridge corrections``; see there."""

    caster: str
    mountpoint: str | None
    to: str | None
    user: str
    at: str | None
    seconds: float


def run_corrections(run: CorrectionsRun, *, as_json: bool) -> None:
    """Bring corrections, or list what a caster has."""
    host, port = parse_caster(run.caster)
    fix = None if run.at is None else _parse_place(run.at)
    password = os.environ.get(PASSWORD, "")
    settings = NtripSettings(
        host, run.mountpoint or "", port, run.user, password, gga_every_s=None if fix is None else GGA_EVERY_S
    )
    if run.mountpoint is None:
        _list_streams(settings, as_json=as_json)
        return
    console = Console(is_quiet=as_json)
    with _open_sink(run.to, console.say) as write:
        frames, size = asyncio.run(_bring(settings, write, console, fix=fix, seconds=run.seconds))
    if as_json:
        print_json({"frames": frames, "bytes": size})
    else:
        print_text(f"  {frames} frames, {size:,} bytes")


async def _bring(
    settings: NtripSettings, write: Sink, console: Console, *, fix: GnssFix | None, seconds: float
) -> tuple[int, int]:
    stop = asyncio.Event()
    frames = size = 0

    async def bring() -> None:
        nonlocal frames, size
        tell = lambda error: console.say(f"{error}; trying again")  # noqa: E731
        async with contextlib.aclosing(corrections(settings, lambda: fix, tell=tell)) as found:
            async for frame in found:
                if await asyncio.to_thread(write, frame):
                    frames, size = frames + 1, size + len(frame)

    with stop_on_signals(stop):
        async with asyncio.TaskGroup() as group:
            bringing = group.create_task(bring(), name="corrections")
            await wait_for_stop(stop, seconds)
            bringing.cancel()
    return frames, size


def _list_streams(settings: NtripSettings, *, as_json: bool) -> None:
    table = asyncio.run(fetch_sourcetable(settings))
    if as_json:
        print_json({"streams": [stream.mountpoint for stream in table.streams]})
        return
    for stream in table.streams:
        print_text(f"  {stream.mountpoint:<20} {stream.identifier}  {stream.form}")
    print_text(f"  {len(table.streams)} streams")


class ReceiverLine:
    """A receiver's second port, opened again after its cable was pulled, as the caster is called again.

    Parameters
    ----------
    address
        The serial line.
    tell
        Told when the line is lost and when it is back.

    Raises
    ------
    UnreadableCaster
        When it cannot be opened at the beginning: then more likely its name is wrong.
    """

    def __init__(self, address: SerialAddress, tell: Callable[[str], object]) -> None:
        self._address = address
        self._tell = tell
        try:
            self._line: Serial | None = self._open()
        except OSError as error:
            raise UnreadableCaster(f"cannot open {address}: {error}") from error

    def write(self, frame: bytes) -> bool:
        """Tell whether the receiver took a frame; one that it did not is of no use to it later."""
        try:
            if self._line is None:
                self._line = self._open()
                self._tell(f"{self._address} is back")
            self._line.write(frame)
        except OSError as error:
            if self._line is not None:
                self._tell(f"{self._address} is lost ({error}); trying again")
                self.close()
            return False
        return True

    def close(self) -> None:
        """Close the line."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def _open(self) -> Serial:
        return Serial(self._address.path, self._address.baud, write_timeout=WRITE_S, exclusive=True)


@contextlib.contextmanager
def _open_sink(to: str | None, tell: Callable[[str], object]) -> Iterator[Sink]:
    """Open a serial line for writing, or a file to append to."""
    if to is None:
        raise UnreadableCaster("say with --to where frames go: serial:/dev/ttyUSB1@115200, or a file")
    if not to.startswith("serial:"):
        with Path(to).open("ab", buffering=0) as stream:
            yield lambda frame: stream.write(frame) == len(frame)
        return
    address = parse_port(to)
    assert isinstance(address, SerialAddress), "it begins so"  # noqa: S101
    with contextlib.closing(ReceiverLine(address, tell)) as line:
        yield line.write


def parse_caster(text: str) -> tuple[str, int]:
    """Return a caster's host and port, 2101 where none is named.

    Raises
    ------
    UnreadableCaster
        When the text has another form.

    Examples
    --------
    >>> parse_caster("[::1]"), parse_caster("caster.example.org:80")
    (('::1', 2101), ('caster.example.org', 80))
    """
    has_port = ":" in text and not text.endswith("]")
    try:
        address = parse_port(f"tcp:{text}" if has_port else f"tcp:{text}:{DEFAULT_PORT}")
    except InvalidAddress as error:
        raise UnreadableCaster(
            f"{text[:80]!r} is no caster: expected HOST or HOST:PORT, IPv6 in brackets, a port of 1 to {MAX_PORT}"
        ) from error
    assert isinstance(address, TcpAddress), "it begins so"  # noqa: S101
    return address.host, address.port


def _parse_place(text: str) -> GnssFix:
    try:
        lon, lat = (float(part) for part in text.split(","))
    except ValueError:
        lon = lat = math.nan
    # Written so that NaN, which is neither within nor beyond, is refused too.
    if not (abs(lon) <= MAX_LON and abs(lat) <= MAX_LAT):
        raise UnreadableCaster(f"{text[:80]!r} is no place: expected LON,LAT in degrees, such as 13.3,48.9")
    # Typed, so no satellites were counted; but some casters answer no position that names none (RTKLIB sends ten too).
    return GnssFix(0, round(lon * _NANO), round(lat * _NANO), quality=1, satellites=10, hdop_c=100)
