"""Committed state: values, one paged tree a module, and the last heights' trees for proofs; one atomic batch a block.

Records, all in one key-value store (heights are 8 bytes, so that what a block writes lies together):

=====================================  ==================================================================
``s/`` module ``/`` key                the value as last committed
``t/p/`` height module ``/`` digits    a page written at that height
``t/l/`` height module ``/`` H(key)    a leaf written at that height: its key (2 bytes of length) and value
``t/h/`` height                        top node of every module's tree
``t/s/`` height                        the height that followed, and the records that no later height needs
``t/m``                                last height, and the oldest that proofs can be made for
=====================================  ==================================================================
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from chain.data.kv import KeyValueStore
from chain.data.smt import hash_leaf
from chain.data.tree import Batch, PageName
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
from domain.codec import decode_map, encode
from domain.merkle import MerklePath, MerkleTree, build_tree

KEEP: Final = 100
"""Heights that proofs can be made for: minutes of a busy chain, so that who got a header can still ask for state."""
CACHED_PAGES: Final = 32_768
"""Pages held ready, those used last, 1.9 to 2.5 KB each: about 80 MB at most."""
MAX_KEY_BYTES: Final = 65_535
"""A key's length stands in two bytes."""
MAX_MODULE_BYTES: Final = 64
"""A module's name has its length in one byte, and in each of the tree's records."""
LEAST_KEPT: Final = 2
"""A block prunes what the blocks before it listed, so that the last two heights always stay."""
_PRUNED_AT_ONCE: Final = 2
"""Heights pruned with a block: two, so that a shorter history is reached by and by, and no block waits long."""

_META: Final = b"t/m"
_VALUE: Final = b"s/"
_PAGE: Final = b"t/p/"
_LEAF: Final = b"t/l/"
_TOPS: Final = b"t/h/"
_STALE: Final = b"t/s/"


@dataclass(frozen=True, slots=True)
class PendingState:
    """A block's changes, computed and not yet durable.

    Attributes
    ----------
    height
        Of the block.
    base
        Last height committed when it was computed: it can follow no other.
    writes
        What to write; None deletes.
    tops
        Top node of every module's tree.
    app_hash
        Over their hashes, 32 bytes.
    oldest
        Oldest height that proofs can be made for afterwards.
    pages
        What was written, by its record's key.
    stale
        Records that only older heights need.
    """

    height: int
    base: int
    writes: dict[bytes, bytes | None]
    tops: Mapping[str, bytes]
    app_hash: bytes
    oldest: int
    pages: Mapping[bytes, Page] = field(repr=False)
    stale: Sequence[bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Membership:
    """A key and its value at a height.

    Attributes
    ----------
    key, value
        Neither is empty.
    siblings
        From the top of the module's tree to the leaf, 32 bytes each; empty ones are 32 zero bytes.
    """

    key: bytes
    value: bytes
    siblings: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Absence:
    """A key that has no value at a height.

    Attributes
    ----------
    key
        Which.
    left, right
        The members whose hashed keys stand just before and after it; both are absent only in an empty tree.
    """

    key: bytes
    left: Membership | None
    right: Membership | None


@dataclass(frozen=True, slots=True)
class ModuleProof:
    """A module's root under the application hash.

    Attributes
    ----------
    module, root
        Its name, and the root of its tree (32 bytes).
    path
        From its leaf upwards.
    """

    module: str
    root: bytes
    path: MerklePath


class TreeStore:
    """State of a fixed set of modules.

    Parameters
    ----------
    kv
        Where it is kept; what a block writes goes there in one batch.
    modules
        Their names, 1 to 64 bytes each.
    keep
        Heights that proofs can be made for, at least 2.
    cached_pages
        Pages held ready, those used last.

    Raises
    ------
    InvalidModuleName, InvalidHistory
        When names or `keep` are not such.
    """

    def __init__(
        self, kv: KeyValueStore, modules: Sequence[str], *, keep: int = KEEP, cached_pages: int = CACHED_PAGES
    ) -> None:
        for name in modules:
            if not 0 < len(name.encode()) <= MAX_MODULE_BYTES or "/" in name:
                raise InvalidModuleName(name, MAX_MODULE_BYTES)
        if keep < LEAST_KEPT:
            raise InvalidHistory(keep, LEAST_KEPT)
        self._kv, self._keep, self._most = kv, keep, cached_pages
        self._modules = tuple(sorted(modules))
        self._cache: OrderedDict[bytes, Page] = OrderedDict()
        raw = kv.get(_META)
        meta = {"height": 0, "oldest": 0} if raw is None else _parse_numbers(_META, raw)
        self.height, self.oldest = meta["height"], meta["oldest"]
        self._tops = dict.fromkeys(self._modules, NOTHING)
        if raw is not None:
            self._tops |= self._read_tops(self.height)

    @property
    def roots(self) -> dict[str, bytes]:
        """Root of every module's tree as last committed, 32 bytes each."""
        return {name: get_hash(top) for name, top in self._tops.items()}

    @property
    def app_hash(self) -> bytes:
        """Root over the modules as last committed, 32 bytes."""
        return build_module_tree(self.roots).root

    def get(self, module: str, key: bytes) -> bytes | None:
        """Return the committed value of a key, if it has one."""
        return self._kv.get(_value_key(module, key))

    def iterate(self, module: str, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield a module's committed keys that begin with `prefix` and their values, by ascending key."""
        start = _value_key(module, b"")
        for key, value in self._kv.iterate(start + prefix):
            yield key[len(start) :], value

    def prepare(self, changes: Iterable[tuple[str, bytes, bytes | None]], height: int) -> PendingState:
        """Return what committing these changes at a height would write, and the roots it would lead to.

        Raises
        ------
        InvalidTreeHeight, InvalidTreeKey, UnknownModule
            When the height does not follow the last one, or a key cannot stand in the tree.
        """
        if height <= self.height:
            raise InvalidTreeHeight(height, self.height)
        writes: dict[bytes, bytes | None] = {}
        leaves = self._sort_changes(changes, _encode_height(height), writes)
        tops, pages, stale = dict(self._tops), dict[bytes, Page](), list[bytes]()
        for module, changed in leaves.items():
            batch = Batch(_Reader(self, module), _encode_height(height))
            tops[module] = batch.apply(tops[module], sorted(changed.items()))
            pages |= {_page_key(module, name): page for name, page in batch.pages.items()}
            stale += [_page_key(module, name) for name in batch.stale_pages]
            stale += [_leaf_key(module, name) for name in batch.stale_leaves]
        writes |= {key: encode_page(page) for key, page in pages.items()}
        oldest = self._write_history(writes, tops, stale, height)
        roots = {name: get_hash(top) for name, top in tops.items()}
        return PendingState(height, self.height, writes, tops, build_module_tree(roots).root, oldest, pages, stale)

    def commit(self, pending: PendingState) -> None:
        """Make a block's changes durable.

        Raises
        ------
        StaleState
            When another block was committed since they were prepared: they would undo parts of it.
        """
        if pending.base != self.height:
            raise StaleState(pending.height, pending.base, self.height)
        self._kv.write(pending.writes)
        self.height, self.oldest, self._tops = pending.height, pending.oldest, dict(pending.tops)
        for key in pending.stale:
            self._cache.pop(key, None)
        for key, page in pending.pages.items():
            self._hold(key, page)

    def prove(self, module: str, key: bytes, height: int | None = None) -> Membership | Absence:
        """Return the proof of a key's value, or that it has none, at a height (the last one if not told).

        Raises
        ------
        HeightNotKept, UnknownModule
            When there is no such state.
        """
        tree = Tree(_Reader(self, module), self._get_top(module, self.height if height is None else height))
        key_hash = hashlib.sha256(key).digest()
        if tree.find(key_hash) is not None:
            return self._tell(tree, module, key_hash)
        left, right = (
            None if beside is None else self._tell(tree, module, beside) for beside in tree.find_beside(key_hash)
        )
        return Absence(key, left, right)

    def prove_module(self, module: str, height: int | None = None) -> ModuleProof:
        """Return the proof of a module's root under the application hash of a height."""
        height = self.height if height is None else height
        top = self._get_top(module, height)
        roots = {name: get_hash(one) for name, one in self._get_tops(height).items()}
        path = build_module_tree(roots).path(sorted(roots).index(module))
        return ModuleProof(module, get_hash(top), path)

    def read_page(self, key: bytes) -> Page:
        """Return a page by its record's key; not to be changed."""
        page = self._cache.get(key)
        if page is not None:
            self._cache.move_to_end(key)
            return page
        raw = self._kv.get(key)
        if raw is None:
            raise BrokenTree(key, "it is missing")
        try:
            page = parse_page(raw)
        except ValueError as error:
            raise BrokenTree(key, str(error)) from error
        self._hold(key, page)
        return page

    def _hold(self, key: bytes, page: Page) -> None:
        self._cache[key] = page
        if len(self._cache) > self._most:
            self._cache.popitem(last=False)

    def _sort_changes(
        self, changes: Iterable[tuple[str, bytes, bytes | None]], height: bytes, writes: dict[bytes, bytes | None]
    ) -> dict[str, dict[bytes, bytes]]:
        """Return the changed leaves of every module by hashed key in hex; note the values' records."""
        last = {(module, key): value for module, key, value in changes}
        leaves: dict[str, dict[bytes, bytes]] = {}
        for (module, key), value in last.items():
            _validate_change(self._tops, module, key, value)
            key_hash = hashlib.sha256(key).digest()
            leaf = NOTHING
            writes[_value_key(module, key)] = value
            if value is not None:
                leaf = hash_leaf(key_hash, value) + height + key_hash
                writes[_leaf_key(module, leaf[32:])] = len(key).to_bytes(2, "big") + key + value
            leaves.setdefault(module, {})[key_hash.hex().encode()] = leaf
        return leaves

    def _write_history(
        self, writes: dict[bytes, bytes | None], tops: Mapping[str, bytes], stale: list[bytes], height: int
    ) -> int:
        """Note a block's records of history and prune the oldest; return the oldest height that stays."""
        writes[_TOPS + _encode_height(height)] = encode(dict(tops))
        listed = b"".join(bytes((len(key),)) + key for key in stale)
        oldest = self.oldest or height
        if self.height:
            writes[_STALE + _encode_height(self.height)] = _encode_height(height) + listed
        for _ in range(_PRUNED_AT_ONCE):
            # What the last block made stale is not on the disk before this batch is.
            if oldest > height - self._keep or oldest >= self.height:
                break
            oldest = self._prune(writes, oldest)
        writes[_META] = encode({"height": height, "oldest": oldest})
        return oldest

    def _prune(self, writes: dict[bytes, bytes | None], height: int) -> int:
        """Delete what only a height needs; return the next one."""
        key = _STALE + _encode_height(height)
        raw = self._kv.get(key)
        if raw is None:
            raise BrokenTree(key, "it is missing")
        offset = 8
        while offset < len(raw):
            end = offset + 1 + raw[offset]
            writes[raw[offset + 1 : end]] = None
            offset = end
        writes |= {key: None, _TOPS + _encode_height(height): None}
        return int.from_bytes(raw[:8], "big")

    def _tell(self, tree: Tree, module: str, key_hash: bytes) -> Membership:
        leaf = tree.find(key_hash)
        assert leaf is not None, key_hash  # noqa: S101  # it was found before
        name = _leaf_key(module, leaf.node[32:])
        raw = self._kv.get(name)
        if raw is None:
            raise BrokenTree(name, "it is missing")
        end = 2 + int.from_bytes(raw[:2], "big")
        return Membership(raw[2:end], raw[end:], leaf.siblings)

    def _get_top(self, module: str, height: int) -> bytes:
        tops = self._get_tops(height)
        if module not in tops:
            raise UnknownModule(module)
        return tops[module]

    def _get_tops(self, height: int) -> Mapping[str, bytes]:
        return self._tops if height == self.height else self._read_tops(height)

    def _read_tops(self, height: int) -> dict[str, bytes]:
        in_range = self.oldest <= height <= self.height
        raw = self._kv.get(_TOPS + _encode_height(height)) if in_range else None
        if raw is None:
            raise HeightNotKept(height, self.oldest, self.height)
        return {name: top for name, top in decode_map(raw).items() if isinstance(top, bytes)}


@dataclass(frozen=True, slots=True)
class _Reader:
    """A module's pages."""

    store: TreeStore
    module: str

    def __call__(self, name: PageName) -> Page:
        return self.store.read_page(_page_key(self.module, name))


def encode_module_leaf(name: str, root: bytes) -> bytes:
    """Return the data of a module's leaf under the application hash (docs/formats.md, "State")."""
    raw = name.encode()
    return bytes((len(raw),)) + raw + b"\x20" + hashlib.sha256(root).digest()


def build_module_tree(roots: Mapping[str, bytes]) -> MerkleTree:
    """Return the Tendermint simple Merkle tree over modules' roots, by name."""
    return build_tree(encode_module_leaf(name, roots[name]) for name in sorted(roots))


def _validate_change(tops: Mapping[str, bytes], module: str, key: bytes, value: bytes | None) -> None:
    if module not in tops:
        raise UnknownModule(module)
    if not 0 < len(key) <= MAX_KEY_BYTES:
        raise InvalidTreeKey(key, f"it must have 1 to {MAX_KEY_BYTES} bytes")
    if value == b"":
        raise InvalidTreeKey(key, "its value must not be empty, since ICS 23 proves no empty value")


def _parse_numbers(name: bytes, raw: bytes) -> dict[str, int]:
    found = {key: value for key, value in decode_map(raw).items() if isinstance(value, int)}
    if not {"height", "oldest"} <= found.keys():
        raise BrokenTree(name, "a height is missing")
    return found


def _encode_height(height: int) -> bytes:
    return height.to_bytes(8, "big")


def _value_key(module: str, key: bytes) -> bytes:
    return _VALUE + module.encode() + b"/" + key


def _page_key(module: str, name: bytes) -> bytes:
    return _PAGE + name[:8] + module.encode() + b"/" + name[8:]


def _leaf_key(module: str, name: bytes) -> bytes:
    return _LEAF + name[:8] + module.encode() + b"/" + name[8:]
