"""Files become the blocks that Kubo makes of them, and hostile blocks become errors."""

import contextlib
import hashlib
from io import BytesIO
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from hypothesis import given
from hypothesis import strategies as st

from domain.cid import DAG_CBOR, DAG_PB, RAW, Cid
from domain.upload import compute_shape
from ipfs.dag_pb import Link, Node, decode_node, encode_node
from ipfs.errors import IpfsError
from ipfs.memory import MemoryBlockStore
from ipfs.unixfs import Profile, build_file, compute_file_size, plan_file, read_file
from ipfs.varint import encode_varint

TINY = Profile("tiny", chunk_bytes=4, max_links=3)
MIB = 1 << 20

# Source: ipfs/kubo test/cli/cid_profiles_test.go, unixfsV12025 (content: ChaCha20 keyed by SHA-256 of the seed).
KUBO_SEED = b"v1-2025-seed"
KUBO_FILES = [
    (1024 * MIB, "bafybeihmf37wcuvtx4hpu7he5zl5qaf2ineo2lqlfrapokkm5zzw7zyhvm"),
    (1025 * MIB, "bafybeihmzokxxjqwxjcryerhp5ezpcog2wcawfryb2xm64xiakgm4a5jue"),
]


class KeyStream(BytesIO):
    """Deterministic bytes without end in sight: ChaCha20 of zeros."""

    def __init__(self, seed: bytes, size: int) -> None:
        super().__init__()
        self._cipher = Cipher(algorithms.ChaCha20(hashlib.sha256(seed).digest(), bytes(16)), None).encryptor()
        self._left = size

    def read(self, size: int | None = -1) -> bytes:
        """Return the next bytes."""
        count = self._left if size is None or size < 0 else min(size, self._left)
        self._left -= count
        return self._cipher.update(bytes(count))


@pytest.mark.parametrize(("size", "cid"), KUBO_FILES)
def test_files_at_and_over_the_most_links_have_the_cids_that_kubo_publishes(size: int, cid: str) -> None:
    assert str(plan_file(KeyStream(KUBO_SEED, size)).root) == cid


def test_a_file_of_one_leaf_is_that_leaf() -> None:
    dag = plan_file(BytesIO(b"hello world"))
    assert str(dag.root) == "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"
    assert dag.interior == ()


def test_an_empty_file_is_the_empty_leaf() -> None:
    assert str(plan_file(BytesIO(b"")).root) == "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


def test_a_path_and_a_stream_give_the_same_dag(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(3 * MIB + 5))
    assert plan_file(tmp_path / "file") == plan_file(BytesIO(bytes(3 * MIB + 5)))


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, 5 * MIB + 3])
def test_uploads_number_the_blocks_as_the_dag_has_them(size: int) -> None:
    shape, dag = compute_shape(size), plan_file(BytesIO(bytes(size)))
    assert (shape.interior, shape.leaves) == (len(dag.interior), len(dag.leaves))


@given(st.binary(max_size=200), st.integers(0, 220), st.integers(0, 220))
def test_what_is_built_reads_back_whole_and_in_part(content: bytes, start: int, length: int) -> None:
    store = MemoryBlockStore()
    dag = build_file(BytesIO(content), lambda cid, block: store.put_many([(cid, block)]), profile=TINY)
    assert b"".join(read_file(dag.root, store.get)) == content
    assert b"".join(read_file(dag.root, store.get, start=start, length=length)) == content[start : start + length]
    assert compute_file_size(dag.root, store.get) == dag.size == len(content)


@given(st.binary(min_size=13, max_size=80))
def test_interior_nodes_stand_breadth_first_from_the_root(content: bytes) -> None:
    dag = plan_file(BytesIO(content), profile=TINY)
    known = [dag.root]
    for block in dag.interior:
        assert Cid.of(DAG_PB, block) == known.pop(0)
        known += [link.cid for link in decode_node(block).links]
    assert tuple(known) == dag.leaves


def test_reading_a_part_fetches_no_block_outside_it() -> None:
    store, fetched = MemoryBlockStore(), list[Cid]()
    dag = build_file(BytesIO(bytes(range(36))), lambda cid, block: store.put_many([(cid, block)]), profile=TINY)

    def fetch(cid: Cid) -> bytes:
        fetched.append(cid)
        return store.get(cid)

    assert b"".join(read_file(dag.root, fetch, start=17, length=2)) == bytes((17, 18))
    assert fetched == [dag.root, Cid.of(DAG_PB, dag.interior[2]), dag.leaves[4]]


def _number(tag: int, number: int) -> bytes:
    return bytes((tag,)) + encode_varint(number)


LEAF = Cid.of(RAW, b"leaf")
FILE = _number(0x08, 2)
HOSTILE = {
    "a directory": Node((), _number(0x08, 1)),
    "no type": Node((), b""),
    "sizes that do not sum": Node((Link(LEAF, 4),), FILE + _number(0x18, 5) + _number(0x20, 4)),
    "a size that the leaf has not": Node((Link(LEAF, 4),), FILE + _number(0x18, 5) + _number(0x20, 5)),
    "more links than sizes": Node((Link(LEAF, 4), Link(LEAF, 4)), FILE + _number(0x18, 4) + _number(0x20, 4)),
    "an empty child": Node((Link(LEAF, 4),), FILE + _number(0x18, 0) + _number(0x20, 0)),
    "no children": Node((), FILE + _number(0x18, 0)),
    "inline data": Node((), FILE + b"\x12\x04leaf" + _number(0x18, 4)),
    "a long varint": Node((), b"\x08" + b"\x80" * 12),
    "a foreign link": Node((Link(Cid.of(DAG_CBOR, b"\xa0"), 1),), FILE + _number(0x18, 1) + _number(0x20, 1)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_node_that_is_not_of_a_file_is_refused(name: str) -> None:
    store = MemoryBlockStore()
    block = encode_node(HOSTILE[name])
    root = Cid.of(DAG_PB, block)
    store.put_many([(LEAF, b"leaf"), (root, block), (Cid.of(DAG_CBOR, b"\xa0"), b"\xa0")])
    with pytest.raises(IpfsError):
        list(read_file(root, store.get))


def test_a_tower_of_nodes_is_refused_by_its_height() -> None:
    store = MemoryBlockStore()
    top, size = LEAF, 4
    store.put_many([(LEAF, b"leaf")])
    for _ in range(9):
        block = encode_node(Node((Link(top, size),), FILE + _number(0x18, size) + _number(0x20, size)))
        top = Cid.of(DAG_PB, block)
        store.put_many([(top, block)])
    with pytest.raises(IpfsError, match="levels"):
        list(read_file(top, store.get))


@given(st.data())
def test_any_changed_node_reads_as_something_or_as_our_error(data: st.DataObject) -> None:
    dag = plan_file(BytesIO(bytes(40)), profile=TINY)
    raw = bytearray(data.draw(st.sampled_from(dag.interior)))
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(IpfsError):
        assert encode_node(decode_node(bytes(raw))) == bytes(raw)
