"""What is whole in a spool that SQLite calls damaged: read row by row, past what cannot be read."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MAX_GAP: Final = 20_000
"""Row numbers tried beyond one that cannot be read; a damaged page hides some tens, an inner one some thousands."""


@dataclass(frozen=True, slots=True)
class Salvage:
    """What a damaged spool still gives.

    Attributes
    ----------
    kept
        Where the damaged file is now.
    items
        Envelope, and rule and remedy where the server had refused it; not yet checked.
    failures
        Row numbers whose reading failed; some may never have been used.
    """

    kept: Path
    items: tuple[tuple[bytes, str | None, str | None], ...]
    failures: int

    @property
    def words(self) -> str:
        """What was saved and what was not, for people."""
        return f"{len(self.items)} records that wait were read from it, {self.failures} row numbers could not be read"


def salvage_items(kept: Path) -> Salvage:
    """Return every row of the damaged spool that can be read."""
    items: list[tuple[bytes, str | None, str | None]] = []
    failures, gap, row = 0, 0, 0
    with closing(sqlite3.connect(kept)) as db:
        while gap < MAX_GAP:
            try:
                # Within a gap one row at a time: a scan would meet the damaged page again.
                found = _read_row(db, row + 1) if gap else _read_next(db, row)
            except sqlite3.DatabaseError:
                failures += 1
                found = None
            else:
                if found is None and not gap:
                    break
            row, gap = (row + 1, gap + 1) if found is None else (found[0], 0)
            if found is not None and isinstance(found[1], bytes):
                items.append(found[1:])
    return Salvage(kept, tuple(items), failures)


_Row = tuple[int, bytes, str | None, str | None]


def _read_next(db: sqlite3.Connection, row: int) -> _Row | None:
    found: _Row | None = db.execute(
        "SELECT row, raw, rule, remedy FROM item NOT INDEXED WHERE row > ? ORDER BY row LIMIT 1", (row,)
    ).fetchone()
    return found


def _read_row(db: sqlite3.Connection, row: int) -> _Row | None:
    found: _Row | None = db.execute(
        "SELECT row, raw, rule, remedy FROM item NOT INDEXED WHERE row = ?", (row,)
    ).fetchone()
    return found
