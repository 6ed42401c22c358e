"""Records into rows, many at a time: what a survey of thousands of trees costs is a few statements."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.cid import Cid
from domain.envelope import Record
from domain.records.frame import Area, Campaign
from domain.records.result import Result, Survey, Tree
from register.errors import CodeCollision
from register.feature import encode_feature
from register.hilbert import compute_hilbert
from register.tables import RECORDS, SURVEYS, TREES

PUBLIC_KINDS: Final = (Survey.KIND, Tree.KIND, Result.KIND, Campaign.KIND, Area.KIND)
"""Kinds whose bytes a register shows; observations and manifests are private by design.md section 2."""
MICRODEGREE_ND: Final = 1_000
"""R*Tree coordinates are 32-bit integers: microdegrees, 0.1 m; exact bounds are checked afterwards."""
CHUNK: Final = 500
"""Values in one IN list; SQLite's oldest default bound is 999."""


async def add_envelopes(connection: AsyncConnection, records: Sequence[Record]) -> list[Record]:
    """Write the records that are not there yet and return them, in order."""
    known = await _known(connection, RECORDS.c.cid, (bytes(record.cid) for record in records))
    new = {bytes(record.cid): record for record in records if bytes(record.cid) not in known}
    rows = [
        {"cid": cid, "kind": record.kind, "envelope": record.raw if record.kind in PUBLIC_KINDS else None}
        for cid, record in new.items()
    ]
    if rows:
        await connection.execute(insert(RECORDS), rows)
    return list(new.values())


async def add_surveys(connection: AsyncConnection, records: Sequence[Record]) -> None:
    """Index surveys and the results that close them."""
    surveys = [
        {"cid": bytes(record.cid), "org": body.org, "campaign": body.campaign, "at_ms": body.at_ms}
        for record in records
        if isinstance(body := record.body, Survey)
    ]
    if surveys:
        await connection.execute(insert(SURVEYS), surveys)
    results = [
        {"of": bytes(body.survey), "by": bytes(record.cid)}
        for record in records
        if isinstance(body := record.body, Result)
    ]
    if results:
        closing = update(SURVEYS).where(SURVEYS.c.cid == bindparam("of")).values(result=bindparam("by"))
        await connection.execute(closing, results)


async def add_trees(connection: AsyncConnection, records: Sequence[Record]) -> None:
    """Index tree records; `CodeCollision` when a code begins twice or a successor skips its predecessor."""
    trees = [(record.cid, body) for record in records if isinstance(body := record.body, Tree)]
    if not trees:
        return
    latest = await _latest(connection, (body.code for _, body in trees))
    superseded = []
    for cid, body in trees:
        before = latest.get(body.code)
        if before is not None and before != body.prev:
            raise CodeCollision(body.code, str(cid))
        if before is not None:
            superseded.append({"old": bytes(before)})
        latest[body.code] = cid
    await _insert_trees(connection, trees)
    if superseded:
        await connection.execute(update(TREES).where(TREES.c.cid == bindparam("old")).values(is_latest=0), superseded)


async def _insert_trees(connection: AsyncConnection, trees: Sequence[tuple[Cid, Tree]]) -> None:
    first = (await connection.scalar(select(func.max(TREES.c.id))) or 0) + 1
    rows = [_tree_row(row, cid, body) for row, (cid, body) in enumerate(trees, first)]
    await connection.execute(insert(TREES), rows)
    boxes = [
        {"id": row["id"], "x": row["lon_nd"] // MICRODEGREE_ND, "y": row["lat_nd"] // MICRODEGREE_ND}
        for row in rows
        if row["feature"] is not None
    ]
    if boxes:
        await connection.execute(text("INSERT INTO boxes VALUES (:id, :x, :x + 1, :y, :y + 1)"), boxes)


def _tree_row(row: int, cid: Cid, tree: Tree) -> dict[str, Any]:
    lon_nd, lat_nd = tree.position.lon_nd, tree.position.lat_nd
    values: dict[str, Any] = {
        "id": row,
        "code": tree.code,
        "cid": bytes(cid),
        "prev": bytes(tree.prev) if tree.prev else None,
        "survey": bytes(tree.survey),
        "is_latest": 1,
        "lon_nd": lon_nd,
        "lat_nd": lat_nd,
        "hilbert": None,
        "feature": None,
    }
    if lon_nd is not None and lat_nd is not None:
        values |= {"hilbert": compute_hilbert(lon_nd, lat_nd), "feature": encode_feature(tree, cid)}
    return values


async def _known(connection: AsyncConnection, column: Any, values: Iterable[bytes]) -> set[bytes]:  # noqa: ANN401 - a column of any table
    wanted = list(values)
    found: set[bytes] = set()
    for start in range(0, len(wanted), CHUNK):
        query = select(column).where(column.in_(wanted[start : start + CHUNK]))
        found.update((await connection.scalars(query)).all())
    return found


async def _latest(connection: AsyncConnection, codes: Iterable[str]) -> dict[str, Cid]:
    wanted = list(codes)
    found: dict[str, Cid] = {}
    for start in range(0, len(wanted), CHUNK):
        query = select(TREES.c.code, TREES.c.cid).where(
            TREES.c.code.in_(wanted[start : start + CHUNK]), TREES.c.is_latest == 1
        )
        found.update((row.code, Cid.from_bytes(row.cid)) for row in await connection.execute(query))
    return found
