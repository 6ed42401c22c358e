"""The header of a LAS or LAZ file, read with bounds before any library sees the file.

ASPRS LAS 1.4 R15, tables 3 (public header) and 6, 23 (variable length records). Files are untrusted: each count and
offset is checked against the file's size.
"""

import math
import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from survey.errors import CloudTooLarge, InvalidLasHeader
from survey.files.laszip import check_laszip, count_chunks, expect_chunks

MAX_POINTS: Final = 4_000_000_000
"""Points of one file that is streamed: a day of the fastest scanner; what is read whole has its own limit."""
MAX_FILE_BYTES: Final = 512 << 30
"""More than 4 billion points of the largest standard format, 268 GB, with room for waveforms and extra bytes."""
MAX_VLRS: Final = 1_000
"""Records before or after the points: real files have less than 400."""
MAX_CRS_BYTES: Final = 1 << 16
"""A CRS in WKT has at most some ten thousand bytes."""
CRS_USER: Final = "LASF_Projection"
WKT_RECORD, GEO_KEYS, GEO_DOUBLES, GEO_ASCII = 2112, 34735, 34736, 34737

_HEADER_10, _HEADER_13, _HEADER_14 = 227, 235, 375
_POINT_BYTES: Final = (20, 28, 26, 34, 57, 63, 30, 36, 38, 59, 67)
"""Least bytes of a point by format 0 to 10 (tables 7 to 17)."""
_LASZIP_USER, _LASZIP_RECORD = "laszip encoded", 22204
_COPC_USER, _COPC_RECORD = "copc", 1
_MAX_LASZIP_BYTES: Final = 1 << 10
"""A LASzip record has 34 bytes and 6 for each of at most some ten items."""
_WKT_BIT: Final = 1 << 4
_COMPRESSED: Final = 0x80
_COMPRESSED_COPY: Final = 0x40
"""Some writers flag compression in the next bit too."""
_VLR: Final = struct.Struct("<H16sHH32s")
_EVLR: Final = struct.Struct("<H16sHQ32s")
WAVEFORM_FORMATS: Final = (4, 5, 9, 10)
"""Whose waveforms stand in a record behind the points, or in a file of their own."""
_FIRST_OF_14: Final = 6
"""First point format of LAS 1.4."""
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
        Whether the WKT is the valid one of two CRS: by the WKT bit, and for the point formats that ask for it.
    crs_records
        Payloads of the projection's records by record id; the first of each.
    warnings
        Oddities that do not hinder reading.
    header_bytes, vlr_count
        Size of the public header and the number of records behind it.
    evlrs_at, evlr_count
        Offset of the first extended record, bytes, and their number.
    bounds
        Lowest x, y, z and highest x, y, z as promised, file's units; absent where they are inverted.
    laszip
        Payload of the LASzip record; empty where not compressed.
    copc
        Payload of the COPC info record; empty where the file is none.
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
    header_bytes: int = _HEADER_10
    vlr_count: int = 0
    evlrs_at: int = 0
    evlr_count: int = 0
    bounds: tuple[float, float, float, float, float, float] | None = None
    laszip: bytes = b""
    copc: bytes = b""

    @property
    def promised_end(self) -> int:
        """Offset behind the last point of an uncompressed file, bytes."""
        return self.points_at + self.point_count * self.point_bytes


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
    legacy_count: int
    by_return: int
    waveforms_at: int
    evlrs_at: int
    evlrs: int
    numbers: tuple[float, ...]


@dataclass(slots=True)
class _Records:
    """Payloads that were found among the records."""

    crs: dict[int, bytes] = field(default_factory=dict)
    laszip: bytes = b""
    copc: bytes = b""


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
    records = _read_vlrs(file, head)
    crs = {**_read_evlrs(file, head, size), **records.crs}
    is_compressed = bool(head.raw_format & (_COMPRESSED | _COMPRESSED_COPY))
    if is_compressed and not records.laszip:
        raise InvalidLasHeader("point data format", head.raw_format, "a compressed file has a LASzip record")
    if is_compressed:
        check_laszip(records.laszip, head.raw_format & 0x3F, head.point_bytes)
    return LasHeader(
        version=head.version,
        point_format=head.raw_format & 0x3F,
        point_bytes=head.point_bytes,
        point_count=head.count,
        points_at=head.points_at,
        is_compressed=is_compressed,
        scale=scale,
        offset=offset,
        prefers_wkt=bool(head.encoding & _WKT_BIT) or (head.raw_format & 0x3F) >= _FIRST_OF_14,
        crs_records=crs,
        warnings=(*_find_oddities(head), *_find_more(file, head, records, size)),
        header_bytes=head.size,
        vlr_count=head.vlrs,
        evlrs_at=head.evlrs_at,
        evlr_count=head.evlrs,
        bounds=_order_bounds(head.numbers[6:]),
        laszip=records.laszip if is_compressed else b"",
        copc=records.copc if is_compressed else b"",
    )


def _parse_head(raw: bytes) -> _Head:
    if len(raw) < _HEADER_10 or raw[:4] != b"LASF":
        raise InvalidLasHeader("signature", raw[:4], f"a LAS file begins with LASF and has {_HEADER_10} bytes at least")
    encoding = struct.unpack_from("<H", raw, 6)[0]
    major, minor = raw[24], raw[25]
    size, points_at, vlrs, raw_format, point_bytes, count = struct.unpack_from("<HIIBHI", raw, 94)
    legacy_count = count
    by_return = sum(struct.unpack_from("<5I", raw, 111))
    evlrs_at, evlrs, waveforms_at = 0, 0, 0
    if major != 1 or minor > 4:  # noqa: PLR2004 - LAS 1.0 to 1.4
        raise InvalidLasHeader("version", f"{major}.{minor}", "LAS 1.0 to 1.4 can be read")
    if minor >= 3 and len(raw) >= _HEADER_13:  # noqa: PLR2004 - LAS 1.3
        (waveforms_at,) = struct.unpack_from("<Q", raw, 227)
    if minor == 4:  # noqa: PLR2004 - LAS 1.4
        if len(raw) < _HEADER_14:
            raise InvalidLasHeader("header size", len(raw), f"a LAS 1.4 header has {_HEADER_14} bytes")
        evlrs_at, evlrs, count_14 = struct.unpack_from("<QIQ", raw, 235)
        by_return = sum(struct.unpack_from("<15Q", raw, 255)) or by_return
        count = count_14 or count
    return _Head(
        version=(major, minor),
        encoding=encoding,
        size=size,
        points_at=points_at,
        vlrs=vlrs,
        raw_format=raw_format,
        point_bytes=point_bytes,
        count=count,
        legacy_count=legacy_count,
        by_return=by_return,
        waveforms_at=waveforms_at,
        evlrs_at=evlrs_at,
        evlrs=evlrs,
        numbers=struct.unpack_from("<12d", raw, 131),
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
    end = head.evlrs_at if head.evlrs and head.points_at <= head.evlrs_at <= size else size
    if is_plain and head.points_at + head.count * head.point_bytes > end:
        held = (end - head.points_at) // head.point_bytes
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


def _order_bounds(bounds: tuple[float, ...]) -> tuple[float, float, float, float, float, float] | None:
    """Return lowest, then highest x, y, z; the header has highest and lowest of each axis."""
    (x1, x0, y1, y0, z1, z0) = bounds
    return None if x0 > x1 or y0 > y1 or z0 > z1 else (x0, y0, z0, x1, y1, z1)


def _read_vlrs(file: BinaryIO, head: _Head) -> _Records:
    """Return the payloads that matter; the first of each."""
    found = _Records()
    at = head.size
    for _ in range(head.vlrs):
        file.seek(at)
        _, user, record, length, _ = _VLR.unpack(_read_exactly(file, _VLR.size))
        at += _VLR.size + length
        if at > head.points_at:
            raise InvalidLasHeader("record length", length, "records end before the points")
        name = user.split(b"\0", 1)[0]
        if _is_crs(name, record):
            found.crs.setdefault(record, _read_exactly(file, length))
        elif record == _LASZIP_RECORD and name == _LASZIP_USER.encode() and length <= _MAX_LASZIP_BYTES:
            found.laszip = found.laszip or _read_exactly(file, length)
        elif record == _COPC_RECORD and name == _COPC_USER.encode():
            found.copc = found.copc or _read_exactly(file, length)
    return found


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
        if _is_crs(user.split(b"\0", 1)[0], record) and length <= MAX_CRS_BYTES:
            found.setdefault(record, _read_exactly(file, length))
    return found


def _read_exactly(file: BinaryIO, length: int) -> bytes:
    raw = file.read(length)
    if len(raw) != length:
        raise InvalidLasHeader("record length", length, f"only {len(raw)} bytes are left")
    return raw


def _is_crs(name: bytes, record: int) -> bool:
    return name == CRS_USER.encode() and record in (WKT_RECORD, GEO_KEYS, GEO_DOUBLES, GEO_ASCII)


def _find_oddities(head: _Head) -> tuple[str, ...]:
    odd: list[str] = []
    if head.count and _order_bounds(head.numbers[6:]) is None:
        odd.append("the header's bounds are inverted; they were not used")
    if (head.raw_format & 0x3F) >= _FIRST_OF_14 and not head.encoding & _WKT_BIT:
        odd.append("the header does not set the WKT bit that its point format asks for")
    if head.legacy_count not in {0, head.count}:
        odd.append(f"the header counts {head.count:,} points and, in its old field, {head.legacy_count:,}")
    if head.by_return not in {0, head.count}:
        odd.append(f"the header counts {head.count:,} points, {head.by_return:,} by their returns")
    return tuple(odd)


def _find_more(file: BinaryIO, head: _Head, records: _Records, size: int) -> tuple[str, ...]:
    """Return a warning where the file holds more points than its header promises."""
    waveforms_at = head.waveforms_at if (head.raw_format & 0x3F) in WAVEFORM_FORMATS else 0
    ends = (head.evlrs_at if head.evlrs else 0, waveforms_at, size)
    behind = min((at for at in ends if at > head.points_at), default=head.points_at)
    if not head.raw_format & (_COMPRESSED | _COMPRESSED_COPY):
        spare = behind - head.points_at - head.count * head.point_bytes
        if spare >= head.point_bytes:
            return (f"{spare:,} bytes between points and what follows were not read: the header may count too few",)
        return ()
    chunks = count_chunks(file, head.points_at, size)
    wanted = expect_chunks(records.laszip, head.count)
    if wanted is not None and chunks is not None and chunks > wanted:
        return (f"the file has {chunks:,} chunks of points, its header counts points for {wanted:,}",)
    return ()
