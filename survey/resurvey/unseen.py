"""Earlier trees without a later one. Not seen is no proof: gone is told with evidence only, and states it."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from scipy.spatial import cKDTree

from survey.cloud import Bools, Floats
from survey.linking.change import expect_change
from survey.linking.fit import Fit, move_places
from survey.resurvey.cover import UNKNOWN, covers, tell_seen
from survey.resurvey.seen import STANDING, CampaignSeen, TreeSeen

Verdict: TypeAlias = Literal["gone", "not-seen", "outside"]

LEAST_SEEN: Final = 0.95
"""Probability with which a standing tree would have been seen, from which its absence is evidence."""
LEAST_CONFIDENCE: Final = 0.9
"""An earlier tree that may never have been one cannot be gone."""
LEAST_GONE: Final = 0.5
"""A tree is told to be gone where that is likelier than all other reasons for not seeing it."""
MORTALITY_YEAR: Final = 0.01
"""Share of trees that die or are felled in a year, before anything is seen: temperate forests lose about that."""
_PRIOR_TREES: Final = 20.0
"""Trees that this share counts for, beside those of the stand."""
ONE_SIDED_95: Final = 1.645
"""Standard errors that a normal value exceeds with 5 %."""
_TAKEN_SIGMAS: Final = 3.0
_EDGE_M: Final = 2.0
"""A tree this near to the edge of the ground covered may have been cut off, beside its error of place."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for an earlier tree being gone.

    Attributes
    ----------
    is_covered
        Whether its place lies well within the ground that the later campaign covered.
    seen_probability
        That a tree of its size standing there would have been seen; -1 where the campaign does not tell.
    may_be_hidden
        Whether a taller later tree's crown covers its place, so that it may stand below.
    nearest, nearest_m
        The nearest later tree that is no other tree's successor, and how far from the place where this one should be;
        absent where there is none.
    is_taken
        Whether that tree is so near that it stands at this place: another one, or this one broken.
    gone_probability
        That it is gone, given that it was not seen: by Bayes, from the share of trees that this stand lost, the
        probability of not seeing a standing tree, and that of the earlier tree having been none.
    """

    is_covered: bool
    seen_probability: float
    may_be_hidden: bool
    nearest: str | None
    nearest_m: float | None
    is_taken: bool
    gone_probability: float


@dataclass(frozen=True, slots=True)
class UnseenTree:
    """An earlier tree that no later tree is.

    Attributes
    ----------
    code
        Which.
    verdict
        ``gone`` with evidence; ``outside`` the ground covered; else ``not-seen``.
    reason
        For a person.
    evidence
        What the verdict rests on.
    """

    code: str
    verdict: Verdict
    reason: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class _Around:
    """What stands around the place where an earlier tree should be."""

    nearest: str | None
    nearest_m: float | None
    is_taken: bool
    may_be_hidden: bool


def judge_unseen(
    trees: Sequence[TreeSeen],
    later: CampaignSeen,
    fit: Fit,
    linked: Collection[str],
    *,
    survivors: Sequence[TreeSeen],
) -> tuple[UnseenTree, ...]:
    """Return for each earlier tree whether it is gone, was only not seen, or stands outside.

    Parameters
    ----------
    trees
        Earlier trees without a partner.
    later
        The later campaign.
    fit
        Between both.
    linked
        Codes of later trees that are successors of other trees.
    survivors
        Earlier trees with a partner; beside them, those without tell what share was lost.
    """
    if not trees:
        return ()
    shift = fit.shift
    x, y, error = (np.array([getattr(one, name) for one in trees]) for name in ("x_m", "y_m", "place_error_m"))
    place = move_places(shift, x, y)
    error = fit.place_scale * np.hypot(error, np.hypot(shift.east_error_m, shift.north_error_m))
    covered = covers(later.covered, *place, _EDGE_M + 2.0 * error)
    around = _look_around(trees, later, place, fit, linked)
    on_ground = [tree for tree, is_covered in zip(trees, covered, strict=True) if is_covered]
    lost = estimate_loss(survivors, on_ground, later, fit.change.years)
    return tuple(
        _judge(tree, later, is_covered=bool(inside), around=near, lost=lost)
        for tree, inside, near in zip(trees, covered, around, strict=True)
    )


def _judge(tree: TreeSeen, later: CampaignSeen, *, is_covered: bool, around: _Around, lost: float) -> UnseenTree:
    seen = _tell_seen(tree, later)
    gone = _weigh_gone(tree.confidence, seen, lost) if is_covered else 0.0
    evidence = Evidence(is_covered, seen, around.may_be_hidden, around.nearest, around.nearest_m, around.is_taken, gone)
    if later.covered and not is_covered:
        return UnseenTree(tree.code, "outside", "the later campaign did not cover its place", evidence)
    reason = _doubt(tree, evidence)
    if reason:
        return UnseenTree(tree.code, "not-seen", reason, evidence)
    share = f"{100.0 * seen:.0f} %"
    reason = f"its place was covered, and {share} of standing trees of its size are seen"
    return UnseenTree(tree.code, "gone", reason, evidence)


def _doubt(tree: TreeSeen, evidence: Evidence) -> str:
    """Return why absence is no evidence; empty where it is."""
    rules = (
        (not evidence.is_covered, "the later campaign does not tell what it covered"),
        (evidence.seen_probability == UNKNOWN, "the later campaign does not tell how likely it saw a tree"),
        (
            tree.status not in STANDING or tree.height_m is None,
            "its size is not known, so neither is the chance of seeing it",
        ),
        (
            evidence.seen_probability < LEAST_SEEN,
            f"only {100.0 * evidence.seen_probability:.0f} % of trees of its size are seen",
        ),
        (evidence.may_be_hidden, "a taller crown covers its place"),
        (evidence.is_taken, "a tree of another size stands at its place: another one, or this one broken"),
        (
            tree.confidence < LEAST_CONFIDENCE,
            f"the earlier campaign was only {100.0 * tree.confidence:.0f} % sure that it was a tree",
        ),
        (
            evidence.gone_probability < LEAST_GONE,
            f"this stand lost so few trees that it is gone with {100.0 * evidence.gone_probability:.0f} % only",
        ),
    )
    return next((reason for holds, reason in rules if holds), "")


def _look_around(
    trees: Sequence[TreeSeen],
    later: CampaignSeen,
    place_m: tuple[Floats, Floats],
    fit: Fit,
    linked: Collection[str],
) -> list[_Around]:
    """Return for each tree what stands around the place where it should be."""
    here = np.stack(place_m, axis=1)
    hidden = _find_hidden(trees, later, here, fit)
    free = [one for one in later.trees if one.code not in linked]
    if not free:
        return [_Around(None, None, is_taken=False, may_be_hidden=bool(one)) for one in hidden]
    away, nearest = cKDTree([(one.x_m, one.y_m) for one in free]).query(here)
    found: list[_Around] = []
    for tree, distance, number, is_hidden in zip(trees, away, nearest, hidden, strict=True):
        near = free[int(number)]
        reach = _TAKEN_SIGMAS * fit.place_scale * float(np.hypot(tree.place_error_m, near.place_error_m))
        found.append(_Around(near.code, float(distance), bool(distance <= reach), bool(is_hidden)))
    return found


def _find_hidden(trees: Sequence[TreeSeen], later: CampaignSeen, here: Floats, fit: Fit) -> Bools:
    """Return which trees' places a taller later crown covers, shape (n,)."""
    hidden = np.zeros(len(trees), dtype=np.bool_)
    if not later.trees:
        return hidden
    index = cKDTree([(one.x_m, one.y_m) for one in later.trees])
    radius = np.array([one.crown_m.value / 2.0 if one.crown_m else 0.0 for one in later.trees])
    height = np.array([one.height_m.value if one.height_m else 0.0 for one in later.trees])
    before = np.array([tree.height_m.value if tree.height_m else 0.0 for tree in trees])
    grown = before + np.where(before > 0.0, expect_change(fit.change, before), 0.0)
    for number, some in enumerate(index.query_ball_point(here, float(radius.max()))):
        near = np.array(some, dtype=np.int64)
        apart = np.hypot(*(index.data[near] - here[number]).T)
        hidden[number] = bool(((apart < radius[near]) & (height[near] > grown[number])).any())
    return hidden


def estimate_loss(
    survivors: Sequence[TreeSeen], unseen: Sequence[TreeSeen], later: CampaignSeen, years: float
) -> float:
    """Return the share of trees that a stand lost, from those whose absence is evidence.

    Of trees that would have been seen with 95 % and more, as many are expected to be missing as were missed or were
    none; what is missing beyond was lost. With few such trees the usual share of the years counts more, and less than
    that is not believed: how many reports were no tree is not known well enough.

    Parameters
    ----------
    survivors, unseen
        Earlier trees with and without a partner, on covered ground.
    later
        The later campaign.
    years
        Between the campaigns.
    """
    usual = 1.0 - math.pow(1.0 - MORTALITY_YEAR, years)
    shares = [(tree, _tell_seen(tree, later)) for tree in (*survivors, *unseen)]
    expected = [tree.confidence * share for tree, share in shares if share >= LEAST_SEEN]
    missing = len([tree for tree in unseen if _tell_seen(tree, later) >= LEAST_SEEN])
    if not expected:
        return usual
    count = len(expected)
    lost = 1.0 - (count - missing) / math.fsum(expected)
    return max((lost * count + usual * _PRIOR_TREES) / (count + _PRIOR_TREES), usual)


def _tell_seen(tree: TreeSeen, later: CampaignSeen) -> float:
    """Return the probability of seeing a tree at the least height that it may now have: no growth, less its error."""
    least = max(tree.height_m.value - ONE_SIDED_95 * tree.height_m.own_error, 0.0) if tree.height_m else 0.0
    return tell_seen(later.seen, least)


def _weigh_gone(confidence: float, seen: float, lost: float) -> float:
    """Return the probability that an unseen tree is gone."""
    missed = 1.0 - max(seen, 0.0)
    gone = confidence * lost
    unseen = gone + confidence * (1.0 - lost) * missed + (1.0 - confidence)
    return gone / unseen if unseen > 0.0 else 0.0
