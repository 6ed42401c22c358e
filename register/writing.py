"""Records into the tables of any register, within the caller's transaction."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Row, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.cid import Cid
from domain.envelope import Record
from domain.records.result import Tree
from register import rows
from register.database import Database
from register.rows import Standing
from register.settling import Link
from register.tables import RECORDS, SURVEYS, TREES

_CLOSE: Final = update(SURVEYS).where(SURVEYS.c.cid == bindparam("of")).values(result=bindparam("by"))
_RESTAND: Final = (
    update(TREES)
    .where(TREES.c.id == bindparam("of"))
    .values({name: bindparam(f"new_{name}") for name in rows.STANDING_COLUMNS})
)
_DATES: Final = select(SURVEYS.c.cid, SURVEYS.c.seen_ms)
_WAITING: Final = select(TREES.c.code).where(TREES.c.seen_ms.is_(None))
"""Trees whose survey had not come."""
_HISTORY: Final = select(*(TREES.c[name] for name in ("id", "code", "cid", "prev", "survey", *rows.STANDING_COLUMNS)))


async def add_records(connection: AsyncConnection, database: Database, records: Sequence[Record]) -> None:
    """Index those records that are not there yet."""
    by_cid = {bytes(record.cid): record for record in records}
    known = {row.cid for row in await database.find(connection, select(RECORDS.c.cid), RECORDS.c.cid, by_cid)}
    new = [record for cid, record in by_cid.items() if cid not in known]
    if not new:
        return
    surveys, trees = rows.survey_rows(new), rows.select_trees(new)
    dates = await _read_dates(connection, database, surveys, {bytes(tree.survey) for _, tree in trees})
    await database.insert(connection, "records", rows.RECORD_COLUMNS, rows.record_rows(new))
    if surveys:
        await database.insert(connection, "surveys", rows.SURVEY_COLUMNS, surveys)
    closed = [{"of": survey, "by": result} for survey, result in rows.find_closings(new).items()]
    if closed:
        await connection.execute(_CLOSE, closed)
    waiting = await database.find(connection, _WAITING, TREES.c.survey, [row[0] for row in surveys])
    codes = {tree.code for _, tree in trees}.union(row.code for row in waiting)
    if codes:
        await _add_trees(connection, database, trees, codes=codes, dates=dates)


async def _read_dates(
    connection: AsyncConnection, database: Database, surveys: Sequence[rows.SurveyRow], named: Collection[bytes]
) -> dict[bytes, int]:
    """Return when the evidence of new surveys was taken, and that of known ones that new trees name."""
    dates = {cid: seen_ms for cid, _, _, _, seen_ms in surveys}
    for is_claimed in (False, True):
        unknown = [cid for cid in named if cid not in dates]
        found = await database.find(connection, _DATES, SURVEYS.c.cid, unknown)
        dates |= {row.cid: row.seen_ms for row in found}
        is_missing = len(found) < len(unknown)
        if not is_claimed and (surveys or is_missing):
            await database.claim_dates(connection, is_missing=is_missing)
        if not is_missing:
            break
    return dates


async def _add_trees(
    connection: AsyncConnection,
    database: Database,
    trees: Sequence[tuple[Cid, Tree]],
    *,
    codes: Collection[str],
    dates: Mapping[bytes, int],
) -> None:
    known = await database.claim_codes(connection, codes)
    indexed = await database.find(connection, _HISTORY, TREES.c.code, known)
    standings = rows.link_trees(trees, dates, _group(indexed, dates))
    await _restand(connection, indexed, standings)
    if trees:
        await database.insert(connection, "trees", rows.TREE_COLUMNS, rows.tree_rows(trees, standings))


def _group(indexed: Sequence[Row[Any]], dates: Mapping[bytes, int]) -> dict[str, list[Link]]:
    histories: dict[str, list[Link]] = {}
    for row in indexed:
        date = dates.get(row.survey) if row.seen_ms is None else row.seen_ms
        histories.setdefault(row.code, []).append(Link(row.cid, row.prev, date))
    return histories


async def _restand(
    connection: AsyncConnection, indexed: Sequence[Row[Any]], standings: Mapping[bytes, Standing]
) -> None:
    """Change how indexed records stand; what is no longer a latest first, because a code has one."""
    changed = [(row, standings[row.cid]) for row in indexed if _is_changed(row, standings[row.cid])]
    values = [
        {"of": row.id, **{f"new_{name}": getattr(how, name) for name in rows.STANDING_COLUMNS}}
        for row, how in sorted(changed, key=lambda one: one[1].is_latest)
    ]
    if values:
        await connection.execute(_RESTAND, values)


def _is_changed(row: Row[Any], how: Standing) -> bool:
    return any(getattr(row, name) != getattr(how, name) for name in rows.STANDING_COLUMNS)
