"""What two installations compare: Merkle roots over sets of CIDs, whole campaigns or those under a prefix.

Sets are sorted by the CIDs' bytes (`domain.merkle`); the root is computed leaf by leaf in O(log n) memory. A record
whose place is disputed is left out on either side: it is known to differ, and an alarm says so.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from domain.cid import DAG_CBOR, Cid
from domain.merkle import hash_leaf, hash_node
from ingest.exchange.cursors import format_cursor
from ingest.exchange.errors import InvalidExchange

EMPTY: Final = bytes(32)
"""Root of no records: no tree has it, since SHA-256 would have to give it."""
LISTED: Final = 24
"""Records under a prefix that are named in place of their root: 24 CIDs cost as much as 16 roots below it."""
MAX_PREFIX: Final = 64
"""Hexadecimal digits of a whole SHA-256."""
_HEADER: Final = bytes(Cid(DAG_CBOR, EMPTY))[:4]
"""What every record's CID begins with."""
_SET: Final = (
    "FROM exchange_entry WHERE org = ? AND campaign = ? AND cid >= ? AND cid < ?"
    " AND cid NOT IN (SELECT ours FROM exchange_dispute WHERE org = exchange_entry.org) ORDER BY cid"
)


@dataclass(frozen=True, slots=True)
class CampaignDigest:
    """All records of one campaign.

    Attributes
    ----------
    campaign
        Its id; empty for records that have none.
    count
        Records that are not disputed.
    root
        Merkle root over them, 32 bytes; `EMPTY` for none.
    """

    campaign: str
    count: int
    root: bytes


@dataclass(frozen=True, slots=True)
class MemberDigest:
    """All records of one organisation.

    Attributes
    ----------
    org
        The organisation.
    cursor
        Of the feed: every record up to it is in the digests.
    campaigns
        Digest of each campaign, in the order of their ids.
    """

    org: str
    cursor: str
    campaigns: tuple[CampaignDigest, ...]


@dataclass(frozen=True, slots=True)
class PrefixDigest:
    """The records of a campaign whose SHA-256 begins with a prefix.

    Attributes
    ----------
    prefix
        Hexadecimal digits, none for all.
    count
        How many.
    root
        Merkle root over them.
    cids
        The records themselves, ascending, where they are at most `LISTED`.
    """

    prefix: str
    count: int
    root: bytes
    cids: tuple[Cid, ...] | None


def compute_root(leaves: Iterable[bytes]) -> tuple[int, bytes]:
    """Return count and RFC 9162 root of ascending leaves, in memory that grows with the tree's height alone.

    Examples
    --------
    >>> from domain.merkle import build_tree
    >>> leaves = [bytes([n]) for n in range(11)]
    >>> compute_root(leaves) == (11, build_tree(leaves).root)
    True
    """
    stack: list[tuple[int, bytes]] = []
    count = 0
    for leaf in leaves:
        count += 1
        size, node = 1, hash_leaf(leaf)
        while stack and stack[-1][0] == size:
            node = hash_node(stack.pop()[1], node)
            size *= 2
        stack.append((size, node))
    if not stack:
        return 0, EMPTY
    root = stack.pop()[1]
    while stack:
        root = hash_node(stack.pop()[1], root)
    return count, root


def digest_campaigns(db: sqlite3.Connection, org: str) -> tuple[CampaignDigest, ...]:
    """Return the digest of each campaign of an organisation, in the order of their ids."""
    statement = "SELECT DISTINCT campaign FROM exchange_entry WHERE org = ? ORDER BY campaign"
    campaigns = [row[0] for row in db.execute(statement, (org,)).fetchall()]
    return tuple(CampaignDigest(campaign, *compute_root(_leaves(db, org, campaign, ""))) for campaign in campaigns)


def digest_member(db: sqlite3.Connection, org: str) -> MemberDigest:
    """Return the digest of an organisation's records."""
    # The row first: what is admitted meanwhile may be in the digests, never above the cursor alone.
    row = int(db.execute("SELECT coalesce(max(row), 0) FROM exchange_entry").fetchone()[0])
    return MemberDigest(org, format_cursor(db, row), digest_campaigns(db, org))


def digest_prefix(db: sqlite3.Connection, org: str, campaign: str, prefix: str) -> PrefixDigest:
    """Return the digest of the records under a prefix.

    Raises
    ------
    InvalidExchange
        When the prefix is not of hexadecimal digits.
    """
    if len(prefix) > MAX_PREFIX or not re.fullmatch("[0-9a-f]*", prefix):
        raise InvalidExchange(f"prefix {prefix[:80]!r}", f"at most {MAX_PREFIX} of 0-9 and a-f")
    first: list[bytes] = []

    def watch() -> Iterator[bytes]:
        for leaf in _leaves(db, org, campaign, prefix):
            if len(first) <= LISTED:
                first.append(leaf)
            yield leaf

    count, root = compute_root(watch())
    cids = tuple(Cid.from_bytes(leaf) for leaf in first) if count <= LISTED else None
    return PrefixDigest(prefix, count, root, cids)


def count_disputes(db: sqlite3.Connection, org: str) -> int:
    """Return how many pairs of records of an organisation stand in one place."""
    return int(db.execute("SELECT count(*) FROM exchange_dispute WHERE org = ?", (org,)).fetchone()[0])


def _leaves(db: sqlite3.Connection, org: str, campaign: str, prefix: str) -> Iterator[bytes]:
    low = _HEADER + bytes.fromhex(prefix + "0" * (MAX_PREFIX - len(prefix)))
    # One byte more than any CID has: the upper end is exclusive.
    high = _HEADER + bytes.fromhex(prefix + "f" * (MAX_PREFIX - len(prefix))) + b"\0"
    return (bytes(row[0]) for row in db.execute(f"SELECT cid {_SET}", (org, campaign, low, high)))
