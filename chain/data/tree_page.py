"""Pages of the state tree: four binary levels in one record, and the hashes of ICS 23's `SmtSpec` over them.

Source: cosmos/ics23 (SmtSpec: SHA-256, leaf prefix 0x00 over H(key) and H(value), node prefix 0x01, empty child of 32
zero bytes). A leaf stands at the shortest prefix of H(key) that no other key shares.

A page is a list of 32 nodes in heap order: 1 is its top, 16 to 31 its slots, 0 is unused. What a node is shows in its
length, so that joining two needs no other mark. Only slots are stored: what stands above follows from them, and writing
it would cost more than hashing it again.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final, TypeAlias

from chain.data.smt import EMPTY, hash_inner

NOTHING: Final = b""
"""A node where no key is."""
INNER_BYTES: Final = 32
"""A node inside a page: its hash."""
LINK_BYTES: Final = 40
"""A slot under which another page stands: its top's hash, and the height at which it was written (8 bytes)."""
LEAF_BYTES: Final = 72
"""A leaf: its hash, the height at which it was written (8 bytes), and H(key)."""
SLOTS: Final = 16
MOST_BUNCHED: Final = 3
"""Leaves that stand together in one slot, behind the hash over them, without a page of their own: the lowest pages of
a large tree would hold two or three leaves each, and be most of its records. A slot's length stays within a byte."""
LEVELS: Final = 4

Page: TypeAlias = list[bytes]

_BUNCHES: Final = frozenset(INNER_BYTES + count * LEAF_BYTES for count in range(2, MOST_BUNCHED + 1))
_SLOT_LENGTHS: Final = frozenset((0, LINK_BYTES, LEAF_BYTES)) | _BUNCHES


def get_hash(node: bytes) -> bytes:
    """Return a node's hash, 32 bytes.

    Examples
    --------
    >>> get_hash(NOTHING) == EMPTY
    True
    """
    return node[:INNER_BYTES] or EMPTY


def is_leaf(node: bytes) -> bool:
    """Tell whether a node is a leaf."""
    return len(node) == LEAF_BYTES


def is_link(node: bytes) -> bool:
    """Tell whether another page stands under a node."""
    return len(node) == LINK_BYTES


def is_bunch(node: bytes) -> bool:
    """Tell whether a node is the hash over a few leaves, and these."""
    return len(node) in _BUNCHES


def get_leaves(node: bytes) -> list[bytes]:
    """Return the leaves of a bunch, by ascending key."""
    return [node[start : start + LEAF_BYTES] for start in range(INNER_BYTES, len(node), LEAF_BYTES)]


def build_bunch(leaves: list[bytes], depth: int) -> bytes:
    """Return the node of at most three leaves at a depth in pages, by ascending key."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else NOTHING
    return expand_bunch(leaves, depth)[1] + b"".join(leaves)


def expand_bunch(leaves: list[bytes], depth: int) -> Page:
    """Return the page that a bunch of leaves at a depth in pages stands for."""
    slots: list[list[bytes]] = [[] for _ in range(SLOTS)]
    for leaf in leaves:
        byte = leaf[40 + (depth >> 1)]
        slots[byte & 15 if depth & 1 else byte >> 4].append(leaf)
    return build_page(build_bunch(slot, depth + 1) if slot else NOTHING for slot in slots)


def compute_join(left: bytes, right: bytes) -> bytes:
    """Return the node over two nodes; an only leaf moves up."""
    if left and right:
        return sha256(b"\x01" + left[:32] + right[:32]).digest()
    only = left or right
    if not only or len(only) == LEAF_BYTES:
        return only
    return hash_inner(get_hash(left), get_hash(right))


def build_page(slots: Iterable[bytes]) -> Page:
    """Return the page of 16 slots."""
    page = [NOTHING] * SLOTS + list(slots)
    for index in range(SLOTS - 1, 0, -1):
        left, right = page[2 * index], page[2 * index + 1]
        if left or right:
            page[index] = compute_join(left, right)
    return page


def change_slot(page: Page, index: int) -> None:
    """Compute the nodes above one slot that was changed (by its place in the heap, 16 to 31)."""
    index >>= 1
    while index:
        left, right = page[2 * index], page[2 * index + 1]
        # Nearly all nodes have two children; a call for each would cost as much as the hash.
        page[index] = sha256(b"\x01" + left[:32] + right[:32]).digest() if left and right else compute_join(left, right)
        index >>= 1


def change_slots(page: Page, changed: Iterable[int]) -> None:
    """Compute the nodes above slots that were changed."""
    above = {index >> 1 for index in changed}
    for _ in range(LEVELS):
        for index in above:
            page[index] = compute_join(page[2 * index], page[2 * index + 1])
        above = {index >> 1 for index in above}


def encode_page(page: Page) -> bytes:
    """Return the stored form: the length of each slot in one byte, then all slots."""
    slots = page[SLOTS:]
    return bytes(map(len, slots)) + b"".join(slots)


def parse_page(raw: bytes) -> Page:
    """Return the page whose stored form is `raw`.

    Raises
    ------
    ValueError
        When the bytes are not of a page.
    """
    slots, offset = [], SLOTS
    for length in raw[:SLOTS]:
        slots.append(raw[offset : offset + length])
        offset += length
    if offset != len(raw) or len(slots) != SLOTS or not {*raw[:SLOTS]} <= _SLOT_LENGTHS:
        raise ValueError("its length is not that of its slots")
    return build_page(slots)
