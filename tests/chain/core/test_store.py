"""Committed state: its root is docs/formats.md's, and every entry has a proof that leads to it."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.core.store import StateStore
from chain.data.memory import MemoryStore
from chain.data.smt import EMPTY, hash_inner, hash_leaf
from chain.data.tree_store import build_module_tree, encode_module_leaf
from chain.network.forms import compute_merkle_root
from chain.proof import compute_state_root

MODULES = ("anchor", "auth", "bank", "registry")
CHANGES = st.dictionaries(
    st.tuples(st.sampled_from(MODULES), st.integers(0, 20).map(lambda number: b"k%d" % number)),
    st.none() | st.binary(max_size=4),
    max_size=12,
)
Changes = dict[tuple[str, bytes], bytes | None]


def commit(store: StateStore, changes: Changes, height: int) -> None:
    pending = store.prepare((module, key, value) for (module, key), value in changes.items())
    store.commit(pending, height)


@given(st.lists(CHANGES, min_size=1, max_size=4))
def test_every_entry_has_a_proof_and_nothing_else_has(batches: list[Changes]) -> None:
    store = StateStore(MemoryStore(), MODULES)
    model: dict[tuple[str, bytes], bytes] = {}
    for height, batch in enumerate(batches, start=1):
        commit(store, batch, height)
        model |= {place: value for place, value in batch.items() if value is not None}
        model = {place: value for place, value in model.items() if batch.get(place, b"") is not None}
    for module in MODULES:
        for key in (b"k%d" % number for number in range(21)):
            proof = store.prove(module, key)
            if (module, key) not in model:
                assert proof is None
                continue
            assert proof is not None
            assert (proof.module, proof.key, proof.value) == (module, key, model[module, key])
            assert compute_state_root(proof) == store.app_hash


@given(CHANGES)
def test_the_state_reached_does_not_depend_on_the_way(changes: Changes) -> None:
    at_once, one_by_one = StateStore(MemoryStore(), MODULES), StateStore(MemoryStore(), MODULES)
    commit(at_once, changes, 1)
    for place, value in reversed(changes.items()):
        commit(one_by_one, {place: b"old"}, 1)
        commit(one_by_one, {place: value}, 1)
    assert one_by_one.app_hash == at_once.app_hash


def test_the_root_of_two_keys_is_the_one_done_by_hand() -> None:
    # H("b") = 3e…, H("c") = 2e…: 0011… and 0010…, which part at the fourth bit.
    store = StateStore(MemoryStore(), ("m",))
    commit(store, {("m", b"b"): b"1", ("m", b"c"): b"2"}, 1)
    one, two = (hash_leaf(hashlib.sha256(key).digest(), value) for key, value in ((b"b", b"1"), (b"c", b"2")))
    assert hashlib.sha256(b"b").digest()[0] == 0x3E
    assert hashlib.sha256(b"c").digest()[0] == 0x2E
    root = hash_inner(hash_inner(hash_inner(EMPTY, hash_inner(two, one)), EMPTY), EMPTY)
    leaf = b"\x01m\x20" + hashlib.sha256(root).digest()
    assert store.app_hash == hashlib.sha256(b"\x00" + leaf).digest()


def test_the_application_hash_is_tendermints_merkle_root_over_modules_by_name() -> None:
    roots = {"registry": bytes([1] * 32), "bank": bytes([2] * 32), "auth": EMPTY}
    leaves = [
        bytes([len(name)]) + name.encode() + b"\x20" + hashlib.sha256(roots[name]).digest()
        for name in ("auth", "bank", "registry")
    ]
    assert [encode_module_leaf(name, roots[name]) for name in sorted(roots)] == leaves
    assert build_module_tree(roots).root == compute_merkle_root(leaves)


def test_a_store_opened_again_has_height_roots_and_values() -> None:
    kv = MemoryStore()
    store = StateStore(kv, MODULES)
    commit(store, {("bank", b"b"): b"1", ("anchor", b"a"): b"2"}, 7)
    again = StateStore(kv, MODULES)
    assert (again.height, again.roots, again.app_hash) == (7, store.roots, store.app_hash)
    assert again.get("bank", b"b") == b"1"
    assert again.get("anchor", b"b") is None


def test_walking_stays_within_module_and_prefix() -> None:
    store = StateStore(MemoryStore(), ("a", "ab"))
    commit(store, {("a", b"k/1"): b"1", ("a", b"k/2"): b"2", ("a", b"l"): b"3", ("ab", b"k/3"): b"4"}, 1)
    assert list(store.iterate("a", b"k/")) == [(b"k/1", b"1"), (b"k/2", b"2")]
    assert list(store.iterate("ab", b"")) == [(b"k/3", b"4")]


@pytest.mark.parametrize("field", ["key", "value", "module"])
def test_a_proof_of_something_else_leads_elsewhere(field: str) -> None:
    store = StateStore(MemoryStore(), MODULES)
    commit(store, {("bank", b"b"): b"1", ("bank", b"c"): b"2", ("anchor", b"b"): b"1"}, 1)
    proof = store.prove("bank", b"b")
    assert proof is not None
    fields = {name: getattr(proof, name) for name in type(proof).__slots__}
    fields[field] = {"key": b"c", "value": b"2", "module": "anchor"}[field]
    assert compute_state_root(type(proof)(**fields)) != store.app_hash
