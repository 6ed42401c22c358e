"""Bounding boxes and page sizes as an address carries them."""

from decimal import Decimal, InvalidOperation
from typing import Final

from portal.errors import InvalidBox, InvalidPageSize
from register.entries import Box

DEFAULT_LIMIT: Final = 1_000
MAX_LIMIT: Final = 10_000
"""The register's own bound on one page."""
_NANODEGREES: Final = 1_000_000_000
_MAX_TEXT: Final = 200
_EDGES: Final = 4


def parse_box(text: str) -> Box:
    """Return the box of ``west,south,east,north`` in degrees (OGC API Features Part 1, section 7.15.3).

    Examples
    --------
    >>> parse_box("15,47.5,15.1,48").south_nd
    47500000000
    """
    parts = text.split(",")
    if len(text) > _MAX_TEXT or len(parts) != _EDGES:
        raise InvalidBox(text, "it must have four numbers")
    west, south, east, north = (_parse_degrees(part, text) for part in parts)
    if not (abs(west) <= 180 * _NANODEGREES and abs(east) <= 180 * _NANODEGREES and west <= east):
        raise InvalidBox(text, "west and east must lie within 180 degrees, west first")
    if not (-90 * _NANODEGREES <= south <= north <= 90 * _NANODEGREES):
        raise InvalidBox(text, "south and north must lie within 90 degrees, south first")
    return Box(west, south, east, north)


def parse_limit(text: str | None) -> int:
    """Return a page size; `InvalidPageSize` when it is out of bounds."""
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_LIMIT)) and 1 <= int(text) <= MAX_LIMIT):
        raise InvalidPageSize(text, MAX_LIMIT)
    return int(text)


def _parse_degrees(part: str, whole: str) -> int:
    try:
        degrees = Decimal(part.strip())
    except InvalidOperation as error:
        raise InvalidBox(whole, f"{part.strip()[:20]!r} is not a number") from error
    if not degrees.is_finite() or abs(degrees) > 360:  # noqa: PLR2004 - a full circle
        raise InvalidBox(whole, f"{part.strip()[:20]!r} is not an angle in degrees")
    return int(degrees * _NANODEGREES)
