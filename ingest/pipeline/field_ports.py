"""What the pipeline asks of the tree science for a crew's day."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from domain.cid import Cid
from ingest.pipeline.ports import Draft, Known
from register.entries import Box


@dataclass(frozen=True, slots=True)
class FieldRequest:
    """A crew's day to be told.

    Attributes
    ----------
    org, campaign
        For whom.
    observations
        Envelopes of the day's readings.
    told
        Names of those that an earlier survey of the day was made from.
    codes
        The code that each reading's tree was given by those surveys, by record and place in it.
    at_ms, taken_ms
        Now, and when the crew measured last, UTC.
    """

    org: str
    campaign: str
    observations: tuple[bytes, ...]
    told: frozenset[Cid]
    codes: Mapping[tuple[Cid, int], str]
    at_ms: int
    taken_ms: int


@dataclass(frozen=True, slots=True)
class FieldOutline:
    """What must be known before a day is told.

    Attributes
    ----------
    boxes
        Where known trees may be those that the crew measured.
    codes
        Codes that labels say, that were given before, or that the readings give.
    """

    boxes: tuple[Box, ...]
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FieldKnown:
    """What was known before a day is told.

    Attributes
    ----------
    known
        What was known of the trees around, without newest evidence that is the day's own, and all surveys that are
        named here.
    before
        Envelopes of earlier records of trees whose last one rests on the day's own readings.
    """

    known: Known
    before: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldDraft:
    """What a day says, before it is signed.

    Attributes
    ----------
    draft
        Survey, trees, comparison, result; absent where the day gives no record.
    evidence
        The readings of each tree, by its code.
    visited, unplaced
        Trees of the day, and those of them that no record can be made of.
    """

    draft: Draft | None
    evidence: tuple[tuple[str, tuple[tuple[Cid, int], ...]], ...]
    visited: int
    unplaced: int


class Fielder(Protocol):
    """Makes trees of a crew's readings."""

    async def outline(self, request: FieldRequest) -> FieldOutline:
        """Return what must be known before a day is told."""
        ...

    async def tell(self, request: FieldRequest, known: FieldKnown) -> FieldDraft:
        """Return what a day says; a `CecError` where its readings contradict each other."""
        ...
