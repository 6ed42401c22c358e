"""The header of a PLY file, read with bounds.

G. Turk, "The PLY Polygon File Format" (1994): a header in ASCII names elements and their properties; vertices follow in
ASCII or in binary of either byte order.
"""

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

import numpy as np
from numpy.typing import NDArray

from survey.errors import CloudTooLarge
from survey.files.errors import InvalidPly
from survey.files.las_header import MAX_POINTS

MAX_HEADER_BYTES: Final = 1 << 16
"""Headers have some hundred bytes, and comments."""
MAX_PROPERTIES: Final = 200
"""Of vertices; scanners write some ten."""
_TYPES: Final = {
    "char": "i1",
    "int8": "i1",
    "uchar": "u1",
    "uint8": "u1",
    "short": "i2",
    "int16": "i2",
    "ushort": "u2",
    "uint16": "u2",
    "int": "i4",
    "int32": "i4",
    "uint": "u4",
    "uint32": "u4",
    "float": "f4",
    "float32": "f4",
    "double": "f8",
    "float64": "f8",
}
_ORDERS: Final = {"ascii": "ascii", "binary_little_endian": "<", "binary_big_endian": ">"}
Order = Literal["ascii", "<", ">"]


@dataclass(frozen=True, slots=True)
class PlyHeader:
    """What is known of a file before its vertices are read.

    Attributes
    ----------
    order
        ASCII, or the byte order.
    point_count
        Vertices promised.
    points_at
        Offset of the first, bytes.
    properties
        Name and numpy type (without byte order) of each property of a vertex.
    first_xyz
        Coordinates of the first vertex, 0 where there is none or it is not finite.
    """

    order: Order
    point_count: int
    points_at: int
    properties: tuple[tuple[str, str], ...]
    first_xyz: tuple[float, float, float]

    @property
    def vertex(self) -> np.dtype[Any]:
        """Binary layout of a vertex."""
        order = "<" if self.order == "ascii" else self.order
        return np.dtype([(name, order + kind) for name, kind in self.properties])

    def columns_of(self, names: tuple[str, ...]) -> tuple[int, ...]:
        """Return the places of properties in a vertex, from 0."""
        known = [name for name, _ in self.properties]
        return tuple(known.index(name) for name in names)


def read_ply_header(path: Path) -> PlyHeader:
    """Return a PLY file's header.

    Raises
    ------
    InvalidPly
        When it breaks a rule, or a binary file is shorter than it promises.
    CloudTooLarge
        When it promises more points than a survey takes.
    OSError
        When the file cannot be opened.
    """
    with path.open("rb") as file:
        return parse_ply_header(file)


def parse_ply_header(file: BinaryIO) -> PlyHeader:
    """Return the header of an open file; see `read_ply_header`."""
    raw = file.read(MAX_HEADER_BYTES)
    lines, points_at = _split(raw)
    order = _parse_format(lines)
    count, properties = _parse_vertices(lines)
    if count > MAX_POINTS:
        raise CloudTooLarge("points", count, MAX_POINTS)
    header = PlyHeader(order, count, points_at, properties, (0.0, 0.0, 0.0))
    size = file.seek(0, os.SEEK_END)
    if order != "ascii" and points_at + count * header.vertex.itemsize > size:
        held = (size - points_at) // header.vertex.itemsize
        raise InvalidPly("number of vertices", count, f"the file holds {held:,}; it was cut off")
    if order == "ascii" and points_at + 2 * len(properties) * count - 1 > size:
        raise InvalidPly("number of vertices", count, "the file is too short for them; it was cut off")
    return PlyHeader(order, count, points_at, properties, _read_first(file, header))


def _split(raw: bytes) -> tuple[list[list[str]], int]:
    """Return the words of each header line, and the offset behind the header."""
    if not raw.startswith((b"ply\n", b"ply\r\n")):
        raise InvalidPly("signature", raw[:4], "a PLY file begins with a line 'ply'")
    at = raw.find(b"\nend_header")
    end = raw.find(b"\n", at + 1) if at >= 0 else -1
    if end < 0 or raw[at + 1 : end].strip() != b"end_header":
        raise InvalidPly("header", len(raw), f"it ends with a line 'end_header', within {MAX_HEADER_BYTES:,} bytes")
    text = raw[:at].decode("ascii", "replace")
    return [line.split() for line in text.split("\n")[1:] if line.strip()], end + 1


def _parse_format(lines: list[list[str]]) -> Order:
    found = [words for words in lines if words[0] == "format"]
    if len(found) != 1 or len(found[0]) < 3 or found[0][1] not in _ORDERS or found[0][2] != "1.0":  # noqa: PLR2004 - words
        raise InvalidPly("format", found, "one of ascii, binary_little_endian, binary_big_endian, 1.0")
    order: Any = _ORDERS[found[0][1]]
    return order  # type: ignore[no-any-return]


def _parse_vertices(lines: list[list[str]]) -> tuple[int, tuple[tuple[str, str], ...]]:
    start = next((at for at, words in enumerate(lines) if words[0] == "element"), None)
    if start is None or lines[start][1:2] != ["vertex"]:
        raise InvalidPly("elements", [], "vertices come first")
    count = lines[start][2] if len(lines[start]) == 3 else ""  # noqa: PLR2004 - element vertex n
    if not (count.isascii() and count.isdigit() and len(count) <= 18):  # noqa: PLR2004 - digits of 64 bits
        raise InvalidPly("number of vertices", count, "it is a number")
    properties: list[tuple[str, str]] = []
    for words in lines[start + 1 :]:
        if words[0] == "element":
            break
        if words[0] == "property":
            properties.append(_parse_property(words))
    _check_properties(properties)
    return int(count), tuple(properties)


def _parse_property(words: list[str]) -> tuple[str, str]:
    if len(words) != 3 or words[1] not in _TYPES:  # noqa: PLR2004 - property type name
        raise InvalidPly("property of vertices", " ".join(words), "it has one of the types of numbers, no list")
    return words[2], _TYPES[words[1]]


def _check_properties(properties: list[tuple[str, str]]) -> None:
    names = [name for name, _ in properties]
    if len(names) > MAX_PROPERTIES or len(set(names)) != len(names):
        raise InvalidPly("properties", len(names), f"each comes once, at most {MAX_PROPERTIES}")
    if not {"x", "y", "z"} <= set(names):
        raise InvalidPly("properties", names, "vertices have x, y and z")


def _read_first(file: BinaryIO, header: PlyHeader) -> tuple[float, float, float]:
    if header.point_count == 0:
        return (0.0, 0.0, 0.0)
    file.seek(header.points_at)
    places = header.columns_of(("x", "y", "z"))
    if header.order == "ascii":
        words = file.readline(MAX_HEADER_BYTES).split()
        try:
            xyz = [float(words[place]) for place in places]
        except (ValueError, IndexError) as error:
            raise InvalidPly("first vertex", b" ".join(words), "it has a number for each property") from error
    else:
        vertex: NDArray[np.void] = np.frombuffer(file.read(header.vertex.itemsize), header.vertex)
        xyz = [float(vertex[name][0]) for name in ("x", "y", "z")]
    return (xyz[0], xyz[1], xyz[2]) if all(math.isfinite(value) for value in xyz) else (0.0, 0.0, 0.0)
