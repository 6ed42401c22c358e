"""How frames become blocks: bookkeeping of one upload, without I/O.

A block's CID is known from its parent, so interior nodes come first; a frame whose block is not yet named is not
counted. The caller keeps the bytes; this says which are wanted, where they go and whether a block is right.
"""

from domain.cid import DAG_PB, RAW, Cid
from domain.upload import UploadShape, compute_shape, encode_bitmap, parse_bitmap
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
        self._held = parse_bitmap(held, self.shape.frames)
        self._names: dict[int, Cid] = {0: root}

    @property
    def bitmap(self) -> bytes:
        """Frames held, one bit each."""
        return encode_bitmap(self._held, self.shape.frames)

    @property
    def is_complete(self) -> bool:
        """Whether every frame is held."""
        return len(self._held) == self.shape.frames

    def is_wanted(self, frame: int) -> bool:
        """Tell whether a frame is missing and its block is named already."""
        return frame not in self._held and self.shape.block_of(frame) in self._names

    def is_interior(self, block: int) -> bool:
        """Tell whether a block is a node rather than a leaf."""
        return block < self.shape.interior

    def expected_bytes(self, frame: int) -> int | None:
        """Return how many bytes a leaf's frame has; nothing for an interior node, whose size is its own."""
        block = self.shape.block_of(frame)
        if self.is_interior(block):
            return None
        place = frame - self.shape.first_frame(block)
        return min(1 << 16, self.shape.leaf_bytes(block - self.shape.interior) - place * (1 << 16))

    def add(self, frame: int) -> bool:
        """Count a frame as held; tell whether its block now has all its frames."""
        self._held.add(frame)
        return self.has_block(self.shape.block_of(frame))

    def has_block(self, block: int) -> bool:
        """Tell whether all frames of a block are held."""
        first = self.shape.first_frame(block)
        return all(frame in self._held for frame in range(first, first + self.shape.frames_of(block)))

    def drop(self, block: int) -> None:
        """Forget a block's frames: they were wrong and are wanted again."""
        first = self.shape.first_frame(block)
        self._held.difference_update(range(first, first + self.shape.frames_of(block)))

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

    def _links_fit(self, block: int, raw: bytes) -> bool:
        try:
            return len(decode_node(raw).links) == len(self.shape.children_of(block))
        except InvalidNode:
            return False
