"""How frames become blocks: bookkeeping of one upload, without I/O.

A block's CID is known from its parent, so interior nodes come first; a frame whose block is not yet named is not
counted. The caller keeps the bytes; this says which are wanted, where they go and whether a block is right.
"""

from domain.cid import DAG_PB, RAW, Cid
from domain.errors import InvalidField
from domain.upload import FRAME_BYTES, UploadShape, compute_shape
from ipfs.dag_pb import decode_node
from ipfs.errors import InvalidNode


class Assembly:
    """One upload being put together.

    Parameters
    ----------
    root, size
        The file, as its blob record declares it.
    held
        Frames that are on the disk already (bitmap).
    """

    def __init__(self, root: Cid, size: int, held: bytes) -> None:
        self.root = root
        self.shape: UploadShape = compute_shape(size)
        if len(held) != -(-self.shape.frames // 8):
            raise InvalidField("held", len(held), f"{self.shape.frames} frames need {-(-self.shape.frames // 8)} bytes")
        # A bitmap, not a set: it is told after every few frames, and a large file has a quarter of a million of them.
        self._held = bytearray(held)
        self._missing = self.shape.frames - int.from_bytes(held, "little").bit_count()
        self._names: dict[int, Cid] = {0: root}

    @property
    def bitmap(self) -> bytes:
        """Frames held, one bit each."""
        return bytes(self._held)

    @property
    def is_complete(self) -> bool:
        """Whether every frame is held."""
        return self._missing == 0

    def is_held(self, frame: int) -> bool:
        """Tell whether a frame is held."""
        return bool(self._held[frame >> 3] >> (frame & 7) & 1)

    def is_named(self, block: int) -> bool:
        """Tell whether a block's CID is known already."""
        return block in self._names

    def is_wanted(self, frame: int) -> bool:
        """Tell whether a frame is missing and its block is named already."""
        return self.is_named(self.shape.block_of(frame)) and not self.is_held(frame)

    def is_interior(self, block: int) -> bool:
        """Tell whether a block is a node rather than a leaf."""
        return block < self.shape.interior

    def expected_bytes(self, frame: int) -> int | None:
        """Return how many bytes a leaf's frame has; nothing for an interior node, whose size is its own."""
        block = self.shape.block_of(frame)
        if self.is_interior(block):
            return None
        place = frame - self.shape.first_frame(block)
        return min(FRAME_BYTES, self.shape.leaf_bytes(block - self.shape.interior) - place * FRAME_BYTES)

    def add(self, frame: int) -> bool:
        """Count a frame as held; tell whether its block now has all its frames."""
        if not self.is_held(frame):
            self._held[frame >> 3] |= 1 << (frame & 7)
            self._missing -= 1
        return self.has_block(self.shape.block_of(frame))

    def has_block(self, block: int) -> bool:
        """Tell whether all frames of a block are held."""
        return all(map(self.is_held, self._frames_of(block)))

    def drop(self, block: int) -> None:
        """Forget a block's frames: they were wrong and are wanted again."""
        for frame in filter(self.is_held, self._frames_of(block)):
            self._held[frame >> 3] &= ~(1 << (frame & 7))
            self._missing += 1

    def name_of(self, block: int) -> Cid:
        """Return the CID of a block that is named already."""
        return self._names[block]

    def is_right(self, block: int, raw: bytes) -> bool:
        """Tell whether bytes are the block, and of a node also that it links what the file's shape says."""
        name = self._names[block]
        if Cid.of(name.codec, raw) != name:
            return False
        if not self.is_interior(block):
            return name.codec == RAW
        return name.codec == DAG_PB and self._links_fit(block, raw)

    def learn(self, block: int, raw: bytes) -> None:
        """Take the names of an interior node's children; the node must be right."""
        for child, link in zip(self.shape.children_of(block), decode_node(raw).links, strict=True):
            self._names[child] = link.cid

    def _frames_of(self, block: int) -> range:
        first = self.shape.first_frame(block)
        return range(first, first + self.shape.frames_of(block))

    def _links_fit(self, block: int, raw: bytes) -> bool:
        try:
            return len(decode_node(raw).links) == len(self.shape.children_of(block))
        except InvalidNode:
            return False
