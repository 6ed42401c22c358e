"""Sparse Merkle trees: against the definition in docs/formats.md, done naively, and against ICS 23's vectors."""

import hashlib
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.data.smt import EMPTY, HEIGHT, Node, Place, SmtPath, Update, find_path, hash_inner, hash_leaf

# Keys that part early, and keys that part only at the last bits, so that trees are wide and deep.
TOPS = st.sampled_from((0, 1, 2, 3, 128, 129, 255))
KEYS = st.builds(lambda top, bottom: top << 248 | bottom, TOPS, st.integers(0, 3))
LEAVES = st.none() | st.integers(0, 9).map(lambda seed: hashlib.sha256(bytes([seed])).digest())
BATCHES = st.lists(st.dictionaries(KEYS, LEAVES, max_size=8), max_size=6)

# cosmos/ics23 testdata/smt/exist_middle.json: the siblings from the leaf up, and whether they stand on the left.
VECTOR_KEY = bytes.fromhex("e369afec196c525d9e7ce3a6a94c325d3fd29b3d863c9463c939e8c085ae8e1a")
VECTOR_VALUE = bytes.fromhex("76616c75655f666f725f464a544d75787a575873713470436c46506e6b48")
VECTOR_ROOT = bytes.fromhex("d32dd06714f3cee110cdb37ad7bc4760d4e291a555160f54429f9f15ddb04c4d")
VECTOR_SIBLINGS = (
    ("left", "c607dff72d77496a8088f58c886a59e2c2e115c18688c1ea21007fa8a9c884da"),
    ("left", "52491dba094231188b893d16b0b08ad25246d5147a7a62149186518712618054"),
    ("right", "00" * 32),
    ("left", "e3a85febd896e193b7ba37bc638c46d69530de820647fccb40da8583473c8feb"),
    ("left", "4baf41d85dc399f406edbe4374e6b767663e4680fee217bfbca889618b7a83dc"),
    ("right", "4ed121ef20f0e1d65a8a5e7d9ed86844de0bfd82621f3325f60eb872e9e738ea"),
    ("right", "a7cd5e87f54353e0b8d36901ba175daf7c00ff05c00183f522e94850a39ac4ce"),
    ("right", "5a927fe700b5feacbf30a7cd160533e326c513eedc8e1d000cd8a71abd8480f5"),
    ("left", "d9423c60941997d2078abd897d53f09cb4a844c684bc6a38140c04d6869809de"),
    ("left", "b1de51ac7abc0e0e5bc6955c4223228d16aba8cdb6e59bfd111d0901595bc32b"),
    ("left", "edbbd22b093f48404d082448bd335028477d700b449450b6800708095f78b9d6"),
)


class Nodes:
    """A `chain.data.smt.NodeSource` in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[Place, Node] = {}

    def node(self, place: Place) -> Node | None:
        return self.kept.get(place)

    def apply(self, changes: Mapping[int, bytes | None]) -> bytes:
        update = Update(self, {})
        root = update.apply(changes)
        self.kept |= {place: node for place, node in update.changed.items() if node is not None}
        for place in [place for place, node in update.changed.items() if node is None]:
            self.kept.pop(place, None)
        return root


def build_naively(leaves: Mapping[int, bytes], place: Place = (0, 0)) -> dict[Place, bytes]:
    """Return the hash of every node that the definition asks for: a leaf stands where it is alone."""
    if not leaves:
        return {}
    if len(leaves) == 1:
        return {place: next(iter(leaves.values()))}
    depth, bits = place
    halves = [{key: leaf for key, leaf in leaves.items() if key >> (HEIGHT - 1 - depth) & 1 == side} for side in (0, 1)]
    below = [build_naively(half, (depth + 1, bits << 1 | side)) for side, half in enumerate(halves)]
    left, right = (below[side].get((depth + 1, bits << 1 | side), bytes(32)) for side in (0, 1))
    return {place: hashlib.sha256(b"\x01" + left + right).digest(), **below[0], **below[1]}


def climb(key: int, leaf: bytes, path: SmtPath) -> bytes:
    """Return the root to which a path leads, by the words of docs/formats.md ("Proof file")."""
    siblings = iter(path.siblings)
    bits = [path.mask[i >> 3] >> (i & 7) & 1 for i in range(path.depth)]
    beside = [next(siblings) if bit else bytes(32) for bit in bits]
    assert next(siblings, None) is None
    node = leaf
    for i in reversed(range(path.depth)):
        pair = beside[i] + node if key >> (255 - i) & 1 else node + beside[i]
        node = hashlib.sha256(b"\x01" + pair).digest()
    return node


@given(BATCHES)
def test_batches_lead_to_the_tree_of_the_definition(batches: list[dict[int, bytes | None]]) -> None:
    nodes, leaves = Nodes(), dict[int, bytes]()
    for batch in batches:
        root = nodes.apply(batch)
        leaves |= {key: leaf for key, leaf in batch.items() if leaf is not None}
        leaves = {key: leaf for key, leaf in leaves.items() if batch.get(key, b"") is not None}
        expected = build_naively(leaves)
        assert root == expected.get((0, 0), bytes(32))
        # Every node of the definition is stored, and none that an older tree left behind.
        assert {place: node.hash for place, node in nodes.kept.items()} == expected


@given(st.dictionaries(KEYS, st.binary(min_size=32, max_size=32), min_size=1, max_size=12), KEYS)
def test_each_key_has_a_path_and_no_other_has(leaves: dict[int, bytes], other: int) -> None:
    nodes = Nodes()
    root = nodes.apply(leaves)
    for key, leaf in leaves.items():
        path = find_path(nodes, key)
        assert path is not None
        assert climb(key, leaf, path) == root
        assert len(path.mask) == -(-path.depth // 8)
        assert EMPTY not in path.siblings
    assert (find_path(nodes, other) is None) == (other not in leaves)


@given(st.dictionaries(KEYS, st.binary(min_size=32, max_size=32), max_size=10), st.randoms(use_true_random=False))
def test_the_order_of_changes_does_not_matter(leaves: dict[int, bytes], random: object) -> None:
    keys = list(leaves)
    random.shuffle(keys)  # type: ignore[attr-defined]
    one_by_one, at_once = Nodes(), Nodes()
    root = EMPTY
    for key in keys:
        root = one_by_one.apply({key: leaves[key]})
    assert root == at_once.apply(leaves)


@given(st.dictionaries(KEYS, st.binary(min_size=32, max_size=32), max_size=10))
def test_removing_every_key_leaves_nothing(leaves: dict[int, bytes]) -> None:
    nodes = Nodes()
    nodes.apply(leaves)
    assert nodes.apply(dict.fromkeys(leaves)) == EMPTY
    assert nodes.kept == {}


def test_leaf_and_inner_hashes_are_those_of_ics23() -> None:
    node = hash_leaf(VECTOR_KEY, VECTOR_VALUE)
    for side, sibling in VECTOR_SIBLINGS:
        beside = bytes.fromhex(sibling)
        node = hash_inner(beside, node) if side == "left" else hash_inner(node, beside)
    assert node == VECTOR_ROOT


def test_the_path_of_ics23s_vector_turns_as_its_key_says() -> None:
    path = SmtPath(
        depth=11,
        mask=bytes(
            [
                sum(1 << i for i, (_, sibling) in enumerate(VECTOR_SIBLINGS[::-1][:8]) if int(sibling, 16)),
                sum(1 << i for i, (_, sibling) in enumerate(VECTOR_SIBLINGS[::-1][8:]) if int(sibling, 16)),
            ]
        ),
        siblings=tuple(bytes.fromhex(sibling) for _, sibling in VECTOR_SIBLINGS[::-1] if int(sibling, 16)),
    )
    key = int.from_bytes(VECTOR_KEY, "big")
    assert climb(key, hash_leaf(VECTOR_KEY, VECTOR_VALUE), path) == VECTOR_ROOT


def test_an_empty_tree_has_the_empty_root_and_no_path() -> None:
    assert Nodes().apply({}) == EMPTY
    assert find_path(Nodes(), 5) is None


def test_changing_nothing_keeps_the_root() -> None:
    nodes = Nodes()
    root = nodes.apply({1: bytes(31) + b"\x01", 2: bytes(31) + b"\x02"})
    assert nodes.apply({}) == root


@pytest.mark.parametrize("count", [1_000])
def test_a_tree_of_hashed_keys_is_about_as_high_as_its_logarithm(count: int) -> None:
    nodes = Nodes()
    keys = [int.from_bytes(hashlib.sha256(b"%d" % number).digest(), "big") for number in range(count)]
    nodes.apply({key: hash_leaf(key.to_bytes(32, "big"), b"v") for key in keys})
    depths = [path.depth for key in keys if (path := find_path(nodes, key)) is not None]
    assert len(depths) == count
    # log2(1,000) is 10; of 1,000 random keys two share 2 log2(1,000) = 20 bits, hardly ever 30.
    assert max(depths) < 30
    assert 10 <= sum(depths) / count < 13
