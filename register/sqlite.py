"""The register on SQLite: WAL, an integer R*Tree for boxes, one writer.

The file is an index: `SqliteRegister.open` on an empty path and `add_records` over the admitted records make it
again. So it is synchronous NORMAL: a power cut may cost the last batches, which the follower adds once more.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Row, delete, event, func, select, text
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from domain.cid import Cid
from domain.envelope import Record
from register import indexing
from register.entries import Anchor, Box, Counts, FeaturePage, SurveyEntry, TreeEntry
from register.errors import InvalidCursor, NotAnchored, RecordNotFound, TreeNotFound
from register.ports import PAGE_LIMIT
from register.tables import ANCHORED, ANCHORS, METADATA, RECORDS, SURVEYS, TREES

_SURVEY_LIMIT: Final = 1_000
_RTREE: Final = "CREATE VIRTUAL TABLE IF NOT EXISTS boxes USING rtree_i32(id, west, east, south, north)"


class SqliteRegister:
    """`RegisterReader` and `RegisterWriter` on one SQLite file."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path) -> "AsyncIterator[SqliteRegister]":
        """Open or make the register at `path`; one writer at a time."""
        path.parent.mkdir(parents=True, exist_ok=True)
        engine = create_async_engine(f"sqlite+aiosqlite:///{path}")
        event.listen(engine.sync_engine, "connect", _configure)
        try:
            async with engine.begin() as connection:
                await connection.run_sync(METADATA.create_all)
                await connection.execute(text(_RTREE))
            yield cls(engine)
        finally:
            await engine.dispose()

    async def add_records(self, records: Sequence[Record]) -> None:
        """Index records; see `RegisterWriter`."""
        async with self._engine.begin() as connection:
            new = await indexing.add_envelopes(connection, records)
            await indexing.add_surveys(connection, new)
            await indexing.add_trees(connection, new)

    async def add_anchor(self, anchor: Anchor, cids: Sequence[Cid]) -> None:
        """Note an anchor; see `RegisterWriter`."""
        async with self._engine.begin() as connection:
            row = await connection.execute(upsert(ANCHORS).on_conflict_do_nothing().values(_anchor_values(anchor)))
            if not row.rowcount:
                return
            key = row.inserted_primary_key
            if key is None:
                raise AssertionError("an inserted row has a key")
            rows = [{"cid": bytes(cid), "anchor": key[0]} for cid in cids]
            await connection.execute(upsert(ANCHORED).on_conflict_do_nothing(), rows)

    async def tree(self, code: str) -> TreeEntry:
        """Return a tree; see `RegisterReader`."""
        async with self._engine.connect() as connection:
            query = select(TREES.c.cid, TREES.c.survey).where(TREES.c.code == code).order_by(TREES.c.id.desc())
            rows = (await connection.execute(query)).all()
            if not rows:
                raise TreeNotFound(code)
            history = tuple(Cid.from_bytes(row.cid) for row in rows)
            anchor = await _anchor_row(connection, history[0])
        return TreeEntry(code, history[0], history, Cid.from_bytes(rows[0].survey), _anchor(anchor))

    async def record(self, cid: Cid) -> bytes:
        """Return a record's envelope; see `RegisterReader`."""
        async with self._engine.connect() as connection:
            envelope = await connection.scalar(select(RECORDS.c.envelope).where(RECORDS.c.cid == bytes(cid)))
        if envelope is None:
            raise RecordNotFound(str(cid))
        return bytes(envelope)

    async def features(self, box: Box | None = None, *, cursor: str | None = None, limit: int = 1_000) -> FeaturePage:
        """Return trees in pages; see `RegisterReader`."""
        limit = max(1, min(limit, PAGE_LIMIT))
        after = _parse_cursor(cursor)
        async with self._engine.connect() as connection:
            rows = (await connection.execute(text(_features_query(box)), _features_values(box, after, limit))).all()
        more = len(rows) > limit
        page = rows[:limit]
        following = f"{page[-1].hilbert}.{page[-1].id}" if more else None
        return FeaturePage(tuple(bytes(row.feature) for row in page), following)

    async def surveys(self) -> tuple[SurveyEntry, ...]:
        """Return surveys; see `RegisterReader`."""
        trees = select(func.count()).select_from(TREES).where(TREES.c.survey == SURVEYS.c.cid).scalar_subquery()
        query = select(SURVEYS, trees.label("trees")).order_by(SURVEYS.c.at_ms.desc()).limit(_SURVEY_LIMIT)
        async with self._engine.connect() as connection:
            return tuple(_survey(row) for row in await connection.execute(query))

    async def anchor_of(self, cid: Cid) -> tuple[Anchor, tuple[Cid, ...]]:
        """Return a record's anchor and batch; see `RegisterReader`."""
        async with self._engine.connect() as connection:
            row = await _anchor_row(connection, cid)
            if row is None:
                known = await connection.scalar(select(RECORDS.c.kind).where(RECORDS.c.cid == bytes(cid)))
                raise NotAnchored(str(cid)) if known else RecordNotFound(str(cid))
            query = select(ANCHORED.c.cid).where(ANCHORED.c.anchor == row.id).order_by(ANCHORED.c.cid)
            batch = (await connection.scalars(query)).all()
        anchor = _anchor(row)
        if anchor is None:
            raise AssertionError("a row gives an anchor")
        return anchor, tuple(Cid.from_bytes(each) for each in batch)

    async def anchors_of(self, cids: Sequence[Cid]) -> dict[Cid, Anchor]:
        """Return anchors; see `RegisterReader`."""
        found: dict[Cid, Anchor] = {}
        async with self._engine.connect() as connection:
            for start in range(0, len(cids), indexing.CHUNK):
                part = [bytes(cid) for cid in cids[start : start + indexing.CHUNK]]
                query = select(ANCHORED.c.cid, ANCHORS).join(ANCHORS, ANCHORED.c.anchor == ANCHORS.c.id)
                for row in await connection.execute(query.where(ANCHORED.c.cid.in_(part))):
                    anchor = _anchor(row)
                    assert anchor is not None, "a row gives an anchor"  # noqa: S101
                    found[Cid.from_bytes(row.cid)] = anchor
        return found

    async def counts(self) -> Counts:
        """Return how much is indexed; see `RegisterReader`."""
        async with self._engine.connect() as connection:
            sizes = [
                await connection.scalar(select(func.count()).select_from(table))
                for table in (SURVEYS, RECORDS, ANCHORS, ANCHORED)
            ]
            trees = await connection.scalar(select(func.count()).select_from(TREES).where(TREES.c.is_latest == 1))
        return Counts(trees or 0, *(size or 0 for size in sizes))

    async def clear(self) -> None:
        """Forget everything, before an index is made again from the records."""
        async with self._engine.begin() as connection:
            for table in METADATA.sorted_tables:
                await connection.execute(delete(table))
            await connection.execute(text("DELETE FROM boxes"))


def _configure(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own connection
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA busy_timeout = 10000")
    cursor.close()


def _features_query(box: Box | None) -> str:
    inside = """
        AND id IN (SELECT id FROM boxes WHERE east >= :west_u AND west <= :east_u
                   AND north >= :south_u AND south <= :north_u)
        AND lon_nd BETWEEN :west AND :east AND lat_nd BETWEEN :south AND :north
    """
    return f"""
        SELECT id, hilbert, feature FROM trees
        WHERE is_latest = 1 AND feature IS NOT NULL AND (hilbert, id) > (:hilbert, :row)
        {inside if box else ""}
        ORDER BY hilbert, id LIMIT :limit
    """  # noqa: S608 - both texts are constants


def _features_values(box: Box | None, after: tuple[int, int], limit: int) -> dict[str, int]:
    values = {"hilbert": after[0], "row": after[1], "limit": limit + 1}
    if box is None:
        return values
    edges = {"west": box.west_nd, "south": box.south_nd, "east": box.east_nd, "north": box.north_nd}
    return {**values, **edges, **{f"{name}_u": edge // indexing.MICRODEGREE_ND for name, edge in edges.items()}}


def _parse_cursor(cursor: str | None) -> tuple[int, int]:
    if cursor is None:
        return -1, -1
    hilbert, _, row = cursor.partition(".")
    if not (hilbert.isascii() and hilbert.isdigit() and row.isascii() and row.isdigit() and len(cursor) < 40):  # noqa: PLR2004 - two 64-bit integers
        raise InvalidCursor(cursor)
    return int(hilbert), int(row)


async def _anchor_row(connection: AsyncConnection, cid: Cid) -> Row[Any] | None:
    query = select(ANCHORS).join(ANCHORED, ANCHORED.c.anchor == ANCHORS.c.id).where(ANCHORED.c.cid == bytes(cid))
    return (await connection.execute(query)).first()


def _anchor(row: Row[Any] | None) -> Anchor | None:
    if row is None:
        return None
    return Anchor(row.root, row.count_, row.height, row.time_ms, row.tx_hash, Cid.from_bytes(row.manifest))


def _anchor_values(anchor: Anchor) -> dict[str, object]:
    return {
        "root": anchor.root,
        "count_": anchor.count,
        "height": anchor.height,
        "time_ms": anchor.time_ms,
        "tx_hash": anchor.tx_hash,
        "manifest": bytes(anchor.manifest),
    }


def _survey(row: Row[Any]) -> SurveyEntry:
    result = Cid.from_bytes(row.result) if row.result else None
    return SurveyEntry(Cid.from_bytes(row.cid), result, row.org, row.campaign, row.at_ms, row.trees)
