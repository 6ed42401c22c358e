"""What is whole in a spool that SQLite calls damaged: read row by row, past what cannot be read.

One row at a time, so that a spool of any size is salvaged in flat memory.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

MAX_GAP: Final = 20_000
"""Row numbers tried beyond one that cannot be read; a damaged page hides some tens, an inner one some thousands."""
Row = tuple[Any, ...]
"""A row as SQLite gives it; whoever takes it over checks it."""


@dataclass(slots=True)
class Reader:
    """Reads what a damaged spool still gives.

    Attributes
    ----------
    db
        The damaged file.
    failures
        Rows whose reading failed; some row numbers may never have been used.
    """

    db: sqlite3.Connection
    failures: int = field(default=0)

    def rows(self, table: str, columns: str) -> Iterator[Row]:
        """Yield every row of a table with row numbers that can be read, in order."""
        if not self._is_there(table):
            return
        select = f"SELECT rowid, {columns} FROM {table} NOT INDEXED WHERE rowid"  # noqa: S608  # our own names
        gap, last = 0, 0
        while gap < MAX_GAP:
            # Within a gap one row at a time: a scan would meet the damaged page again.
            is_whole, found = self._try(
                f"{select} = ?" if gap else f"{select} > ? ORDER BY rowid LIMIT 1", last + bool(gap)
            )
            if found is None and is_whole and not gap:
                return
            last, gap = (last + 1, gap + 1) if found is None else (found[0], 0)
            if found is not None:
                yield found[1:]

    def keyed_rows(self, table: str, columns: str) -> Iterator[Row]:
        """Yield the rows of a small table without row numbers that can be read from either end; the key comes first."""
        if not self._is_there(table):
            return
        key = columns.split(",", 1)[0]
        seen: set[Any] = set()
        for sign, order in ((">", "ASC"), ("<", "DESC")):
            scan = f"SELECT {columns} FROM {table} ORDER BY {key} {order}"  # noqa: S608  # our own names
            onward = f"SELECT {columns} FROM {table} WHERE {key} {sign} ? ORDER BY {key} {order} LIMIT 1"  # noqa: S608
            is_whole, found = self._try(f"{scan} LIMIT 1")
            while found is not None:
                if found[0] not in seen:
                    seen.add(found[0])
                    yield found
                is_whole, found = self._try(onward, found[0])
            if is_whole:
                return

    def _is_there(self, table: str) -> bool:
        try:
            self.db.execute(f"SELECT 1 FROM {table} LIMIT 0")  # noqa: S608  # our own names
        except sqlite3.DatabaseError:
            # An older spool lacks it, or the page that names the tables is gone: either way nothing can be read.
            return False
        return True

    def _try(self, statement: str, *values: object) -> tuple[bool, Row | None]:
        """Return whether reading went well, and the row if there is one."""
        try:
            return True, self.db.execute(statement, values).fetchone()
        except sqlite3.DatabaseError:
            self.failures += 1
            return False, None
