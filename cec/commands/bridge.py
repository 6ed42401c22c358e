"""``cec bridge …``: which drivers there are, recording what instruments send, playing a log."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cec.commands.bridge_feed import feed_reader
from cec.console import Console, print_json, print_text
from cec.errors import UnreadablePort
from cec.signals import stop_on_signals, wait_for_stop
from domain.quantities import ID_PATTERN
from domain.readings import Reading
from domain.schema import to_map
from firmware_bridge.catalogue import find_driver, list_drivers
from firmware_bridge.driver import Driver, DriverSpec, Event, Passed, SkyView
from firmware_bridge.framing import Skipped
from firmware_bridge.lasers.memory import MAX_BYTES, parse_memory
from firmware_bridge.log_writer import LogWriter
from firmware_bridge.ports.address import PortAddress, parse_port
from firmware_bridge.ports.opening import Phase, PortState, open_port
from firmware_bridge.replay import MAX_PORTS, TornEnd, play, read_drivers

IDLE_S: Final = 1.0
"""How often time passes for a driver whose instrument is quiet."""
_OPTION: Final = re.compile(rf"({ID_PATTERN})=({ID_PATTERN})@(.+)")
_HIDDEN: Final = ("type", "raw", "mono_ms")
"""What a line for people leaves out of a reading: it stands before it, or is for machines."""


@dataclass(slots=True)
class Tally:
    """What came of an instrument's bytes.

    Attributes
    ----------
    size
        Bytes that came.
    readings
        How many of each type.
    skipped
        Lines that gave none.
    """

    size: int = 0
    readings: Counter[str] = field(default_factory=Counter)
    skipped: int = 0

    def count(self, events: Sequence[Event]) -> None:
        """Count events."""
        self.skipped += sum(isinstance(event, Skipped) for event in events)
        self.readings.update(event.TYPE for event in list_readings(events))

    def describe(self) -> dict[str, Any]:
        """Return the tally for scripts."""
        return {"bytes": self.size, "readings": dict(self.readings), "skipped": self.skipped}

    def __str__(self) -> str:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in self.readings.items()) or "no readings"
        return f"{self.size:,} bytes: {kinds}; {self.skipped:,} skipped"


@dataclass(frozen=True, slots=True)
class Instrument:
    """An instrument on a port.

    Attributes
    ----------
    name
        What the log calls it.
    spec
        Its driver.
    address
        Where its bytes come from.
    """

    name: str
    spec: DriverSpec
    address: PortAddress


def run_list(*, as_json: bool) -> None:
    """Name the drivers and what they yield, the scanners last."""
    told = [*map(_describe_driver, list_drivers()), *_describe_scanners()]
    if as_json:
        print_json({"drivers": told})
        return
    rows = [("driver", "yields", "instruments")]
    rows += [(one["name"], ", ".join(one["yields"]), one["instruments"]) for one in told]
    widths = [max(len(row[at]) for row in rows) for at in range(2)]
    for name, yields, instruments in rows:
        print_text(f"  {name:<{widths[0]}}  {yields:<{widths[1]}}  {instruments}")


def _describe_scanners() -> list[dict[str, Any]]:
    """Return the LiDAR scanners; none where the extra `scan` is not installed, as on a device."""
    try:
        from firmware_bridge.scan.catalogue import SCANNERS
    except ModuleNotFoundError:
        return []
    return [
        {"name": spec.name, "yields": ["points"], "instruments": spec.instruments, "source": spec.source}
        for spec in SCANNERS
    ]


def run_memory(file: Path, *, angle: str, as_json: bool) -> None:
    """Print a hypsometer's memory: its readings, and how many rows gave none."""
    with file.open("rb") as stream:
        found = parse_memory(stream.read(MAX_BYTES + 1), angle_unit="D" if angle == "degrees" else "G", mono_ms=0)
    readings = [one for one in found if not isinstance(one, Skipped)]
    skipped = [one for one in found if isinstance(one, Skipped)]
    if as_json:
        print_json({"readings": [describe_reading(one) for one in readings], "skipped": len(skipped)})
        return
    for reading in readings:
        print_text(format_reading("memory", reading))
    for one in skipped[:10]:
        print_text(f"  skipped: {one.error}")
    print_text(f"  {len(readings)} heights, {len(skipped)} rows without one")


def run_record(ports: list[str], out: Path, seconds: float, *, as_json: bool) -> None:
    """Record instruments into a new log until the time is over, their ports end, or Ctrl-C."""
    instruments = parse_instruments(ports)
    with LogWriter(out, {one.name: one.spec.name for one in instruments}) as writer:
        tallies = asyncio.run(_record(instruments, writer, seconds, Console(is_quiet=as_json)))
    told = {one.name: {"driver": one.spec.name, **tallies[one.name].describe()} for one in instruments}
    if as_json:
        print_json({"log": str(out), "bytes": writer.bytes_written, "ports": told})
        return
    for one in instruments:
        print_text(f"  {one.name} ({one.spec.name}): {tallies[one.name]}")
    print_text(f"  log: {out} ({writer.bytes_written:,} bytes)")


def run_replay(log: Path, speed: float, to: str | None, *, as_json: bool) -> None:
    """Play a log: print each reading as a line, or send the bytes to another program."""
    if to is not None:
        sent = asyncio.run(feed_reader(log, to, speed=speed, as_json=as_json))
        if as_json:
            print_json({"log": str(log), "sent": sent})
        else:
            print_text(f"  {sent:,} bytes sent")
        return
    torn: list[TornEnd] = []
    console = Console(is_quiet=as_json)
    tallies = asyncio.run(_replay(log, speed, _Printer(console, as_json=as_json), torn.append))
    if as_json:
        described = {port: tally.describe() for port, tally in tallies.items()}
        print_json({"log": str(log), "ports": described, "torn_line": torn[0].line if torn else 0})
        return
    for end in torn:
        console.say(f"  line {end.line} was not written to its end; skipped")
    for port, tally in tallies.items():
        console.say(f"  {port}: {tally}")


def parse_instruments(options: list[str]) -> list[Instrument]:
    """Return the instruments that options name, each under a name of its own."""
    found: dict[str, Instrument] = {}
    for text in options:
        match = _OPTION.fullmatch(text)
        if match is None:
            raise UnreadablePort(text, "it is not of that form")
        if match[1] in found or len(found) == MAX_PORTS:
            raise UnreadablePort(text, f"its name was given before, or there are more than {MAX_PORTS}")
        found[match[1]] = Instrument(match[1], find_driver(match[2]), parse_port(match[3]))
    return list(found.values())


def list_readings(events: Sequence[Event]) -> list[Reading]:
    """Return the readings among events."""
    return [event for event in events if not isinstance(event, Skipped | Passed | SkyView)]


async def _record(
    instruments: list[Instrument], writer: LogWriter, seconds: float, console: Console
) -> dict[str, Tally]:
    tallies = {one.name: Tally() for one in instruments}
    stop = asyncio.Event()
    waiting = set(tallies)
    began = asyncio.get_running_loop().time()

    async def take(one: Instrument) -> None:
        await _take(one, tallies[one.name], lambda data: _append(writer, began, one.name, data), console)
        waiting.discard(one.name)
        if not waiting:
            stop.set()

    with stop_on_signals(stop):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(take(one), name=f"bridge.{one.name}") for one in instruments]
            await wait_for_stop(stop, seconds)
            for task in tasks:
                task.cancel()
    return tallies


async def _take(one: Instrument, tally: Tally, append: Callable[[bytes], int], console: Console) -> None:
    """Record an instrument, and count what its driver makes of the bytes."""
    driver = one.spec.make()
    try:
        async with open_port(one.address, tell=_Teller(console, one.name), idle_s=IDLE_S) as deliveries:
            async for data in deliveries:
                tally.size += len(data)
                tally.count(driver.feed(data, mono_ms=append(data)))
    finally:
        tally.count(driver.flush())


def _append(writer: LogWriter, began: float, port: str, data: bytes) -> int:
    """Write what came, if anything, and return the log's time in milliseconds."""
    at_ms = round((asyncio.get_running_loop().time() - began) * 1000)
    if data:
        writer.append(at_ms, port, data)
    else:
        writer.sync_when_due()
    return at_ms


async def _replay(log: Path, speed: float, show: "_Printer", tell: Callable[[TornEnd], None]) -> dict[str, Tally]:
    drivers: dict[str, Driver] = {}
    known = read_drivers(log)
    tallies: dict[str, Tally] = {}
    async for delivery in play(log, speed=speed, tell=tell):
        if delivery.port not in drivers:
            drivers[delivery.port] = find_driver(known[delivery.port]).make()
            tallies[delivery.port] = Tally()
        tallies[delivery.port].size += len(delivery.data)
        # Time passes on every port.
        for port, driver in drivers.items():
            data = delivery.data if port == delivery.port else b""
            show(port, driver.feed(data, mono_ms=delivery.at_ms), tallies[port])
    for port, driver in drivers.items():
        show(port, driver.flush(), tallies[port])
    return tallies


class _Printer:
    """Prints readings as they come, one a line."""

    def __init__(self, console: Console, *, as_json: bool) -> None:
        self._console = console
        self._as_json = as_json

    def __call__(self, port: str, events: list[Event], tally: Tally) -> None:
        tally.count(events)
        for event in events:
            if isinstance(event, Skipped):
                self._console.say(f"  {port}: skipped: {event.error}")
        for reading in list_readings(events):
            if self._as_json:
                print_json({"port": port, "reading": describe_reading(reading)})
            else:
                print_text(format_reading(port, reading))


class _Teller:
    """Tells a port's state to people, each once."""

    def __init__(self, console: Console, port: str) -> None:
        self._console = console
        self._port = port
        self._last = ""

    def __call__(self, state: PortState) -> None:
        words = f"{state.phase} ({state.words})" if state.words else str(state.phase)
        if state.phase is not Phase.OPENING and words != self._last:
            self._last = words
            again = f"; again in {state.retry_s:.1f} s, and on" if state.phase is Phase.LOST else ""
            self._console.say(f"  {self._port}: {words}{again}")


def describe_reading(reading: Reading) -> dict[str, Any]:
    """Return a reading for scripts: bytes as hexadecimal."""
    return {"type": reading.TYPE, **{key: _describe(value) for key, value in to_map(reading).items()}}


def format_reading(port: str, reading: Reading) -> str:
    """Return a reading as one line for people: time, port, type, then each field with its unit in its name."""
    fields = [f"{key}={value}" for key, value in describe_reading(reading).items() if key not in _HIDDEN]
    return f"  {reading.mono_ms / 1000:10.3f}  {port:<12}  {reading.TYPE:<12}  {' '.join(fields)}"


def _describe(value: Any) -> Any:  # noqa: ANN401  # whatever a record holds
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: _describe(inner) for key, inner in value.items()}
    return value if isinstance(value, str | int | list | tuple) else str(value)


def _describe_driver(spec: DriverSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "yields": list(spec.yields),
        "instruments": spec.instruments,
        "source": spec.source,
    }
