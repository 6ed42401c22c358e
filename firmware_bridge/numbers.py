"""Decimal text to integers in small units, exactly: no float between instrument and record."""

import re
from decimal import Decimal
from typing import Final

from firmware_bridge.errors import UnreadableField

_NANO: Final = 1_000_000_000
_MAX_TEXT: Final = 24
_NUMBER: Final = re.compile(r" *[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})? *")
"""Python alone would also read underscores and the digits of other scripts; instruments pad with blanks."""
MM_PER_UNIT: Final = {"M": Decimal(1000), "F": Decimal("304.8"), "Y": Decimal("914.4")}
"""Millimetres of a metre, an international foot, an international yard."""


def parse_decimal(field: str, text: str) -> Decimal:
    """Return the number that a field says; `UnreadableField` when it is none."""
    if len(text) > _MAX_TEXT or _NUMBER.fullmatch(text) is None:
        raise UnreadableField(field, text)
    value = Decimal(text)
    if abs(value) > 10**12:  # beyond any measurement
        raise UnreadableField(field, text)
    return value


def parse_scaled(field: str, text: str, scale: int | Decimal) -> int | None:
    """Return a field's number times `scale`, rounded to a whole one; nothing for an empty field."""
    return None if not text else round(parse_decimal(field, text) * scale)


def parse_length_mm(field: str, text: str, unit: str) -> int | None:
    """Return a length in millimetres; `unit` is ``M``, ``F`` or ``Y``."""
    if not text:
        return None
    if unit.upper() not in MM_PER_UNIT:
        raise UnreadableField(f"unit of {field}", unit)
    return parse_scaled(field, text, MM_PER_UNIT[unit.upper()])


def parse_angle_nd(field: str, text: str, hemisphere: str) -> int:
    """Return an angle in 10^-9 degree from NMEA's degrees and minutes.

    Examples
    --------
    >>> parse_angle_nd("latitude", "4807.038", "N")
    48117300000
    """
    value = parse_decimal(field, text)
    if hemisphere not in ("N", "S", "E", "W") or value < 0:
        raise UnreadableField(field, f"{text},{hemisphere}")
    degrees, minutes = divmod(value, 100)
    if minutes >= 60:  # noqa: PLR2004  # minutes of arc
        raise UnreadableField(field, text)
    nano = round((degrees * 60 + minutes) * _NANO / 60)
    limit = 90 if hemisphere in "NS" else 180
    if nano > limit * _NANO:
        raise UnreadableField(field, text)
    return -nano if hemisphere in "SW" else nano
