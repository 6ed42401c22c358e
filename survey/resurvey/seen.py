"""A tree and a campaign as a re-survey sees them: plain values, made from records or from a new survey."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.cid import Cid
from survey.cloud import Floats
from survey.coverage import Ring
from survey.estimate import Estimate
from survey.linking.change import RATE_ERROR_M_YEAR, RATE_M_YEAR
from survey.linking.trees import TreeList, list_trees
from survey.resurvey.errors import InvalidCampaign

GONE: Final = "gone"
STANDING: Final = ("alive", "standing-dead")
"""States in which a height is the tree's, not a length on the ground."""
STATES: Final = (*STANDING, "fallen", "stump", GONE)
_LEAST_ERROR: Final = 0.05
"""Metres, or share of a size: no error is smaller, whatever was stated."""


@dataclass(frozen=True, slots=True)
class TreeSeen:
    """One tree as one campaign saw it.

    Attributes
    ----------
    code
        The tree's code for life; of a later tree, any name that is unique in its campaign.
    x_m, y_m
        Easting and northing.
    place_error_m
        Standard error of the place, each axis.
    height_m, crown_m, dbh_cm
        Height, crown diameter, stem diameter; absent where unknown.
    status
        ``alive``, ``standing-dead``, ``fallen``, ``stump`` or ``gone``.
    is_leaning
        Whether it was seen to lean.
    confidence
        Probability that it is one tree, 0 to 1.
    record
        Its last record, which the next one points back to.
    label
        Of a later tree: the code that its own label says; then nothing is left to be matched.
    at_year
        When it was last seen, where that was before its campaign, which missed it.
    """

    code: str
    x_m: float
    y_m: float
    place_error_m: float
    height_m: Estimate | None = None
    crown_m: Estimate | None = None
    dbh_cm: Estimate | None = None
    status: str = "alive"
    is_leaning: bool = False
    confidence: float = 1.0
    record: Cid | None = None
    label: str | None = None
    at_year: float | None = None


@dataclass(frozen=True, slots=True)
class SeenShare:
    """How likely a campaign saw a standing tree of a height class.

    Attributes
    ----------
    from_m, to_m
        Height class, lower end inclusive.
    probability
        0 to 1.
    """

    from_m: float
    to_m: float
    probability: float


@dataclass(frozen=True, slots=True)
class CampaignSeen:
    """All that one campaign saw.

    Attributes
    ----------
    at_year
        When, as a year with its fraction: 2021.46.
    trees
        Of all states.
    covered
        Ground covered, closed rings of easting and northing, outer rings and holes; empty where unknown.
    seen
        Shares seen by height; empty where unknown.
    least_height_m
        Lower trees were left out.
    """

    at_year: float
    trees: tuple[TreeSeen, ...]
    covered: tuple[Ring, ...] = ()
    seen: tuple[SeenShare, ...] = ()
    least_height_m: float = 3.0


def check_campaigns(earlier: CampaignSeen, later: CampaignSeen) -> None:
    """Raise `InvalidCampaign` where two campaigns cannot be compared."""
    if not later.at_year >= earlier.at_year:
        raise InvalidCampaign("at_year", later.at_year, f"it must not lie before the earlier one, {earlier.at_year}")
    for campaign in (earlier, later):
        codes: set[str] = set()
        for tree in campaign.trees:
            if tree.code in codes:
                raise InvalidCampaign("code", tree.code, "it must occur once in a campaign")
            if tree.at_year is not None and not tree.at_year <= campaign.at_year:
                raise InvalidCampaign("at_year", tree.at_year, f"tree {tree.code} was seen after its campaign")
            if tree.status not in STATES:
                raise InvalidCampaign("status", tree.status, f"it must be one of {', '.join(STATES)}")
            codes.add(tree.code)
        for one in campaign.seen:
            if not (0.0 <= one.probability <= 1.0 and one.from_m < one.to_m):
                raise InvalidCampaign("seen", one, "a probability lies within 0 to 1, a class has a width")
    labels = [tree.label for tree in later.trees if tree.label is not None]
    if len(labels) != len(set(labels)):
        doubled = next(label for label in labels if labels.count(label) > 1)
        raise InvalidCampaign("label", doubled, "two trees cannot carry one label; read both again")


def build_list(campaign: CampaignSeen, trees: Sequence[TreeSeen], seen_by_other: Floats) -> TreeList:
    """Return trees of a campaign as linking takes them; a tree that does not stand has no height.

    A tree last seen before its campaign is taken to have grown since, as trees do, with that much less certainty.

    Parameters
    ----------
    campaign
        Whose trees they are.
    trees
        Some of them.
    seen_by_other
        See `survey.linking.trees.TreeList`, shape (n,).
    """
    heights = [tree.height_m if tree.status in STANDING else None for tree in trees]
    crowns = [tree.crown_m for tree in trees]
    stems = [tree.dbh_cm for tree in trees]
    since = np.array([campaign.at_year - tell_year(campaign, tree) for tree in trees], dtype=np.float64)
    return list_trees(
        np.array([tree.x_m for tree in trees]),
        np.array([tree.y_m for tree in trees]),
        _values(heights) + RATE_M_YEAR * since,
        place_error_m=np.maximum([tree.place_error_m for tree in trees], _LEAST_ERROR),
        height_error_m=np.hypot(_errors(heights), RATE_ERROR_M_YEAR * since),
        crown_m=_values(crowns),
        crown_error_m=_errors(crowns),
        dbh_cm=_values(stems),
        dbh_error_cm=_errors(stems),
        seen_by_other=seen_by_other,
    )


def tell_year(campaign: CampaignSeen, tree: TreeSeen) -> float:
    """Return when a tree was last seen."""
    return campaign.at_year if tree.at_year is None else tree.at_year


def _values(sizes: Sequence[Estimate | None]) -> Floats:
    """Return values, NaN where there is none."""
    return np.array([np.nan if size is None else size.value for size in sizes])


def _errors(sizes: Sequence[Estimate | None]) -> Floats:
    """Return own errors, none below a twentieth of the size; what is shared, both lists fit as a common difference."""
    return np.array([np.nan if size is None else max(size.own_error, _LEAST_ERROR * size.value) for size in sizes])
