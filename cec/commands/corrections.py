"""``cec bridge corrections``: RTCM 3 from an NTRIP caster to a receiver's second port."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from serial import Serial, SerialException

from cec.console import Console, print_json, print_text
from cec.errors import UnreadableCaster
from cec.signals import stop_on_signals
from domain.readings import GnssFix
from firmware_bridge.gnss.ntrip import NtripSettings, corrections, fetch_sourcetable
from firmware_bridge.ports.address import SerialAddress, parse_port

PASSWORD: Final = "CEC_NTRIP_PASSWORD"  # noqa: S105  # the variable's name
GGA_EVERY_S: Final = 10.0
"""Casters with virtual stations want a position every 5 to 60 s."""
_FOREVER_S: Final = 10 * 365 * 86_400.0
_NANO: Final = 1_000_000_000


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
    host, port = _parse_caster(run.caster)
    password = os.environ.get(PASSWORD, "")
    settings = NtripSettings(
        host, run.mountpoint or "", port, run.user, password, gga_every_s=None if run.at is None else GGA_EVERY_S
    )
    if run.mountpoint is None:
        _list_streams(settings, as_json=as_json)
        return
    with _open_sink(run.to) as write:
        frames, size = asyncio.run(_bring(settings, run, write, Console(is_quiet=as_json)))
    if as_json:
        print_json({"frames": frames, "bytes": size})
    else:
        print_text(f"  {frames} frames, {size:,} bytes")


async def _bring(
    settings: NtripSettings, run: CorrectionsRun, write: Callable[[bytes], object], console: Console
) -> tuple[int, int]:
    stop, fix = asyncio.Event(), None if run.at is None else _parse_place(run.at)
    frames = size = 0

    async def bring() -> None:
        nonlocal frames, size
        tell = lambda error: console.say(f"{error}; trying again")  # noqa: E731
        async with contextlib.aclosing(corrections(settings, lambda: fix, tell=tell)) as found:
            async for frame in found:
                await asyncio.to_thread(write, frame)
                frames, size = frames + 1, size + len(frame)

    with stop_on_signals(stop):
        task = asyncio.create_task(bring(), name="corrections")
        asyncio.get_running_loop().call_later(run.seconds or _FOREVER_S, stop.set)
        ended = asyncio.create_task(stop.wait(), name="stop")
        await asyncio.wait([task, ended], return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if not task.done():
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    return frames, size


def _list_streams(settings: NtripSettings, *, as_json: bool) -> None:
    table = asyncio.run(fetch_sourcetable(settings))
    if as_json:
        print_json({"streams": [stream.mountpoint for stream in table.streams]})
        return
    for stream in table.streams:
        print_text(f"  {stream.mountpoint:<20} {stream.identifier}  {stream.form}")
    print_text(f"  {len(table.streams)} streams")


@contextlib.contextmanager
def _open_sink(to: str | None) -> Iterator[Callable[[bytes], object]]:
    """Open a serial line for writing, or a file to append to."""
    if to is None:
        raise UnreadableCaster("say with --to where frames go: serial:/dev/ttyUSB1@115200, or a file")
    if not to.startswith("serial:"):
        with Path(to).open("ab", buffering=0) as stream:
            yield stream.write
        return
    address = parse_port(to)
    assert isinstance(address, SerialAddress), "it begins so"  # noqa: S101
    try:
        line = Serial(address.path, address.baud, write_timeout=5, exclusive=True)
    except SerialException as error:
        raise UnreadableCaster(f"cannot open {address}: {error}") from error
    with line:
        yield line.write


def _parse_caster(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon:
        return text, 2101
    if not port.isascii() or not port.isdigit():
        raise UnreadableCaster(f"{text[:80]!r} is no caster: expected HOST or HOST:PORT")
    return host.strip("[]"), int(port[:6])


def _parse_place(text: str) -> GnssFix:
    try:
        lon, lat = (float(part) for part in text.split(","))
    except ValueError as error:
        raise UnreadableCaster(f"{text[:80]!r} is no place: expected LON,LAT in degrees") from error
    return GnssFix(0, round(lon * _NANO), round(lat * _NANO), quality=1, satellites=10, hdop_c=100)
