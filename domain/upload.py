"""Arithmetic of an upload: which bytes of which block a frame carries (docs/formats.md, "Upload").

The shape of a file's DAG follows from its size and the profile ``unixfs-v1-2025`` alone, so device and server
agree on frame numbers before a byte has passed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from domain.cid import Cid
from domain.codec import Value, decode_map, encode
from domain.errors import InvalidField

CHUNK_BYTES: Final = 1 << 20
"""Bytes of a leaf (profile unixfs-v1-2025)."""
MAX_LINKS: Final = 1024
"""Links of an interior node (the same profile)."""
FRAME_BYTES: Final = 1 << 16
FRAMES_PER_LEAF: Final = CHUNK_BYTES // FRAME_BYTES
WINDOW_FRAMES: Final = 4
"""Frames that a device may have unanswered: 256 KiB, which a slow link still carries within a minute."""
MAX_FILE_BYTES: Final = 64 << 30
"""Largest file taken: its bitmap has 128 KiB, half of a message."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One piece of an upload.

    Attributes
    ----------
    root
        The file.
    frame
        Its number.
    data
        Its bytes, 1 to 65,536 (none only for the one frame of an empty file).
    """

    root: Cid
    frame: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Ask:
    """A device asks what the server holds of an upload."""

    root: Cid


@dataclass(frozen=True, slots=True)
class UploadShape:
    """Blocks and frames of a file.

    Attributes
    ----------
    size
        Bytes of the file.
    levels
        Interior nodes by level, the root's first; empty when the file is one leaf.
    leaves
        Leaves, at least 1.
    """

    size: int
    levels: tuple[int, ...]
    leaves: int

    @property
    def interior(self) -> int:
        """Interior nodes; they are blocks 0 to interior - 1, one frame each."""
        return sum(self.levels)

    @property
    def blocks(self) -> int:
        """Blocks in all."""
        return self.interior + self.leaves

    @property
    def frames(self) -> int:
        """Frames in all."""
        return self.interior + (self.leaves - 1) * FRAMES_PER_LEAF + self.frames_of(self.blocks - 1)

    def leaf_bytes(self, leaf: int) -> int:
        """Return the bytes of a leaf (from 0)."""
        return min(CHUNK_BYTES, self.size - leaf * CHUNK_BYTES)

    def frames_of(self, block: int) -> int:
        """Return how many frames carry a block."""
        if block < self.interior:
            return 1
        return max(1, -(-self.leaf_bytes(block - self.interior) // FRAME_BYTES))

    def first_frame(self, block: int) -> int:
        """Return the number of a block's first frame."""
        return block if block < self.interior else self.interior + (block - self.interior) * FRAMES_PER_LEAF

    def block_of(self, frame: int) -> int:
        """Return the block that a frame belongs to; `InvalidField` beyond the last frame."""
        if not 0 <= frame < self.frames:
            raise InvalidField("frame", frame, f"this upload has frames 0 to {self.frames - 1}")
        if frame < self.interior:
            return frame
        return self.interior + (frame - self.interior) // FRAMES_PER_LEAF

    def children_of(self, block: int) -> range:
        """Return the blocks that an interior node links, in order.

        Nodes are full but for the last of each level, as the balanced layout fills them from the left.
        """
        start = 0
        bounds = (*self.levels, self.leaves)
        for level, count in enumerate(bounds[:-1]):
            if block < start + count:
                place = block - start
                below = start + count
                return range(below + place * MAX_LINKS, below + min((place + 1) * MAX_LINKS, bounds[level + 1]))
            start += count
        raise AssertionError(f"block {block} is a leaf")


def compute_shape(size: int) -> UploadShape:
    """Return the shape of a file of `size` bytes.

    Raises
    ------
    InvalidField
        When the size is negative or beyond `MAX_FILE_BYTES`.

    Examples
    --------
    >>> compute_shape(3 << 20).frames
    49
    """
    if not 0 <= size <= MAX_FILE_BYTES:
        raise InvalidField("size", size, f"a file has 0 to {MAX_FILE_BYTES} bytes; split a larger cloud in tiles")
    leaves = max(1, -(-size // CHUNK_BYTES))
    levels: list[int] = []
    width = leaves
    while width > 1:
        width = -(-width // MAX_LINKS)
        levels.insert(0, width)
    return UploadShape(size, tuple(levels), leaves)


def encode_frame(frame: Frame) -> bytes:
    """Return the payload of a frame."""
    return encode({"root": frame.root, "frame": frame.frame, "data": frame.data})


def encode_ask(ask: Ask) -> bytes:
    """Return the payload of a question."""
    return encode({"root": ask.root, "ask": True})


def parse_upload(payload: bytes) -> Frame | Ask:
    """Return what a payload on the ``blob`` channel says.

    Raises
    ------
    InvalidEncoding, InvalidField
        When it is neither frame nor question.
    """
    if len(payload) > FRAME_BYTES + 1024:
        raise InvalidField("frame", len(payload), f"a frame carries at most {FRAME_BYTES} bytes")
    fields = decode_map(payload)
    root = fields.get("root")
    if not isinstance(root, Cid):
        raise InvalidField("root", root, "expected a link")
    if set(fields) == {"root", "ask"} and fields["ask"] is True:
        return Ask(root)
    return _parse_frame(root, fields)


def _parse_frame(root: Cid, fields: Mapping[str, Value]) -> Frame:
    frame, data = fields.get("frame"), fields.get("data")
    if set(fields) != {"root", "frame", "data"} or type(frame) is not int or not isinstance(data, bytes):
        raise InvalidField("frame", sorted(fields), "expected root, frame and data, or root and ask")
    if frame < 0 or len(data) > FRAME_BYTES:
        raise InvalidField("frame", frame, f"from 0, with at most {FRAME_BYTES} bytes")
    return Frame(root, frame, data)


def encode_bitmap(frames: Iterable[int], count: int) -> bytes:
    """Return the bitmap of `frames` out of `count`, least significant bit first.

    Examples
    --------
    >>> encode_bitmap([0, 9], 10).hex()
    '0102'
    """
    bits = bytearray(-(-count // 8))
    for frame in frames:
        bits[frame >> 3] |= 1 << (frame & 7)
    return bytes(bits)


def parse_bitmap(bitmap: bytes, count: int) -> set[int]:
    """Return the frames that a bitmap of `count` frames names; `InvalidField` when its length is wrong."""
    if len(bitmap) != -(-count // 8):
        raise InvalidField("held", len(bitmap), f"{count} frames need {-(-count // 8)} bytes")
    return {frame for frame in range(count) if bitmap[frame >> 3] >> (frame & 7) & 1}
