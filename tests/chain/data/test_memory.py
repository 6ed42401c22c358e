"""The store in memory keeps the port's promises."""

import pytest

from chain.data.kv import KeyValueStore
from chain.data.memory import MemoryStore
from tests.chain.data.kv_suite import KeyValueSuite


class TestMemoryStore(KeyValueSuite):
    """The shared promises."""

    @pytest.fixture
    def store(self) -> KeyValueStore:
        """Give an empty store."""
        return MemoryStore()
