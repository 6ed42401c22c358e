"""What every block store promises, as one abstract suite: subclass it and give it a store."""

from collections.abc import Iterator

import pytest

from domain.cid import DAG_CBOR, RAW, Cid
from ipfs.errors import BlockMismatch, BlockMissing, BlockTooLarge
from ipfs.store import MAX_BLOCK_BYTES, BlockStore

SIZES = (0, 1, 31 << 10, 32 << 10, (32 << 10) + 1, 1 << 20, MAX_BLOCK_BYTES)


class BlockStoreSuite:
    """Promises of `ipfs.store.BlockStore`."""

    @pytest.fixture
    def store(self) -> Iterator[BlockStore] | BlockStore:
        """Give an empty store."""
        raise NotImplementedError

    def test_a_block_put_is_got_again_whatever_its_size(self, store: BlockStore) -> None:
        blocks = [(Cid.of(RAW, bytes(size)), bytes(size)) for size in SIZES]
        store.put_many(blocks)
        assert [store.get(cid) for cid, _ in blocks] == [block for _, block in blocks]
        assert all(store.has(cid) for cid, _ in blocks)

    def test_the_same_bytes_under_two_codecs_are_two_blocks(self, store: BlockStore) -> None:
        raw, cbor = Cid.of(RAW, b"\xa0"), Cid.of(DAG_CBOR, b"\xa0")
        store.put_many([(raw, b"\xa0")])
        assert store.has(raw)
        assert not store.has(cbor)

    def test_a_block_never_put_is_named_as_missing(self, store: BlockStore) -> None:
        cid = Cid.of(RAW, b"never")
        assert not store.has(cid)
        with pytest.raises(BlockMissing, match=str(cid)):
            store.get(cid)

    def test_putting_a_block_twice_is_as_putting_it_once(self, store: BlockStore) -> None:
        blocks = [(Cid.of(RAW, block), block) for block in (b"small", bytes(1 << 20))]
        store.put_many(blocks)
        store.put_many(blocks)
        assert sorted(store.cids()) == sorted(cid for cid, _ in blocks)

    @pytest.mark.parametrize("size", [5, 40_000])
    def test_bytes_that_the_cid_does_not_name_are_refused(self, store: BlockStore, size: int) -> None:
        cid = Cid.of(RAW, bytes(size))
        with pytest.raises(BlockMismatch):
            store.put_many([(cid, bytes(size - 1) + b"x")])
        assert not store.has(cid)

    def test_a_block_that_nodes_would_not_exchange_is_refused(self, store: BlockStore) -> None:
        block = bytes(MAX_BLOCK_BYTES + 1)
        with pytest.raises(BlockTooLarge):
            store.put_many([(Cid.of(RAW, block), block)])
        assert list(store.cids()) == []

    def test_an_empty_put_changes_nothing(self, store: BlockStore) -> None:
        store.put_many([])
        assert list(store.cids()) == []
