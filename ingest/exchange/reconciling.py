"""Finding how two sets of records differ, in O(d log n) questions: equal ranges are passed over by their roots.

A range is the CIDs whose SHA-256 begins with some hexadecimal digits. Where the roots of a range differ it is cut in
sixteen, until one side names its few records. All ranges of one depth are asked together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from domain.cid import Cid
from ingest.exchange.digest import PrefixDigest, digest_prefix
from ingest.exchange.errors import PeerFailed
from ingest.exchange.peer import Peer
from ingest.exchange.store import Store
from ingest.exchange.wire import MAX_PREFIXES

DIGITS: Final = "0123456789abcdef"
MAX_ASKED: Final = 1 << 20
"""Ranges asked for one campaign: some 100,000 differing records of many millions. Invented roots end here."""


@dataclass(slots=True)
class Difference:
    """How two sets differ.

    Attributes
    ----------
    ours, theirs
        Records that one side alone has, ascending.
    """

    ours: list[Cid] = field(default_factory=list)
    theirs: list[Cid] = field(default_factory=list)


async def find_difference(store: Store, peer: Peer, org: str, campaign: str) -> Difference:
    """Return how a campaign's records differ here and at a peer; the index must be brought up."""
    difference = Difference()
    asked, count = [""], 0
    while asked:
        count += len(asked)
        if count > MAX_ASKED:
            raise PeerFailed(peer.url, f"campaign {campaign!r} differs in more than {MAX_ASKED} ranges")
        deeper: list[str] = []
        for start in range(0, len(asked), MAX_PREFIXES):
            some = asked[start : start + MAX_PREFIXES]
            theirs = await peer.prefixes(campaign, some)
            ours = [await _digest(store, org, campaign, prefix) for prefix in some]
            for pair in zip(ours, theirs, strict=True):
                deeper += compare(*pair, difference)
        asked = deeper
    difference.ours.sort()
    difference.theirs.sort()
    return difference


def compare(ours: PrefixDigest, theirs: PrefixDigest, difference: Difference) -> Sequence[str]:
    """Note how a range differs; return the ranges that must be asked for to know."""
    if ours.root == theirs.root:
        return ()
    if ours.cids is not None and theirs.cids is not None:
        difference.ours += set(ours.cids) - set(theirs.cids)
        difference.theirs += set(theirs.cids) - set(ours.cids)
        return ()
    return tuple(ours.prefix + digit for digit in DIGITS)


async def _digest(store: Store, org: str, campaign: str, prefix: str) -> PrefixDigest:
    return await store.read(lambda db: digest_prefix(db, org, campaign, prefix))
