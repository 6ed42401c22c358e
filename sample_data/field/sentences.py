"""Lines as field devices write them: NMEA 0183 from a GNSS receiver, proprietary sentences from laser and caliper.

Sources: NMEA 0183 sentences GGA, RMC, GST with the fields of the u-blox 8 / M8 receiver description (section NMEA
protocol); ``$PLTIT`` of the TruPulse 200 user's manual, 6th edition, section 8, which Haglof's lasers also speak;
``$PHGF,DIA`` of Haglof's Digitech calipers, whose field before the checksum is empty.
"""

import math
from dataclasses import dataclass
from datetime import datetime

# Minutes of arc carry five decimals: 1.9 cm of latitude.
_MINUTE_PARTS = 100_000


@dataclass(frozen=True, slots=True)
class GnssFix:
    """One position as a receiver tells it."""

    at: datetime
    """Time of the fix, UTC."""
    longitude_deg: float
    """Degrees east."""
    latitude_deg: float
    """Degrees north."""
    altitude_m: float
    """Of the antenna above the geoid."""
    geoid_m: float
    """Geoid above the ellipsoid."""
    quality: int
    """NMEA quality: 1 single, 2 differential, 4 RTK fixed, 5 RTK float."""
    satellites: int
    """Satellites used."""
    hdop: float
    """Horizontal dilution of precision."""
    error_m: tuple[float, float, float]
    """Standard deviations of easting, northing, altitude as the receiver believes them."""


@dataclass(frozen=True, slots=True)
class HeightSight:
    """One height measured by a laser hypsometer: a distance, two angles, the height from them."""

    at: datetime
    """When the crew pressed the trigger, UTC."""
    distance_m: float
    """From the eye to the stem, on the level."""
    azimuth_deg: float
    """From north, clockwise, 0 to 360."""
    level_deg: float
    """Inclination of the distance shot."""
    foot_deg: float
    """Inclination to the stem's foot."""
    top_deg: float
    """Inclination to the apex."""
    height_m: float
    """What the instrument computes."""


@dataclass(frozen=True, slots=True)
class CaliperReading:
    """One stem diameter."""

    at: datetime
    """When the crew pressed the button, UTC."""
    diameter_mm: int
    """Over bark."""


def checksum(body: str) -> str:
    """Return the checksum of a sentence: the exclusive or of its characters, two hexadecimal digits.

    Parameters
    ----------
    body
        What stands between ``$`` and ``*``.

    Examples
    --------
    The inclination-only line of the TruPulse 200 manual ends in ``*5D``:

    >>> checksum("PLTIT,HV,,,0.00,D,29.10,D,,")
    '5D'
    """
    value = 0
    for byte in body.encode("ascii"):
        value ^= byte
    return f"{value:02X}"


def encode_sentence(body: str) -> bytes:
    r"""Return a sentence with its start, checksum and line end.

    Parameters
    ----------
    body
        What stands between ``$`` and ``*``, ASCII.

    Examples
    --------
    >>> encode_sentence("PLTIT,HT,5.50,M")
    b'$PLTIT,HT,5.50,M*36\r\n'
    """
    return f"${body}*{checksum(body)}\r\n".encode("ascii")


def encode_gga(fix: GnssFix) -> bytes:
    """Return a fix as ``$GNGGA``: time, position, quality, altitude.

    Parameters
    ----------
    fix
        What the receiver found.
    """
    station = "0000" if fix.quality > 1 else ""
    age = "1.0" if fix.quality > 1 else ""
    return encode_sentence(
        f"GNGGA,{_clock(fix.at)},{_position(fix)},{fix.quality},{fix.satellites:02d},{fix.hdop:.2f},"
        f"{fix.altitude_m:.2f},M,{fix.geoid_m:.2f},M,{age},{station}"
    )


def encode_rmc(fix: GnssFix) -> bytes:
    """Return a fix as ``$GNRMC``: time, position, no speed (the crew stands), date, mode.

    Parameters
    ----------
    fix
        What the receiver found.
    """
    mode = {1: "A", 2: "D", 4: "R", 5: "F"}.get(fix.quality, "E")
    return encode_sentence(f"GNRMC,{_clock(fix.at)},A,{_position(fix)},0.02,,{fix.at:%d%m%y},,,{mode},V")


def encode_gst(fix: GnssFix) -> bytes:
    """Return a fix as ``$GNGST``: its standard deviations, metres, latitude before longitude.

    Parameters
    ----------
    fix
        What the receiver found.
    """
    east, north, up = fix.error_m
    spread = (east**2 + north**2 + up**2) ** 0.5
    return encode_sentence(f"GNGST,{_clock(fix.at)},{spread:.2f},,,,{north:.2f},{east:.2f},{up:.2f}")


def encode_height(sight: HeightSight) -> bytes:
    """Return the four lines of a height routine: distance shot, both angles, height.

    Parameters
    ----------
    sight
        What the crew measured.
    """
    slope = sight.distance_m / _cosine(sight.level_deg)
    azimuth = f"{sight.azimuth_deg:.2f},D"
    shot = f"PLTIT,HV,{sight.distance_m:.2f},M,{azimuth},{sight.level_deg:.2f},D,{slope:.2f},M"
    foot = f"PLTIT,HV,,,{azimuth},{sight.foot_deg:.2f},D,,"
    top = f"PLTIT,HV,,,{azimuth},{sight.top_deg:.2f},D,,"
    return b"".join(encode_sentence(body) for body in (shot, foot, top, f"PLTIT,HT,{sight.height_m:.2f},M"))


def encode_diameter(reading: CaliperReading) -> bytes:
    r"""Return a stem diameter as ``$PHGF,DIA``: metric, millimetres.

    Parameters
    ----------
    reading
        What the caliper showed.

    Examples
    --------
    >>> from datetime import UTC
    >>> encode_diameter(CaliperReading(datetime(2024, 6, 1, tzinfo=UTC), 277))
    b'$PHGF,DIA,M,277,*2A\r\n'
    """
    return encode_sentence(f"PHGF,DIA,M,{reading.diameter_mm},")


def _clock(at: datetime) -> str:
    return f"{at:%H%M%S}.{at.microsecond // 10_000:02d}"


def _position(fix: GnssFix) -> str:
    latitude = _angle(fix.latitude_deg, 2, "NS")
    longitude = _angle(fix.longitude_deg, 3, "EW")
    return f"{latitude},{longitude}"


def _angle(degrees: float, digits: int, signs: str) -> str:
    """Return degrees and minutes; rounded as one integer, so that no minute reads 60."""
    parts = round(abs(degrees) * 60 * _MINUTE_PARTS)
    whole, rest = divmod(parts, 60 * _MINUTE_PARTS)
    minutes, fraction = divmod(rest, _MINUTE_PARTS)
    return f"{whole:0{digits}d}{minutes:02d}.{fraction:05d},{signs[int(degrees < 0)]}"


def _cosine(degrees: float) -> float:
    return math.cos(math.radians(degrees))
