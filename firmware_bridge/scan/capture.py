"""A recorded scan to a cloud: capture, driver, track and writer put together, in flat memory."""

from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from firmware_bridge.scan.catalogue import find_scanner
from firmware_bridge.scan.driver import ClockSource, ClockState, ScanPoints, ScanSpec, SkippedPacket
from firmware_bridge.scan.errors import InvalidCapture, InvalidScanOption, NothingPlaced, SeveralScanners
from firmware_bridge.scan.georeference import Georeferencer, open_target
from firmware_bridge.scan.link import Datagram, Lost
from firmware_bridge.scan.mounting import Mounting
from firmware_bridge.scan.pcap import read_datagrams
from firmware_bridge.scan.track import Track
from firmware_bridge.scan.writer import ScanWriter, open_whole

MAX_RANGE_M: Final = 10_000.0
"""Longest range of any scanner that is carried."""
MAX_SOURCE_ID: Final = 65_535
"""LAS keeps it in 16 bits."""


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """How a capture is read.

    Attributes
    ----------
    scanner
        Name of its driver.
    source
        IPv4 address of the scanner; absent when the capture holds one scanner alone.
    ports
        UDP ports that it sent to; absent for its default ones.
    nearest_m, farthest_m
        Points closer to the sensor or further off are left out: the carrier itself, and echoes beyond the range that
        the maker states.
    source_id
        Number of the scanner or flight line, kept with each point, 0 to 65,535.
    """

    scanner: str = "vlp16"
    source: str | None = None
    ports: tuple[int, ...] | None = None
    nearest_m: float = 0.5
    farthest_m: float = 130.0
    source_id: int = 1

    def __post_init__(self) -> None:
        """Check ranges and number.

        Raises
        ------
        InvalidScanOption
            One is out of range.
        """
        if not 0 <= self.nearest_m < self.farthest_m <= MAX_RANGE_M:
            raise InvalidScanOption(
                "range", f"{self.nearest_m} to {self.farthest_m} m", f"rising, to {MAX_RANGE_M:g} m"
            )
        if not 0 <= self.source_id <= MAX_SOURCE_ID:
            raise InvalidScanOption("source id", str(self.source_id), f"0 to {MAX_SOURCE_ID}")


@dataclass(frozen=True, slots=True)
class ScanSummary:
    """What became of a capture.

    Attributes
    ----------
    out
        The cloud.
    written
        Points in it.
    measured
        Points that the scanner measured.
    out_of_range
        Left out: nearer or farther than asked for.
    off_track
        Left out: before or after the track, or in one of its gaps.
    lost
        Packets that gave nothing, by the name of the reason.
    clock
        Whose time the points have, by the worst of them: with ``arrival`` they may be whole hours off, with ``free``
        up to half an hour.
    pps
        What the scanner last said of the receiver's pulse; empty when it said nothing.
    gps_s
        GPS seconds of the first and last point measured.
    crs, vertical
        Names of the horizontal CRS, and of the vertical one or ``ellipsoidal``.
    """

    out: Path
    written: int
    measured: int
    out_of_range: int
    off_track: int
    lost: dict[str, int]
    clock: ClockSource
    pps: str
    gps_s: tuple[float, float]
    crs: str
    vertical: str


@dataclass(slots=True)
class _Tally:
    """Counts on the way."""

    measured: int = 0
    out_of_range: int = 0
    off_track: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    clock: ClockSource = "gnss"
    pps: str = ""
    span: tuple[float, float] | None = None

    def count(self, points: ScanPoints) -> None:
        self.measured += len(points)
        if points.clock == "free" or (points.clock == "arrival" and self.clock == "gnss"):
            self.clock = points.clock
        if len(points):
            first, last = float(points.gps_s.min()), float(points.gps_s.max())
            self.span = (first, last) if self.span is None else (min(self.span[0], first), max(self.span[1], last))


def convert_pcap(
    pcap: Path,
    track: Track,
    mounting: Mounting,
    crs: str,
    *,
    out: Path,
    options: ScanOptions | None = None,
) -> ScanSummary:
    """Write the cloud of a recorded scan and return what became of it.

    Parameters
    ----------
    pcap
        Capture, classic or pcapng.
    track
        Of the carrier.
    mounting
        Of the scanner on it.
    crs
        Projected CRS of the cloud; heights are ellipsoidal unless it is a compound one.
    out
        LAZ file; it is there whole or not at all.
    options
        How the capture is read.

    Raises
    ------
    ScanError
        The capture, the track, the CRS or the scanner cannot be used, or no point lies on the track.
    """
    chosen = options or ScanOptions()
    target = open_target(crs)
    place = Georeferencer(track, mounting, target).place
    tally = _Tally()
    with open_whole(out) as stream:
        writer = ScanWriter(stream, target, instrument=chosen.scanner, source_id=chosen.source_id)
        with closing(_read_points(pcap, chosen, tally)) as batches:
            for points in batches:
                placed = place(points)
                tally.off_track += len(points) - placed.easting_m.shape[0]
                writer.write(points, placed)
        if not writer.count or tally.span is None:
            raise NothingPlaced(tally.measured, tally.span, track.span_s)
        writer.finish()
    return ScanSummary(
        out=out,
        written=writer.count,
        measured=tally.measured,
        out_of_range=tally.out_of_range,
        off_track=tally.off_track,
        lost=dict(tally.lost),
        clock=tally.clock,
        pps=tally.pps,
        gps_s=tally.span,
        crs=target.name,
        vertical=target.vertical,
    )


def find_start_s(pcap: Path, options: ScanOptions | None = None) -> float:
    """Return GPS seconds of a capture's first point, by which a track that counts seconds of the week is placed.

    Raises
    ------
    InvalidCapture
        It holds no point.
    """
    with closing(_read_points(pcap, options or ScanOptions(), _Tally())) as batches:
        for points in batches:
            if len(points):
                return float(points.gps_s[0])
    raise InvalidCapture(0, "it holds no point of the scanner; check the driver, the ports and the source")


def _read_points(pcap: Path, options: ScanOptions, tally: _Tally) -> Generator[ScanPoints, None, None]:
    """Yield points within range, and keep count."""
    spec = find_scanner(options.scanner)
    driver = spec.make()
    for datagram in _choose(pcap, spec, options, tally):
        for event in driver.feed(datagram.payload, at=datagram.at):
            yield from _take(event, options, tally)
    for event in driver.flush():
        yield from _take(event, options, tally)


def _take(event: ScanPoints | SkippedPacket | ClockState, options: ScanOptions, tally: _Tally) -> Iterator[ScanPoints]:
    if isinstance(event, SkippedPacket):
        tally.lost[type(event.error).__name__] += 1
    elif isinstance(event, ClockState):
        tally.pps = event.pps
    else:
        tally.count(event)
        kept = _keep_range(event, options)
        tally.out_of_range += len(event) - len(kept)
        yield kept


def _keep_range(points: ScanPoints, options: ScanOptions) -> ScanPoints:
    square = points.x_m**2 + points.y_m**2 + points.z_m**2
    kept = (square >= options.nearest_m**2) & (square <= options.farthest_m**2)
    if kept.all():
        return points
    # Numbers of returns stay the pulse's own: the return that is left out was measured.
    names = ("x_m", "y_m", "z_m", "gps_s", "intensity", "ring", "return_number", "returns")
    arrays: dict[str, np.ndarray[tuple[int], np.dtype[np.generic]]] = {
        name: getattr(points, name)[kept] for name in names
    }
    return ScanPoints(**arrays, clock=points.clock)  # type: ignore[arg-type]  # each array keeps its own type


def _choose(pcap: Path, spec: ScanSpec, options: ScanOptions, tally: _Tally) -> Iterator[Datagram]:
    """Yield the scanner's datagrams; refuse those of two scanners, since their points would be mixed."""
    ports = options.ports or spec.ports
    chosen = options.source
    try:
        with pcap.open("rb") as stream:
            for entry in read_datagrams(stream):
                if isinstance(entry, Lost):
                    tally.lost[type(entry.error).__name__] += 1
                    continue
                if entry.port not in ports or (options.source and entry.source != options.source):
                    continue
                if chosen is None:
                    chosen = entry.source
                if entry.source != chosen:
                    raise SeveralScanners((chosen, entry.source))
                yield entry
    except OSError as error:
        raise InvalidCapture(0, f"{pcap} cannot be read ({error.strerror})") from error
