"""Two lists of trees to links and doubts: shift, candidates, the best assignment, and how sure each pair is."""

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from survey.cloud import Bools, Floats
from survey.errors import InvalidParameter
from survey.linking.assignment import assign_pairs
from survey.linking.change import assume_change, fit_change
from survey.linking.fit import Fit, Problem, Shift, bound_stays, pair_up, pose_problem, score_pairs
from survey.linking.likelihood import Pairs
from survey.linking.marginals import Marginals, compute_marginals
from survey.linking.shift import FoundShift, ShiftSearch, UnclearShift, estimate_shift
from survey.linking.trees import TreeList, check_tree_list

_STAYS_BEFORE: Final = 0.7
"""Share in both lists before it is fitted."""
_ROUNDS: Final = 3
"""Of probabilities and what is fitted by them; after the shift's own fit nothing moves much."""
_NAMED: Final = 0.02
"""Candidates less likely than this are not shown to a person."""
_MOST_CANDIDATES: Final = 6


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """How two lists are linked.

    Attributes
    ----------
    years
        Between both; 0 where two instruments saw the same trees.
    search
        Where to look for the shift.
    known_shift
        The shift, where something else tells it; then it is not estimated.
    assumed_error_m
        Where the shift cannot be told, none is assumed with this standard error, each axis: most pairs are then in
        doubt.
    least_odds
        Probability of a link over that of its best alternative, from which it is made.
    """

    years: float
    search: ShiftSearch = field(default_factory=ShiftSearch)
    known_shift: Shift | None = None
    assumed_error_m: float = 1.5
    least_odds: float = 2.0


@dataclass(frozen=True, slots=True)
class Link:
    """One tree in both lists.

    Attributes
    ----------
    earlier, later
        Indices.
    probability
        That both are one tree, all alternatives considered.
    odds
        That probability over the best alternative's: another partner, or none, of either.
    """

    earlier: int
    later: int
    probability: float
    odds: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A later tree that an unlinked earlier one may be.

    Attributes
    ----------
    later
        Index.
    probability
        That both are one tree.
    """

    later: int
    probability: float


@dataclass(frozen=True, slots=True)
class Doubt:
    """An earlier tree that is left unlinked because nobody can tell; for a person to decide.

    Attributes
    ----------
    earlier
        Index.
    candidates
        Likeliest first.
    alone
        Probability that it is none of them.
    """

    earlier: int
    candidates: tuple[Candidate, ...]
    alone: float


@dataclass(frozen=True, slots=True)
class Linking:
    """Who is who.

    Attributes
    ----------
    links
        By index of the earlier tree.
    doubts
        By index of the earlier tree.
    earlier_alone, later_alone
        Indices of trees that surely enough have no partner.
    fit
        Shift, growth, errors and shares that the links rest on.
    unclear
        Why the shift cannot be told; absent when it was told or given.
    """

    links: tuple[Link, ...]
    doubts: tuple[Doubt, ...]
    earlier_alone: tuple[int, ...]
    later_alone: tuple[int, ...]
    fit: Fit
    unclear: UnclearShift | None = None


def link_trees(earlier: TreeList, later: TreeList, settings: LinkSettings) -> Linking:
    """Return which tree of one list is which of another.

    The common shift is estimated first; then every pair within reach gets the likelihood ratio of being one tree
    against being two (`survey.linking.likelihood`), the best assignment is found, and a pair of it becomes a link where
    its probability (`survey.linking.marginals`) is at least `least_odds` times that of every alternative.

    Parameters
    ----------
    earlier, later
        Both lists, in one CRS.
    settings
        How.

    Raises
    ------
    InvalidTreeList
        When a list breaks a rule.
    InvalidParameter
        When a setting is out of range.

    Examples
    --------
    >>> from survey.linking.trees import list_trees
    >>> before = list_trees([0.0, 9.0], [0.0, 9.0], [20.0, 12.0], place_error_m=0.4)
    >>> after = list_trees([9.3, 0.2], [9.1, 0.0], [13.0, 21.0], place_error_m=0.4)
    >>> known = Shift(0.0, 0.0, 0.1, 0.1)
    >>> [(one.earlier, one.later) for one in link_trees(before, after, LinkSettings(3.0, known_shift=known)).links]
    [(0, 1), (1, 0)]
    """
    check_tree_list(earlier)
    check_tree_list(later)
    if not settings.least_odds >= 1.0:
        raise InvalidParameter("least_odds", settings.least_odds, "it must be at least 1")
    problem = pose_problem(earlier, later)
    fit, unclear = _begin(problem, settings)
    pairs = pair_up(problem, fit)
    score = score_pairs(problem, fit, pairs)
    marginals = compute_marginals(pairs.earlier, pairs.later, score, (len(earlier), len(later)))
    for _ in range(_ROUNDS):
        fit = _refit(problem, fit, pairs, marginals)
        score = score_pairs(problem, fit, pairs)
        marginals = compute_marginals(pairs.earlier, pairs.later, score, (len(earlier), len(later)))
    return _decide(problem, fit, pairs, score, marginals, settings.least_odds, unclear)


def _begin(problem: Problem, settings: LinkSettings) -> tuple[Fit, UnclearShift | None]:
    """Return what is known before links: the estimated fit, or the given shift, or none with a wide error."""
    heights = problem.earlier.height_m[np.isfinite(problem.earlier.height_m)]
    assumed = assume_change(settings.years, float(np.median(heights)) if heights.size else 0.0)
    if settings.known_shift is not None:
        return Fit(settings.known_shift, assumed, 1.0, _STAYS_BEFORE, _STAYS_BEFORE), None
    answer = estimate_shift(problem, assumed, settings.search)
    if isinstance(answer, FoundShift):
        return answer.fit, None
    none = Shift(0.0, 0.0, settings.assumed_error_m, settings.assumed_error_m)
    return Fit(none, assumed, 1.0, _STAYS_BEFORE, _STAYS_BEFORE), answer


def _refit(problem: Problem, fit: Fit, pairs: Pairs, marginals: Marginals) -> Fit:
    """Return the fit whose growth and shares follow the pairs' probabilities; the shift stays."""
    one, two = pairs.earlier, pairs.later
    earlier, later = problem.earlier, problem.later
    variance = earlier.height_error_m[one] ** 2 + later.height_error_m[two] ** 2
    assumed = assume_change(fit.change.years, fit.change.pivot_m)
    change = fit_change(assumed, earlier.height_m[one], later.height_m[two], variance, marginals.pair)
    linked = float(marginals.pair.sum())
    stays = bound_stays(linked / max(float(earlier.seen_by_other.sum()), 1.0))
    came = bound_stays(linked / max(float(later.seen_by_other.sum()), 1.0))
    return replace(fit, change=change, stays=stays, came=came)


def _decide(  # noqa: PLR0913 - all that is known at the end
    problem: Problem,
    fit: Fit,
    pairs: Pairs,
    score: Floats,
    marginals: Marginals,
    least_odds: float,
    unclear: UnclearShift | None,
) -> Linking:
    sizes = len(problem.earlier), len(problem.later)
    best = assign_pairs(pairs.earlier, pairs.later, score, sizes)
    odds = marginals.pair / np.maximum(_find_rivals(pairs, marginals), 1e-12)
    made = np.flatnonzero(best & (odds >= least_odds))
    links = tuple(
        Link(int(pairs.earlier[pair]), int(pairs.later[pair]), float(marginals.pair[pair]), float(odds[pair]))
        for pair in made
    )
    taken = np.zeros(sizes[0], dtype=np.bool_), np.zeros(sizes[1], dtype=np.bool_)
    taken[0][pairs.earlier[made]] = True
    taken[1][pairs.later[made]] = True
    # An unlinked tree is in doubt unless "no partner" has the odds that a link must have.
    sure_alone = least_odds / (1.0 + least_odds)
    doubtful = ~taken[0] & (marginals.earlier_alone < sure_alone)
    doubts = _list_doubts(pairs, marginals, doubtful)
    shown = {candidate.later for doubt in doubts for candidate in doubt.candidates}
    later_alone = ~taken[1] & (marginals.later_alone >= sure_alone)
    return Linking(
        links=links,
        doubts=doubts,
        earlier_alone=tuple(int(one) for one in np.flatnonzero(~taken[0] & ~doubtful)),
        later_alone=tuple(int(one) for one in np.flatnonzero(later_alone) if int(one) not in shown),
        fit=fit,
        unclear=unclear,
    )


def _find_rivals(pairs: Pairs, marginals: Marginals) -> Floats:
    """Return the probability of the best alternative of each pair: another partner or none, of either tree."""
    rivals = np.maximum(marginals.earlier_alone[pairs.earlier], marginals.later_alone[pairs.later])
    for owner, count in ((pairs.earlier, marginals.earlier_alone.size), (pairs.later, marginals.later_alone.size)):
        order = np.lexsort((-marginals.pair, owner))
        rank = np.arange(order.size) - np.searchsorted(owner[order], owner[order])
        first, second = np.zeros(count), np.zeros(count)
        first[owner[order[rank == 0]]] = marginals.pair[order[rank == 0]]
        second[owner[order[rank == 1]]] = marginals.pair[order[rank == 1]]
        is_first = np.zeros(order.size, dtype=np.bool_)
        is_first[order[rank == 0]] = True
        rivals = np.maximum(rivals, np.where(is_first, second[owner], first[owner]))
    return rivals


def _list_doubts(pairs: Pairs, marginals: Marginals, doubtful: Bools) -> tuple[Doubt, ...]:
    """Return the earlier trees in doubt with their candidates, likeliest first."""
    shown = np.flatnonzero(doubtful[pairs.earlier] & (marginals.pair >= _NAMED))
    order = shown[np.lexsort((-marginals.pair[shown], pairs.earlier[shown]))]
    by_tree: dict[int, list[Candidate]] = {int(one): [] for one in np.flatnonzero(doubtful)}
    for pair in order:
        candidates = by_tree[int(pairs.earlier[pair])]
        if len(candidates) < _MOST_CANDIDATES:
            candidates.append(Candidate(int(pairs.later[pair]), float(marginals.pair[pair])))
    return tuple(
        Doubt(tree, tuple(candidates), float(marginals.earlier_alone[tree])) for tree, candidates in by_tree.items()
    )
