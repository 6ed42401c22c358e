"""The journal's tables.

A record's `row` is its place in the order of admission; followers keep a row as their cursor. Bytes stand here until
the follower has put them into the block store, and after that as well: the journal alone must suffice to rebuild the
rest.
"""

from typing import Final

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
