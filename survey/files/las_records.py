"""The records of a LAS file as they stand, and the description of its extra bytes.

ASPRS LAS 1.4 R15, 2.5 and 2.7 (records), 4 (extra bytes). The file's header was checked before.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from survey.files.errors import DimensionTaken, NotConvertible
from survey.files.las_header import LasHeader

VLR: Final = struct.Struct("<H16sHH32s")
EVLR: Final = struct.Struct("<H16sHQ32s")
STANDARD_BYTES: Final = (20, 28, 26, 34, 57, 63, 30, 36, 38, 59, 67)
"""Bytes of a point by format, without extra bytes."""
DESCRIPTOR: Final = struct.Struct("<2xBB32s4x120x32s")
SPEC_USER: Final = b"LASF_Spec"
EXTRA_RECORD: Final = 4
_WIDTHS: Final = (1, 1, 2, 2, 4, 4, 8, 8, 4, 8)
"""Bytes of the types 1 to 10; 11 to 20 are pairs of them, 21 to 30 triples."""
_MOST_UNDESCRIBED: Final = 255
_TOO_MUCH: Final = "its record of extra bytes describes more of them than its points have"
UINT32: Final = 5


@dataclass(frozen=True, slots=True)
class Record:
    """One record.

    Attributes
    ----------
    user
        Who defined it, without padding.
    number
        Its id.
    at, length
        Place of its payload in the file, bytes.
    head
        Its own header as it stands.
    """

    user: bytes
    number: int
    at: int
    length: int
    head: bytes


@dataclass(frozen=True, slots=True)
class LabelPlace:
    """Where a label goes in a point.

    Attributes
    ----------
    at
        Offset in the point, bytes.
    point_bytes
        Of a point with its label.
    payload
        Of the record that describes the extra bytes.
    """

    at: int
    point_bytes: int
    payload: bytes


def list_vlrs(file: BinaryIO, header: LasHeader) -> tuple[list[Record], int]:
    """Return the records before the points, and the offset behind the last."""
    return _list(file, header.header_bytes, header.vlr_count, VLR)


def list_evlrs(file: BinaryIO, header: LasHeader) -> list[Record]:
    """Return the records behind the points."""
    return _list(file, header.evlrs_at, header.evlr_count, EVLR)[0]


def _list(file: BinaryIO, at: int, count: int, form: struct.Struct) -> tuple[list[Record], int]:
    found: list[Record] = []
    for _ in range(count):
        file.seek(at)
        head = file.read(form.size)
        _, user, number, length, _ = form.unpack(head)
        found.append(Record(user.split(b"\0", 1)[0], number, at + form.size, length, head))
        at += form.size + length
    return found, at


def place_label(path: Path, header: LasHeader, described: bytes, name: str, description: str) -> LabelPlace:
    """Return where a 32-bit label goes: into the dimension of that name, else behind all others.

    Parameters
    ----------
    path, header
        Of the cloud.
    described
        Payload of its record of extra bytes; empty for none.
    name, description
        Of the label, ASCII, at most 32 bytes.

    Raises
    ------
    DimensionTaken
        When there is one of that name and another type.
    NotConvertible
        When the record describes more bytes than points have.
    """
    at = STANDARD_BYTES[header.point_format]
    whole = len(described) // DESCRIPTOR.size * DESCRIPTOR.size
    for kind, options, raw_name, _ in DESCRIPTOR.iter_unpack(described[:whole]):
        if raw_name.split(b"\0", 1)[0] == name.encode():
            if kind != UINT32:
                raise DimensionTaken(path, name)
            if at + measure_width(UINT32, 0) > header.point_bytes:
                raise NotConvertible(path, _TOO_MUCH)
            return LabelPlace(at, header.point_bytes, described)
        at += measure_width(kind, options)
    if at > header.point_bytes:
        raise NotConvertible(path, _TOO_MUCH)
    payload = described[:whole]
    while at < header.point_bytes:
        # Bytes that nobody described would otherwise be taken for the label.
        held = min(header.point_bytes - at, _MOST_UNDESCRIBED)
        payload += DESCRIPTOR.pack(0, held, f"undescribed {at}".encode(), b"")
        at += held
    payload += DESCRIPTOR.pack(UINT32, 0, name.encode(), description.encode())
    if len(payload) > 0xFFFF:  # noqa: PLR2004 - 16 bits
        raise NotConvertible(path, "its record of extra bytes is full")
    return LabelPlace(at, header.point_bytes + 4, payload)


def measure_width(kind: int, options: int) -> int:
    """Return the bytes of a described dimension; of an unknown type, none."""
    if kind == 0:
        return options
    if kind > 3 * len(_WIDTHS):
        return 0
    return _WIDTHS[(kind - 1) % len(_WIDTHS)] * ((kind - 1) // len(_WIDTHS) + 1)
