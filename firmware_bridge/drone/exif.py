"""The few tags of an Exif segment that tell where and when, read strictly.

Sources: TIFF 6.0, section 2 (structure and types); CIPA DC-008, 4.6. Image libraries skip a damaged tag with a warning,
whose handling is global to the process; here it is an error of the photo, and the two directories wanted are all that
is walked.
"""

import math
import struct
from dataclasses import dataclass
from typing import Final, TypeAlias

from firmware_bridge.drone.errors import InvalidPhotoField

HEADER: Final = b"Exif\0\0"
MAX_ENTRIES: Final = 512
"""Tags of a directory; cameras write 10 to 60."""
MAX_VALUES: Final = 1_024
"""Values of a tag: text of a make or model, three rationals of a position."""
_GPS_POINTER: Final = 0x8825
_ORDERS: Final = {b"II*\0": "<", b"MM\0*": ">"}
_BYTE, _ASCII, _SHORT, _LONG, _RATIONAL, _UNDEFINED, _SLONG, _SRATIONAL = 1, 2, 3, 4, 5, 7, 9, 10
_FORMATS: Final = {_BYTE: "B", _SHORT: "H", _LONG: "I", _RATIONAL: "II", _SLONG: "i", _SRATIONAL: "ii"}
_SIZES: Final = {_BYTE: 1, _ASCII: 1, _SHORT: 2, _LONG: 4, _RATIONAL: 8, _UNDEFINED: 1, _SLONG: 4, _SRATIONAL: 8}

ExifValue: TypeAlias = str | tuple[float, ...]
"""Text, or numbers."""


@dataclass(frozen=True, slots=True)
class ExifTags:
    """Tags by number.

    Attributes
    ----------
    main
        Of the first directory: make and model.
    gps
        Of the GPS directory; empty when there is none.
    """

    main: dict[int, ExifValue]
    gps: dict[int, ExifValue]


def parse_exif(raw: bytes, *, main: frozenset[int], gps: frozenset[int]) -> ExifTags:
    """Return the wanted tags of an Exif segment.

    Parameters
    ----------
    raw
        The segment from ``Exif`` on; empty for a photo without one.
    main, gps
        Numbers wanted of each directory.

    Raises
    ------
    InvalidPhotoField
        The structure is damaged, or a wanted tag's type is none that it may have.
    """
    if not raw:
        return ExifTags({}, {})
    tiff = raw[len(HEADER) :]
    order = _ORDERS.get(tiff[:4])
    if not raw.startswith(HEADER) or order is None:
        raise _damaged("no TIFF header")
    first = _read_directory(tiff, order, _unpack(tiff, order, "I", 4)[0], main | {_GPS_POINTER})
    pointer = first.pop(_GPS_POINTER, None)
    if pointer is None:
        return ExifTags(first, {})
    if isinstance(pointer, str) or len(pointer) != 1:
        raise _damaged("the place of the GPS tags is no number")
    return ExifTags(first, _read_directory(tiff, order, int(pointer[0]), gps))


def _read_directory(tiff: bytes, order: str, at: int, wanted: frozenset[int]) -> dict[int, ExifValue]:
    count: int = _unpack(tiff, order, "H", at)[0]
    if count > MAX_ENTRIES:
        raise _damaged(f"a directory of {count} tags")
    found: dict[int, ExifValue] = {}
    for number in range(count):
        entry = at + 2 + 12 * number
        tag, kind, values = _unpack(tiff, order, "HHI", entry)
        if tag not in wanted:
            continue
        if kind not in _SIZES or values > MAX_VALUES:
            raise _damaged(f"tag {tag} of type {kind} with {values} values")
        inline = _SIZES[kind] * values <= 4  # noqa: PLR2004  # bytes that an entry has for its value
        place = entry + 8 if inline else _unpack(tiff, order, "I", entry + 8)[0]
        value = _parse_value(tiff[place : place + _SIZES[kind] * values], order, kind, values)
        # Cameras write a rational that divides by zero for what they do not know, such as a place before the first fix.
        if isinstance(value, str) or all(math.isfinite(number) for number in value):
            found[tag] = value
    return found


def _parse_value(raw: bytes, order: str, kind: int, values: int) -> ExifValue:
    if len(raw) < _SIZES[kind] * values:
        raise _damaged("a tag's value lies past the end")
    if kind in (_ASCII, _UNDEFINED):
        return raw.split(b"\0", 1)[0].decode("utf-8", "replace").strip()
    numbers = struct.unpack(order + _FORMATS[kind] * values, raw)
    if kind in (_RATIONAL, _SRATIONAL):
        pairs = zip(numbers[::2], numbers[1::2], strict=True)
        return tuple(above / below if below else float("nan") for above, below in pairs)
    return tuple(float(number) for number in numbers)


def _unpack(tiff: bytes, order: str, form: str, at: int) -> tuple[int, ...]:
    raw = tiff[at : at + struct.calcsize(order + form)]
    try:
        return struct.unpack(order + form, raw)
    except struct.error as error:
        raise _damaged("it ends within a directory") from error


def _damaged(rule: str) -> InvalidPhotoField:
    return InvalidPhotoField("Exif", rule, "the segment is damaged; copy the file again")
