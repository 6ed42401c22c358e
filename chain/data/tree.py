"""One batch of changes to a compressed sparse Merkle tree that is kept in pages.

Pages are never changed in place: a batch writes new ones under its height, so that an older root still leads to the
older pages. What only older roots lead to is listed, for pruning.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from chain.data.tree_page import (
    LEAF_BYTES,
    LINK_BYTES,
    MOST_BUNCHED,
    NOTHING,
    SLOTS,
    Page,
    build_bunch,
    build_page,
    change_slot,
    change_slots,
    get_leaves,
    is_leaf,
    is_link,
)

PageName: TypeAlias = bytes
"""Height at which the page was written (8 bytes), then a lower-case hex digit a page on the way to it."""
LeafName: TypeAlias = bytes
"""Height at which the leaf was written (8 bytes), then H(key)."""
Change: TypeAlias = tuple[bytes, bytes]
"""H(key) in lower-case hex digits, and its new leaf, or nothing."""

_NIBBLE = {ord(digit): value for value, digit in enumerate("0123456789abcdef")}


@dataclass(slots=True)
class Batch:
    """Changes to one tree at one height.

    Attributes
    ----------
    read
        Gives the page of a name; never changed by a batch.
    height
        Of the batch, 8 bytes, higher than that of all it reads.
    pages
        What it wrote.
    stale_pages, stale_leaves
        What the new root no longer leads to.
    """

    read: Callable[[PageName], Page]
    height: bytes
    pages: dict[PageName, Page] = field(default_factory=dict)
    stale_pages: list[PageName] = field(default_factory=list)
    stale_leaves: list[LeafName] = field(default_factory=list)

    def apply(self, top: bytes, changes: list[Change]) -> bytes:
        """Return the tree's new top node.

        Parameters
        ----------
        top
            Its present one.
        changes
            By ascending key, each key once.
        """
        return self._change(top, 0, changes) if changes else top

    def _change(self, node: bytes, depth: int, changes: list[Change]) -> bytes:
        if len(node) == LINK_BYTES:
            return self._change_page(node, depth, changes)
        if len(node) == LEAF_BYTES:
            return self._change_leaves([node], depth, changes)
        return self._change_leaves(get_leaves(node), depth, changes)

    def _change_leaves(self, held: list[bytes], depth: int, changes: list[Change]) -> bytes:
        """Return the node over leaves that stand without a page, after changes."""
        if not held:
            return self._build(depth, [change for change in changes if change[1]])
        leaves = {leaf[40:].hex().encode(): leaf for leaf in held}
        for digits, leaf in changes:
            if digits in leaves:
                self.stale_leaves.append(leaves.pop(digits)[32:])
            if leaf:
                leaves[digits] = leaf
        return self._build(depth, sorted(leaves.items()))

    def _change_page(self, link: bytes, depth: int, changes: list[Change]) -> bytes:
        name = link[32:] + changes[0][0][:depth]
        page = self.read(name).copy()
        if len(changes) == 1:
            return self._change_one(link, depth, changes, page)
        changed = []
        for slot, group in _split(depth, changes):
            node = self._change(page[slot], depth + 1, group)
            if node != page[slot]:
                page[slot] = node
                changed.append(slot)
        if not changed:
            return link
        change_slots(page, changed)
        self.stale_pages.append(name)
        return self._keep(page, changes[0][0][:depth])

    def _change_one(self, link: bytes, depth: int, changes: list[Change], page: Page) -> bytes:
        """Change one key below a page: what nearly all pages of a large tree see of a batch."""
        digits = changes[0][0]
        slot = SLOTS + _NIBBLE[digits[depth]]
        node = self._change(page[slot], depth + 1, changes)
        if node == page[slot]:
            return link
        page[slot] = node
        change_slot(page, slot)
        self.stale_pages.append(link[32:] + digits[:depth])
        return self._keep(page, digits[:depth])

    def _build(self, depth: int, leaves: list[Change]) -> bytes:
        """Return the node over leaves where no page stands."""
        if len(leaves) <= MOST_BUNCHED:
            return build_bunch([leaf for _, leaf in leaves], depth)
        slots = [NOTHING] * SLOTS
        for slot, group in _split(depth, leaves):
            slots[slot - SLOTS] = self._build(depth + 1, group)
        return self._keep(build_page(slots), leaves[0][0][:depth])

    def _keep(self, page: Page, path: bytes) -> bytes:
        """Return the node of a page: itself, unless so few leaves are left that they need none."""
        slots = [slot for slot in page[SLOTS:] if slot]
        if len(slots) <= MOST_BUNCHED and not any(map(is_link, slots)):
            leaves = [leaf for slot in slots for leaf in ([slot] if is_leaf(slot) else get_leaves(slot))]
            if len(leaves) <= MOST_BUNCHED:
                return build_bunch(leaves, len(path))
        self.pages[self.height + path] = page
        return page[1] + self.height


def _split(depth: int, changes: list[Change]) -> list[tuple[int, list[Change]]]:
    """Return changes by the slot under which they fall, by ascending slot."""
    if len(changes) == 1:
        return [(SLOTS + _NIBBLE[changes[0][0][depth]], changes)]
    groups: dict[int, list[Change]] = {}
    for change in changes:
        groups.setdefault(change[0][depth], []).append(change)
    return [(SLOTS + _NIBBLE[digit], group) for digit, group in groups.items()]
