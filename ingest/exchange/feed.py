"""The change feed: what a member may see, in the order of admission, without gaps.

Rows are given by one writer in the order of its commits, and a reader sees whole commits only; so whoever has read up
to a row has read everything that will ever stand below it.
"""

import sqlite3
from dataclasses import dataclass
from typing import Final

from domain.cid import Cid
from ingest.exchange.batch import MAX_RECORD_BYTES, MAX_RECORDS, pack_batch
from ingest.exchange.catalogue import ALL, OWN, bring_up
from ingest.exchange.cursors import format_cursor, parse_cursor
from ingest.exchange.store import Store

KIND: Final = "feed"
MAX_LIMIT: Final = MAX_RECORDS

_SELECT: Final = (
    "SELECT entry.row, entry.cid, entry.kind, entry.org, entry.campaign, record.received_ms, record.raw"
    " FROM exchange_entry AS entry JOIN record ON record.row = entry.row"
    " WHERE entry.row > :after AND entry.row <= :until AND (entry.org = :org OR entry.audience > :others)"
    " ORDER BY entry.row LIMIT :most"
)


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One admitted record.

    Attributes
    ----------
    row
        Its place in the server's order of admission.
    cid, kind, org, campaign
        What it is; the campaign is empty where the kind has none.
    received_ms
        When it was admitted, UTC.
    raw
        Its envelope.
    """

    row: int
    cid: Cid
    kind: str
    org: str
    campaign: str
    received_ms: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class FeedPage:
    """A page of the feed.

    Attributes
    ----------
    entries
        In the order of admission.
    cursor
        What to ask the next page by; also behind an empty page.
    has_more
        Whether a next page can be had now.
    """

    entries: tuple[FeedEntry, ...]
    cursor: str
    has_more: bool

    def pack(self) -> bytes:
        """Return the page as a CAR, its cursor in the root."""
        records = [(entry.cid, entry.raw) for entry in self.entries]
        return pack_batch(KIND, records, {"cursor": self.cursor, "has_more": self.has_more})


async def feed(store: Store, org: str, after: str, limit: int, *, is_own: bool = False) -> FeedPage:
    """Return what an organisation may see behind a cursor; with `is_own`, its own records alone.

    Raises
    ------
    InvalidFeedCursor
        When the cursor is not this server's.
    """
    await bring_up(store)
    return await store.read(lambda db: read_feed(db, org, parse_cursor(db, after), limit, is_own=is_own))


def read_feed(db: sqlite3.Connection, org: str, after: int, limit: int, *, is_own: bool = False) -> FeedPage:
    """Return the page behind a row; the index must be brought up before."""
    # Asked first: whatever is committed while the page is read belongs to the next one.
    until = int(db.execute("SELECT coalesce(max(row), 0) FROM exchange_entry").fetchone()[0])
    limit = max(1, min(limit, MAX_LIMIT))
    others = ALL if is_own else OWN
    values = {"after": after, "until": until, "org": org, "others": others, "most": limit + 1}
    entries: list[FeedEntry] = []
    size, has_more = 0, False
    for row, cid, kind, whose, campaign, received_ms, raw in db.execute(_SELECT, values):
        size += len(raw)
        if len(entries) >= limit or (entries and size > MAX_RECORD_BYTES):
            has_more = True
            break
        entries.append(FeedEntry(row, Cid.from_bytes(cid), kind, whose, campaign, received_ms, raw))
    # Behind the last page the cursor passes what is private to others, so that it is not looked through again.
    row = entries[-1].row if has_more else max(until, after)
    return FeedPage(tuple(entries), format_cursor(db, row), has_more)
