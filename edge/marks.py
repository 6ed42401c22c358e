"""Marks of files that were declared: a mark stays while its file is seen, and long enough after that.

A card that comes back within the time is known again; the spool does not grow for ever. Ages are counted between times
that the server signed. All functions work in the caller's transaction.
"""

import sqlite3
from typing import Final

PREFIX: Final = "file:"
"""How the names of all marks begin among the values that the spool keeps by name."""
KEPT_MS: Final = 400 * 86_400_000
"""How long a mark stays after its file was seen last: a card lies in a drawer for a season, seldom for longer."""
RENEWED_MS: Final = 30 * 86_400_000
"""How often a mark is renewed while its file is seen: seldom, since a card wears by each write."""
PRUNED_AT_ONCE: Final = 500
"""Marks that one transaction prunes, so that it is short."""
_END: Final = PREFIX[:-1] + chr(ord(PREFIX[-1]) + 1)
_BYTES: Final = 8


def encode_mark(server_ms: int) -> bytes:
    """Return a mark of a file that is seen at a time of the server; 0 when it has not told one yet."""
    return server_ms.to_bytes(_BYTES, "big")


def is_old(mark: bytes, server_ms: int) -> bool:
    """Tell whether a mark is to be renewed.

    Examples
    --------
    >>> is_old(encode_mark(1_790_000_000_000), 1_790_000_000_001)
    False
    """
    return server_ms - int.from_bytes(mark, "big") > RENEWED_MS


def prune(db: sqlite3.Connection, server_ms: int) -> int:
    """Return how many marks were dropped because their files were not seen for long."""
    among = "FROM meta WHERE name >= ? AND name < ?"
    # One made before the server told any time counts from now on.
    undated = f"SELECT name {among} AND (length(value) < ? OR value = ?) LIMIT ?"
    db.execute(
        f"UPDATE meta SET value = ? WHERE name IN ({undated})",  # noqa: S608  # our own names
        (encode_mark(server_ms), PREFIX, _END, _BYTES, bytes(_BYTES), PRUNED_AT_ONCE),
    )
    old = f"SELECT name {among} AND value < ? AND length(value) = ? AND value > ? LIMIT ?"
    latest = encode_mark(max(0, server_ms - KEPT_MS))
    values = (PREFIX, _END, latest, _BYTES, bytes(_BYTES), PRUNED_AT_ONCE)
    return db.execute(f"DELETE FROM meta WHERE name IN ({old})", values).rowcount  # noqa: S608
