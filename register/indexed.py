"""The register in tables: all that SQLite and PostgreSQL do alike, over what `register.database` names."""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.cid import Cid
from domain.envelope import Record
from register import answers
from register.database import Database
from register.entries import Anchor, Box, Counts, FeaturePage, SetAsidePage, SurveyEntry, TreeEntry, TreePage
from register.ports import PAGE_LIMIT
from register.writing import add_records

_ADD_ANCHOR: Final = text("""
    INSERT INTO anchors (root, count_, height, time_ms, tx_hash, manifest)
    VALUES (:root, :count_, :height, :time_ms, :tx_hash, :manifest) ON CONFLICT DO NOTHING RETURNING id
""")
_ADD_ANCHORED: Final = text("INSERT INTO anchored (cid, anchor) VALUES (:cid, :anchor) ON CONFLICT DO NOTHING")


@dataclass(frozen=True, slots=True)
class Access:
    """How a register reaches its tables.

    Attributes
    ----------
    address
        As messages show it.
    reader, writer
        One database, for questions and for transactions that write.
    database
        Its own ways.
    translate
        Tells failures of the database at an address by the register's classes.
    """

    address: str
    reader: AsyncEngine
    writer: AsyncEngine
    database: Database
    translate: Callable[[str], AbstractContextManager[None]]


class TableRegister:
    """`RegisterReader` and `RegisterWriter` on tables, whatever database holds them.

    `SqliteRegister` and `PostgresRegister` inherit from it, against the rule: each would else repeat every method
    below only to pass it on.
    """

    def __init__(self, access: Access) -> None:
        self._access = access

    async def add_records(self, records: Sequence[Record]) -> None:
        """Index records; see `RegisterWriter`."""
        async with self.writing() as connection:
            await add_records(connection, self._access.database, records)

    async def add_anchor(self, anchor: Anchor, cids: Sequence[Cid]) -> None:
        """Note an anchor; see `RegisterWriter`."""
        async with self.writing() as connection:
            key = await connection.scalar(_ADD_ANCHOR, answers.anchor_values(anchor))
            # In one order, so that two writers wait for each other at most once.
            batch = [{"cid": cid, "anchor": key} for cid in sorted(bytes(cid) for cid in cids)]
            if key is not None and batch:
                await connection.execute(_ADD_ANCHORED, batch)

    async def clear(self) -> None:
        """Forget everything; see `RegisterWriter`."""
        async with self.writing() as connection:
            await self._access.database.clear(connection)

    async def tree(self, code: str) -> TreeEntry:
        """Return a tree; see `RegisterReader`."""
        async with self.reading() as connection:
            return await answers.get_tree(connection, code)

    async def record(self, cid: Cid) -> bytes:
        """Return a record's envelope; see `RegisterReader`."""
        async with self.reading() as connection:
            return await answers.get_record(connection, cid)

    async def features(self, box: Box | None = None, *, cursor: str | None = None, limit: int = 1_000) -> FeaturePage:
        """Return trees in pages; see `RegisterReader`."""
        async with self.reading() as connection:
            return await answers.get_features(connection, self._access.database, box, cursor=cursor, limit=limit)

    async def survey(self, cid: Cid) -> SurveyEntry:
        """Return one survey; see `RegisterReader`."""
        async with self.reading() as connection:
            return await answers.get_survey(connection, cid)

    async def trees_of(self, survey: Cid, *, after: str = "", limit: int = PAGE_LIMIT) -> tuple[bytes, ...]:
        """Return envelopes of a survey's trees; see `RegisterReader`."""
        async with self.reading() as connection:
            return await answers.get_trees_of(connection, survey, after=after, limit=limit)

    async def last_in(self, org: str, box: Box, *, cursor: str | None = None, limit: int = PAGE_LIMIT) -> TreePage:
        """Return an organisation's trees as they were signed; see `RegisterReader`."""
        async with self.reading() as connection:
            return await answers.get_last_in(connection, self._access.database, box, org, cursor=cursor, limit=limit)

    async def last_of(self, codes: Sequence[str]) -> dict[str, Cid]:
        """Return the last record of each known code; see `RegisterReader`."""
        async with self.reading() as connection:
            return await answers.get_last_of(connection, self._access.database, codes)

    async def newest_of(self, codes: Collection[str]) -> dict[str, Cid]:
        """Return the newest record of codes whose last is another; see `RegisterReader`."""
        async with self.reading() as connection:
            return await answers.get_newest_of(connection, self._access.database, codes)

    async def aside(self, *, cursor: str | None = None, limit: int = 1_000) -> SetAsidePage:
        """Return records that are set aside; see `RegisterReader`."""
        async with self.reading() as connection:
            return await answers.get_aside(connection, cursor=cursor, limit=limit)

    async def surveys(self, *, after: Cid | None = None, limit: int = 1_000) -> tuple[SurveyEntry, ...]:
        """Return surveys; see `RegisterReader`."""
        async with self.reading() as connection:
            return await answers.get_surveys(connection, after=after, limit=limit)

    async def newer_surveys(self, cid: Cid, *, limit: int = 1_000) -> tuple[SurveyEntry, ...]:
        """Return surveys of newer evidence; see `RegisterReader`."""
        async with self.reading() as connection:
            return await answers.get_newer_surveys(connection, cid, limit=limit)

    async def dates_of(self, surveys: Collection[Cid]) -> dict[Cid, int]:
        """Return when the evidence of surveys was taken; see `RegisterReader`."""
        async with self.reading() as connection:
            return await answers.get_dates_of(connection, self._access.database, surveys)

    async def anchor_of(self, cid: Cid) -> tuple[Anchor, tuple[Cid, ...]]:
        """Return a record's anchor and batch; see `RegisterReader`."""
        async with self.reading() as connection:
            return await answers.get_anchor_of(connection, cid)

    async def anchors_of(self, cids: Sequence[Cid]) -> dict[Cid, Anchor]:
        """Return the anchors of those that have one; see `RegisterReader`."""
        async with self.reading() as connection:
            return await answers.get_anchors_of(connection, self._access.database, cids)

    async def counts(self) -> Counts:
        """Return how much is indexed; see `RegisterReader`."""
        async with self.reading() as connection:
            return await answers.get_counts(connection)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection that sees one state of the tables; failures are told by the register's classes."""
        with self._access.translate(self._access.address):
            async with self._access.reader.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection in a transaction that is committed at the end, or undone by an exception."""
        with self._access.translate(self._access.address):
            async with self._access.writer.begin() as connection:
                yield connection
