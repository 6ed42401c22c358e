"""What a driver is: device bytes in, events out, without I/O; and how a driver says what it is for.

Further instruments are added by writing one (docs/recipes.md): feed any piece of the stream, get what it completes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from domain.readings import Reading
from firmware_bridge.framing import Skipped


@dataclass(frozen=True, slots=True)
class Passed:
    """A whole message that its checksum holds and that gives no reading: kept for those who want it.

    Attributes
    ----------
    name
        Such as ``PUBX``, ``UBX-RXM-RAWX`` or ``RTCM-1077``.
    raw
        The message with its frame.
    """

    name: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class SkyView:
    """What a receiver sees of the sky, for the crew's screen; it is not recorded.

    Attributes
    ----------
    mono_ms
        Monotonic clock of the device.
    used, seen
        Satellites used for the fix, and in view.
    quality
        Of the last fix, as in `domain.readings.Quality`.
    hdop_c
        Horizontal dilution of precision in hundredths; absent when not told.
    best_snr_db
        Carrier to noise of the four strongest, averaged; absent when not told.
    """

    mono_ms: int
    used: int
    seen: int
    quality: int = 0
    hdop_c: int | None = None
    best_snr_db: int | None = None


Event: TypeAlias = Reading | Skipped | Passed | SkyView


class Driver(Protocol):
    """Turns the bytes of one port into events."""

    def feed(self, data: bytes, *, mono_ms: int) -> list[Event]:
        """Return what these bytes complete; no bytes let time pass."""
        ...

    def flush(self) -> list[Event]:
        """Return what waits for bytes that will not come."""
        ...


@dataclass(frozen=True, slots=True)
class DriverSpec:
    """A driver in the catalogue.

    Attributes
    ----------
    name
        As settings and logs name it: ``gnss``, ``haglof``, ``trupulse``.
    make
        Returns a new driver.
    instruments
        Which instruments speak so, for people.
    yields
        Names (`TYPE`) of the readings that it yields.
    source
        The document that describes the protocol.
    """

    name: str
    make: Callable[[], Driver]
    instruments: str
    yields: tuple[str, ...]
    source: str
