"""Questions to the register's tables; each takes an open connection, and where databases differ, which one it is."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, and_, func, select, text, true, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.cid import Cid
from register.database import Database
from register.entries import (
    Anchor,
    Box,
    Counts,
    FeaturePage,
    SetAside,
    SetAsidePage,
    SurveyEntry,
    TreeEntry,
    TreePage,
)
from register.errors import InvalidCursor, NotAnchored, RecordNotFound, TreeNotFound
from register.ports import PAGE_LIMIT
from register.settling import REASONS, Link, settle
from register.tables import ANCHORED, ANCHORS, IS_ASIDE, IS_GONE, IS_LATEST, RECORDS, SURVEYS, TREES

_INT64_BITS: Final = 63
_CURSOR_LENGTH: Final = 40
"""Two 63-bit integers and a dot."""


async def get_tree(connection: AsyncConnection, code: str) -> TreeEntry:
    """Return a tree; `TreeNotFound` when its code is unknown."""
    columns = (TREES.c[name] for name in ("cid", "prev", "survey", "seen_ms", "code", "aside"))
    rows = (await connection.execute(select(*columns).where(TREES.c.code == code).order_by(TREES.c.id))).all()
    if not rows:
        raise TreeNotFound(code)
    settled = settle([Link(row.cid, row.prev, row.seen_ms) for row in rows])
    history = tuple(Cid.from_bytes(cid) for cid in reversed(settled.life))
    (survey,) = [row.survey for row in rows if row.cid == settled.latest]
    anchor = await _anchor_row(connection, history[0])
    return TreeEntry(
        code=code,
        record=history[0],
        history=history,
        last=Cid.from_bytes(settled.last),
        survey=Cid.from_bytes(survey),
        anchor=_anchor(anchor) if anchor else None,
        aside=tuple(_set_aside(row) for row in rows if row.aside),
    )


async def get_record(connection: AsyncConnection, cid: Cid) -> bytes:
    """Return a record's envelope; `RecordNotFound` when it is unknown or private."""
    envelope = await connection.scalar(select(RECORDS.c.envelope).where(RECORDS.c.cid == bytes(cid)))
    if envelope is None:
        raise RecordNotFound(str(cid))
    return bytes(envelope)


async def get_features(
    connection: AsyncConnection, database: Database, box: Box | None, *, cursor: str | None, limit: int
) -> FeaturePage:
    """Return a page of trees by their newest evidence, in Hilbert order, at most `PAGE_LIMIT`."""
    where, values = (database.inside, database.edges(box)) if box else ("", {})
    query = _PAGE.format(columns="feature", where=where)
    rows, following = await _turn_page(connection, query, values, cursor=cursor, limit=limit)
    return FeaturePage(tuple(bytes(each.feature) for each in rows), following)


async def get_last_in(
    connection: AsyncConnection, database: Database, box: Box, org: str, *, cursor: str | None, limit: int
) -> TreePage:
    """Return a page of an organisation's trees as they were signed, in Hilbert order, at most `PAGE_LIMIT`."""
    query = _PAGE.format(columns=_LAST, where=database.inside + _THEIRS)
    values = {**database.edges(box), "org": org}
    rows, following = await _turn_page(connection, query, values, cursor=cursor, limit=limit)
    return TreePage(tuple(bytes(row.envelope) for row in rows), following)


_PAGE: Final = """
    SELECT id, hilbert, {columns} FROM trees
    WHERE is_latest = 1 AND feature IS NOT NULL AND (hilbert, id) > (:hilbert, :row) {where}
    ORDER BY hilbert, id LIMIT :limit
"""
_LAST: Final = """
    (SELECT envelope FROM records WHERE records.cid = CASE
        WHEN trees.is_last = 1 THEN trees.cid
        ELSE (SELECT cid FROM trees AS ends WHERE ends.code = trees.code AND ends.is_last = 1)
    END) AS envelope
"""
_THEIRS: Final = " AND EXISTS (SELECT 1 FROM surveys WHERE surveys.cid = trees.survey AND surveys.org = :org)"


async def _turn_page(
    connection: AsyncConnection, query: str, values: Mapping[str, object], *, cursor: str | None, limit: int
) -> tuple[Sequence[Row[Any]], str | None]:
    """Return the rows of a page of `_PAGE`, made of constants only, and the cursor of the next page."""
    limit = max(1, min(limit, PAGE_LIMIT))
    hilbert, row = _parse_cursor(cursor)
    named = {**values, "hilbert": hilbert, "row": row, "limit": limit + 1}
    rows = (await connection.execute(text(query), named)).all()
    page = rows[:limit]
    return page, f"{page[-1].hilbert}.{page[-1].id}" if len(rows) > limit else None


async def get_last_of(connection: AsyncConnection, database: Database, codes: Collection[str]) -> dict[str, Cid]:
    """Return the last record of each known code."""
    query = select(TREES.c.code, TREES.c.cid).where(TREES.c.is_last == 1)
    return {row.code: Cid.from_bytes(row.cid) for row in await database.find(connection, query, TREES.c.code, codes)}


async def get_newest_of(connection: AsyncConnection, database: Database, codes: Collection[str]) -> dict[str, Cid]:
    """Return the record of the newest evidence of each known code whose last record is another."""
    query = select(TREES.c.code, TREES.c.cid).where(IS_LATEST, TREES.c.is_last == 0)
    return {row.code: Cid.from_bytes(row.cid) for row in await database.find(connection, query, TREES.c.code, codes)}


async def get_aside(connection: AsyncConnection, *, cursor: str | None, limit: int) -> SetAsidePage:
    """Return a page of records that are set aside, at most `PAGE_LIMIT`."""
    limit = max(1, min(limit, PAGE_LIMIT))
    row = -1 if cursor is None else _parse_number(cursor, cursor)
    columns = (TREES.c[name] for name in ("id", "cid", "code", "aside"))
    query = select(*columns).where(IS_ASIDE, TREES.c.id > row).order_by(TREES.c.id).limit(limit + 1)
    rows = (await connection.execute(query)).all()
    page = rows[:limit]
    return SetAsidePage(tuple(_set_aside(each) for each in page), str(page[-1].id) if len(rows) > limit else None)


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


async def get_surveys(connection: AsyncConnection, *, after: Cid | None, limit: int) -> tuple[SurveyEntry, ...]:
    """Return surveys, the one made last first, those behind the survey `after`, at most `PAGE_LIMIT`."""
    query = _surveys_query().order_by(SURVEYS.c.at_ms.desc(), SURVEYS.c.cid.desc())
    if after is not None:
        made = await connection.scalar(select(SURVEYS.c.at_ms).where(SURVEYS.c.cid == bytes(after)))
        if made is None:
            raise InvalidCursor(str(after))
        query = query.where(tuple_(SURVEYS.c.at_ms, SURVEYS.c.cid) < (made, bytes(after)))
    rows = await connection.execute(query.limit(max(1, min(limit, PAGE_LIMIT))))
    return tuple(_survey(row) for row in rows)


async def get_newer_surveys(connection: AsyncConnection, cid: Cid, *, limit: int) -> tuple[SurveyEntry, ...]:
    """Return surveys of the same organisation whose evidence is newer, or of the same time and told later."""
    own = await get_survey(connection, cid)
    when = tuple_(SURVEYS.c.seen_ms, SURVEYS.c.at_ms)
    query = _surveys_query().where(SURVEYS.c.org == own.org, when > (own.seen_ms, own.at_ms))
    query = query.order_by(SURVEYS.c.seen_ms, SURVEYS.c.at_ms, SURVEYS.c.cid)
    rows = await connection.execute(query.limit(max(1, min(limit, PAGE_LIMIT))))
    return tuple(_survey(row) for row in rows)


async def get_dates_of(connection: AsyncConnection, database: Database, surveys: Collection[Cid]) -> dict[Cid, int]:
    """Return when the evidence of each known survey was taken."""
    query = select(SURVEYS.c.cid, SURVEYS.c.seen_ms)
    rows = await database.find(connection, query, SURVEYS.c.cid, [bytes(cid) for cid in surveys])
    return {Cid.from_bytes(row.cid): row.seen_ms for row in rows}


async def get_anchor_of(connection: AsyncConnection, cid: Cid) -> tuple[Anchor, tuple[Cid, ...]]:
    """Return a record's anchor and batch; `NotAnchored` or `RecordNotFound` when there is none."""
    row = await _anchor_row(connection, cid)
    if row is None:
        known = await connection.scalar(select(RECORDS.c.kind).where(RECORDS.c.cid == bytes(cid)))
        raise NotAnchored(str(cid)) if known else RecordNotFound(str(cid))
    query = select(ANCHORED.c.cid).where(ANCHORED.c.anchor == row.id).order_by(ANCHORED.c.cid)
    batch: Sequence[bytes] = (await connection.scalars(query)).all()
    return _anchor(row), tuple(Cid.from_bytes(each) for each in batch)


async def get_anchors_of(connection: AsyncConnection, database: Database, cids: Collection[Cid]) -> dict[Cid, Anchor]:
    """Return the anchors of those records that have one."""
    query = select(ANCHORS, ANCHORED.c.cid).join(ANCHORED, ANCHORED.c.anchor == ANCHORS.c.id)
    rows = await database.find(connection, query, ANCHORED.c.cid, [bytes(cid) for cid in cids])
    return {Cid.from_bytes(row.cid): _anchor(row) for row in rows}


async def get_counts(connection: AsyncConnection) -> Counts:
    """Return how much is indexed."""
    all_trees, gone = (TREES, IS_LATEST), (TREES, and_(IS_LATEST, IS_GONE))
    others = [(table, true()) for table in (SURVEYS, RECORDS, ANCHORS, ANCHORED)]
    sizes = [
        await connection.scalar(select(func.count()).select_from(table).where(wanted)) or 0
        for table, wanted in (all_trees, gone, *others, (TREES, IS_ASIDE))
    ]
    return Counts(sizes[0] - sizes[1], *sizes[1:])


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
    hilbert, _, row = cursor.partition(".")
    return _parse_number(hilbert, cursor), _parse_number(row, cursor)


def _parse_number(part: str, cursor: str) -> int:
    """Return a part of a cursor, which is told whole when it is none."""
    is_number = len(cursor) <= _CURSOR_LENGTH and part.isascii() and part.isdigit()
    if not is_number or int(part) >> _INT64_BITS:
        raise InvalidCursor(cursor)
    return int(part)


def _surveys_query() -> Select[Any]:
    seen = select(func.count()).select_from(TREES).where(TREES.c.survey == SURVEYS.c.cid)
    return select(SURVEYS, seen.scalar_subquery().label("seen"), seen.where(IS_GONE).scalar_subquery().label("gone"))


def _survey(row: Row[Any]) -> SurveyEntry:
    return SurveyEntry(
        record=Cid.from_bytes(row.cid),
        result=Cid.from_bytes(row.result) if row.result else None,
        org=row.org,
        campaign=row.campaign,
        at_ms=row.at_ms,
        seen_ms=row.seen_ms,
        trees=row.seen - row.gone,
        gone=row.gone,
    )


def _set_aside(row: Row[Any]) -> SetAside:
    return SetAside(Cid.from_bytes(row.cid), row.code, row.aside, REASONS[row.aside])


async def _anchor_row(connection: AsyncConnection, cid: Cid) -> Row[Any] | None:
    query = select(ANCHORS).join(ANCHORED, ANCHORED.c.anchor == ANCHORS.c.id).where(ANCHORED.c.cid == bytes(cid))
    return (await connection.execute(query)).first()


def _anchor(row: Row[Any]) -> Anchor:
    return Anchor(row.root, row.count_, row.height, row.time_ms, row.tx_hash, Cid.from_bytes(row.manifest))
