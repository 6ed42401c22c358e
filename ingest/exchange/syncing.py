"""Two installations exchange an organisation's records until they agree.

Both sides compare digests. Where they differ, each side's news go over by cursor, theirs pulled, ours pushed, and a
cursor is kept once the records that it passes are. What differs then is found by a search in ranges and goes over too.
Whatever kills it, running it again gives the same result: a record's CID is its identity, so what came back on a loop
is known and changes nothing.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from domain.cid import Cid
from ingest.exchange import batch
from ingest.exchange.catalogue import bring_up
from ingest.exchange.digest import CampaignDigest, count_disputes, digest_campaigns
from ingest.exchange.errors import InvalidExchange, PeerFailed
from ingest.exchange.exchange import RECORDS, select_missing, select_records
from ingest.exchange.feed import read_feed
from ingest.exchange.peer import CursorLost, Peer
from ingest.exchange.reconciling import Difference, find_difference
from ingest.exchange.store import Store
from ingest.exchange.taking import Outcome, open_records, take

MAX_ROUNDS: Final = 4
"""Searches for differences in one run: a record may have to wait for its survey, that for its key, and no longer."""
MAX_PAGES: Final = 200_000
"""Pages of a feed read in one run: 200 million records; a feed that never ends is not followed further."""
ASKED: Final = 500
"""Records fetched at once."""
TOLD: Final = 50
"""Refusals told one by one."""


@dataclass(slots=True)
class SyncReport:
    """What a run did.

    Attributes
    ----------
    org
        Whose records.
    pulled, pushed
        Records that are new here, and new at the peer.
    refused_here, refused_there
        Records that one side alone has and the other refuses, by CID, the latest word on each.
    disputed
        Pairs of records in one place, on which both sides keep their own.
    requests, sent, received
        Questions asked, and bytes of their bodies.
    rounds
        Searches for differences.
    agrees
        Whether both sides have the same undisputed records.
    """

    org: str
    pulled: int = 0
    pushed: int = 0
    refused_here: dict[Cid, Outcome] = field(default_factory=dict)
    refused_there: dict[Cid, Outcome] = field(default_factory=dict)
    disputed: int = 0
    requests: int = 0
    sent: int = 0
    received: int = 0
    rounds: int = 0
    agrees: bool = False


@dataclass(frozen=True, slots=True)
class Sync:
    """A run between this journal and a peer.

    Attributes
    ----------
    store
        The journal.
    peer
        The other side.
    clock
        Gives UTC in milliseconds.
    report
        What was done so far.
    """

    store: Store
    peer: Peer
    clock: Callable[[], int]
    report: SyncReport

    async def run(self) -> SyncReport:
        """Exchange until both agree, or until nothing moves any more.

        Raises
        ------
        PeerFailed
            When the peer does not answer; what was exchanged stays.
        """
        try:
            await self._run()
        finally:
            traffic = self.peer.traffic
            self.report.requests, self.report.sent, self.report.received = (
                traffic.requests,
                traffic.sent,
                traffic.received,
            )
        return self.report

    async def _run(self) -> None:
        differing = await self._compare()
        has_news = await self.store.read(self._has_news)
        if differing and has_news:
            await self._pull_news()
            await self._push_news()
            differing = await self._compare()
        self.report.agrees = await self._settle(differing)
        self.report.disputed = await self._count_disputes()

    async def _settle(self, differing: list[str]) -> bool:
        """Search for differences until there are none, or none that moves; tell whether there are none."""
        while differing and self.report.rounds < MAX_ROUNDS:
            self.report.rounds += 1
            moved = 0
            for campaign in differing:
                moved += await self._close(await find_difference(self.store, self.peer, self.report.org, campaign))
            if not moved:
                return False
            differing = await self._compare()
        return not differing

    async def _compare(self) -> list[str]:
        """Return the campaigns on which the two sides differ; where they agree, cursors move to where both stand."""
        await bring_up(self.store)
        org = self.report.org
        row, ours = await self.store.read(lambda db: (_get_last_row(db), digest_campaigns(db, org)))
        theirs = await self.peer.digest()
        if theirs.org != org:
            raise InvalidExchange(f"token for {theirs.org[:40]!r}", f"expected one of organisation {org!r}")
        differing = find_differing(ours, theirs.campaigns)
        if not differing:
            await self._save(pulled=theirs.cursor, pushed=row)
        return differing

    async def _close(self, difference: Difference) -> int:
        """Fetch and send what one side lacks; return how many records moved."""
        before = self.report.pulled + self.report.pushed
        disputed = await self._count_disputes()
        await self._fetch(difference.theirs)
        await self._send(difference.ours)
        # A dispute found is progress too: both sides leave its records out from now on.
        return self.report.pulled + self.report.pushed - before + await self._count_disputes() - disputed

    async def _pull_news(self) -> None:
        cursor, has_more = await self.store.read(self._get_pulled), True
        for _ in range(MAX_PAGES):
            if not has_more:
                return
            try:
                cids, cursor, has_more = await self.peer.list_feed(cursor)
            except CursorLost:
                if not cursor:
                    raise
                # Another server answers there, or an older journal: what is known is passed over.
                cursor = ""
                continue
            missing = await self.store.read(partial(select_missing, org=self.report.org, cids=cids))
            await self._fetch(missing)
            await self._save(pulled=cursor)
        raise PeerFailed(self.peer.url, f"its feed does not end within {MAX_PAGES} pages")

    async def _push_news(self) -> None:
        row, has_more = await self.store.read(self._get_pushed), True
        while has_more:
            reading = partial(read_feed, org=self.report.org, after=row, limit=batch.MAX_RECORDS, is_own=True)
            page = await self.store.read(reading)
            if not page.entries:
                return
            wanted = set(await self.peer.missing([entry.cid for entry in page.entries]))
            await self._send([entry.cid for entry in page.entries if entry.cid in wanted])
            row, has_more = page.entries[-1].row, page.has_more
            await self._save(pushed=row)

    async def _fetch(self, cids: Sequence[Cid]) -> None:
        waiting = list(cids)
        while waiting:
            asked = waiting[:ASKED]
            raws = await self.peer.fetch(asked)
            opened = await asyncio.to_thread(open_records, raws)
            came = {item.cid for item in opened}
            if not came <= set(asked):
                raise PeerFailed(self.peer.url, "it sent records that nobody asked for")
            taking = partial(take, opened=opened, now_ms=self.clock(), org=self.report.org)
            outcomes = await self.store.write(taking)
            self.report.pulled += _note(outcomes, self.report.refused_here)
            # What did not come of a batch that was cut is asked for again; what is not there never comes.
            left = [cid for cid in asked if cid not in came] if came else []
            waiting = left + waiting[ASKED:]

    async def _send(self, cids: Sequence[Cid]) -> None:
        waiting = list(cids)
        while waiting:
            reading = partial(select_records, org=self.report.org, cids=waiting[: batch.MAX_RECORDS])
            some = batch.cut(await self.store.read(reading))
            if not some:
                return
            outcomes = await self.peer.send(batch.pack_batch(RECORDS, some))
            self.report.pushed += _note(outcomes, self.report.refused_there)
            gone = {cid for cid, _ in some}
            waiting = [cid for cid in waiting if cid not in gone]

    async def _count_disputes(self) -> int:
        return await self.store.read(lambda db: count_disputes(db, self.report.org))

    def _has_news(self, db: sqlite3.Connection) -> bool:
        """Tell whether to begin by cursors: from where an earlier run ended, or from nothing at all.

        Two installations that both hold something and never met compare ranges at once: listing everything would
        cost as much as all that they have in common.
        """
        is_empty = db.execute("SELECT 1 FROM exchange_entry WHERE org = ? LIMIT 1", (self.report.org,)).fetchone()
        return is_empty is None or _get_peer(db, self.peer.url, self.report.org) != ("", 0)

    def _get_pulled(self, db: sqlite3.Connection) -> str:
        return str(_get_peer(db, self.peer.url, self.report.org)[0])

    def _get_pushed(self, db: sqlite3.Connection) -> int:
        row = int(_get_peer(db, self.peer.url, self.report.org)[1])
        # An older copy of the journal was restored: begin again, the peer tells what it lacks.
        return row if row <= _get_last_row(db) else 0

    async def _save(self, *, pulled: str | None = None, pushed: int | None = None) -> None:
        values = (self.peer.url, self.report.org)
        await self.store.write(lambda db: _save_peer(db, values, pulled, pushed))


async def synchronise(store: Store, peer: Peer, org: str, clock: Callable[[], int]) -> SyncReport:
    """Exchange an organisation's records with a peer until both agree; see `Sync.run`."""
    return await Sync(store, peer, clock, SyncReport(org)).run()


def find_differing(ours: Sequence[CampaignDigest], theirs: Sequence[CampaignDigest]) -> list[str]:
    """Return the campaigns whose sets differ; one without records is as good as none.

    Examples
    --------
    >>> find_differing([CampaignDigest("a", 1, b"x")], [CampaignDigest("a", 1, b"y"), CampaignDigest("b", 0, b"")])
    ['a']
    """
    here, there = ({item.campaign: (item.count, item.root) for item in side if item.count} for side in (ours, theirs))
    return sorted(campaign for campaign in here.keys() | there.keys() if here.get(campaign) != there.get(campaign))


def _note(outcomes: Sequence[Outcome], refused: dict[Cid, Outcome]) -> int:
    """Note refusals, forget those that are settled; return how many records were taken."""
    for outcome in outcomes:
        if outcome.verdict == "refused":
            refused[outcome.cid] = outcome
        else:
            refused.pop(outcome.cid, None)
    return sum(outcome.verdict == "taken" for outcome in outcomes)


def _get_last_row(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT coalesce(max(row), 0) FROM exchange_entry").fetchone()[0])


def _get_peer(db: sqlite3.Connection, url: str, org: str) -> tuple[str, int]:
    statement = "SELECT pulled, pushed FROM exchange_peer WHERE url = ? AND org = ?"
    row: tuple[str, int] | None = db.execute(statement, (url, org)).fetchone()
    return ("", 0) if row is None else row


def _save_peer(db: sqlite3.Connection, name: tuple[str, str], pulled: str | None, pushed: int | None) -> None:
    db.execute("INSERT OR IGNORE INTO exchange_peer (url, org) VALUES (?, ?)", name)
    db.execute(
        "UPDATE exchange_peer SET pulled = coalesce(?, pulled), pushed = coalesce(?, pushed) WHERE url = ? AND org = ?",
        (pulled, pushed, *name),
    )
