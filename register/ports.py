"""What an index of records can do; one shared test suite holds every implementation to it."""

from collections.abc import Collection, Sequence
from typing import Protocol

from domain.cid import Cid
from domain.envelope import Record
from register.entries import Anchor, Box, Counts, FeaturePage, SetAsidePage, SurveyEntry, TreeEntry, TreePage

PAGE_LIMIT = 10_000
"""Most features in one page: about 5 MB of GeoJSON."""


class RegisterWriter(Protocol):
    """Takes in what was admitted and anchored; doing so twice changes nothing.

    Each call is done whole or not at all, and several writers may call at once.
    """

    async def add_records(self, records: Sequence[Record]) -> None:
        """Index records; what a tree comes to depends on which of its records are there, not on their order.

        Of records that two servers have put into one place one stands and the other is set aside; see
        `register.settling`.
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
        """Return a tree by its newest evidence; `TreeNotFound` when its code is unknown."""
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

    async def last_in(self, org: str, box: Box, *, cursor: str | None = None, limit: int = PAGE_LIMIT) -> TreePage:
        """Return the last envelopes of an organisation's trees inside a box, gone ones included, in pages.

        The last is the one that a new record goes on from; where a tree stands and whose it is, the newest evidence
        says.
        """
        ...

    async def last_of(self, codes: Sequence[str]) -> dict[str, Cid]:
        """Return the last record of each code that is known, which a new one goes on from; others are left out."""
        ...

    async def newest_of(self, codes: Collection[str]) -> dict[str, Cid]:
        """Return the record of the newest evidence of those codes whose last record is of older evidence."""
        ...

    async def aside(self, *, cursor: str | None = None, limit: int = 1_000) -> SetAsidePage:
        """Return the tree records that are set aside, with the reason, in pages."""
        ...

    async def surveys(self, *, after: Cid | None = None, limit: int = 1_000) -> tuple[SurveyEntry, ...]:
        """Return surveys, the one made last first, those behind the survey `after`.

        Raises
        ------
        InvalidCursor
            When `after` is not known.
        """
        ...

    async def newer_surveys(self, cid: Cid, *, limit: int = 1_000) -> tuple[SurveyEntry, ...]:
        """Return surveys of the same organisation whose evidence is newer than a survey's, the oldest of them first.

        Of those whose evidence is of the same time, the ones that were made later.
        """
        ...

    async def dates_of(self, surveys: Collection[Cid]) -> dict[Cid, int]:
        """Return when the evidence of each known survey was taken, UTC in ms; others are left out."""
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
