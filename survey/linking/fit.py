"""Expectation and maximisation: shift, errors, growth and the share of trees that are in both lists, from candidates.

Each earlier tree either has no partner, or one of the later trees near its shifted place (Dempster, Laird and Rubin
1977, doi 10.1111/j.2517-6161.1977.tb01600.x). Strangers are part of the model, so they do not pull.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.spatial import cKDTree

from survey.cloud import Floats
from survey.linking.change import HeightChange, fit_change
from survey.linking.likelihood import (
    Background,
    Pairs,
    compare_sizes,
    find_pairs,
    index_trees,
    measure_background,
    weigh_places,
)
from survey.linking.trees import TreeList

REACH_SIGMAS: Final = 4.5
"""Beyond this many standard errors (scaled) two trees are no candidates."""
_LEAST_REACH_M, _MOST_REACH_M = 1.0, 60.0
_STAYS: Final = (0.02, 0.98)
"""Bounds of the share of trees in both lists."""
_SCALES: Final = (0.2, 3.0)
"""Bounds of true over stated errors of place."""
_PRIOR_PAIRS: Final = 10.0
"""Pairs that the stated errors of place count for."""
_ROUNDS: Final = 25
_CLOSE_M: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Shift:
    """Where the later survey puts what the earlier one put elsewhere: later = earlier turned about a pivot + shift.

    Attributes
    ----------
    east_m, north_m
        Later less earlier, at the pivot.
    east_error_m, north_error_m
        Standard errors.
    rotation_deg, rotation_error_deg
        Turn to the left (counter-clockwise), and its standard error; both 0 where none was asked for.
    pivot_m
        Easting and northing about which is turned.
    pairs
        Number of pairs it rests on, each counted by its probability; 0 where it was given.
    """

    east_m: float
    north_m: float
    east_error_m: float
    north_error_m: float
    rotation_deg: float = 0.0
    rotation_error_deg: float = 0.0
    pivot_m: tuple[float, float] = (0.0, 0.0)
    pairs: float = 0.0


@dataclass(frozen=True, slots=True)
class Fit:
    """All that the two lists tell beside who is who.

    Attributes
    ----------
    shift
        Between the lists.
    change
        Of heights.
    place_scale
        True over stated errors of place.
    stays
        Share of earlier trees that stand and were seen again, of those that could have been seen.
    came
        The same of later trees: share that the earlier survey saw, of those that it could have seen.
    """

    shift: Shift
    change: HeightChange
    place_scale: float
    stays: float
    came: float


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Two lists and what is known of strangers.

    Attributes
    ----------
    earlier, later
        Both lists.
    background
        Of the later list.
    index
        Search tree over the later list.
    """

    earlier: TreeList
    later: TreeList
    background: Background
    index: cKDTree


def pose_problem(earlier: TreeList, later: TreeList) -> Problem:
    """Return the problem of two lists."""
    return Problem(earlier, later, measure_background(later), index_trees(later))


def move_places(shift: Shift, x_m: Floats, y_m: Floats) -> tuple[Floats, Floats]:
    """Return where the later survey puts places of the earlier one.

    Examples
    --------
    >>> moved = move_places(Shift(1.0, 0.0, 0.1, 0.1, rotation_deg=90.0), np.array([2.0]), np.array([0.0]))
    >>> [round(float(part[0]), 6) for part in moved]
    [1.0, 2.0]
    """
    turn = math.radians(shift.rotation_deg)
    east, north = x_m - shift.pivot_m[0], y_m - shift.pivot_m[1]
    return (
        shift.pivot_m[0] + shift.east_m + math.cos(turn) * east - math.sin(turn) * north,
        shift.pivot_m[1] + shift.north_m + math.sin(turn) * east + math.cos(turn) * north,
    )


def pair_up(problem: Problem, fit: Fit, *, least_reach_m: float = _LEAST_REACH_M) -> Pairs:
    """Return the candidate pairs of a problem under a fit: within 4.5 standard errors, at most 60 m."""
    earlier, shift = problem.earlier, fit.shift
    place = move_places(shift, earlier.x_m, earlier.y_m)
    widest = float(problem.later.place_error_m.max(initial=0.0))
    common = shift.east_error_m**2 + shift.north_error_m**2
    error = fit.place_scale * np.hypot(earlier.place_error_m, widest)
    reach = np.clip(REACH_SIGMAS * np.sqrt(error**2 + common), least_reach_m, _MOST_REACH_M)
    pairs = find_pairs(earlier, problem.later, place, reach, index=problem.index)
    # The shift's own error is every pair's, in units that the scale leaves as they are.
    return replace(pairs, variance_m2=pairs.variance_m2 + common / 2.0 / fit.place_scale**2)


def score_pairs(problem: Problem, fit: Fit, pairs: Pairs) -> Floats:
    """Return the logarithm of each pair's likelihood ratio against two strangers, shape (m,)."""
    places = weigh_places(pairs, fit.place_scale, problem.background.per_m2)
    sizes = compare_sizes(problem.earlier, problem.later, pairs, fit.change, problem.background)
    stays = np.clip(fit.stays * problem.earlier.seen_by_other, 1e-6, _STAYS[1])[pairs.earlier]
    came = np.clip(fit.came * problem.later.seen_by_other, 0.0, _STAYS[1])[pairs.later]
    odds: Floats = np.log(stays / (1.0 - stays)) - np.log(1.0 - came)
    return places + sizes + odds


def refine(problem: Problem, start: Fit, assumed: HeightChange, *, with_rotation: bool) -> tuple[Fit, Floats]:
    """Return the fit that expectation and maximisation reach from a start, and each earlier tree's log-likelihood.

    Parameters
    ----------
    problem
        Two lists.
    start
        Where to begin.
    assumed
        Change of heights before any pair was known.
    with_rotation
        Whether the later list may also be turned.

    Returns
    -------
    The fit, and the logarithm of each earlier tree's likelihood over that of having no partner at all, shape (n,).
    """
    fit = start
    pairs = pair_up(problem, fit)
    gain = np.zeros(len(problem.earlier))
    for _ in range(_ROUNDS):
        likely, gain = _expect(problem, fit, pairs)
        better = _maximise(problem, fit, pairs, likely, assumed, with_rotation=with_rotation)
        moved = math.hypot(better.shift.east_m - fit.shift.east_m, better.shift.north_m - fit.shift.north_m)
        turned = abs(better.shift.rotation_deg - fit.shift.rotation_deg)
        fit = better
        pairs = pair_up(problem, fit)
        if moved < _CLOSE_M and turned < _CLOSE_M:
            break
    return fit, gain


def bound_stays(share: float) -> float:
    """Return a share within what is taken for possible."""
    return min(max(share, _STAYS[0]), _STAYS[1])


def _expect(problem: Problem, fit: Fit, pairs: Pairs) -> tuple[Floats, Floats]:
    """Return the probability of each pair, and each earlier tree's log-likelihood over that of no partner."""
    # Later trees are taken for strangers at their full density here: rows do not compete in this step.
    score = score_pairs(problem, replace(fit, came=0.0), pairs)
    count = len(problem.earlier)
    weight = np.exp(np.minimum(score, 60.0))
    total = 1.0 + np.bincount(pairs.earlier, weight, count)
    stays = np.clip(fit.stays * problem.earlier.seen_by_other, 1e-6, _STAYS[1])
    return weight / total[pairs.earlier], np.log(total) + np.log(1.0 - stays)


def _maximise(
    problem: Problem, fit: Fit, pairs: Pairs, likely: Floats, assumed: HeightChange, *, with_rotation: bool
) -> Fit:
    shift = _fit_shift(problem, fit, pairs, likely, with_rotation=with_rotation)
    scale = _fit_scale(fit, pairs, likely)
    one, two = pairs.earlier, pairs.later
    earlier, later = problem.earlier, problem.later
    variance = earlier.height_error_m[one] ** 2 + later.height_error_m[two] ** 2
    change = fit_change(assumed, earlier.height_m[one], later.height_m[two], variance, likely)
    linked = float(likely.sum())
    stays = linked / max(float(earlier.seen_by_other.sum()), 1.0)
    came = linked / max(float(later.seen_by_other.sum()), 1.0)
    return Fit(shift, change, scale, bound_stays(stays), bound_stays(came))


def _fit_shift(problem: Problem, fit: Fit, pairs: Pairs, likely: Floats, *, with_rotation: bool) -> Shift:
    """Return the shift by weighted least squares about the present one, the rotation linearised."""
    shift = fit.shift
    pull = likely / (fit.place_scale**2 * pairs.variance_m2)
    place = move_places(shift, problem.earlier.x_m, problem.earlier.y_m)
    east = place[0][pairs.earlier] - shift.pivot_m[0] - shift.east_m
    north = place[1][pairs.earlier] - shift.pivot_m[1] - shift.north_m
    # Unknowns are east, north and rotation (radians); a turn moves a tree by (-north, east).
    total, to_west, to_north = float(pull.sum()), -float((pull * north).sum()), float((pull * east).sum())
    lever = float((pull * (east**2 + north**2)).sum())
    normal = np.array([[total, 0.0, to_west], [0.0, total, to_north], [to_west, to_north, lever]])
    off = (pull * pairs.east_m).sum(), (pull * pairs.north_m).sum()
    wanted = np.array([*off, (pull * (east * pairs.north_m - north * pairs.east_m)).sum()])
    unknowns = 3 if with_rotation else 2
    # A little of nothing keeps a list of one tree solvable.
    normal = normal[:unknowns, :unknowns] + 1e-6 * np.eye(unknowns)
    covariance = np.linalg.inv(normal)
    step = np.zeros(3)
    step[:unknowns] = covariance @ wanted[:unknowns]
    errors = np.zeros(3)
    errors[:unknowns] = np.sqrt(np.diag(covariance))
    return replace(
        shift,
        east_m=shift.east_m + float(step[0]),
        north_m=shift.north_m + float(step[1]),
        east_error_m=float(errors[0]),
        north_error_m=float(errors[1]),
        rotation_deg=shift.rotation_deg + math.degrees(float(step[2])),
        rotation_error_deg=math.degrees(float(errors[2])),
        pairs=float(likely.sum()),
    )


def _fit_scale(fit: Fit, pairs: Pairs, likely: Floats) -> float:
    """Return true over stated errors of place; pairs beyond three of them count as the few that err far."""
    away = np.minimum((pairs.east_m**2 + pairs.north_m**2) / pairs.variance_m2 / 2.0, 4.5 * fit.place_scale**2)
    squared = (float((likely * away).sum()) + _PRIOR_PAIRS) / (float(likely.sum()) + _PRIOR_PAIRS)
    return min(max(math.sqrt(squared), _SCALES[0]), _SCALES[1])
