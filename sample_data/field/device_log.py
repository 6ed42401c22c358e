r"""Recorded device logs: what came over each port and when.

One line a delivery, ``milliseconds TAB port TAB hexadecimal bytes LF``; milliseconds count from the log's first
delivery and never fall; ports are ``gnss``, ``hypsometer`` and ``caliper``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sample_data.field.crew import CrewStop
from sample_data.field.sentences import encode_diameter, encode_gga, encode_gst, encode_height, encode_rmc

GNSS, HYPSOMETER, CALIPER = "gnss", "hypsometer", "caliper"
"""Ports of a log."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Bytes that came over a port at once."""

    at_ms: int
    """Milliseconds since the log began."""
    port: str
    """One of the log's ports."""
    data: bytes
    """Whole lines of the device."""


def record_stops(stops: Iterable[CrewStop]) -> tuple[Delivery, ...]:
    """Return what the crew's devices deliver during a walk.

    Parameters
    ----------
    stops
        From :func:`sample_data.field.crew.walk_plot`, in order of time.

    Returns
    -------
    Deliveries in order of time, the first at 0 ms.
    """
    spoken = [moment for stop in stops for moment in _speak(stop)]
    if not spoken:
        return ()
    begins = spoken[0][0]
    return tuple(Delivery(round((at - begins).total_seconds() * 1000), port, data) for at, port, data in spoken)


def encode_log(stops: Iterable[CrewStop]) -> bytes:
    """Return a walk as a recorded log.

    Parameters
    ----------
    stops
        From :func:`sample_data.field.crew.walk_plot`, in order of time.
    """
    return encode_deliveries(record_stops(stops))


def encode_deliveries(deliveries: Iterable[Delivery]) -> bytes:
    r"""Return deliveries as the text of a log.

    Parameters
    ----------
    deliveries
        In order of time.

    Examples
    --------
    >>> encode_deliveries([Delivery(5, CALIPER, b"$A*41\r\n")])
    b'5\tcaliper\t24412a34310d0a\n'
    """
    return b"".join(f"{one.at_ms}\t{one.port}\t{one.data.hex()}\n".encode("ascii") for one in deliveries)


def _speak(stop: CrewStop) -> list[tuple[datetime, str, bytes]]:
    fixes = [(fix.at, GNSS, encode_gga(fix) + encode_rmc(fix) + encode_gst(fix)) for fix in stop.fixes]
    sight = (stop.sight.at, HYPSOMETER, encode_height(stop.sight))
    caliper = (stop.caliper.at, CALIPER, encode_diameter(stop.caliper))
    return [*fixes, sight, caliper]
