"""What a re-survey says: which tree is which of those known before, and what became of the others.

A survey of known ground closes with one or more of these records, its parts: each is within an envelope's limit. Tree
codes name trees of both sides: a later tree that was linked has the earlier one's code, any other has one of its own.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, TypeAlias

from domain.cid import Cid
from domain.quantities import Count, Id, LengthMm, Name, Ppm, Text
from domain.records.result import Absence, TreeCodeText
from domain.schema import Length, OneOf, Range

MAX_PARTS: Final = 1_000
"""Parts of one comparison: about 1.5 million trees."""
MAX_ITEMS: Final = 4_000
"""Items of one kind in a part; the envelope's limit comes first."""

ChangeMm: TypeAlias = Annotated[int, Range(-200_000, 200_000)]
"""Difference of two heights, either way."""
ShiftMm: TypeAlias = Annotated[int, Range(-100_000, 100_000)]
"""Shift of one survey against another, to 100 m; more is no shift but another place."""
Days: TypeAlias = Annotated[int, Range(-73_000, 73_000)]
"""Time between two surveys, to 200 years; below zero where older evidence was surveyed later."""


@dataclass(frozen=True, slots=True)
class CommonShift:
    """Where the survey puts what earlier ones put elsewhere.

    Attributes
    ----------
    east_mm, north_mm
        Later less earlier.
    east_error_mm, north_error_mm
        Standard errors.
    """

    east_mm: ShiftMm
    north_mm: ShiftMm
    east_error_mm: LengthMm
    north_error_mm: LengthMm


@dataclass(frozen=True, slots=True)
class Change:
    """How much a height changed.

    Attributes
    ----------
    change_mm
        Later less earlier.
    error_mm
        Standard error of the difference, own and shared together.
    days
        Between the two.
    """

    change_mm: ChangeMm
    error_mm: LengthMm
    days: Days


@dataclass(frozen=True, slots=True)
class SameTree:
    """A tree that was known and is seen again.

    Attributes
    ----------
    code
        For life.
    prev
        Its last record before.
    probability_ppm
        That both are one tree.
    height
        How its height changed; absent where it does not stand.
    """

    code: TreeCodeText
    prev: Cid
    probability_ppm: Ppm
    height: Change | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A tree of the survey that a doubtful one may be.

    Attributes
    ----------
    code
        The code that it has for now.
    probability_ppm
        That both are one tree.
    """

    code: TreeCodeText
    probability_ppm: Ppm


@dataclass(frozen=True, slots=True)
class DoubtfulTree:
    """A known tree left unlinked, for a person to decide.

    Attributes
    ----------
    code
        Which.
    alone_ppm
        Probability that it is none of them.
    choices
        Likeliest first; absent where none stands out.
    """

    code: TreeCodeText
    alone_ppm: Ppm
    choices: Annotated[tuple[Choice, ...], Length(1, 20)] | None = None


@dataclass(frozen=True, slots=True)
class UnseenTree:
    """A known tree that no tree of the survey is.

    Attributes
    ----------
    code
        Which.
    verdict
        ``gone`` with evidence, then it has a tree record that says so; ``outside`` the ground covered; else
        ``not-seen``.
    reason
        For a person.
    absence
        What the verdict rests on.
    """

    code: TreeCodeText
    verdict: Annotated[str, OneOf(("gone", "not-seen", "outside"))]
    reason: Name
    absence: Absence


@dataclass(frozen=True, slots=True)
class JoinedCrowns:
    """Two trees that one of both sides seems to have seen as one crown.

    Attributes
    ----------
    code
        The tree that was linked.
    other
        The one without a partner.
    """

    code: TreeCodeText
    other: TreeCodeText


@dataclass(frozen=True, slots=True)
class MatchCounts:
    """How many trees had which lot.

    Attributes
    ----------
    same
        Seen again.
    new
        Of the survey, not known before.
    undecided
        Of the survey, with a new code for now: a decision on a doubtful tree decides on them.
    doubtful, not_seen, outside, gone
        Known before.
    """

    same: Count
    new: Count
    undecided: Count
    doubtful: Count
    not_seen: Count
    outside: Count
    gone: Count


@dataclass(frozen=True, slots=True)
class Match:
    """One part of a survey's comparison with what was known of its ground.

    Attributes
    ----------
    org, campaign, survey
        Which survey.
    earlier
        The surveys that the known trees' last records come from, latest first.
    part, parts
        Which part, from 0, of how many.
    days
        From the latest of the earlier surveys to this one.
    counts
        Of the whole comparison; in the first part.
    shift
        The common shift; absent when it could not be told, and in all parts but the first.
    unclear
        Why it could not be told; then nothing is linked but what shares its evidence.
    height
        Mean change of the heights of trees seen twice; in the first part.
    same, doubtful, unseen
        Known trees, each in one of them.
    merges
        Known trees that the survey seems to have seen as one crown.
    splits
        Trees of the survey that earlier ones seem to have seen as one crown.
    warnings
        What a reader must know; in the first part.
    """

    KIND: ClassVar[str] = "match"

    org: Id
    campaign: Id
    survey: Cid
    earlier: Annotated[tuple[Cid, ...], Length(1, 1_000)]
    part: Annotated[int, Range(0, MAX_PARTS - 1)]
    parts: Annotated[int, Range(1, MAX_PARTS)]
    days: Days
    counts: MatchCounts | None = None
    shift: CommonShift | None = None
    unclear: Text | None = None
    height: Change | None = None
    same: Annotated[tuple[SameTree, ...], Length(1, MAX_ITEMS)] | None = None
    doubtful: Annotated[tuple[DoubtfulTree, ...], Length(1, MAX_ITEMS)] | None = None
    unseen: Annotated[tuple[UnseenTree, ...], Length(1, MAX_ITEMS)] | None = None
    merges: Annotated[tuple[JoinedCrowns, ...], Length(1, MAX_ITEMS)] | None = None
    splits: Annotated[tuple[JoinedCrowns, ...], Length(1, MAX_ITEMS)] | None = None
    warnings: Annotated[tuple[Text, ...], Length(1, 100)] | None = None
