"""The common shift of two surveys of one stand, or that it cannot be told.

Offsets of all pairs of trees vote in a histogram, weighted by how well heights agree: a cross-correlation of both point
patterns, as Olofsson, Lindberg and Holmgren (SilviLaser 2008) join field plots and airborne trees. The best peaks are
refined by expectation and maximisation; the likeliest is taken where it is far likelier than the next and than chance.
"""

import math
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
import shapely
from scipy import ndimage

from survey.cloud import Bools, Floats
from survey.errors import InvalidParameter
from survey.linking.change import HeightChange
from survey.linking.fit import Fit, Problem, Shift, move_places, refine
from survey.linking.likelihood import compare_sizes, find_pairs
from survey.linking.trees import select_trees

MAX_SHIFT_M: Final = 50.0
MAX_ROTATION_DEG: Final = 5.0
_VOTERS: Final = 3_000
"""Earlier trees that vote and are fitted; more do not make the shift surer than a centimetre or two."""
_CELL_M: Final = 0.25
_MARGIN_M: Final = 1.5
_PEAKS: Final = 6
_MOST_VOTE: Final = 3.0
"""Bound of the logarithm of one pair's weight, so that no chance pair wins alone."""
_TURNED_WITHIN_M: Final = 60.0
"""Where a rotation is asked for, trees this near to the pivot vote: a turn hardly moves them."""
_START_SHARE, _START_ERROR_M = 0.6, 0.3
_SAME_M: Final = 0.8
"""Two refined peaks nearer than this (and 0.2 degree) are one shift."""
_SAME_DEG: Final = 0.2
_LEAST_TREES: Final = 4
_LEAST_INNER: Final = 8


@dataclass(frozen=True, slots=True)
class ShiftSearch:
    """Where to look for a shift, and when it counts as told.

    Attributes
    ----------
    max_shift_m
        Largest shift looked for, 0.5 to 50.
    with_rotation
        Whether one list may also be turned, as compass bearings are.
    max_rotation_deg
        Largest turn looked for, at most 5.
    least_margin
        Natural logarithm of the likelihood ratio to the next best shift, and to chance, that is asked for. Trees are
        less independent than the model has it, so it is well above ln 100.
    """

    max_shift_m: float = 5.0
    with_rotation: bool = False
    max_rotation_deg: float = 3.0
    least_margin: float = 8.0


@dataclass(frozen=True, slots=True)
class UnclearShift:
    """The shift cannot be told.

    Attributes
    ----------
    reason
        For a person.
    candidates
        Shifts that fit about as well, best first; may be none.
    margin
        Logarithm of the likelihood ratio that was reached, of `ShiftSearch.least_margin`.
    """

    reason: str
    candidates: tuple[Shift, ...]
    margin: float


@dataclass(frozen=True, slots=True)
class FoundShift:
    """The shift is told.

    Attributes
    ----------
    fit
        Shift and all that was fitted with it.
    margin
        Logarithm of the likelihood ratio to the next best, or to chance.
    """

    fit: Fit
    margin: float


ShiftAnswer: TypeAlias = FoundShift | UnclearShift


def estimate_shift(problem: Problem, assumed: HeightChange, search: ShiftSearch) -> ShiftAnswer:
    """Return the common shift of two lists, or why it cannot be told.

    Parameters
    ----------
    problem
        Two lists.
    assumed
        Change of heights before any pair is known.
    search
        Where to look.

    Raises
    ------
    InvalidParameter
        When a bound of the search is out of range.
    """
    _check_search(search)
    if min(len(problem.earlier), len(problem.later)) < _LEAST_TREES:
        return UnclearShift(f"fewer than {_LEAST_TREES} trees in one of the lists", (), 0.0)
    sample = _choose_voters(problem)
    inner = _mark_inner(sample, search)
    tried = [
        refine(sample, start, assumed, with_rotation=search.with_rotation) for start in _vote(sample, assumed, search)
    ]
    within = [one for one in tried if _is_within(one[0].shift, search)]
    if not within:
        return UnclearShift("no offset occurs more often than any other", (), 0.0)
    within.sort(key=lambda one: -float(one[1].sum()))
    return _judge(within, inner, search)


def _check_search(search: ShiftSearch) -> None:
    if not 0.5 <= search.max_shift_m <= MAX_SHIFT_M:  # noqa: PLR2004 - as documented
        raise InvalidParameter("max_shift_m", search.max_shift_m, f"it must be 0.5 to {MAX_SHIFT_M:g} m")
    if not 0.0 <= search.max_rotation_deg <= MAX_ROTATION_DEG:
        raise InvalidParameter("max_rotation_deg", search.max_rotation_deg, f"it must be 0 to {MAX_ROTATION_DEG:g}")


def _choose_voters(problem: Problem) -> Problem:
    """Return the problem with at most 3,000 earlier trees, evenly along the list, of those the other may have seen."""
    able = np.flatnonzero(problem.earlier.seen_by_other > 0.0)
    if able.size == 0:
        able = np.arange(len(problem.earlier))
    chosen = able[np.unique(np.linspace(0, able.size - 1, min(able.size, _VOTERS)).astype(np.int64))]
    return replace(problem, earlier=select_trees(problem.earlier, chosen))


def _mark_inner(problem: Problem, search: ShiftSearch) -> Bools:
    """Return which earlier trees lie so far within the later list that each shift looked for leaves them within.

    Trees near the edge lose their partners by a false shift only because the other list ends there; they say nothing on
    which shift of a regular plantation is right.
    """
    later, earlier = problem.later, problem.earlier
    hull = shapely.MultiPoint(np.stack([later.x_m, later.y_m], axis=1)).convex_hull.buffer(-search.max_shift_m)
    inner: Bools = shapely.contains_xy(hull, earlier.x_m, earlier.y_m)
    return inner if inner.sum() >= _LEAST_INNER else np.ones(len(earlier), dtype=np.bool_)


def _vote(problem: Problem, assumed: HeightChange, search: ShiftSearch) -> list[Fit]:
    """Return where to begin: the peaks of the histogram of offsets, strongest first."""
    earlier = problem.earlier
    pivot = (float(np.median(earlier.x_m)), float(np.median(earlier.y_m)))
    peaks: list[tuple[float, Shift]] = []
    for turn in _list_turns(problem, pivot, search):
        base = Shift(0.0, 0.0, _START_ERROR_M, _START_ERROR_M, rotation_deg=turn, pivot_m=pivot)
        peaks += _find_peaks(problem, assumed, search, base)
    peaks.sort(key=lambda one: -one[0])
    apart: list[Shift] = []
    for _, shift in peaks:
        if len(apart) < _PEAKS and not any(_are_same(shift, one) for one in apart):
            apart.append(shift)
    return [Fit(shift, assumed, 1.0, _START_SHARE, _START_SHARE) for shift in apart]


def _list_turns(problem: Problem, pivot: tuple[float, float], search: ShiftSearch) -> list[float]:
    """Return the turns to try, so close that no voter moves by more than half a metre between them."""
    if not search.with_rotation or search.max_rotation_deg == 0.0:
        return [0.0]
    away = np.hypot(problem.earlier.x_m - pivot[0], problem.earlier.y_m - pivot[1])
    lever = min(max(float(away.max()), 5.0), _TURNED_WITHIN_M)
    half = math.ceil(search.max_rotation_deg / math.degrees(0.5 / lever))
    return [float(turn) for turn in np.linspace(-search.max_rotation_deg, search.max_rotation_deg, 2 * half + 1)]


def _find_peaks(problem: Problem, assumed: HeightChange, search: ShiftSearch, base: Shift) -> list[tuple[float, Shift]]:
    """Return votes and shifts of the histogram's peaks."""
    voters = problem
    if search.with_rotation:
        earlier = problem.earlier
        near = np.hypot(earlier.x_m - base.pivot_m[0], earlier.y_m - base.pivot_m[1]) <= _TURNED_WITHIN_M
        voters = replace(problem, earlier=select_trees(earlier, near))
    reach = search.max_shift_m + _MARGIN_M
    earlier = voters.earlier
    place = move_places(base, earlier.x_m, earlier.y_m)
    pairs = find_pairs(earlier, voters.later, place, np.full(len(earlier), reach), index=voters.index)
    if pairs.earlier.size == 0:
        return []
    agree = compare_sizes(earlier, voters.later, pairs, assumed, voters.background)
    weight = np.exp(np.minimum(agree, _MOST_VOTE)) / voters.background.per_m2[pairs.later]
    half = math.ceil(reach / _CELL_M)
    edges = (np.arange(2 * half + 2) - half - 0.5) * _CELL_M
    votes = np.histogram2d(pairs.north_m, pairs.east_m, (edges, edges), weights=weight)[0]
    width = float(np.sqrt(np.median(pairs.variance_m2)))
    smooth = ndimage.gaussian_filter(votes, max(width, _CELL_M) / _CELL_M, mode="constant")
    return _read_peaks(smooth, half, base)


def _read_peaks(smooth: Floats, half: int, base: Shift) -> list[tuple[float, Shift]]:
    is_peak = (smooth == ndimage.maximum_filter(smooth, size=5, mode="nearest")) & (smooth > 0.0)
    rows, columns = np.nonzero(is_peak)
    best = np.argsort(-smooth[rows, columns], kind="stable")[: 2 * _PEAKS]
    return [
        (
            float(smooth[rows[one], columns[one]]),
            replace(base, east_m=float(columns[one] - half) * _CELL_M, north_m=float(rows[one] - half) * _CELL_M),
        )
        for one in best
    ]


def _is_within(shift: Shift, search: ShiftSearch) -> bool:
    """Tell whether a refined shift is still one that was looked for; none that ran to a bound is believed."""
    turn = search.max_rotation_deg if search.with_rotation else 0.0
    return math.hypot(shift.east_m, shift.north_m) <= search.max_shift_m and abs(shift.rotation_deg) <= turn


def _are_same(one: Shift, two: Shift) -> bool:
    apart = math.hypot(one.east_m - two.east_m, one.north_m - two.north_m)
    return apart < _SAME_M and abs(one.rotation_deg - two.rotation_deg) < _SAME_DEG


def _judge(tried: list[tuple[Fit, Floats]], inner: Bools, search: ShiftSearch) -> ShiftAnswer:
    """Return the likeliest shift where it stands out against the next, and against chance."""
    best, gain = tried[0]
    others = [one for one in tried[1:] if not _are_same(one[0].shift, best.shift)]
    # As many shifts could be told apart as the search has room for; chance had that many tries.
    room = math.log(max((search.max_shift_m / _SAME_M) ** 2 * math.pi, 1.0))
    over_chance = float(gain.sum()) - room
    if over_chance < search.least_margin:
        return UnclearShift("no shift fits better than chance", (best.shift,), max(over_chance, 0.0))
    over_next = min((float((gain - one[1])[inner].sum()) for one in others), default=math.inf)
    if over_next < search.least_margin:
        near = tuple(one[0].shift for one in others if float((gain - one[1])[inner].sum()) < search.least_margin)
        return UnclearShift("several shifts fit alike", (best.shift, *near), max(over_next, 0.0))
    return FoundShift(best, min(over_chance, over_next))
