"""The journal's tables.

A record's `row` is its place in the order of admission; followers keep a row as their cursor. Bytes stand here until
the follower has put them into the block store, and after that as well: the journal alone must suffice to rebuild the
rest.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Final

from ingest.errors import JournalNewer

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS organisation (
    org TEXT PRIMARY KEY,
    key BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS device_key (
    org TEXT NOT NULL,
    device TEXT NOT NULL,
    key BLOB NOT NULL,
    revoked_ms INTEGER,
    PRIMARY KEY (org, device, key)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS record (
    row INTEGER PRIMARY KEY,
    cid BLOB NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    org TEXT NOT NULL,
    device TEXT,
    received_ms INTEGER NOT NULL,
    raw BLOB NOT NULL
);

CREATE TABLE IF NOT EXISTS place (
    org TEXT NOT NULL,
    device TEXT NOT NULL,
    epoch BLOB NOT NULL,
    seq INTEGER NOT NULL,
    cid BLOB NOT NULL,
    PRIMARY KEY (org, device, epoch, seq)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS epoch (
    org TEXT NOT NULL,
    device TEXT NOT NULL,
    epoch BLOB NOT NULL,
    first_ms INTEGER NOT NULL,
    PRIMARY KEY (org, device, epoch)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS successor (
    org TEXT NOT NULL,
    device TEXT NOT NULL,
    prev BLOB NOT NULL,
    cid BLOB NOT NULL,
    PRIMARY KEY (org, device, prev)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS quarantine (
    cid BLOB PRIMARY KEY,
    org TEXT NOT NULL,
    device TEXT NOT NULL,
    rule TEXT NOT NULL,
    reason TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    raw BLOB NOT NULL
) WITHOUT ROWID;

-- Bytes in quarantine by device, and of all under empty names: a sum over the table at each refusal would let
-- refusals slow the server down.
CREATE TABLE IF NOT EXISTS quarantine_use (
    org TEXT NOT NULL,
    device TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (org, device)
) WITHOUT ROWID;

CREATE TRIGGER IF NOT EXISTS quarantine_in AFTER INSERT ON quarantine BEGIN
    INSERT OR IGNORE INTO quarantine_use VALUES ('', '', 0), (new.org, new.device, 0);
    UPDATE quarantine_use SET bytes = bytes + length(new.raw)
        WHERE (org = '' AND device = '') OR (org = new.org AND device = new.device);
END;

CREATE TRIGGER IF NOT EXISTS quarantine_out AFTER DELETE ON quarantine BEGIN
    UPDATE quarantine_use SET bytes = bytes - length(old.raw)
        WHERE (org = '' AND device = '') OR (org = old.org AND device = old.device);
END;

CREATE TABLE IF NOT EXISTS alarm (
    id INTEGER PRIMARY KEY,
    org TEXT NOT NULL,
    device TEXT NOT NULL,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL,
    at_ms INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS upload (
    org TEXT NOT NULL,
    root BLOB NOT NULL,
    device TEXT NOT NULL,
    record BLOB NOT NULL,
    size INTEGER NOT NULL,
    held BLOB NOT NULL,
    whole INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (org, root)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS job (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    payload BLOB NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    not_before_ms INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    queued_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS job_state ON job (state, kind, queued_ms);

CREATE TABLE IF NOT EXISTS mark (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
"""

MIGRATIONS: Final = (
    """
-- A rotated key names its successor, and that one where it began to sign: what the old key signed before still counts.
ALTER TABLE device_key ADD COLUMN successor BLOB;
ALTER TABLE device_key ADD COLUMN since_epoch BLOB;
ALTER TABLE device_key ADD COLUMN since_seq INTEGER;

-- One alarm a matter, counted: a device that repeats itself must not fill the table.
ALTER TABLE alarm ADD COLUMN times INTEGER NOT NULL DEFAULT 1;
DELETE FROM alarm WHERE id NOT IN (SELECT min(id) FROM alarm GROUP BY org, device, kind, detail);
CREATE UNIQUE INDEX alarm_matter ON alarm (org, device, kind, detail);

-- Who let a refused record in, and when.
CREATE TABLE pardon (
    cid BLOB PRIMARY KEY,
    org TEXT NOT NULL,
    device TEXT NOT NULL,
    rule TEXT NOT NULL,
    person TEXT NOT NULL,
    at_ms INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX record_frame ON record (org, kind) WHERE kind IN ('campaign', 'area', 'species-list');
""",
)
"""What was added to `SCHEMA` since, in order; the file's `user_version` counts those that it has."""


def prepare(db: sqlite3.Connection, path: str) -> None:
    """Make the tables, or bring those of an older version up to date, all in one transaction.

    Parameters
    ----------
    db
        Without Python's own transactions (`isolation_level=None`).
    path
        Where it is, for people.

    Raises
    ------
    JournalNewer
        When a later version of the software has written the file.
    """
    if _read_version(db, path) == len(MIGRATIONS):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        # Asked again: another opener may have brought it up to date before this one had its turn.
        found = _read_version(db, path)
        for statement in _split((SCHEMA, *MIGRATIONS[found:])):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _read_version(db: sqlite3.Connection, path: str) -> int:
    """Return how many migrations the file has had."""
    found = int(db.execute("PRAGMA user_version").fetchone()[0])
    if found > len(MIGRATIONS):
        raise JournalNewer(path, found, len(MIGRATIONS))
    return found


def _split(scripts: Iterable[str]) -> Iterator[str]:
    """Yield statements one by one: `executescript` would end the transaction that they belong in."""
    for script in scripts:
        statement = ""
        for line in script.splitlines(keepends=True):
            statement += line
            if sqlite3.complete_statement(statement):
                yield statement
                statement = ""
