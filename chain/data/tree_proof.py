"""Ways through a paged state tree: the siblings of a leaf, and the leaves beside a key that is not there."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chain.data.tree import PageName
from chain.data.tree_page import SLOTS, Page, expand_bunch, get_hash, get_leaves, is_bunch, is_leaf, is_link

_KEY_BITS = 256


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf and its siblings.

    Attributes
    ----------
    node
        As it stands in its page.
    siblings
        From the top, 32 bytes each; empty ones are 32 zero bytes.
    """

    node: bytes
    siblings: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Spot:
    """A node and where it stands: `page` and `index` tell its children when it is an inner node."""

    node: bytes
    path: bytes
    page: Page
    index: int


@dataclass(frozen=True, slots=True)
class Tree:
    """One version of a tree.

    Attributes
    ----------
    read
        Gives the page of a name.
    top
        Its top node.
    """

    read: Callable[[PageName], Page]
    top: bytes

    def find(self, key_hash: bytes) -> Leaf | None:
        """Return the leaf of a hashed key, if the tree has it."""
        siblings: list[bytes] = []
        spot = self._top()
        for side in _read_bits(key_hash):
            if not spot.node or is_leaf(spot.node):
                break
            children = self._children(spot)
            siblings.append(get_hash(children[1 - side].node))
            spot = children[side]
        if is_leaf(spot.node) and spot.node[40:] == key_hash:
            return Leaf(spot.node, tuple(siblings))
        return None

    def find_beside(self, key_hash: bytes) -> tuple[bytes | None, bytes | None]:
        """Return the hashed keys before and after one that the tree does not have."""
        beside: list[Spot | None] = [None, None]
        spot = self._top()
        for side in _read_bits(key_hash):
            if not spot.node or is_leaf(spot.node):
                break
            children = self._children(spot)
            if children[1 - side].node:
                beside[1 - side] = children[1 - side]
            spot = children[side]
        if spot.node:
            beside[spot.node[40:] > key_hash] = spot
        before, after = beside
        return (
            None if before is None else self._find_edge(before, 1),
            None if after is None else self._find_edge(after, 0),
        )

    def _find_edge(self, spot: Spot, side: int) -> bytes:
        """Return the hashed key at one edge of a subtree that is not empty."""
        while not is_leaf(spot.node):
            children = self._children(spot)
            spot = children[side] if children[side].node else children[1 - side]
        return spot.node[40:]

    def _top(self) -> Spot:
        return Spot(self.top, b"", [], 0)

    def _children(self, spot: Spot) -> tuple[Spot, Spot]:
        page, index = spot.page, spot.index
        if is_link(spot.node):
            page, index = self.read(spot.node[32:] + spot.path), 1
        elif is_bunch(spot.node):
            page, index = expand_bunch(get_leaves(spot.node), len(spot.path)), 1
        left, right = (_step(page, child, spot.path) for child in (2 * index, 2 * index + 1))
        return left, right


def _step(page: Page, index: int, path: bytes) -> Spot:
    """Return the spot of a node in a page; at a slot, the way grows by its digit."""
    if index >= SLOTS:
        path += b"%x" % (index - SLOTS)
    return Spot(page[index], path, page, index)


def _read_bits(key_hash: bytes) -> Iterator[int]:
    number = int.from_bytes(key_hash, "big")
    return (number >> shift & 1 for shift in range(_KEY_BITS - 1, -1, -1))
