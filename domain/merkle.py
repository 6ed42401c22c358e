"""Merkle trees and paths as in RFC 9162: SHA-256, leaves under 0x00, nodes under 0x01.

A tree over CIDs is built from their bytes, sorted, without doubles, so that a set of records has one root
whatever the order in which they came.
"""

import hashlib
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from domain.errors import InvalidMerklePath, InvalidMerkleTree

HASH_LENGTH: Final = 32
MAX_PATH: Final = 48
"""Longest path read: a tree of 2^48 leaves, beyond any anchor (a path costs 32 bytes a level)."""


@dataclass(frozen=True, slots=True)
class MerklePath:
    """Where a leaf stands in a tree and the hashes beside its way to the root.

    Attributes
    ----------
    index
        Position of the leaf, from 0.
    count
        Leaves of the tree, at least 1.
    hashes
        Sibling hashes from the leaf upwards, 32 bytes each (RFC 9162 section 2.1.3).
    """

    index: int
    count: int
    hashes: tuple[bytes, ...]


def hash_leaf(data: bytes) -> bytes:
    """Return the hash of a leaf.

    Examples
    --------
    >>> hash_leaf(b"").hex()
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'
    """
    return hashlib.sha256(b"\x00" + data).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node over two 32-byte hashes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class MerkleTree:
    """All levels of a tree, leaves first, so that any path is read off without hashing.

    Attributes
    ----------
    levels
        Hashes by level, from the leaves to the single root; an odd last node is carried up unchanged, which
        gives RFC 9162's tree (the left subtree is the largest power of two).
    """

    levels: tuple[tuple[bytes, ...], ...]

    @property
    def root(self) -> bytes:
        """The root, 32 bytes."""
        return self.levels[-1][0]

    @property
    def count(self) -> int:
        """Number of leaves."""
        return len(self.levels[0])

    def path(self, index: int) -> MerklePath:
        """Return the path of the leaf at `index` (from 0); `IndexError` beyond the last."""
        if not 0 <= index < self.count:
            raise IndexError(index)
        hashes = []
        position = index
        for level in self.levels[:-1]:
            sibling = position ^ 1
            if sibling < len(level):
                hashes.append(level[sibling])
            position >>= 1
        return MerklePath(index, self.count, tuple(hashes))


def build_tree(leaves: Iterable[bytes]) -> MerkleTree:
    """Return the tree over `leaves` in the order given.

    Raises
    ------
    InvalidMerkleTree
        When there is no leaf.
    """
    sha256 = hashlib.sha256
    level = [sha256(b"\x00" + leaf).digest() for leaf in leaves]
    if not level:
        raise InvalidMerkleTree("no leaves: nothing to anchor")
    levels = [tuple(level)]
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        parents = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
        if len(level) % 2:
            parents.append(level[-1])
        level = parents
        levels.append(tuple(level))
    return MerkleTree(tuple(levels))


def build_sorted_tree(leaves: Sequence[bytes]) -> MerkleTree:
    """Return the tree over `leaves`, which must be in ascending order without doubles.

    Raises
    ------
    InvalidMerkleTree
        When they are not, or there are none.
    """
    if any(left >= right for left, right in itertools.pairwise(leaves)):
        raise InvalidMerkleTree("leaves must ascend and differ")
    return build_tree(leaves)


def compute_root(leaf: bytes, path: MerklePath) -> bytes:
    """Return the root to which `path` leads from the data of a leaf (RFC 9162 section 2.1.3.2).

    Raises
    ------
    InvalidMerklePath
        When the path's index, count and length do not fit together.
    """
    if not 0 <= path.index < path.count or len(path.hashes) > MAX_PATH:
        raise InvalidMerklePath("the index must lie below the count")
    position, last = path.index, path.count - 1
    node = hash_leaf(leaf)
    for sibling in path.hashes:
        if last == 0:
            raise InvalidMerklePath("longer than the tree is high")
        if position % 2 or position == last:
            node = hash_node(sibling, node)
            while position % 2 == 0 and position:
                position, last = position >> 1, last >> 1
        else:
            node = hash_node(node, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise InvalidMerklePath("shorter than the tree is high")
    return node


def verify_path(leaf: bytes, path: MerklePath, root: bytes) -> None:
    """Return when `path` leads from the data of a leaf to `root`.

    Raises
    ------
    InvalidMerklePath
        When it leads elsewhere or its shape is impossible.
    """
    if compute_root(leaf, path) != root:
        raise InvalidMerklePath("it leads to another root")
