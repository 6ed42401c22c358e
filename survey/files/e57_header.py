"""The header and the XML part of an E57 file, read with bounds.

ASTM E2807-11 (2019): a header of 48 bytes (table 5), pages that end in a checksum (7.4), and XML that describes each
scan: its points, its pose and its bounds (8.4).
"""

import math
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final
from xml.etree import ElementTree as ET

from survey.errors import CloudTooLarge
from survey.files.errors import InvalidE57
from survey.files.las_header import MAX_POINTS

SIGNATURE: Final = b"ASTM-E57"
MAX_XML_BYTES: Final = 8 << 20
"""A scan needs some kilobytes; the largest projects have some hundred scans and images."""
MAX_SCANS: Final = 10_000
"""Each is a station that somebody set up."""
_HEADER: Final = struct.Struct("<8sIIQQQQ")
_PAGE: Final = 1024
_CHECKSUM: Final = 4
_NAMESPACE: Final = "{http://www.astm.org/COMMIT/E57/2010-e57-v1.0}"
_CARTESIAN: Final = ("cartesianX", "cartesianY", "cartesianZ")
_SPHERICAL: Final = ("sphericalRange", "sphericalAzimuth", "sphericalElevation")
_MOST_COORDINATE: Final = 1e9


@dataclass(frozen=True, slots=True)
class E57Scan:
    """One scan.

    Attributes
    ----------
    name
        As the scanner's program gave it.
    point_count
        Records promised.
    fields
        Names in the prototype of a point.
    rotation
        Unit quaternion w, x, y, z from the scan's frame to the file's.
    translation
        Of the scanner in the file's frame, metres.
    bounds
        Lowest x, y, z, highest x, y, z in the scan's own frame, metres; absent where not stated.
    intensity
        Least and greatest intensity as stated; 0 and 1 where not.
    """

    name: str
    point_count: int
    fields: tuple[str, ...]
    rotation: tuple[float, float, float, float]
    translation: tuple[float, float, float]
    bounds: tuple[float, ...] | None
    intensity: tuple[float, float]


@dataclass(frozen=True, slots=True)
class E57Header:
    """What is known of a file before its points are read.

    Attributes
    ----------
    scans
        In the file's order.
    crs
        Coordinate metadata: WKT, or empty.
    """

    scans: tuple[E57Scan, ...]
    crs: str


def read_e57_header(path: Path) -> E57Header:
    """Return what an E57 file says of its scans.

    Raises
    ------
    InvalidE57
        When it breaks a rule.
    CloudTooLarge
        When it promises more points than a survey takes.
    OSError
        When the file cannot be opened.
    """
    with path.open("rb") as file:
        root = _parse_xml(read_xml(file))
    scans = tuple(_read_scan(node) for node in root.iterfind(f"{_NAMESPACE}data3D/{_NAMESPACE}vectorChild"))
    if not 0 < len(scans) <= MAX_SCANS:
        raise InvalidE57("number of scans", len(scans), f"1 to {MAX_SCANS:,}")
    total = sum(scan.point_count for scan in scans)
    if total > MAX_POINTS:
        raise CloudTooLarge("points", total, MAX_POINTS)
    return E57Header(scans, (root.findtext(f"{_NAMESPACE}coordinateMetadata") or "").strip())


def read_xml(file: BinaryIO) -> bytes:
    """Return the XML part of an open file, without the checksums of its pages."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    raw = file.read(_HEADER.size)
    if len(raw) < _HEADER.size or raw[:8] != SIGNATURE:
        raise InvalidE57("signature", raw[:8], "a file begins with ASTM-E57")
    _, major, minor, length, at, xml_bytes, page = _HEADER.unpack(raw)
    if major != 1 or page != _PAGE:
        raise InvalidE57("version", (major, minor, page), "version 1 with pages of 1,024 bytes can be read")
    if length > size:
        raise InvalidE57("length", length, f"the file has {size:,} bytes; it was cut off")
    if not 0 < xml_bytes <= MAX_XML_BYTES:
        raise InvalidE57("XML length", xml_bytes, f"1 to {MAX_XML_BYTES:,} bytes")
    found = bytearray()
    while len(found) < xml_bytes:
        held = _PAGE - _CHECKSUM - at % _PAGE
        if held <= 0 or at >= size:
            raise InvalidE57("XML offset", at, "the XML lies within the file, not in a checksum")
        file.seek(at)
        part = file.read(min(held, xml_bytes - len(found)))
        if not part:
            raise InvalidE57("XML offset", at, "the XML lies within the file")
        found += part
        at += held + _CHECKSUM
    return bytes(found)


def _parse_xml(raw: bytes) -> ET.Element:
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw or b"\0" in raw:
        raise InvalidE57("XML", len(raw), "it is UTF-8 without a document type")
    try:
        return ET.fromstring(raw)  # noqa: S314 - no document type, bounded in length
    except (ET.ParseError, ValueError, LookupError, RecursionError) as error:
        raise InvalidE57("XML", len(raw), f"it can be parsed ({str(error)[:100]})") from error


def _read_scan(node: ET.Element) -> E57Scan:
    points = node.find(f"{_NAMESPACE}points")
    if points is None:
        raise InvalidE57("scan", node.findtext(f"{_NAMESPACE}name"), "it has points")
    count = points.get("recordCount", "")
    if not (count.isascii() and count.isdigit() and len(count) <= 18):  # noqa: PLR2004 - digits of 64 bits
        raise InvalidE57("number of points", count, "it is a number")
    prototype = points.find(f"{_NAMESPACE}prototype")
    fields = tuple(child.tag.removeprefix(_NAMESPACE) for child in (prototype if prototype is not None else ()))
    if not (set(_CARTESIAN) <= set(fields) or set(_SPHERICAL) <= set(fields)):
        raise InvalidE57("points", fields, "they have Cartesian or spherical coordinates")
    w, x, y, z = _read_numbers(node, "pose/rotation", ("w", "x", "y", "z"), (1.0, 0.0, 0.0, 0.0))
    norm = math.sqrt(w * w + x * x + y * y + z * z)
    if not 0.99 < norm < 1.01:  # noqa: PLR2004 - rounding in text
        raise InvalidE57("rotation", (w, x, y, z), "it is a unit quaternion")
    right, forward, up = _read_numbers(node, "pose/translation", ("x", "y", "z"), (0.0, 0.0, 0.0))
    least, most = _read_numbers(node, "intensityLimits", ("intensityMinimum", "intensityMaximum"), (0.0, 1.0))
    return E57Scan(
        name=(node.findtext(f"{_NAMESPACE}name") or "")[:200],
        point_count=int(count),
        fields=fields,
        rotation=(w / norm, x / norm, y / norm, z / norm),
        translation=(right, forward, up),
        bounds=_read_bounds(node),
        intensity=(least, most) if most > least else (0.0, 1.0),
    )


def _read_bounds(node: ET.Element) -> tuple[float, ...] | None:
    names = tuple(axis + side for side in ("Minimum", "Maximum") for axis in ("x", "y", "z"))
    if node.find(f"{_NAMESPACE}cartesianBounds") is None:
        return None
    bounds = _read_numbers(node, "cartesianBounds", names, (math.nan,) * 6)
    if any(math.isnan(value) for value in bounds) or any(bounds[axis] > bounds[axis + 3] for axis in range(3)):
        return None
    return bounds


def _read_numbers(node: ET.Element, path: str, names: tuple[str, ...], absent: tuple[float, ...]) -> tuple[float, ...]:
    """Return the numbers of a structure; an element without text is 0 (8.3.4), a structure may be absent."""
    found = node.find("/".join(_NAMESPACE + step for step in path.split("/")))
    if found is None:
        return absent
    values: list[float] = []
    for name, otherwise in zip(names, absent, strict=True):
        child = found.find(_NAMESPACE + name)
        text = None if child is None else (child.text or "0").strip() or "0"
        try:
            values.append(otherwise if text is None else float(text))
        except ValueError as error:
            raise InvalidE57(name, text, "it is a number") from error
    if any(abs(value) > _MOST_COORDINATE for value in values):
        raise InvalidE57(path, values, "they are finite coordinates")
    return tuple(values)
