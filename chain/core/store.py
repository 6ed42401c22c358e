"""Committed state on a key-value store: values, tree nodes and the last height, written in one batch a block."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from chain.data.kv import KeyValueStore
from chain.data.smt import EMPTY, Node, Place, Update, find_path, hash_leaf
from chain.data.tree_store import build_module_tree
from chain.network.application import StateProof
from domain.codec import decode_map, encode

_META: Final = b"m/state"
_VALUE: Final = b"s/"
_NODE: Final = b"n/"
_LEAF, _INNER = 0, 1


@dataclass(frozen=True, slots=True)
class Pending:
    """A block's changes, computed and not yet durable.

    Attributes
    ----------
    changes
        What to write.
    roots
        Root of every module.
    app_hash
        Over them.
    """

    changes: dict[bytes, bytes | None]
    roots: dict[str, bytes]
    app_hash: bytes


class StateStore:
    """State of a fixed set of modules.

    Parameters
    ----------
    kv
        Where it is kept.
    modules
        Their names.
    """

    def __init__(self, kv: KeyValueStore, modules: Sequence[str]) -> None:
        self._kv = kv
        self._modules = tuple(sorted(modules))
        meta = decode_map(raw) if (raw := kv.get(_META)) is not None else {}
        height = meta.get("height", 0)
        self.height = height if isinstance(height, int) else 0
        self.roots = {name: self._read_root(name) for name in self._modules}

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

    def prepare(self, changes: Iterable[tuple[str, bytes, bytes | None]]) -> Pending:
        """Return what committing these changes would write, and the roots it would lead to."""
        writes: dict[bytes, bytes | None] = {}
        leaves: dict[str, dict[int, bytes | None]] = {}
        for module, key, value in changes:
            writes[_value_key(module, key)] = value
            key_hash = hashlib.sha256(key).digest()
            leaf = None if value is None else hash_leaf(key_hash, value)
            leaves.setdefault(module, {})[int.from_bytes(key_hash, "big")] = leaf
        roots = dict(self.roots)
        for module, changed in leaves.items():
            update = Update(_Nodes(self._kv, module), {})
            roots[module] = update.apply(changed)
            writes |= {_node_key(module, place): _encode_node(node) for place, node in update.changed.items()}
        return Pending(writes, roots, build_module_tree(roots).root)

    def commit(self, pending: Pending, height: int) -> None:
        """Make a block's changes durable."""
        self._kv.write({**pending.changes, _META: encode({"height": height})})
        self.height, self.roots = height, pending.roots

    def prove(self, module: str, key: bytes) -> StateProof | None:
        """Return the proof that a key has its committed value, if it has one."""
        value = self.get(module, key)
        path = find_path(_Nodes(self._kv, module), int.from_bytes(hashlib.sha256(key).digest(), "big"))
        if value is None or path is None:
            return None
        index = self._modules.index(module)
        above = build_module_tree(self.roots).path(index)
        return StateProof(
            module, key, value, path.depth, path.mask, path.siblings, index, len(self._modules), above.hashes
        )

    def _read_root(self, module: str) -> bytes:
        node = _Nodes(self._kv, module).node((0, 0))
        return EMPTY if node is None else node.hash


@dataclass(frozen=True, slots=True)
class _Nodes:
    """A module's committed tree nodes."""

    kv: KeyValueStore
    module: str

    def node(self, place: Place) -> Node | None:
        raw = self.kv.get(_node_key(self.module, place))
        if raw is None:
            return None
        return Node(raw[33:], int.from_bytes(raw[1:33], "big")) if raw[0] == _LEAF else Node(raw[1:])


def _encode_node(node: Node | None) -> bytes | None:
    if node is None:
        return None
    if node.key is None:
        return bytes((_INNER,)) + node.hash
    return bytes((_LEAF,)) + node.key.to_bytes(32, "big") + node.hash


def _value_key(module: str, key: bytes) -> bytes:
    return _VALUE + module.encode() + b"/" + key


def _node_key(module: str, place: Place) -> bytes:
    depth, bits = place
    return _NODE + module.encode() + b"/" + depth.to_bytes(2, "big") + bits.to_bytes(-(-depth // 8), "big")
