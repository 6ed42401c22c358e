"""What a scanner's driver is: its packets in, points in the sensor's own frame out, without I/O.

**Sensor frame**, of every driver: right-handed, metres; x to the right, y forward, z up along the spinning axis, with
the origin and the forward direction that the maker draws. A driver whose maker names axes otherwise turns them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.scan.errors import InvalidPacket

Floats: TypeAlias = NDArray[np.float64]
Bytes8: TypeAlias = NDArray[np.uint8]
Arrival: TypeAlias = float
"""When a packet came, by the clock of the computer that received it: POSIX seconds, UTC."""

ClockSource: TypeAlias = Literal["gnss", "arrival", "free"]
"""Whose time the points have: ``gnss``, the receiver at the scanner; ``arrival``, the scanner's within an hour that the
receiving computer named; ``free``, the scanner's clock, which its receiver's sentences contradict: its times may be
half an hour off."""
MAX_DATAGRAM: Final = 65_507
"""Longest payload of a UDP datagram over IPv4."""


@dataclass(frozen=True, slots=True, eq=False)
class ScanPoints:
    """Points of a scanner, in the order in which they were measured; every array has shape (n,).

    Attributes
    ----------
    x_m, y_m, z_m
        In the sensor frame (see above), float64.
    gps_s
        When each was measured: GPS seconds (`firmware_bridge.scan.gps_time`).
    intensity
        Reflectivity as the scanner calibrates it, 0 to 255, uint8.
    ring
        Laser that measured it, from 0 for the lowest to the highest, uint8.
    return_number, returns
        Which of the pulse's reported returns it is, from 1, and how many there are, uint8.
    clock
        Whose time it is.
    """

    x_m: Floats
    y_m: Floats
    z_m: Floats
    gps_s: Floats
    intensity: Bytes8
    ring: Bytes8
    return_number: Bytes8
    returns: Bytes8
    clock: ClockSource

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.x_m)


@dataclass(frozen=True, slots=True)
class SkippedPacket:
    """A packet that gave no point, and why.

    Attributes
    ----------
    error
        What is wrong with it.
    raw
        Its bytes.
    """

    error: InvalidPacket
    raw: bytes


@dataclass(frozen=True, slots=True)
class ClockState:
    """What a scanner says of its clock.

    Attributes
    ----------
    utc_s
        POSIX seconds of the GNSS sentence that it repeats; absent without a valid one.
    past_hour_s
        Seconds past an hour by the scanner's own clock.
    pps
        Whether the receiver's pulse disciplines that clock: ``absent``, ``synchronising``, ``locked`` or ``error``.
    """

    utc_s: float | None
    past_hour_s: float
    pps: Literal["absent", "synchronising", "locked", "error"]


ScanEvent: TypeAlias = ScanPoints | SkippedPacket | ClockState


class ScanDriver(Protocol):
    """Turns one scanner's packets into points."""

    def feed(self, packet: bytes, *, at: Arrival) -> list[ScanEvent]:
        """Return what this UDP payload completes; a driver may keep packets back to decode many at once.

        Raises
        ------
        OtherScanner
            The packet is of another model.
        """
        ...

    def flush(self) -> list[ScanEvent]:
        """Return what the packets that were kept back give."""
        ...


@dataclass(frozen=True, slots=True)
class ScanSpec:
    """A scanner in the catalogue.

    Attributes
    ----------
    name
        As settings and logs name it.
    make
        Returns a new driver.
    instruments
        Which scanners speak so, for people.
    ports
        UDP ports that it sends to by default.
    source
        The document that describes its packets.
    """

    name: str
    make: Callable[[], ScanDriver]
    instruments: str
    ports: tuple[int, ...]
    source: str
