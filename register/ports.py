"""What an index of records can do; one shared test suite holds every implementation to it."""

from collections.abc import Sequence
from typing import Protocol

from domain.cid import Cid
from domain.envelope import Record
from register.entries import Anchor, Box, Counts, FeaturePage, SurveyEntry, TreeEntry, TreePage

PAGE_LIMIT = 10_000
"""Most features in one page: about 5 MB of GeoJSON."""


class RegisterWriter(Protocol):
    """Takes in what was admitted and anchored; doing so twice changes nothing.

    Each call is done whole or not at all, and several writers may call at once.
    """

    async def add_records(self, records: Sequence[Record]) -> None:
        """Index records, in the order of their dependence (a survey before its trees).

        Raises
        ------
        CodeCollision
            When a tree's code begins twice or a successor skips its predecessor.
        """
        ...

    async def add_anchor(self, anchor: Anchor, cids: Sequence[Cid]) -> None:
        """Note that a batch of records, sorted by CID, stands on the chain; a record keeps its first anchor."""
        ...

    async def clear(self) -> None:
        """Forget everything, before an index is made again from the records."""
        ...


class RegisterReader(Protocol):
    """Answers questions about trees, surveys and anchors."""

    async def tree(self, code: str) -> TreeEntry:
        """Return a tree; `TreeNotFound` when its code is unknown."""
        ...

    async def record(self, cid: Cid) -> bytes:
        """Return the envelope of a record that may be shown; `RecordNotFound` otherwise."""
        ...

    async def features(self, box: Box | None = None, *, cursor: str | None = None, limit: int = 1_000) -> FeaturePage:
        """Return trees inside a box (or anywhere) in pages."""
        ...

    async def survey(self, cid: Cid) -> SurveyEntry:
        """Return one survey, however many came after it; `RecordNotFound` when it is unknown."""
        ...

    async def trees_of(self, survey: Cid, *, after: str = "", limit: int = PAGE_LIMIT) -> tuple[bytes, ...]:
        """Return the envelopes of a survey's trees in the order of their codes, those behind the code `after`."""
        ...

    async def latest_in(self, org: str, box: Box, *, cursor: str | None = None, limit: int = PAGE_LIMIT) -> TreePage:
        """Return the latest envelopes of an organisation's trees inside a box, gone ones included, in pages.

        Whose a tree is, its latest record's survey says.
        """
        ...

    async def latest_of(self, codes: Sequence[str]) -> dict[str, Cid]:
        """Return the latest record of each code that is known; others are left out."""
        ...

    async def surveys(self) -> tuple[SurveyEntry, ...]:
        """Return surveys, latest first, at most 1,000."""
        ...

    async def anchor_of(self, cid: Cid) -> tuple[Anchor, tuple[Cid, ...]]:
        """Return a record's anchor and its whole batch, sorted; `NotAnchored` or `RecordNotFound` otherwise."""
        ...

    async def anchors_of(self, cids: Sequence[Cid]) -> dict[Cid, Anchor]:
        """Return the anchors of those records that have one; the others are left out."""
        ...

    async def counts(self) -> Counts:
        """Return how much is indexed."""
        ...


class Register(RegisterReader, RegisterWriter, Protocol):
    """Both, as a server needs it."""
