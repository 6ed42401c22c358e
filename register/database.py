"""What a database does in its own way; all else is the same for every register."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Column, Row, Select
from sqlalchemy.ext.asyncio import AsyncConnection

from register.entries import Box


class Database(Protocol):
    """The few things that SQLite and PostgreSQL say differently; each takes an open connection."""

    @property
    def inside(self) -> str:
        """Return SQL that narrows trees to a box, in terms of `edges`; a constant."""
        ...

    def edges(self, box: Box) -> Mapping[str, object]:
        """Return what `inside` names."""
        ...

    async def find(
        self, connection: AsyncConnection, query: Select[Any], column: Column[Any], values: Collection[object]
    ) -> Sequence[Row[Any]]:
        """Return the rows of a query whose column is one of many values, however many."""
        ...

    async def insert(
        self, connection: AsyncConnection, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
    ) -> None:
        """Write rows in bulk; trees with their spatial index."""
        ...

    async def claim_codes(self, connection: AsyncConnection, codes: Collection[str]) -> Collection[str]:
        """Return those codes that are known, whose rows no other writer changes until the transaction ends."""
        ...

    async def claim_dates(self, connection: AsyncConnection, *, is_missing: bool) -> None:
        """Keep surveys and trees whose survey `is_missing` from being added at once, unseen by each other."""
        ...

    async def clear(self, connection: AsyncConnection) -> None:
        """Empty all tables."""
        ...
