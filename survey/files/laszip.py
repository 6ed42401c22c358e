"""What a LASzip file says of its own compression: the items of a point, and the table of its chunks.

By the specification beside LASzip (M. Isenburg, design/specification.rst) and Isenburg 2013 (doi
10.14358/PERS.79.2.209): items name what a point is made of, points are packed in chunks, and behind the last chunk
stands a table. Both are checked here before the decoder sees the file.
"""

import struct
from typing import BinaryIO, Final

from survey.errors import InvalidLasHeader

_HEAD: Final = struct.Struct("<HHBBHIIqqH")
_ITEM: Final = struct.Struct("<HHH")
_POINT10, _POINT14 = 6, 10
_FIRST_OF_14: Final = 6
_CHUNKED: Final = (2, 3)
"""Compressors that pack points in chunks."""
_VARIABLE: Final = 0xFFFFFFFF
MAX_CHUNK_POINTS: Final = 50_000_000
"""Points of one chunk; writers use 50,000. Compressor 3 holds a chunk's compressed layers in memory."""


def check_laszip(payload: bytes, point_format: int, point_bytes: int) -> None:
    """Check that a LASzip record describes points of the header's format and size.

    Raises
    ------
    InvalidLasHeader
        When it does not: a decoder would read beyond its buffers, or refuse without saying why.
    """
    if len(payload) < _HEAD.size:
        raise InvalidLasHeader("LASzip record", len(payload), f"it has at least {_HEAD.size} bytes")
    compressor, _, _, _, _, _, chunk, _, _, count = _HEAD.unpack_from(payload)
    if compressor not in _CHUNKED:
        raise InvalidLasHeader("LASzip compressor", compressor, "chunked points (2 or 3) can be read")
    if chunk == 0 or (chunk != _VARIABLE and chunk > MAX_CHUNK_POINTS):
        raise InvalidLasHeader("LASzip chunk", chunk, f"it has 1 to {MAX_CHUNK_POINTS:,} points")
    if len(payload) < _HEAD.size + count * _ITEM.size:
        raise InvalidLasHeader("LASzip items", count, "they fit in the record")
    items = [_ITEM.unpack_from(payload, _HEAD.size + number * _ITEM.size) for number in range(count)]
    first = _POINT14 if point_format >= _FIRST_OF_14 else _POINT10
    if not items or items[0][0] != first or sum(size for _, size, _ in items) != point_bytes:
        raise InvalidLasHeader(
            "LASzip items", [item[:2] for item in items], f"they make up a point of format {point_format}"
        )


def expect_chunks(payload: bytes, points: int) -> int | None:
    """Return how many chunks so many points have; nothing is known where chunks vary in size."""
    chunk = int(_HEAD.unpack_from(payload)[6])
    return None if chunk == _VARIABLE else -(-points // chunk)


def count_chunks(file: BinaryIO, points_at: int, size: int) -> int | None:
    """Return how many chunks the table behind the points has; nothing is known of a table that was never written.

    Raises
    ------
    InvalidLasHeader
        When the table would stand beyond the file.
    """
    file.seek(points_at)
    raw = file.read(8)
    if len(raw) != 8:  # noqa: PLR2004 - one offset
        return None
    (at,) = struct.unpack("<q", raw)
    if at > size - 8:
        raise InvalidLasHeader("offset to the chunk table", at, f"the file has {size:,} bytes")
    if at < points_at + 8:
        return None
    file.seek(at)
    _, chunks = struct.unpack("<II", file.read(8))
    return int(chunks)
