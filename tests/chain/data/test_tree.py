"""The paged state tree: against a tree built naively, against `chain.data.smt`, by height, and after a sudden end."""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.core.store import StateStore
from chain.data.memory import MemoryStore
from chain.data.rocks import RocksStore
from chain.data.smt import EMPTY
from chain.data.tree import Batch, Change
from chain.data.tree_errors import (
    BrokenTree,
    HeightNotKept,
    InvalidHistory,
    InvalidModuleName,
    InvalidTreeHeight,
    InvalidTreeKey,
    StaleState,
    UnknownModule,
)
from chain.data.tree_page import NOTHING, Page, encode_page, get_hash, parse_page
from chain.data.tree_proof import Tree
from chain.data.tree_store import Absence, Membership, TreeStore, encode_module_leaf
from domain.merkle import verify_path

ROOT = Path(__file__).parents[3]
MODULES = ("anchor", "bank")
# Few keys, so that batches overwrite and remove; the real hash spreads them.
KEYS = st.integers(0, 40).map(lambda number: b"key %d" % number)
VALUES = st.none() | st.binary(min_size=1, max_size=4)
CHANGES = st.lists(st.tuples(st.sampled_from(MODULES), KEYS, VALUES), max_size=30)
BLOCKS = st.lists(CHANGES, min_size=1, max_size=7)
# Hashed keys that part early, and at the last bits only, so that trees are wide and deep.
HASHES = st.builds(
    lambda top, bottom: (top << 248 | bottom).to_bytes(32, "big"),
    st.sampled_from((0, 1, 2, 3, 128, 129, 255)),
    st.integers(0, 33),
)
LEAVES = st.none() | st.integers(0, 9).map(lambda seed: hashlib.sha256(bytes([seed])).digest())


def compute_naive_root(leaves: Mapping[bytes, bytes], depth: int = 0) -> bytes:
    """Return the root by the definition: a leaf stands where it is alone (docs/formats.md, "State")."""
    if len(leaves) <= 1:
        return next(iter(leaves.values()), bytes(32))
    halves: tuple[dict[bytes, bytes], dict[bytes, bytes]] = ({}, {})
    for key, leaf in leaves.items():
        halves[key[depth // 8] >> (7 - depth % 8) & 1][key] = leaf
    left, right = (compute_naive_root(half, depth + 1) for half in halves)
    return hashlib.sha256(b"\x01" + left + right).digest()


def compute_content_root(content: Mapping[bytes, bytes]) -> bytes:
    leaves = {}
    for key, value in content.items():
        key_hash = hashlib.sha256(key).digest()
        leaves[key_hash] = hashlib.sha256(b"\x00" + key_hash + hashlib.sha256(value).digest()).digest()
    return compute_naive_root(leaves)


def climb(proof: Membership) -> bytes:
    """Return the root to which a proof leads, from the leaf upwards."""
    key_hash = hashlib.sha256(proof.key).digest()
    node = hashlib.sha256(b"\x00" + key_hash + hashlib.sha256(proof.value).digest()).digest()
    for depth in reversed(range(len(proof.siblings))):
        beside = proof.siblings[depth]
        pair = beside + node if key_hash[depth // 8] >> (7 - depth % 8) & 1 else node + beside
        node = hashlib.sha256(b"\x01" + pair).digest()
    return node


def commit(store: TreeStore, changes: list[tuple[str, bytes, bytes | None]], height: int) -> None:
    store.commit(store.prepare(changes, height))


def apply_changes(
    content: dict[str, dict[bytes, bytes]], changes: list[tuple[str, bytes, bytes | None]]
) -> dict[str, dict[bytes, bytes]]:
    after = {module: dict(items) for module, items in content.items()}
    for module, key, value in changes:
        if value is None:
            after[module].pop(key, None)
        else:
            after[module][key] = value
    return after


class Pages:
    """A tree in a dictionary, whose batches follow one another."""

    def __init__(self) -> None:
        self.kept: dict[bytes, Page] = {}
        self.top, self.height = NOTHING, 0

    def read(self, name: bytes) -> Page:
        return self.kept[name]

    def apply(self, changes: Mapping[bytes, bytes | None]) -> bytes:
        self.height += 1
        height = self.height.to_bytes(8, "big")
        leaves: list[Change] = [
            (key.hex().encode(), NOTHING if leaf is None else leaf + height + key) for key, leaf in changes.items()
        ]
        batch = Batch(self.read, height)
        self.top = batch.apply(self.top, sorted(leaves))
        self.kept |= batch.pages
        for name in batch.stale_pages:
            del self.kept[name]
        return get_hash(self.top)


@given(st.lists(st.dictionaries(HASHES, LEAVES, max_size=10), max_size=6))
def test_batches_lead_to_the_tree_of_the_definition(batches: list[dict[bytes, bytes | None]]) -> None:
    pages, leaves = Pages(), dict[bytes, bytes]()
    for batch in batches:
        root = pages.apply(batch)
        for key, leaf in batch.items():
            if leaf is None:
                leaves.pop(key, None)
            else:
                leaves[key] = leaf
        assert root == compute_naive_root(leaves)
        # What is stored is what a tree made at once would store, but for the heights: nothing is left behind.
        assert {name[8:] for name in pages.kept} == {name[8:] for name in _build_at_once(leaves).kept}


def _build_at_once(leaves: Mapping[bytes, bytes]) -> Pages:
    pages = Pages()
    pages.apply(leaves)
    return pages


@given(st.dictionaries(HASHES, st.binary(min_size=32, max_size=32), max_size=30), HASHES)
def test_the_leaves_beside_an_absent_key_are_the_nearest(leaves: dict[bytes, bytes], key: bytes) -> None:
    leaves.pop(key, None)
    pages = _build_at_once(leaves)
    tree = Tree(pages.read, pages.top)
    before = max((other for other in leaves if other < key), default=None)
    after = min((other for other in leaves if other > key), default=None)
    assert tree.find(key) is None
    assert tree.find_beside(key) == (before, after)


@given(st.dictionaries(HASHES, st.binary(min_size=32, max_size=32), max_size=30))
def test_a_page_comes_back_from_its_stored_form(leaves: dict[bytes, bytes]) -> None:
    for page in _build_at_once(leaves).kept.values():
        assert parse_page(encode_page(page))[1:] == page[1:]


@given(st.binary(max_size=200))
def test_other_bytes_are_a_page_or_refused(raw: bytes) -> None:
    try:
        page = parse_page(raw)
    except ValueError:
        return
    assert encode_page(page) == raw


@settings(max_examples=60)
@given(BLOCKS)
def test_every_kept_height_is_proven_as_it_was(blocks: list[list[tuple[str, bytes, bytes | None]]]) -> None:
    store, older = TreeStore(MemoryStore(), MODULES, keep=3, cached_pages=4), StateStore(MemoryStore(), MODULES)
    content: dict[str, dict[bytes, bytes]] = {module: {} for module in MODULES}
    history = {}
    for height, changes in enumerate(blocks, start=1):
        pending = older.prepare(changes)
        older.commit(pending, height)
        commit(store, changes, height)
        content = apply_changes(content, changes)
        history[height] = content
        assert store.app_hash == older.app_hash == pending.app_hash
        assert store.roots == {module: compute_content_root(content[module]) for module in MODULES}
    for height in range(max(1, len(blocks) - 2), len(blocks) + 1):
        _check_height(store, height, history[height])
    if len(blocks) > 3:
        with pytest.raises(HeightNotKept):
            store.prove("bank", b"key 1", len(blocks) - 3)


def _check_height(store: TreeStore, height: int, content: dict[str, dict[bytes, bytes]]) -> None:
    for module in MODULES:
        root = compute_content_root(content[module])
        for number in range(0, 41, 4):
            key = b"key %d" % number
            proof = store.prove(module, key, height)
            if isinstance(proof, Membership):
                assert (proof.key, proof.value) == (key, content[module][key])
                assert climb(proof) == root
                continue
            assert key not in content[module]
            assert all(climb(beside) == root for beside in (proof.left, proof.right) if beside is not None)
            assert (proof.left is proof.right is None) == (not content[module])


def test_pruning_leaves_what_a_store_without_history_would_hold() -> None:
    kv = MemoryStore()
    store = TreeStore(kv, MODULES, keep=2)
    for height in range(1, 30):
        commit(store, [("bank", b"%d" % (number % 50), b"%d" % height) for number in range(height, height + 9)], height)
    for height in range(30, 33):
        commit(store, [], height)
    values = dict(store.iterate("bank", b""))
    assert len(list(kv.iterate(b"t/l/"))) == len(values) > 30
    fresh = MemoryStore()
    commit(TreeStore(fresh, MODULES), [("bank", key, value) for key, value in values.items()], 1)
    assert len(list(kv.iterate(b"t/p/"))) == len(list(fresh.iterate(b"t/p/")))
    assert len(list(kv.iterate(b"t/h/"))) == 2


def test_a_modules_root_is_proven_under_the_application_hash_of_its_height() -> None:
    store = TreeStore(MemoryStore(), MODULES)
    commit(store, [("bank", b"a", b"1")], 7)
    first = store.app_hash
    commit(store, [("anchor", b"a", b"2")], 9)
    for height, app_hash in ((7, first), (9, store.app_hash)):
        proof = store.prove_module("bank", height)
        verify_path(encode_module_leaf("bank", proof.root), proof.path, app_hash)
    with pytest.raises(HeightNotKept):
        store.prove_module("bank", 8)


def test_a_block_that_was_not_committed_changes_nothing() -> None:
    store = TreeStore(MemoryStore(), MODULES)
    commit(store, [("bank", b"%d" % number, b"1") for number in range(40)], 1)
    before = store.app_hash
    first = store.prepare([("bank", b"3", b"2")], 2).app_hash
    second = store.prepare([("bank", b"3", b"3")], 2).app_hash
    assert store.app_hash == before != first != second
    assert store.get("bank", b"3") == b"1"
    assert store.prepare([("bank", b"3", b"2")], 2).app_hash == first


def test_a_block_that_was_prepared_before_another_was_committed_is_refused() -> None:
    store = TreeStore(MemoryStore(), MODULES)
    commit(store, [("bank", b"%d" % number, b"1") for number in range(40)], 1)
    one, other = (store.prepare([("bank", key, b"2")], 2 + number) for number, key in enumerate((b"3", b"4")))
    store.commit(one)
    before = store.app_hash
    for pending in (other, one):
        with pytest.raises(StaleState):
            store.commit(pending)
    assert (store.height, store.app_hash, store.get("bank", b"4")) == (2, before, b"1")
    commit(store, [("bank", b"4", b"2")], 3)
    assert store.roots["bank"] == compute_content_root(dict(store.iterate("bank", b"")))


class CountingStore(MemoryStore):
    """Counts how often each key is read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: Counter[bytes] = Counter()

    def get(self, key: bytes) -> bytes | None:
        self.reads[key] += 1
        return super().get(key)


def test_the_pages_held_ready_are_those_used_last() -> None:
    kv = CountingStore()
    commit(TreeStore(kv, MODULES), [("bank", b"%d" % number, b"1") for number in range(400)], 1)
    names = [key for key, _ in kv.iterate(b"t/p/")][:4]
    assert len(names) == 4
    store = TreeStore(kv, MODULES, cached_pages=3)
    for index in (0, 1, 2, 0, 3, 0):
        store.read_page(names[index])
    assert kv.reads[names[0]] == 1
    store.read_page(names[1])
    assert kv.reads[names[1]] == 2


DIES_WHILE_WRITING = """
import sys
from pathlib import Path
from chain.data.rocks import RocksStore
from chain.data.tree_store import TreeStore

store = TreeStore(RocksStore(Path(sys.argv[1])), ("bank",), keep=3)
for height in range(store.height + 1, 100_000):
    pending = store.prepare([("bank", b"%d" % (height * n % 97), b"%d" % height) for n in range(1, 40)], height)
    store.commit(pending)
    print(height, store.app_hash.hex(), flush=True)
"""


def test_after_a_sudden_end_the_store_stands_at_its_last_whole_block(tmp_path: Path) -> None:
    for blocks in (3, 17, 40):
        process = subprocess.Popen(
            [sys.executable, "-c", DIES_WHILE_WRITING, str(tmp_path)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        before = [process.stdout.readline() for _ in range(blocks)]
        process.kill()
        # The last line may be cut.
        lines = [line.split() for line in [*before, *process.stdout] if line.endswith("\n")]
        told = {int(height): app_hash for height, app_hash in lines}
        assert len(told) >= blocks
        process.stdout.close()
        process.wait(timeout=30)
        kv = RocksStore(tmp_path)
        store = TreeStore(kv, ("bank",), keep=3)
        # A block may be durable before it could be told; none that was told is lost.
        assert store.height in told or store.height == max(told) + 1
        assert store.height >= max(told)
        if store.height in told:
            assert told[store.height] == store.app_hash.hex()
        content = dict(store.iterate("bank", b""))
        assert store.roots["bank"] == compute_content_root(content)
        assert all(isinstance(store.prove("bank", key), Membership) for key in content)
        kv.close()


def test_a_reopened_store_goes_on_as_one_that_stayed_open() -> None:
    kv = MemoryStore()
    stayed = TreeStore(MemoryStore(), MODULES, keep=2)
    for height in range(1, 12):
        changes: list[tuple[str, bytes, bytes | None]] = [
            ("bank", b"%d" % (number * height % 60), b"%d" % height if number % 3 else None) for number in range(30)
        ]
        reopened = TreeStore(kv, MODULES, keep=2)
        commit(reopened, changes, height)
        commit(stayed, changes, height)
        assert reopened.app_hash == stayed.app_hash


def test_an_empty_tree_has_the_empty_root_and_proves_absence_by_it() -> None:
    store = TreeStore(MemoryStore(), MODULES)
    commit(store, [("bank", b"a", b"1")], 1)
    commit(store, [("bank", b"a", None)], 2)
    assert store.roots == dict.fromkeys(MODULES, EMPTY)
    assert store.prove("bank", b"a") == Absence(b"a", None, None)
    assert isinstance(store.prove("bank", b"a", 1), Membership)


def test_what_the_tree_cannot_hold_is_refused() -> None:
    store = TreeStore(MemoryStore(), MODULES)
    commit(store, [], 5)
    with pytest.raises(InvalidTreeHeight):
        store.prepare([], 5)
    with pytest.raises(UnknownModule):
        store.prepare([("mint", b"a", b"1")], 6)
    with pytest.raises(UnknownModule):
        store.prove("mint", b"a")
    for key, value in ((b"", b"1"), (b"a", b""), (bytes(65_536), b"1")):
        with pytest.raises(InvalidTreeKey):
            store.prepare([("bank", key, value)], 6)
    for name in ("", "a/b", "m" * 65):
        with pytest.raises(InvalidModuleName):
            TreeStore(MemoryStore(), (name,))
    with pytest.raises(InvalidHistory, match="1 heights: at least 2"):
        TreeStore(MemoryStore(), MODULES, keep=1)


@pytest.mark.parametrize("damage", [None, b"", b"\x07" * 40])
def test_a_missing_or_damaged_page_is_named(damage: bytes | None) -> None:
    kv = MemoryStore()
    commit(TreeStore(kv, MODULES), [("bank", b"%d" % number, b"1") for number in range(40)], 1)
    kv.write({key: damage for key, _ in list(kv.iterate(b"t/p/"))})
    with pytest.raises(BrokenTree):
        TreeStore(kv, MODULES).prove("bank", b"1")
