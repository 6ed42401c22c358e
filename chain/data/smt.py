"""Compressed sparse Merkle trees, batched: ICS 23's `SmtSpec` over any node store.

Source: cosmos/ics23 (SmtSpec: SHA-256, leaf prefix 0x00 over H(key) and H(value), node prefix 0x01, empty child of
32 zero bytes). A leaf stands at the shortest prefix of H(key) that no other key shares, so a tree of n keys is about
log2(n) high. Nodes are stored by their place, as a batch of changes touches each once.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias, TypeVar

EMPTY: Final = bytes(32)
"""Hash of an empty child, and root of an empty tree."""
HEIGHT: Final = 256

T = TypeVar("T")
Place: TypeAlias = tuple[int, int]
"""A node's place: its depth (0 is the root) and the first `depth` bits of the keys below it."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node that exists.

    Attributes
    ----------
    hash
        32 bytes.
    key
        Of a leaf: H(key), as a number; of an inner node: absent.
    """

    hash: bytes
    key: int | None = None


class NodeSource(Protocol):
    """Where a tree's nodes are read."""

    def node(self, place: Place) -> Node | None:
        """Return the node at a place, if there is one."""
        ...


def hash_leaf(key_hash: bytes, value: bytes) -> bytes:
    """Return the hash of the leaf of a hashed key (32 bytes) and its value."""
    return hashlib.sha256(b"\x00" + key_hash + hashlib.sha256(value).digest()).digest()


def hash_inner(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node over its children's hashes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(slots=True)
class Update:
    """One batch of changes to a tree: what it reads, and the nodes that it changes."""

    source: NodeSource
    changed: dict[Place, Node | None]

    def apply(self, changes: Mapping[int, bytes | None]) -> bytes:
        """Return the new root after leaves (by hashed key, as numbers) were set to hashes or removed (None)."""
        if not changes:
            root = self._get((0, 0))
            return EMPTY if root is None else root.hash
        root = self._change((0, 0), sorted(changes.items()))
        return EMPTY if root is None else root.hash

    def _get(self, place: Place) -> Node | None:
        return self.changed[place] if place in self.changed else self.source.node(place)

    def _change(self, place: Place, changes: list[tuple[int, bytes | None]]) -> Node | None:
        node = self._get(place)
        if node is not None and node.key is None:
            left, right = _split(place[0], changes)
            return self._join(place, self._child(place, 0, left), self._child(place, 1, right))
        leaves = {} if node is None or node.key is None else {node.key: node.hash}
        for key, leaf in changes:
            if leaf is None:
                leaves.pop(key, None)
            else:
                leaves[key] = leaf
        return self._build(place, sorted(leaves.items()))

    def _child(self, place: Place, side: int, changes: list[tuple[int, bytes | None]]) -> Node | None:
        child = _below(place, side)
        return self._change(child, changes) if changes else self._get(child)

    def _join(self, place: Place, left: Node | None, right: Node | None) -> Node | None:
        """Set the node over two children; an only leaf moves up into its place."""
        only = left if right is None else right if left is None else None
        if only is not None and only.key is not None:
            self.changed[_below(place, 0 if right is None else 1)] = None
            return self._set(place, only)
        if left is None and right is None:
            return self._set(place, None)
        hashes = (EMPTY if left is None else left.hash, EMPTY if right is None else right.hash)
        return self._set(place, Node(hash_inner(*hashes)))

    def _build(self, place: Place, leaves: list[tuple[int, bytes]]) -> Node | None:
        """Set the subtree of these leaves at a place where no inner node stands."""
        if len(leaves) <= 1:
            return self._set(place, Node(leaves[0][1], leaves[0][0]) if leaves else None)
        left, right = _split(place[0], leaves)
        return self._join(place, self._build(_below(place, 0), left), self._build(_below(place, 1), right))

    def _set(self, place: Place, node: Node | None) -> Node | None:
        self.changed[place] = node
        return node


@dataclass(frozen=True, slots=True)
class SmtPath:
    """Siblings on the way from the root to a leaf.

    Attributes
    ----------
    depth
        Nodes above the leaf.
    mask
        Which siblings are not empty: bit ``i & 7`` of byte ``i >> 3`` for the sibling at depth ``i + 1``.
    siblings
        Those, from the top.
    """

    depth: int
    mask: bytes
    siblings: tuple[bytes, ...]


def find_path(source: NodeSource, key: int) -> SmtPath | None:
    """Return the path of a hashed key's leaf, if the tree has it."""
    siblings: list[bytes] = []
    place: Place = (0, 0)
    node = source.node(place)
    while node is not None and node.key is None:
        side = _bit(key, place[0])
        beside = source.node(_below(place, 1 - side))
        siblings.append(EMPTY if beside is None else beside.hash)
        place = _below(place, side)
        node = source.node(place)
    if node is None or node.key != key:
        return None
    mask = bytearray(-(-len(siblings) // 8))
    for index, sibling in enumerate(siblings):
        if sibling != EMPTY:
            mask[index >> 3] |= 1 << (index & 7)
    return SmtPath(len(siblings), bytes(mask), tuple(sibling for sibling in siblings if sibling != EMPTY))


def _bit(key: int, depth: int) -> int:
    return key >> (HEIGHT - 1 - depth) & 1


def _below(place: Place, side: int) -> Place:
    return place[0] + 1, place[1] << 1 | side


def _split(depth: int, items: list[tuple[int, T]]) -> tuple[list[tuple[int, T]], list[tuple[int, T]]]:
    """Return items whose key turns left at a depth, and those that turn right."""
    left = [item for item in items if not _bit(item[0], depth)]
    return left, [item for item in items if _bit(item[0], depth)]
