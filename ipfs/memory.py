"""A block store in memory: for tests and for what need not outlive a process."""

from collections.abc import Iterable, Iterator

from domain.cid import Cid
from ipfs.errors import BlockMissing
from ipfs.store import check_block


class MemoryBlockStore:
    """Blocks in a dictionary; a `ipfs.store.BlockStore`."""

    def __init__(self) -> None:
        self._blocks: dict[Cid, bytes] = {}

    def get(self, cid: Cid) -> bytes:
        """Return the block; `BlockMissing` when it is not held."""
        try:
            return self._blocks[cid]
        except KeyError:
            raise BlockMissing(str(cid)) from None

    def has(self, cid: Cid) -> bool:
        """Tell whether the block is held."""
        return cid in self._blocks

    def put_many(self, blocks: Iterable[tuple[Cid, bytes]]) -> None:
        """Store blocks, all or none."""
        checked = list(blocks)
        for cid, block in checked:
            check_block(cid, block)
        self._blocks.update(checked)

    def cids(self) -> Iterator[Cid]:
        """Yield the CIDs held."""
        yield from tuple(self._blocks)
