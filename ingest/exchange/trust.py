"""Whose signatures an operator trusts: an organisation's record key, and the service keys that sign its results."""

import re
import sqlite3
from dataclasses import dataclass

from domain.errors import InvalidKey
from domain.keys import PublicKey
from domain.quantities import ID_PATTERN
from ingest.exchange.errors import InvalidTrust


@dataclass(frozen=True, slots=True)
class Trust:
    """A key and the organisation that it speaks for.

    Attributes
    ----------
    org
        The organisation.
    key
        The key.
    """

    org: str
    key: PublicKey


def parse_trust(text: str) -> Trust:
    """Return what ``ORG=KEY`` says, the key in hexadecimal with its prefix.

    Raises
    ------
    InvalidTrust
        When it says something else.

    Examples
    --------
    >>> parse_trust("north-forest=ed01" + "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a").org
    'north-forest'
    """
    org, found, digits = text.partition("=")
    if not found or not re.fullmatch(ID_PATTERN, org):
        raise InvalidTrust(text, "an organisation's id is 1 to 32 of a-z, 0-9 and -")
    try:
        return Trust(org, PublicKey(bytes.fromhex(digits)))
    except (ValueError, InvalidKey) as error:
        raise InvalidTrust(text, str(error)) from error


def trust_organisation(db: sqlite3.Connection, trust: Trust) -> None:
    """Make an organisation known by its record key; `InvalidTrust` when it is known by another."""
    db.execute("INSERT OR IGNORE INTO organisation VALUES (?, ?)", (trust.org, trust.key.raw))
    (key,) = db.execute("SELECT key FROM organisation WHERE org = ?", (trust.org,)).fetchone()
    if bytes(key) != trust.key.raw:
        known = PublicKey(bytes(key))
        raise InvalidTrust(f"{trust.org}={trust.key.raw.hex()}", f"the organisation is known here by {known}")


def trust_service(db: sqlite3.Connection, trust: Trust) -> None:
    """Let a service key sign an organisation's surveys, trees and results."""
    db.execute("INSERT OR IGNORE INTO exchange_trust VALUES (?, ?)", (trust.org, trust.key.raw))
