"""Members and what their tokens allow; only a token's SHA-256 is kept, since 256 random bits need no slower hash."""

import hashlib
import re
import secrets
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from domain.quantities import ID_PATTERN
from ingest.exchange.errors import InvalidExchange, TokenRefused

SCOPES: Final = ("feed", "export", "import")
TOKEN_PREFIX: Final = "cecm_"  # noqa: S105  # not a secret: what every token begins with, so that scanners find leaks
MAX_TOKEN: Final = 100
"""Characters of a token looked at; ours have 48."""
_TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Member:
    """Who a token speaks for.

    Attributes
    ----------
    org
        The organisation.
    scopes
        Some of `SCOPES`.
    """

    org: str
    scopes: frozenset[str]


def add_member(db: sqlite3.Connection, org: str, scopes: Collection[str], *, label: str, now_ms: int) -> str:
    """Return a new token of an organisation; it cannot be read again.

    Raises
    ------
    InvalidExchange
        When the organisation's id or a scope is none.
    """
    if not re.fullmatch(ID_PATTERN, org):
        raise InvalidExchange(f"organisation {org[:40]!r}", "1 to 32 of a-z, 0-9 and -")
    unknown = set(scopes) - set(SCOPES)
    if unknown or not scopes:
        raise InvalidExchange(f"scopes {sorted(scopes)}", f"some of {', '.join(SCOPES)}")
    token = TOKEN_PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
    values = (_hash(token), org, " ".join(sorted(scopes)), label[:200], now_ms)
    db.execute("INSERT INTO exchange_member VALUES (?, ?, ?, ?, ?)", values)
    return token


def remove_members(db: sqlite3.Connection, org: str) -> int:
    """Forget all tokens of an organisation; return how many there were."""
    return db.execute("DELETE FROM exchange_member WHERE org = ?", (org,)).rowcount


def find_member(db: sqlite3.Connection, token: str, scope: str) -> Member:
    """Return who a token speaks for; `TokenRefused` when it is unknown or lacks the scope."""
    if len(token) > MAX_TOKEN:
        raise TokenRefused(scope)
    row = db.execute("SELECT org, scopes FROM exchange_member WHERE token = ?", (_hash(token),)).fetchone()
    if row is None or scope not in row[1].split():
        raise TokenRefused(scope)
    return Member(row[0], frozenset(row[1].split()))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
