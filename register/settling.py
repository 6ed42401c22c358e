"""Which records of a tree stand, in which order, and which are set aside: told from all of them, however they came.

Each record names the one before it, so the records of a code are branches. Where two servers have gone on from one
record, or begun one code, the longer branch stands, and of equally long ones that with the smaller CID; so everybody
who has the same records tells the same. The others are kept, with the rule that set them aside.

The links say what was known when; the evidence says when the tree was like that. A cloud of an earlier year may be
surveyed last: then its record stands last in the links and among the first in the tree's life.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

BEGUN_TWICE: Final = "begun-twice"
FOLLOWED_TWICE: Final = "followed-twice"
BEHIND_ONE_ASIDE: Final = "behind-one-aside"
REASONS: Final[Mapping[str, str]] = {
    BEGUN_TWICE: "another record begins the same code; it has the longer history, or the smaller name",
    FOLLOWED_TWICE: "another record follows the same one; it has the longer history, or the smaller name",
    BEHIND_ONE_ASIDE: "it goes on from a record that is set aside",
}
"""Why a record is set aside, for a person."""
_NEVER: Final = -(1 << 63)


@dataclass(frozen=True, slots=True)
class Link:
    """One record of a tree.

    Attributes
    ----------
    cid, prev
        Its name, and that of the record that it goes on from.
    seen_ms
        When its evidence was taken; absent while its survey is not known.
    """

    cid: bytes
    prev: bytes | None
    seen_ms: int | None


@dataclass(frozen=True, slots=True)
class Settled:
    """What the records of one tree come to.

    Attributes
    ----------
    life
        Those that stand, by when their evidence was taken, oldest first; of one time, by their links.
    last
        The end of the links, from which the next survey goes on.
    aside
        Those that do not stand, with the rule.
    """

    life: tuple[bytes, ...]
    last: bytes
    aside: Mapping[bytes, str]

    @property
    def latest(self) -> bytes:
        """The record of the newest evidence: what the tree is."""
        return self.life[-1]


def settle(links: Sequence[Link]) -> Settled:
    """Return what the records of one code come to; at least one, each once, in any order.

    Examples
    --------
    >>> old, new = Link(b"b", None, 2000), Link(b"c", b"b", 1990)
    >>> settle([new, old]).life, settle([new, old]).last
    ((b'c', b'b'), b'c')
    """
    by_cid = {link.cid: link for link in links}
    following: dict[bytes | None, list[bytes]] = {}
    for link in links:
        following.setdefault(link.prev if link.prev in by_cid else None, []).append(link.cid)
    order = _walk(following)
    chain = _choose_chain(following, order)
    life = _sort_by_evidence([by_cid[cid] for cid in chain])
    return Settled(life, chain[-1], _set_aside(order, chain, by_cid))


def _walk(following: Mapping[bytes | None, Sequence[bytes]]) -> list[bytes]:
    """Return all records, each behind the one that it goes on from."""
    order = list(following[None])
    for cid in order:
        order += following.get(cid, ())
    return order


def _choose_chain(following: Mapping[bytes | None, Sequence[bytes]], order: Sequence[bytes]) -> list[bytes]:
    lengths: dict[bytes, int] = {}
    for cid in reversed(order):
        lengths[cid] = 1 + max((lengths[one] for one in following.get(cid, ())), default=0)
    chain: list[bytes] = []
    choices: Sequence[bytes] = following[None]
    while choices:
        chain.append(min(choices, key=lambda cid: (-lengths[cid], cid)))
        choices = following.get(chain[-1], ())
    return chain


def _sort_by_evidence(chain: Sequence[Link]) -> tuple[bytes, ...]:
    """Return records by their evidence; one whose survey is not known counts as the newest of its time."""
    newest = _NEVER
    dated: list[tuple[int, bytes]] = []
    for link in chain:
        seen_ms = newest if link.seen_ms is None else link.seen_ms
        newest = max(newest, seen_ms)
        dated.append((seen_ms, link.cid))
    return tuple(cid for _, cid in sorted(dated, key=lambda one: one[0]))


def _set_aside(order: Sequence[bytes], chain: Sequence[bytes], by_cid: Mapping[bytes, Link]) -> dict[bytes, str]:
    stands = set(chain)
    aside: dict[bytes, str] = {}
    for cid in order:
        prev = by_cid[cid].prev
        if cid in stands:
            continue
        if prev in aside:
            aside[cid] = BEHIND_ONE_ASIDE
        else:
            aside[cid] = FOLLOWED_TWICE if prev in stands else BEGUN_TWICE
    return aside
