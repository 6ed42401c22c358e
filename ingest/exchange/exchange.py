"""What a member may ask of this installation; the portal's routes call this and nothing else.

Every call names a token; what it may see and give follows from the organisation that the token speaks for. Questions
about what is held (`missing`, `digest`) concern that organisation's records alone: they never tell what others hold.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from domain.cid import Cid
from ingest.bell import Bell
from ingest.exchange import batch
from ingest.exchange.catalogue import bring_up
from ingest.exchange.digest import MemberDigest, PrefixDigest, digest_member, digest_prefix
from ingest.exchange.errors import TokenRefused
from ingest.exchange.feed import FeedPage, feed
from ingest.exchange.members import Member, find_member
from ingest.exchange.store import Store
from ingest.exchange.taking import Outcome, open_records, take
from ingest.journal import now_ms

RECORDS: Final = "records"
"""Kind of a batch of records."""
MAX_WAIT_S: Final = 30.0
"""Longest poll: below the minute after which proxies give up on a silent request."""
MAX_WAITING: Final = 200
"""Polls that wait at once; further ones are answered at once."""


class RingingStore(Store, Protocol):
    """A journal that tells of its commits: `ingest.journal.Journal` fits."""

    @property
    def bell(self) -> Bell:
        """Rings after every commit."""
        ...


@dataclass(slots=True)
class Exchange:
    """Answers members; `ingest.exchange.store.prepare` must have run.

    Attributes
    ----------
    store
        The journal.
    clock
        Gives UTC in milliseconds.
    """

    store: RingingStore
    clock: Callable[[], int] = now_ms
    _waiting: int = 0

    async def feed(self, token: str, after: str, limit: int, *, wait_s: float, is_own: bool) -> FeedPage:
        """Return what a member may see behind a cursor, or its own alone; wait a while when there is nothing yet.

        Raises
        ------
        TokenRefused
            When the token lacks the scope ``feed``.
        InvalidFeedCursor
            When the cursor is not this server's.
        """
        member = await self._find(token, "feed")
        deadline = time.monotonic() + min(wait_s, MAX_WAIT_S)
        while True:
            seen = self.store.bell.rings
            page = await feed(self.store, member.org, after, limit, is_own=is_own)
            left = deadline - time.monotonic()
            if page.entries or left <= 0 or self._waiting >= MAX_WAITING:
                return page
            await self._wait(seen, left)

    async def digest(self, token: str) -> MemberDigest:
        """Return the digest of the member's records; scope ``export``."""
        member = await self._find(token, "export")
        await bring_up(self.store)
        return await self.store.read(lambda db: digest_member(db, member.org))

    async def prefixes(self, token: str, campaign: str, prefixes: Sequence[str]) -> tuple[PrefixDigest, ...]:
        """Return the digest of each prefix within a campaign; scope ``export``."""
        member = await self._find(token, "export")
        await bring_up(self.store)
        # One question each: a thread that reads the whole set at once would keep other readers waiting.
        return tuple([await self._digest_prefix(member.org, campaign, prefix) for prefix in prefixes])

    async def fetch(self, token: str, cids: Sequence[Cid]) -> bytes:
        """Return a batch of the member's own records, in the order of admission; those not held are left out.

        A batch ends early when it grows too large: whoever asks sees what came and asks for the rest.
        """
        member = await self._find(token, "export")
        await bring_up(self.store)
        records = await self.store.read(lambda db: select_records(db, member.org, cids))
        return batch.pack_batch(RECORDS, batch.cut(records))

    async def missing(self, token: str, cids: Sequence[Cid]) -> list[Cid]:
        """Return which of the member's records are not here; scope ``import``."""
        member = await self._find(token, "import")
        await bring_up(self.store)
        return await self.store.read(lambda db: select_missing(db, member.org, cids))

    async def take(self, token: str, archive: bytes) -> list[Outcome]:
        """Take a batch of the member's records in; scope ``import``.

        Raises
        ------
        InvalidExchange
            When the archive is not a batch; nothing of it is taken then.
        """
        member = await self._find(token, "import")
        opened = await asyncio.to_thread(lambda: open_records(batch.unpack_batch(RECORDS, archive).records))
        await bring_up(self.store)
        return await self.store.write(lambda db: take(db, opened, self.clock(), org=member.org))

    async def check(self, token: str, scope: str) -> None:
        """Return when a token holds a scope; `TokenRefused` otherwise. For before a body is read."""
        await self._find(token, scope)

    async def _find(self, token: str, scope: str) -> Member:
        if not token:
            raise TokenRefused(scope)
        return await self.store.read(lambda db: find_member(db, token, scope))

    async def _digest_prefix(self, org: str, campaign: str, prefix: str) -> PrefixDigest:
        return await self.store.read(lambda db: digest_prefix(db, org, campaign, prefix))

    async def _wait(self, seen: int, left_s: float) -> None:
        self._waiting += 1
        try:
            await self.store.bell.wait(seen, timeout_s=left_s)
        finally:
            self._waiting -= 1


def select_records(db: sqlite3.Connection, org: str, cids: Sequence[Cid]) -> list[tuple[Cid, bytes]]:
    """Return those records of an organisation that are held, in the order of admission."""
    statement = "SELECT row, raw FROM record WHERE cid = ? AND org = ?"
    found = [(db.execute(statement, (bytes(cid), org)).fetchone(), cid) for cid in dict.fromkeys(cids)]
    held = sorted((row, raw, cid) for (row, raw), cid in ((row or (0, b""), cid) for row, cid in found) if row)
    return [(cid, raw) for _, raw, cid in held]


def select_missing(db: sqlite3.Connection, org: str, cids: Sequence[Cid]) -> list[Cid]:
    """Return those records that are neither admitted for an organisation nor known to be disputed."""
    held = "SELECT 1 FROM record WHERE cid = ? AND org = ?"
    disputed = "SELECT 1 FROM exchange_dispute WHERE org = ? AND theirs = ? LIMIT 1"
    return [
        cid
        for cid in cids
        if db.execute(held, (bytes(cid), org)).fetchone() is None
        and db.execute(disputed, (org, bytes(cid))).fetchone() is None
    ]
