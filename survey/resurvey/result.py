"""What a re-survey says: plain values that travel between processes."""

from dataclasses import dataclass

from domain.cid import Cid
from survey.linking.fit import Fit
from survey.linking.shift import UnclearShift
from survey.resurvey.arrivals import NewTree
from survey.resurvey.crowns import Merge, Split
from survey.resurvey.growth import Growth, TreeGrowth
from survey.resurvey.unseen import UnseenTree


@dataclass(frozen=True, slots=True)
class SameTree:
    """A tree that both campaigns saw; it keeps its code.

    Attributes
    ----------
    code
        For life.
    key
        Its name in the later campaign.
    prev
        Its last record.
    probability, odds
        That both are one tree, and that over the best alternative's; 1 and infinite where its label was read.
    growth
        What can be compared.
    status_before, status, is_leaning
        State then and now, passed through as the campaigns saw it.
    is_broken
        Whether it stands and is lower than before by far more than the errors: it lost its top, or is another tree
        after all.
    """

    code: str
    key: str
    prev: Cid | None
    probability: float
    odds: float
    growth: TreeGrowth
    status_before: str
    status: str
    is_leaning: bool
    is_broken: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """A later tree that a doubtful one may be.

    Attributes
    ----------
    key
        Its name in the later campaign.
    probability
        That both are one tree.
    """

    key: str
    probability: float


@dataclass(frozen=True, slots=True)
class DoubtfulTree:
    """An earlier tree left unlinked, for a person to decide.

    Attributes
    ----------
    code
        Which.
    choices
        Likeliest first.
    alone
        Probability that it is none of them.
    """

    code: str
    choices: tuple[Choice, ...]
    alone: float


@dataclass(frozen=True, slots=True)
class Resurvey:
    """What became of each tree; every tree of both campaigns is in one place, those gone before apart.

    Attributes
    ----------
    years
        Between the campaigns.
    fit
        Common shift, growth of heights, errors and shares that all rests on.
    unclear
        Why the shift cannot be told; absent when it was.
    same, doubtful, unseen
        Earlier trees, by code.
    new
        Later trees that no earlier one is.
    open_keys
        Later trees that are neither linked nor new: a person's decision on a doubtful tree decides on them.
    merges, splits
        Crowns of two trees; these trees stand in the other lists too, but a merged one is not told to be gone.
    mean_height_m, mean_crown_m, mean_dbh_cm
        Mean growth of the trees seen twice; absent where there is none.
    warnings
        What a reader must know.
    """

    years: float
    fit: Fit
    unclear: UnclearShift | None
    same: tuple[SameTree, ...]
    doubtful: tuple[DoubtfulTree, ...]
    unseen: tuple[UnseenTree, ...]
    new: tuple[NewTree, ...]
    open_keys: tuple[str, ...]
    merges: tuple[Merge, ...]
    splits: tuple[Split, ...]
    mean_height_m: Growth | None
    mean_crown_m: Growth | None
    mean_dbh_cm: Growth | None
    warnings: tuple[str, ...]
