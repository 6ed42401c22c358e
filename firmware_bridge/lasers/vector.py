"""The fields that all laser sentences share: a distance, two angles and a slope distance, each with its unit."""

from decimal import Decimal
from typing import Final, TypeVar

from domain.readings import HeightShot, MissingLine, StemDiameter
from domain.schema import to_map
from firmware_bridge.errors import UnreadableField
from firmware_bridge.framing import Line
from firmware_bridge.numbers import parse_length_mm, parse_scaled

MAX_RAW: Final = 512
"""Bytes that a reading keeps of its lines (`domain.readings.Raw`)."""
CENTI_PER_DEGREE: Final = Decimal(100)
CENTI_PER_GON: Final = Decimal(90)
_ANGLE_UNITS: Final = {"D": CENTI_PER_DEGREE, "G": CENTI_PER_GON}
"""Hundredths of a degree of a degree and a gon (400 to the circle)."""
_VECTOR_FIELDS: Final = 9
"""Type, then four numbers each with its unit."""

R = TypeVar("R", HeightShot, MissingLine, StemDiameter)


def parse_angle_cd(field: str, text: str, unit: str) -> int | None:
    """Return an angle in 1/100 degree, nothing for an empty field; `unit` is ``D`` (degrees) or ``G`` (gon).

    Examples
    --------
    >>> parse_angle_cd("azimuth", "100.00", "G")
    9000
    """
    if not text:
        return None
    if unit.upper() not in _ANGLE_UNITS:
        raise UnreadableField(f"unit of {field}", unit)
    return parse_scaled(field, text, _ANGLE_UNITS[unit.upper()])


def read_shot(line: Line, mono_ms: int) -> HeightShot:
    """Return the shot of an ``HV`` or ``HVV`` sentence, without its height."""
    horizontal, azimuth, inclination, slope = _read_numbers(line)
    return check_reading(
        HeightShot(
            mono_ms,
            horizontal_mm=horizontal,
            slope_mm=slope,
            inclination_cd=inclination,
            azimuth_cd=azimuth,
            raw=line.raw,
        )
    )


def read_missing_line(line: Line, mono_ms: int) -> MissingLine:
    """Return the line between two targets of an ``ML`` sentence."""
    horizontal, azimuth, inclination, slope = _read_numbers(line)
    if horizontal is None and slope is None:
        raise UnreadableField("distance", "")
    return check_reading(MissingLine(mono_ms, horizontal, slope, inclination, azimuth, raw=line.raw))


def check_reading(reading: R) -> R:
    """Return a reading whose values are within the bounds of its record, here where its line can still be told."""
    to_map(reading)
    return reading


def join_raw(first: bytes | None, second: bytes | None) -> bytes | None:
    r"""Return two readings' lines as one text; the first alone where both would be too long.

    Examples
    --------
    >>> join_raw(b"$A", b"$B")
    b'$A\r\n$B'
    """
    if first is None or second is None:
        return second if first is None else first
    both = first + b"\r\n" + second
    return both if len(both) <= MAX_RAW else first


def expect_fields(line: Line, count: int) -> None:
    """Raise `UnreadableField` where a sentence has fewer fields than its type says."""
    if len(line.fields) < count:
        raise UnreadableField("sentence", line.raw.decode())


def _read_numbers(line: Line) -> tuple[int | None, int | None, int | None, int | None]:
    expect_fields(line, _VECTOR_FIELDS)
    fields = line.fields
    return (
        parse_length_mm("distance", fields[1], fields[2]),
        parse_angle_cd("azimuth", fields[3], fields[4]),
        parse_angle_cd("inclination", fields[5], fields[6]),
        parse_length_mm("slope distance", fields[7], fields[8]),
    )
