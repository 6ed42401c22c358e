"""What a block store promises.

`put_many` returns only when every block would survive a power cut (as far as the store survives at all) and checks
each block against its CID; after a refusal some of the blocks before it may stand, none torn. `get` returns bytes
that hash to the CID or fails. Stores are safe to call from several threads.
"""

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from domain.cid import Cid
from ipfs.errors import BlockMismatch, BlockTooLarge

MAX_BLOCK_BYTES: Final = 2 << 20
"""Largest block stored; Kubo refuses larger ones, so a larger one could not be shared."""


class BlockStore(Protocol):
    """Blocks by CID; the tests in ``tests/ipfs/store_suite.py`` hold every implementation to it."""

    def get(self, cid: Cid) -> bytes:
        """Return the block; `BlockMissing` when it is not held, `BlockMismatch` when it was damaged."""
        ...

    def has(self, cid: Cid) -> bool:
        """Tell whether the block is held."""
        ...

    def put_many(self, blocks: Iterable[tuple[Cid, bytes]]) -> None:
        """Store blocks durably; `BlockMismatch` or `BlockTooLarge` end the call at the first wrong one."""
        ...

    def cids(self) -> Iterator[Cid]:
        """Yield the CIDs held, in no order."""
        ...


def check_block(cid: Cid, block: bytes) -> None:
    """Raise unless `block` is what `cid` names and small enough to share."""
    if len(block) > MAX_BLOCK_BYTES:
        raise BlockTooLarge(len(block), MAX_BLOCK_BYTES)
    if Cid.of(cid.codec, block) != cid:
        raise BlockMismatch(str(cid))
