"""Cursors of the change feed: opaque to members, bound to one server, and not to be made up.

A cursor is the server's id (8 bytes), a row (8 bytes) and 16 bytes of HMAC-SHA256 over both, in URL-safe base64.
"""

import base64
import binascii
import hashlib
import hmac
import sqlite3
from typing import Final

from ingest.exchange.errors import CursorAhead, ForeignCursor, InvalidFeedCursor
from ingest.exchange.tables import SERVER_ID_BYTES

_ROW_BYTES: Final = 8
_MAC_BYTES: Final = 16
_LENGTH: Final = SERVER_ID_BYTES + _ROW_BYTES + _MAC_BYTES
MAX_TEXT: Final = 64
"""Longest text looked at; a cursor has 43 symbols."""


def format_cursor(db: sqlite3.Connection, row: int) -> str:
    """Return the cursor that stands behind a row."""
    server, secret = _get_server(db)
    said = server + row.to_bytes(_ROW_BYTES, "big")
    return base64.urlsafe_b64encode(said + _mac(secret, said)).rstrip(b"=").decode()


def parse_cursor(db: sqlite3.Connection, cursor: str) -> int:
    """Return the row behind which a cursor stands; an empty one stands before the first.

    Raises
    ------
    ForeignCursor
        When another server gave it.
    CursorAhead
        When the journal ends before it.
    InvalidFeedCursor
        When no server gave it.
    """
    if not cursor:
        return 0
    raw = _decode(cursor)
    server, secret = _get_server(db)
    if raw[:SERVER_ID_BYTES] != server:
        raise ForeignCursor(cursor, raw[:SERVER_ID_BYTES].hex(), server.hex())
    said, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(secret, said)):
        raise InvalidFeedCursor(cursor, "it was changed; take the one from the page before, or none for the first")
    row = int.from_bytes(said[SERVER_ID_BYTES:], "big")
    last = int(db.execute("SELECT coalesce(max(row), 0) FROM record").fetchone()[0])
    if row > last:
        raise CursorAhead(cursor, row, last)
    return row


def get_server_id(db: sqlite3.Connection) -> str:
    """Return the server's id in hexadecimal."""
    return _get_server(db)[0].hex()


def get_secret(db: sqlite3.Connection) -> bytes:
    """Return the server's secret, 32 bytes."""
    return _get_server(db)[1]


def _decode(cursor: str) -> bytes:
    fault = "take the one from the page before, or none for the first"
    if len(cursor) > MAX_TEXT or not cursor.isascii():
        raise InvalidFeedCursor(cursor, fault)
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidFeedCursor(cursor, fault) from error
    if len(raw) != _LENGTH:
        raise InvalidFeedCursor(cursor, fault)
    return raw


def _get_server(db: sqlite3.Connection) -> tuple[bytes, bytes]:
    server, secret = db.execute("SELECT id, secret FROM exchange_server").fetchone()
    return bytes(server), bytes(secret)


def _mac(secret: bytes, said: bytes) -> bytes:
    return hmac.digest(secret, b"cec feed cursor\0" + said, hashlib.sha256)[:_MAC_BYTES]
