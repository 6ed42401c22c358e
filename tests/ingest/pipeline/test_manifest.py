"""A manifest lists its batch, whatever its size, or is refused."""

import hashlib

import pytest

from domain.cid import DAG_CBOR, Cid
from domain.codec import Value, encode
from domain.errors import InvalidMerkleTree
from domain.merkle import verify_path
from ingest.pipeline.errors import InvalidManifest
from ingest.pipeline.manifest import PART_CIDS, build_batch, read_manifest
from ipfs.memory import MemoryBlockStore
from ipfs.store import MAX_BLOCK_BYTES


def make_cids(count: int) -> list[Cid]:
    return [Cid(DAG_CBOR, hashlib.sha256(b"%d" % number).digest()) for number in range(count)]


@pytest.mark.parametrize("count", [1, 2, 1000, PART_CIDS, PART_CIDS + 1])
def test_a_manifest_lists_the_batch_it_was_made_of(count: int) -> None:
    batch = build_batch(make_cids(count))
    store = MemoryBlockStore()
    store.put_many(batch.blocks)
    assert read_manifest(batch.manifest, store.get) == batch.cids == tuple(sorted(make_cids(count), key=bytes))


def test_every_record_of_a_batch_has_a_path_to_its_root() -> None:
    batch = build_batch(make_cids(77))
    for index, cid in enumerate(batch.cids):
        verify_path(bytes(cid), batch.tree.path(index), batch.tree.root)


def test_the_order_of_arrival_does_not_change_the_batch() -> None:
    assert build_batch(make_cids(50)) == build_batch(make_cids(50)[::-1])


def test_no_block_is_too_large_to_exchange() -> None:
    batch = build_batch(make_cids(3 * PART_CIDS))
    assert max(len(block) for _, block in batch.blocks) < MAX_BLOCK_BYTES / 2


@pytest.mark.parametrize("cids", [[], make_cids(3) + make_cids(1)])
def test_an_empty_or_doubled_batch_is_refused(cids: list[Cid]) -> None:
    with pytest.raises(InvalidMerkleTree):
        build_batch(cids)


def test_a_manifest_whose_parts_were_exchanged_is_refused() -> None:
    store = MemoryBlockStore()
    batch, other = build_batch(make_cids(10)), build_batch(make_cids(11))
    forged = encode(
        {"v": 1, "kind": "manifest", "root": batch.tree.root, "count": 10, "parts": [other.blocks[0][0]]},
    )
    root = Cid.of(DAG_CBOR, forged)
    store.put_many([*batch.blocks, *other.blocks, (root, forged)])
    with pytest.raises(InvalidManifest, match="root"):
        read_manifest(root, store.get)


def test_a_block_that_is_no_manifest_is_refused() -> None:
    store = MemoryBlockStore()
    values: list[Value] = [{"kind": "tree"}, {"kind": "manifest", "parts": [1]}, {"kind": "manifest", "parts": "x"}]
    for value in values:
        block = encode(value)
        store.put_many([(Cid.of(DAG_CBOR, block), block)])
        with pytest.raises(InvalidManifest):
            read_manifest(Cid.of(DAG_CBOR, block), store.get)
