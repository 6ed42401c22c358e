"""The exchange's tables in the journal's file.

`exchange_entry` is an index over the journal's records and can be made again from them; what members were promised
(tokens, webhooks, cursors, trust, disputes) cannot.
"""

import secrets
import sqlite3
from typing import Final

SERVER_ID_BYTES: Final = 8
SECRET_BYTES: Final = 32

SCHEMA: Final = (
    """
CREATE TABLE IF NOT EXISTS exchange_server (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id BLOB NOT NULL,
    secret BLOB NOT NULL
)""",
    # A record's row, and what the feed and the digests ask of it; audience: 0 its organisation, 1 members, 2 all.
    """
CREATE TABLE IF NOT EXISTS exchange_entry (
    row INTEGER PRIMARY KEY,
    cid BLOB NOT NULL,
    kind TEXT NOT NULL,
    org TEXT NOT NULL,
    campaign TEXT NOT NULL,
    audience INTEGER NOT NULL,
    code TEXT,
    prev BLOB
)""",
    "CREATE UNIQUE INDEX IF NOT EXISTS exchange_entry_set ON exchange_entry (org, campaign, cid)",
    "CREATE INDEX IF NOT EXISTS exchange_entry_org ON exchange_entry (org, row)",
    "CREATE INDEX IF NOT EXISTS exchange_entry_code ON exchange_entry (code) WHERE code IS NOT NULL",
    """
CREATE TABLE IF NOT EXISTS exchange_campaign (
    org TEXT NOT NULL,
    campaign TEXT NOT NULL,
    trees INTEGER NOT NULL,
    evidence INTEGER NOT NULL,
    PRIMARY KEY (org, campaign)
) WITHOUT ROWID""",
    """
CREATE TABLE IF NOT EXISTS exchange_member (
    token BLOB PRIMARY KEY,
    org TEXT NOT NULL,
    scopes TEXT NOT NULL,
    label TEXT NOT NULL,
    made_ms INTEGER NOT NULL
) WITHOUT ROWID""",
    """
CREATE TABLE IF NOT EXISTS exchange_trust (
    org TEXT NOT NULL,
    key BLOB NOT NULL,
    PRIMARY KEY (org, key)
) WITHOUT ROWID""",
    # Two records in one place: ours was taken, theirs was not.
    """
CREATE TABLE IF NOT EXISTS exchange_dispute (
    org TEXT NOT NULL,
    ours BLOB NOT NULL,
    theirs BLOB NOT NULL,
    rule TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (org, ours, theirs)
) WITHOUT ROWID""",
    """
CREATE TABLE IF NOT EXISTS exchange_peer (
    url TEXT NOT NULL,
    org TEXT NOT NULL,
    pulled TEXT NOT NULL DEFAULT '',
    pushed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (url, org)
) WITHOUT ROWID""",
    """
CREATE TABLE IF NOT EXISTS exchange_hook (
    id TEXT PRIMARY KEY,
    org TEXT NOT NULL,
    url TEXT NOT NULL,
    secret BLOB NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    row INTEGER NOT NULL,
    delivered INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID""",
    """
CREATE TABLE IF NOT EXISTS exchange_delivery (
    id TEXT PRIMARY KEY,
    hook TEXT NOT NULL,
    row INTEGER NOT NULL,
    payload BLOB NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_ms INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    reason TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS exchange_delivery_due ON exchange_delivery (state, hook, next_ms, row)",
)


def prepare(db: sqlite3.Connection) -> None:
    """Make the tables where they are not there, and the server's id and secret once."""
    for statement in SCHEMA:
        db.execute(statement)
    db.execute(
        "INSERT OR IGNORE INTO exchange_server VALUES (1, ?, ?)",
        (secrets.token_bytes(SERVER_ID_BYTES), secrets.token_bytes(SECRET_BYTES)),
    )
