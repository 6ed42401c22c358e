"""Questions to the register's tables that every database answers alike; each takes an open connection."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.cid import Cid
from register.entries import Anchor, Counts, FeaturePage, SurveyEntry, TreeEntry, TreePage
from register.errors import InvalidCursor, NotAnchored, RecordNotFound, TreeNotFound
from register.ports import PAGE_LIMIT
from register.tables import ANCHORED, ANCHORS, IS_LATEST, RECORDS, SURVEYS, TREES

_SURVEY_LIMIT: Final = 1_000
_INT64_BITS: Final = 63
_CURSOR_LENGTH: Final = 40
"""Two 63-bit integers and a dot."""


async def get_tree(connection: AsyncConnection, code: str) -> TreeEntry:
    """Return a tree; `TreeNotFound` when its code is unknown."""
    query = select(TREES.c.cid, TREES.c.survey).where(TREES.c.code == code).order_by(TREES.c.id.desc())
    rows = (await connection.execute(query)).all()
    if not rows:
        raise TreeNotFound(code)
    history = tuple(Cid.from_bytes(row.cid) for row in rows)
    anchor = await _anchor_row(connection, history[0])
    return TreeEntry(code, history[0], history, Cid.from_bytes(rows[0].survey), _anchor(anchor) if anchor else None)


async def get_record(connection: AsyncConnection, cid: Cid) -> bytes:
    """Return a record's envelope; `RecordNotFound` when it is unknown or private."""
    envelope = await connection.scalar(select(RECORDS.c.envelope).where(RECORDS.c.cid == bytes(cid)))
    if envelope is None:
        raise RecordNotFound(str(cid))
    return bytes(envelope)


async def get_features(
    connection: AsyncConnection, inside: str, values: Mapping[str, object], *, cursor: str | None, limit: int
) -> FeaturePage:
    """Return a page of the latest trees in Hilbert order.

    Parameters
    ----------
    connection
        To the database.
    inside
        SQL that narrows to a box in the database's own words, a constant of its module, or nothing.
    values
        What `inside` names.
    cursor
        Of the page before.
    limit
        Most features in the page; taken to the nearest of 1 and `PAGE_LIMIT`.
    """
    rows, following = await _turn_page(connection, "feature", inside, values, cursor=cursor, limit=limit)
    return FeaturePage(tuple(bytes(each.feature) for each in rows), following)


async def get_latest_in(
    connection: AsyncConnection, org: str, inside: str, values: Mapping[str, object], *, cursor: str | None, limit: int
) -> TreePage:
    """Return a page of the latest envelopes of an organisation's trees in Hilbert order; see `get_features`."""
    envelope = "(SELECT envelope FROM records WHERE records.cid = trees.cid) AS envelope"
    is_theirs = " AND EXISTS (SELECT 1 FROM surveys WHERE surveys.cid = trees.survey AND surveys.org = :org)"
    named = {**values, "org": org}
    rows, following = await _turn_page(connection, envelope, inside + is_theirs, named, cursor=cursor, limit=limit)
    return TreePage(tuple(bytes(each.envelope) for each in rows), following)


async def _turn_page(
    connection: AsyncConnection,
    column: str,
    inside: str,
    values: Mapping[str, object],
    *,
    cursor: str | None,
    limit: int,
) -> tuple[Sequence[Row[Any]], str | None]:
    """Return the rows of a page with one more column, and the cursor of the next page."""
    limit = max(1, min(limit, PAGE_LIMIT))
    hilbert, row = _parse_cursor(cursor)
    query = text(f"""
        SELECT id, hilbert, {column} FROM trees
        WHERE is_latest = 1 AND feature IS NOT NULL AND (hilbert, id) > (:hilbert, :row) {inside}
        ORDER BY hilbert, id LIMIT :limit
    """)  # noqa: S608 - all texts are constants
    rows = (await connection.execute(query, {**values, "hilbert": hilbert, "row": row, "limit": limit + 1})).all()
    page = rows[:limit]
    return page, f"{page[-1].hilbert}.{page[-1].id}" if len(rows) > limit else None


async def get_survey(connection: AsyncConnection, cid: Cid) -> SurveyEntry:
    """Return one survey; `RecordNotFound` when it is unknown."""
    row = (await connection.execute(_surveys_query().where(SURVEYS.c.cid == bytes(cid)))).first()
    if row is None:
        raise RecordNotFound(str(cid))
    return _survey(row)


async def get_trees_of(connection: AsyncConnection, survey: Cid, *, after: str, limit: int) -> tuple[bytes, ...]:
    """Return envelopes of a survey's trees by code, those behind the code `after`, at most `PAGE_LIMIT`."""
    query = (
        select(RECORDS.c.envelope)
        .join(TREES, TREES.c.cid == RECORDS.c.cid)
        .where(TREES.c.survey == bytes(survey), TREES.c.code > after)
        .order_by(TREES.c.code)
        .limit(max(1, min(limit, PAGE_LIMIT)))
    )
    return tuple(bytes(envelope) for envelope in (await connection.scalars(query)).all())


async def get_surveys(connection: AsyncConnection) -> tuple[SurveyEntry, ...]:
    """Return surveys, latest first."""
    query = _surveys_query().order_by(SURVEYS.c.at_ms.desc(), SURVEYS.c.cid.desc()).limit(_SURVEY_LIMIT)
    return tuple(_survey(row) for row in await connection.execute(query))


async def get_anchor_of(connection: AsyncConnection, cid: Cid) -> tuple[Anchor, tuple[Cid, ...]]:
    """Return a record's anchor and batch; `NotAnchored` or `RecordNotFound` when there is none."""
    row = await _anchor_row(connection, cid)
    if row is None:
        known = await connection.scalar(select(RECORDS.c.kind).where(RECORDS.c.cid == bytes(cid)))
        raise NotAnchored(str(cid)) if known else RecordNotFound(str(cid))
    query = select(ANCHORED.c.cid).where(ANCHORED.c.anchor == row.id).order_by(ANCHORED.c.cid)
    batch: Sequence[bytes] = (await connection.scalars(query)).all()
    return _anchor(row), tuple(Cid.from_bytes(each) for each in batch)


async def get_anchors_of(connection: AsyncConnection, wanted: ColumnElement[bool]) -> dict[Cid, Anchor]:
    """Return the anchors of anchored records; `wanted` tells which, in terms of `ANCHORED`."""
    query = select(ANCHORS, ANCHORED.c.cid).join(ANCHORED, ANCHORED.c.anchor == ANCHORS.c.id).where(wanted)
    return {Cid.from_bytes(row.cid): _anchor(row) for row in await connection.execute(query)}


async def get_counts(connection: AsyncConnection) -> Counts:
    """Return how much is indexed."""
    sizes = [
        await connection.scalar(select(func.count()).select_from(table))
        for table in (SURVEYS, RECORDS, ANCHORS, ANCHORED)
    ]
    trees = await connection.scalar(select(func.count()).select_from(TREES).where(IS_LATEST))
    return Counts(trees or 0, *(size or 0 for size in sizes))


def anchor_values(anchor: Anchor) -> dict[str, object]:
    """Return an anchor as a row of its table, without the row's number."""
    return {
        "root": anchor.root,
        "count_": anchor.count,
        "height": anchor.height,
        "time_ms": anchor.time_ms,
        "tx_hash": anchor.tx_hash,
        "manifest": bytes(anchor.manifest),
    }


def _parse_cursor(cursor: str | None) -> tuple[int, int]:
    if cursor is None:
        return -1, -1
    parts = cursor.split(".", 1) if len(cursor) <= _CURSOR_LENGTH else []
    if not (len(parts) == 2 and all(part.isascii() and part.isdigit() for part in parts)):  # noqa: PLR2004 - a pair
        raise InvalidCursor(cursor)
    hilbert, row = (int(part) for part in parts)
    if max(hilbert, row) >> _INT64_BITS:
        raise InvalidCursor(cursor)
    return hilbert, row


def _surveys_query() -> Select[Any]:
    trees = select(func.count()).select_from(TREES).where(TREES.c.survey == SURVEYS.c.cid).scalar_subquery()
    return select(SURVEYS, trees.label("trees"))


def _survey(row: Row[Any]) -> SurveyEntry:
    result = Cid.from_bytes(row.result) if row.result else None
    return SurveyEntry(Cid.from_bytes(row.cid), result, row.org, row.campaign, row.at_ms, row.trees)


async def _anchor_row(connection: AsyncConnection, cid: Cid) -> Row[Any] | None:
    query = select(ANCHORS).join(ANCHORED, ANCHORED.c.anchor == ANCHORS.c.id).where(ANCHORED.c.cid == bytes(cid))
    return (await connection.execute(query)).first()


def _anchor(row: Row[Any]) -> Anchor:
    return Anchor(row.root, row.count_, row.height, row.time_ms, row.tx_hash, Cid.from_bytes(row.manifest))
