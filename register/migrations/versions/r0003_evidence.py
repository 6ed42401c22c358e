"""A tree's latest record is that of the newest evidence, not the one that came last; trees that are gone are marked.

Until here the records of a code were one line of links in the order of their row numbers, as every writer saw to it.
What is gone is read from the records themselves, among those that hold the words.
"""

from collections.abc import Iterator
from typing import Final

from alembic import op
from sqlalchemy import Connection, Row, text

from domain.codec import decode_map

revision: Final = "0003"
down_revision: Final = "0002"

_COLUMNS: Final = (
    "ALTER TABLE surveys ADD COLUMN seen_ms BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE trees ADD COLUMN seen_ms BIGINT",
    "ALTER TABLE trees ADD COLUMN is_last INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE trees ADD COLUMN is_gone INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE trees ADD COLUMN aside TEXT",
)
_HOLDS: Final = {
    "sqlite": "instr(envelope, CAST(:word AS BLOB)) > 0",
    "postgresql": "position(convert_to(:word, 'UTF8') IN envelope) > 0",
}
_GONE: Final = ("gone", "stump")
_SETTLE: Final = (
    "UPDATE trees SET seen_ms = (SELECT seen_ms FROM surveys WHERE surveys.cid = trees.survey)",
    "UPDATE trees SET is_last = is_latest",
    "UPDATE trees SET is_latest = 0 WHERE code IN (SELECT code FROM trees GROUP BY code HAVING count(*) > 1)",
    # A record whose survey is not known counts as the newest of its time.
    """
    UPDATE trees SET is_latest = 1 WHERE is_latest = 0 AND id IN (
        SELECT max(id) FROM (
            SELECT id, code, seen_ms, max(seen_ms) OVER (PARTITION BY code ORDER BY id) AS until_then,
                max(seen_ms) OVER (PARTITION BY code) AS newest
            FROM trees
        ) AS dated
        WHERE newest IS NULL OR coalesce(seen_ms, until_then) = newest GROUP BY code
    )
    """,
)
_INDEXES: Final = (
    "CREATE INDEX trees_gone_by_survey ON trees (survey, is_latest) WHERE is_gone = 1",
    "CREATE INDEX trees_aside ON trees (id) WHERE aside IS NOT NULL",
    "CREATE INDEX surveys_by_evidence ON surveys (org, seen_ms)",
)
_BATCH: Final = 2_000


def upgrade() -> None:
    """Add what is read from records, then choose each tree's latest by it."""
    connection = op.get_bind()
    for statement in _COLUMNS:
        op.execute(statement)
    _date_surveys(connection)
    _mark_gone(connection)
    for statement in (*_SETTLE, *_INDEXES):
        op.execute(statement)


def _date_surveys(connection: Connection) -> None:
    dated = text("UPDATE surveys SET seen_ms = :seen WHERE cid = :cid")
    connection.execute(text("UPDATE surveys SET seen_ms = at_ms"))
    for rows in _read(connection, "kind = 'survey'", {}):
        bodies = [(bytes(row.cid), decode_map(bytes(row.envelope))["body"]) for row in rows]
        taken = [(cid, body.get("taken_ms")) for cid, body in bodies if isinstance(body, dict)]
        known = [{"cid": cid, "seen": at_ms} for cid, at_ms in taken if at_ms is not None]
        if known:
            connection.execute(dated, known)


def _mark_gone(connection: Connection) -> None:
    marked = text("UPDATE trees SET is_gone = 1 WHERE code = :code AND cid = :cid")
    for word in _GONE:
        for rows in _read(connection, f"kind = 'tree' AND {_HOLDS[connection.dialect.name]}", {"word": word}):
            bodies = [(bytes(row.cid), decode_map(bytes(row.envelope))["body"]) for row in rows]
            found = [
                {"cid": cid, "code": body["code"]}
                for cid, body in bodies
                if isinstance(body, dict) and body["status"] == word
            ]
            if found:
                connection.execute(marked, found)


def _read(connection: Connection, wanted: str, values: dict[str, str]) -> Iterator[list[Row[tuple[bytes, bytes]]]]:
    """Yield public records in batches, by CID."""
    query = text(
        f"SELECT cid, envelope FROM records WHERE {wanted} AND cid > :after ORDER BY cid LIMIT {_BATCH}"  # noqa: S608
    )
    after = b""
    while rows := connection.execute(query, {**values, "after": after}).all():
        yield list(rows)
        after = bytes(rows[-1].cid)
