"""Tables of the register, the same for every database; the spatial index is the database's own."""

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
    UniqueConstraint,
)

METADATA: Final = MetaData()

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
    Column("id", Integer, primary_key=True),
    Column("code", Text, nullable=False),
    Column("cid", LargeBinary, nullable=False, unique=True),
    Column("prev", LargeBinary),
    Column("survey", LargeBinary, nullable=False),
    Column("is_latest", Integer, nullable=False),
    Column("hilbert", BigInteger),
    Column("lon_nd", BigInteger),
    Column("lat_nd", BigInteger),
    Column("feature", LargeBinary),
    UniqueConstraint("code", "prev"),
)
Index("trees_by_code", TREES.c.code)
Index("trees_by_hilbert", TREES.c.is_latest, TREES.c.hilbert, TREES.c.id)
Index("trees_by_survey", TREES.c.survey)

SURVEYS: Final = Table(
    "surveys",
    METADATA,
    Column("cid", LargeBinary, primary_key=True),
    Column("result", LargeBinary),
    Column("org", Text, nullable=False),
    Column("campaign", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

ANCHORS: Final = Table(
    "anchors",
    METADATA,
    Column("id", Integer, primary_key=True),
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
    Column("anchor", Integer, nullable=False),
    sqlite_with_rowid=False,
)
Index("anchored_by_anchor", ANCHORED.c.anchor, ANCHORED.c.cid)
