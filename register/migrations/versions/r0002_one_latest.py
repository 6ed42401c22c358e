"""The database itself sees to it that a code has one latest record, so that two writers at once cannot begin it twice.

That makes two other indexes needless, each of which cost a tenth of the time of adding a tree: a link is once because
its tree has one latest record, and a CID is once among the trees because it is once among the records.
The map's index holds the latest only: led by `is_latest`, it looked to a database without statistics like the best way
to any few trees, and was a walk over all of them.
"""

from typing import Final

from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"

# SQLite cannot drop a constraint, so the table is written anew, in the same order.
_SQLITE: Final = (
    """
    CREATE TABLE trees_anew (
        id INTEGER NOT NULL PRIMARY KEY, code TEXT NOT NULL, cid BLOB NOT NULL, prev BLOB, survey BLOB NOT NULL,
        is_latest INTEGER NOT NULL, hilbert BIGINT, lon_nd BIGINT, lat_nd BIGINT, feature BLOB
    )
    """,
    "INSERT INTO trees_anew SELECT * FROM trees ORDER BY id",
    "DROP TABLE trees",
    "ALTER TABLE trees_anew RENAME TO trees",
    "CREATE INDEX trees_by_code ON trees (code)",
    "CREATE INDEX trees_by_survey ON trees (survey)",
)
_POSTGRESQL: Final = (
    "ALTER TABLE trees DROP CONSTRAINT trees_cid_key",
    "ALTER TABLE trees DROP CONSTRAINT trees_code_prev_key",
    "DROP INDEX trees_by_hilbert",
)


def upgrade() -> None:
    """Settle what two processes may have doubled, then forbid it."""
    for statement in _SQLITE if op.get_context().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)
    op.execute(
        "UPDATE trees SET is_latest = 0 WHERE is_latest = 1 AND id NOT IN (SELECT max(id) FROM trees GROUP BY code)"
    )
    op.execute("CREATE UNIQUE INDEX trees_latest_by_code ON trees (code) WHERE is_latest = 1")
    op.execute("CREATE INDEX trees_by_hilbert ON trees (hilbert, id) WHERE is_latest = 1")
    op.execute("CREATE INDEX surveys_by_time ON surveys (at_ms, cid)")
