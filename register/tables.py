"""Tables of the register as queries see them, the same for every database.

What makes and changes them is `register.migrations`; the spatial index is the database's own: `boxes`, an integer
R*Tree, on SQLite, and on PostgreSQL `trees.geometry`, computed there from the integers.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    literal_column,
)

METADATA: Final = MetaData()
_ROW_ID: Final = BigInteger().with_variant(Integer, "sqlite")
"""SQLite's own row numbers have 64 bits and are called INTEGER."""

RECORDS: Final = Table(
    "records",
    METADATA,
    Column("cid", LargeBinary, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("envelope", LargeBinary),  # absent for kinds that are private; their bytes stay in the block store
    sqlite_with_rowid=False,
)

TREES: Final = Table(
    "trees",
    METADATA,
    Column("id", _ROW_ID, primary_key=True),  # in the order in which records came
    Column("code", Text, nullable=False),
    Column("cid", LargeBinary, nullable=False),  # once, because it is once in `records`
    Column("prev", LargeBinary),
    Column("survey", LargeBinary, nullable=False),
    Column("seen_ms", BigInteger),  # when its evidence was taken; absent until its survey comes
    Column("is_latest", Integer, nullable=False),  # of the newest evidence: what the tree is
    Column("is_last", Integer, nullable=False),  # the end of the links, from which the next survey goes on
    Column("is_gone", Integer, nullable=False),  # felled or fallen and cleared: its status is gone or stump
    Column("aside", Text),  # the rule of `register.settling` by which it does not stand among the tree's records
    Column("hilbert", BigInteger),
    Column("lon_nd", BigInteger),
    Column("lat_nd", BigInteger),
    Column("feature", LargeBinary),
)
Index("trees_by_code", TREES.c.code)
Index("trees_by_survey", TREES.c.survey)
IS_LATEST: Final = TREES.c.is_latest == literal_column("1")
"""Written out in every query, because a database uses a partial index only where it sees the index's own words."""
Index("trees_by_hilbert", TREES.c.hilbert, TREES.c.id, sqlite_where=IS_LATEST, postgresql_where=IS_LATEST)
# Whatever two writers do at once, a code has one latest record: so none of two that begin it is overlooked.
Index("trees_latest_by_code", TREES.c.code, unique=True, sqlite_where=IS_LATEST, postgresql_where=IS_LATEST)
IS_GONE: Final = TREES.c.is_gone == literal_column("1")
IS_ASIDE: Final = TREES.c.aside.is_not(None)
# Of the few, so that those who stand cost nothing.
Index("trees_gone_by_survey", TREES.c.survey, TREES.c.is_latest, sqlite_where=IS_GONE, postgresql_where=IS_GONE)
Index("trees_aside", TREES.c.id, sqlite_where=IS_ASIDE, postgresql_where=IS_ASIDE)

SURVEYS: Final = Table(
    "surveys",
    METADATA,
    Column("cid", LargeBinary, primary_key=True),
    Column("result", LargeBinary),
    Column("org", Text, nullable=False),
    Column("campaign", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),  # when its evidence was taken, as far as it says
    sqlite_with_rowid=False,
)
Index("surveys_by_time", SURVEYS.c.at_ms, SURVEYS.c.cid)
Index("surveys_by_evidence", SURVEYS.c.org, SURVEYS.c.seen_ms)

ANCHORS: Final = Table(
    "anchors",
    METADATA,
    Column("id", _ROW_ID, primary_key=True),
    Column("root", LargeBinary, nullable=False, unique=True),
    Column("count_", Integer, nullable=False),
    Column("height", BigInteger, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("tx_hash", LargeBinary, nullable=False),
    Column("manifest", LargeBinary, nullable=False),
)

ANCHORED: Final = Table(
    "anchored",
    METADATA,
    Column("cid", LargeBinary, primary_key=True),
    Column("anchor", _ROW_ID, nullable=False),
    sqlite_with_rowid=False,
)
Index("anchored_by_anchor", ANCHORED.c.anchor, ANCHORED.c.cid)
