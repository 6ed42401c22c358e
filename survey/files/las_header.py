"""The header of a LAS or LAZ file, read with bounds before any library sees the file.

ASPRS LAS 1.4 R15, tables 3 (public header) and 6, 23 (variable length records). Files are untrusted: each count and
offset is checked against the file's size.
"""

import math
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from survey.errors import CloudTooLarge, InvalidLasHeader

MAX_POINTS: Final = 60_000_000
"""Points of one file: 3 GB of memory at 50 bytes each; larger flights come as tiles."""
MAX_FILE_BYTES: Final = 4 << 30
"""60 million points of the largest standard format have 4 GB."""
MAX_VLRS: Final = 1_000
"""Records before or after the points: real files have less than 400."""
MAX_CRS_BYTES: Final = 1 << 16
"""A CRS in WKT has at most some ten thousand bytes."""
CRS_USER: Final = "LASF_Projection"
WKT_RECORD, GEO_KEYS, GEO_DOUBLES, GEO_ASCII = 2112, 34735, 34736, 34737

_HEADER_10, _HEADER_13, _HEADER_14 = 227, 235, 375
_POINT_BYTES: Final = (20, 28, 26, 34, 57, 63, 30, 36, 38, 59, 67)
"""Least bytes of a point by format 0 to 10 (tables 7 to 17)."""
_LASZIP_RECORD: Final = 22204
_WKT_BIT: Final = 1 << 4
_COMPRESSED: Final = 0x80
_COMPRESSED_COPY: Final = 0x40
"""Some writers flag compression in the next bit too."""
_VLR: Final = struct.Struct("<H16sHH32s")
_EVLR: Final = struct.Struct("<H16sHQ32s")
_MOST_SCALE: Final = 10.0
_MOST_COORDINATE: Final = 1e9


@dataclass(frozen=True, slots=True)
class LasHeader:
    """What is known of a file before its points are read.

    Attributes
    ----------
    version
        Major and minor.
    point_format
        0 to 10.
    point_bytes
        Bytes of one point, extra bytes included.
    point_count
        Points promised.
    points_at
        Offset of the first point, bytes.
    is_compressed
        LAZ.
    scale, offset
        Coordinates are ``units * scale + offset``.
    prefers_wkt
        Whether the WKT is the valid one of two CRS.
    crs_records
        Payloads of the projection's records by record id; the first of each.
    warnings
        Oddities that do not hinder reading.
    """

    version: tuple[int, int]
    point_format: int
    point_bytes: int
    point_count: int
    points_at: int
    is_compressed: bool
    scale: tuple[float, float, float]
    offset: tuple[float, float, float]
    prefers_wkt: bool
    crs_records: dict[int, bytes]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Head:
    """Fields of the public header as they stand."""

    version: tuple[int, int]
    encoding: int
    size: int
    points_at: int
    vlrs: int
    raw_format: int
    point_bytes: int
    count: int
    evlrs_at: int
    evlrs: int
    numbers: tuple[float, ...]


def read_header(path: Path) -> LasHeader:
    """Return a file's header, checked against its size.

    Raises
    ------
    InvalidLasHeader
        When a field breaks its bound.
    CloudTooLarge
        When it has or promises more than one survey takes.
    OSError
        When the file cannot be opened.
    """
    with path.open("rb") as file:
        return parse_header(file)


def parse_header(file: BinaryIO) -> LasHeader:
    """Return the header of an open file; see `read_header`."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = _parse_head(file.read(_HEADER_14))
    if size > MAX_FILE_BYTES:
        raise CloudTooLarge("bytes", size, MAX_FILE_BYTES)
    if head.count > MAX_POINTS:
        raise CloudTooLarge("points", head.count, MAX_POINTS)
    _check_layout(head, size)
    scale, offset = _check_numbers(head.numbers)
    records, has_laszip = _read_vlrs(file, head)
    records = {**_read_evlrs(file, head, size), **records}
    is_compressed = bool(head.raw_format & (_COMPRESSED | _COMPRESSED_COPY))
    if is_compressed and not has_laszip:
        raise InvalidLasHeader("point data format", head.raw_format, "a compressed file has a LASzip record")
    return LasHeader(
        version=head.version,
        point_format=head.raw_format & 0x3F,
        point_bytes=head.point_bytes,
        point_count=head.count,
        points_at=head.points_at,
        is_compressed=is_compressed,
        scale=scale,
        offset=offset,
        prefers_wkt=bool(head.encoding & _WKT_BIT),
        crs_records=records,
        warnings=_find_oddities(head),
    )


def _parse_head(raw: bytes) -> _Head:
    if len(raw) < _HEADER_10 or raw[:4] != b"LASF":
        raise InvalidLasHeader("signature", raw[:4], f"a LAS file begins with LASF and has {_HEADER_10} bytes at least")
    encoding = struct.unpack_from("<H", raw, 6)[0]
    major, minor = raw[24], raw[25]
    size, points_at, vlrs, raw_format, point_bytes, count = struct.unpack_from("<HIIBHI", raw, 94)
    evlrs_at, evlrs = 0, 0
    if major != 1 or minor > 4:  # noqa: PLR2004 - LAS 1.0 to 1.4
        raise InvalidLasHeader("version", f"{major}.{minor}", "LAS 1.0 to 1.4 can be read")
    if minor == 4:  # noqa: PLR2004 - LAS 1.4
        if len(raw) < _HEADER_14:
            raise InvalidLasHeader("header size", len(raw), f"a LAS 1.4 header has {_HEADER_14} bytes")
        evlrs_at, evlrs, count_14 = struct.unpack_from("<QIQ", raw, 235)
        count = count_14 or count
    numbers = struct.unpack_from("<12d", raw, 131)
    return _Head(
        (major, minor), encoding, size, points_at, vlrs, raw_format, point_bytes, count, evlrs_at, evlrs, numbers
    )


def _check_layout(head: _Head, size: int) -> None:
    least = (_HEADER_10, _HEADER_10, _HEADER_10, _HEADER_13, _HEADER_14)[head.version[1]]
    point_format = head.raw_format & 0x3F
    if head.size < least:
        raise InvalidLasHeader(
            "header size", head.size, f"LAS {head.version[0]}.{head.version[1]} has at least {least}"
        )
    if not head.size <= head.points_at <= size:
        raise InvalidLasHeader("offset to points", head.points_at, "it must lie between the header and the file's end")
    if head.vlrs > MAX_VLRS or head.size + head.vlrs * _VLR.size > head.points_at:
        raise InvalidLasHeader("number of records", head.vlrs, "they must fit between header and points, 1,000 at most")
    if point_format >= len(_POINT_BYTES):
        raise InvalidLasHeader("point data format", point_format, "formats 0 to 10 can be read")
    if head.point_bytes < _POINT_BYTES[point_format]:
        raise InvalidLasHeader(
            "point length", head.point_bytes, f"format {point_format} has {_POINT_BYTES[point_format]}"
        )
    is_plain = not head.raw_format & (_COMPRESSED | _COMPRESSED_COPY)
    if is_plain and head.points_at + head.count * head.point_bytes > size:
        held = (size - head.points_at) // head.point_bytes
        raise InvalidLasHeader("number of points", head.count, f"the file holds {held:,}")


def _check_numbers(numbers: tuple[float, ...]) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    scale, offset, bounds = numbers[:3], numbers[3:6], numbers[6:]
    if not all(math.isfinite(value) and 0.0 < value <= _MOST_SCALE for value in scale):
        raise InvalidLasHeader("scale factors", scale, "they must be above 0 and at most 10")
    if not all(math.isfinite(value) and abs(value) <= _MOST_COORDINATE for value in offset):
        raise InvalidLasHeader("offsets", offset, "they must be finite coordinates")
    if not all(math.isfinite(value) for value in bounds):
        raise InvalidLasHeader("bounds", bounds, "they must be finite")
    return (scale[0], scale[1], scale[2]), (offset[0], offset[1], offset[2])


def _read_vlrs(file: BinaryIO, head: _Head) -> tuple[dict[int, bytes], bool]:
    """Return the projection's payloads by record id, and whether LASzip has its record."""
    found: dict[int, bytes] = {}
    has_laszip = False
    at = head.size
    for _ in range(head.vlrs):
        file.seek(at)
        _, user, record, length, _ = _VLR.unpack(_read_exactly(file, _VLR.size))
        at += _VLR.size + length
        if at > head.points_at:
            raise InvalidLasHeader("record length", length, "records end before the points")
        has_laszip |= record == _LASZIP_RECORD
        if _is_crs(user, record):
            found.setdefault(record, _read_exactly(file, length))
    return found, has_laszip


def _read_evlrs(file: BinaryIO, head: _Head, size: int) -> dict[int, bytes]:
    """Return the projection's payloads among the records behind the points."""
    found: dict[int, bytes] = {}
    at = head.evlrs_at
    if head.evlrs > MAX_VLRS:
        raise InvalidLasHeader("number of extended records", head.evlrs, f"at most {MAX_VLRS}")
    for _ in range(head.evlrs):
        if not head.points_at <= at <= size - _EVLR.size:
            raise InvalidLasHeader("offset to extended records", at, "they must lie behind the points, within the file")
        file.seek(at)
        _, user, record, length, _ = _EVLR.unpack(_read_exactly(file, _EVLR.size))
        at += _EVLR.size + length
        if at > size:
            raise InvalidLasHeader("extended record length", length, "it must end within the file")
        if _is_crs(user, record) and length <= MAX_CRS_BYTES:
            found.setdefault(record, _read_exactly(file, length))
    return found


def _read_exactly(file: BinaryIO, length: int) -> bytes:
    raw = file.read(length)
    if len(raw) != length:
        raise InvalidLasHeader("record length", length, f"only {len(raw)} bytes are left")
    return raw


def _is_crs(user: bytes, record: int) -> bool:
    named = user.split(b"\0", 1)[0] == CRS_USER.encode()
    return named and record in (WKT_RECORD, GEO_KEYS, GEO_DOUBLES, GEO_ASCII)


def _find_oddities(head: _Head) -> tuple[str, ...]:
    odd: list[str] = []
    highest, lowest = head.numbers[6::2], head.numbers[7::2]
    if head.count and any(low > high for low, high in zip(lowest, highest, strict=True)):
        odd.append("the header's bounds are inverted; they were not used")
    if (head.raw_format & 0x3F) >= 6 and not head.encoding & _WKT_BIT:  # noqa: PLR2004 - first format of LAS 1.4
        odd.append("the header does not set the WKT bit that its point format asks for")
    return tuple(odd)
