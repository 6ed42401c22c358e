"""The metadata segments of a JPEG file, read without touching its pixels.

Sources: ITU-T T.81, annex B (markers); CIPA DC-008 (Exif, 4.7: APP1); Adobe XMP specification, part 3, 1.1.3. Only the
segments before the first scan are read, so a picture of any size, or a bomb that claims to be one, costs the same.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from firmware_bridge.drone.errors import UnreadablePhoto

MAX_SEGMENTS: Final = 512
"""Segments before the first scan; cameras write about ten, thermal ones a hundred."""
MAX_METADATA: Final = 16 * 1024 * 1024
"""Bytes of those segments: thermal cameras keep raw pictures of some megabytes in them."""
_EXIF: Final = b"Exif\0\0"
_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"
_START, _SCAN, _END, _APP1 = 0xD8, 0xDA, 0xD9, 0xE1
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length."""


@dataclass(frozen=True, slots=True)
class JpegMetadata:
    """What a JPEG file says of itself.

    Attributes
    ----------
    exif
        TIFF structure of the Exif segment, with its six bytes of name before; empty when there is none.
    xmp
        XMP packet; empty when there is none.
    """

    exif: bytes
    xmp: bytes


def read_metadata(path: Path) -> JpegMetadata:
    """Return a JPEG file's metadata segments.

    Raises
    ------
    UnreadablePhoto
        The file cannot be read, is no JPEG, or its segments break the format.
    """
    try:
        with path.open("rb") as stream:
            return _read(path, stream)
    except OSError as error:
        raise UnreadablePhoto(path, f"it cannot be read ({error.strerror})") from error


def _read(path: Path, stream: BinaryIO) -> JpegMetadata:
    if stream.read(2) != bytes((0xFF, _START)):
        raise UnreadablePhoto(path, "it does not begin like a JPEG file; set the camera to write JPEG beside raw files")
    exif = xmp = b""
    total = 0
    for _ in range(MAX_SEGMENTS):
        marker = _read_marker(path, stream)
        if marker in (_SCAN, _END):
            return JpegMetadata(exif, xmp)
        if marker in _ALONE:
            continue
        length = int.from_bytes(stream.read(2))
        total += length
        body = stream.read(max(length - 2, 0))
        if length < 2 or len(body) < length - 2 or total > MAX_METADATA:  # noqa: PLR2004  # its own two bytes
            raise UnreadablePhoto(path, "a segment before the picture is cut off or too long; copy the file again")
        if marker == _APP1 and body.startswith(_EXIF) and not exif:
            exif = body
        elif marker == _APP1 and body.startswith(_XMP) and not xmp:
            xmp = body[len(_XMP) :]
    raise UnreadablePhoto(path, f"more than {MAX_SEGMENTS} segments before the picture")


def _read_marker(path: Path, stream: BinaryIO) -> int:
    if stream.read(1) != b"\xff":
        raise UnreadablePhoto(path, "it ends, or holds other bytes, where a segment should begin; copy the file again")
    marker = stream.read(1)
    for _ in range(MAX_SEGMENTS):  # a marker may be preceded by any number of fill bytes
        if marker != b"\xff":
            break
        marker = stream.read(1)
    if not marker:
        raise UnreadablePhoto(path, "it ends before the picture; copy the file again")
    return marker[0]
