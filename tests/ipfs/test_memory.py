"""The store in memory keeps the port's promises."""

import pytest

from ipfs.memory import MemoryBlockStore
from ipfs.store import BlockStore
from tests.ipfs.store_suite import BlockStoreSuite


class TestMemoryBlockStore(BlockStoreSuite):
    """The shared promises."""

    @pytest.fixture
    def store(self) -> BlockStore:
        """Give an empty store."""
        return MemoryBlockStore()
