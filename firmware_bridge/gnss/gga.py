"""A fix as the GGA sentence that a caster wants, to make corrections for where the rover stands."""

from datetime import UTC, datetime, timedelta
from typing import Final

from domain.readings import GnssFix
from firmware_bridge.framing import compute_checksum

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def encode_gga(fix: GnssFix) -> bytes:
    r"""Return a fix as GGA with its line end; the time is empty where the fix has none.

    Examples
    --------
    >>> encode_gga(GnssFix(0, 11_516_666_667, 48_117_300_000, 1, 8, 545_400, 46_900, 90))
    b'$GPGGA,,4807.0380000,N,01131.0000000,E,1,08,0.90,545.400,M,46.900,M,,*7A\r\n'
    """
    clock = "" if fix.gnss_at_ms is None else f"{_EPOCH + timedelta(milliseconds=fix.gnss_at_ms):%H%M%S.%f}"[:9]
    fields = (
        "GPGGA",
        clock,
        f"{_encode_angle(fix.lat_nd, 2)},{'S' if fix.lat_nd < 0 else 'N'}",
        f"{_encode_angle(fix.lon_nd, 3)},{'W' if fix.lon_nd < 0 else 'E'}",
        str(fix.quality),
        "" if fix.satellites is None else f"{fix.satellites:02d}",
        _encode_scaled(fix.hdop_c, 2),
        f"{_encode_scaled(fix.altitude_mm, 3)},M",
        f"{_encode_scaled(fix.geoid_mm, 3)},M",
        "",
        "",
    )
    body = ",".join(fields)
    return f"${body}*{compute_checksum(body.encode())}\r\n".encode()


def _encode_angle(nano: int, digits: int) -> str:
    """Return degrees and minutes; seven decimals of a minute are 0.2 mm, closer than any fix."""
    minutes_e7 = (abs(nano) * 60 + 50) // 100
    degrees, rest = divmod(minutes_e7, 600_000_000)
    return f"{degrees:0{digits}d}{rest // 10_000_000:02d}.{rest % 10_000_000:07d}"


def _encode_scaled(value: int | None, decimals: int) -> str:
    if value is None:
        return ""
    whole, rest = divmod(abs(value), 10**decimals)
    return f"{'-' if value < 0 else ''}{whole}.{rest:0{decimals}d}"
