"""How well found trees fit the truth: one-to-one matching within a gate that grows with height.

The match index is the three-dimensional distance between a found apex and a true tree's foot raised by its height,
over the largest distance allowed, 2.1 m and 0.14 of the height: Monnet's rule (Monnet 2011, doctoral thesis,
Universite de Grenoble), near the restricted nearest neighbour of Eysn et al. (2015), doi 10.3390/f6051721, in whose
benchmark it took part. Pairs are joined from the best index on, each tree once. Fallen trees are no trees to be found.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample_data.errors import InvalidFoundTrees, check_range
from sample_data.forest.crown_class import CROWN_CLASSES, CrownClass, classify_crowns, classify_heights
from sample_data.forest.stand import Stand
from sample_data.scoring.links import LinkScore, score_links
from sample_data.scoring.stems import StemRule, StemScore, score_stems

__all__ = [
    "ClassScore",
    "LinkScore",
    "MatchRule",
    "Score",
    "StemRule",
    "StemScore",
    "cover_share",
    "match_one_to_one",
    "score_by_class",
    "score_links",
    "score_stems",
    "score_trees",
]

Floats = NDArray[np.float64]

# A million found trees over a hectare are no result, and their distances would fill the memory.
_MOST_FOUND = 20_000
# Found trees compared with all true ones at a time, so that dense stands do not fill the memory.
_ROWS = 256


@dataclass(frozen=True, slots=True)
class MatchRule:
    """When a found tree may be a true one."""

    gate_m: float = 2.1
    """Distance allowed at height zero."""
    gate_per_height: float = 0.14
    """Metres allowed more, a metre of height."""
    edge_m: float = 5.0
    """Trees closer to the bounds are matched but not counted, found or true."""


@dataclass(frozen=True, slots=True)
class Score:
    """How found trees fit the truth within the plot's inner part."""

    precision: float
    """Matched over found; 0 where none was found."""
    recall: float
    """Matched over true; 0 where there is no tree."""
    f1: float
    """Harmonic mean of both; 0 where both are."""
    matches: tuple[tuple[int, int], ...]
    """Index of the found and of the true tree (in ``stand.trees``), edge included, best pair first."""


@dataclass(frozen=True, slots=True)
class ClassScore:
    """How found trees fit those of one crown class."""

    precision: float
    """Matched over found; 0 where none was found."""
    recall: float
    """Matched over true; 0 where there is no tree."""
    f1: float
    """Harmonic mean of both; 0 where both are."""
    trees: int
    """True trees of the class that count."""


def score_trees(found_xy_h: Floats, stand: Stand, *, min_height_m: float = 5.0, rule: MatchRule | None = None) -> Score:
    """Return how found trees fit a stand.

    Parameters
    ----------
    found_xy_h
        Easting, northing, height, shape (m, 3), metres.
    stand
        The truth.
    min_height_m
        Lower trees, found or true, do not count.
    rule
        Gate and edge.

    Returns
    -------
    Score

    Raises
    ------
    InvalidFoundTrees
        Not (m, 3), not finite, or more than 20,000 trees.
    InvalidParameter
        A negative edge or gate.
    """
    chosen = rule or MatchRule()
    check_range("gate_m", chosen.gate_m, 0.0, 50.0)
    check_range("gate_per_height", chosen.gate_per_height, 0.0, 1.0)
    check_range("edge_m", chosen.edge_m, 0.0, 1_000.0)
    found = _check_found(found_xy_h)
    truth = np.array([(tree.x_m, tree.y_m, tree.height_m) for tree in stand.trees]).reshape(-1, 3)
    found_at = np.flatnonzero(found[:, 2] >= min_height_m)
    standing = np.array([tree.status != "fallen" for tree in stand.trees], dtype=np.bool_)
    truth_at = np.flatnonzero((truth[:, 2] >= min_height_m) & standing)
    pairs = match_one_to_one(found[found_at], truth[truth_at], chosen)
    matches = tuple((int(found_at[i]), int(truth_at[j])) for i, j in pairs)
    inner_found = _inside(found, stand.bounds, chosen.edge_m)
    inner_truth = _inside(truth, stand.bounds, chosen.edge_m)
    precision = _share(sum(bool(inner_found[i]) for i, _ in matches), int(inner_found[found_at].sum()))
    recall = _share(sum(bool(inner_truth[j]) for _, j in matches), int(inner_truth[truth_at].sum()))
    return Score(precision, recall, _harmonic(precision, recall), matches)


def score_by_class(
    found_xy_h: Floats, stand: Stand, *, min_height_m: float = 5.0, rule: MatchRule | None = None
) -> dict[CrownClass, ClassScore]:
    """Return how found trees fit a stand, by crown class; the arguments are those of :func:`score_trees`.

    A matched tree counts in its true tree's class; a found tree that matches none counts against the class that a tree
    of its height would have there.

    Returns
    -------
    A score for each class, from the light down.
    """
    chosen = rule or MatchRule()
    matches = score_trees(found_xy_h, stand, min_height_m=min_height_m, rule=chosen).matches
    found = _check_found(found_xy_h)
    truth = np.array([(tree.x_m, tree.y_m, tree.height_m) for tree in stand.trees]).reshape(-1, 3)
    standing = np.array([tree.status != "fallen" for tree in stand.trees], dtype=np.bool_)
    true_class = np.array(classify_crowns(stand.trees), dtype=np.str_)
    found_class = np.array(classify_heights(found, truth[standing]), dtype="U16")
    for one, other in matches:
        found_class[one] = true_class[other]
    counted_found = (found[:, 2] >= min_height_m) & _inside(found, stand.bounds, chosen.edge_m)
    counted_true = (truth[:, 2] >= min_height_m) & standing & _inside(truth, stand.bounds, chosen.edge_m)
    left, right = np.zeros(len(found), np.bool_), np.zeros(len(truth), np.bool_)
    left[[one for one, _ in matches]] = True
    right[[other for _, other in matches]] = True
    return {
        name: _count_class((found_class == name) & counted_found, left, (true_class == name) & counted_true, right)
        for name in CROWN_CLASSES
    }


def cover_share(truth: Floats, low: Floats, high: Floats) -> float:
    """Return the share of true values that lie within their intervals, bounds included; 0 of none.

    Parameters
    ----------
    truth, low, high
        Shape (n,), one unit.

    Examples
    --------
    >>> cover_share(np.array([1.0, 2.0]), np.array([0.0, 0.0]), np.array([1.5, 1.5]))
    0.5
    """
    within = (truth >= low) & (truth <= high)
    return _share(int(within.sum()), int(within.size))


def match_one_to_one(found: Floats, truth: Floats, rule: MatchRule) -> tuple[tuple[int, int], ...]:
    """Return pairs of found and true trees, best index first, each tree at most once.

    Parameters
    ----------
    found, truth
        Shape (m, 3) and (n, 3): easting, northing, height, metres.
    rule
        The gate.

    Examples
    --------
    >>> match_one_to_one(np.array([[0.0, 0.0, 20.0]]), np.array([[1.0, 0.0, 20.0], [0.5, 0.0, 20.0]]), MatchRule())
    ((0, 1),)
    """
    if len(found) == 0 or len(truth) == 0:
        return ()
    rows, columns, index = _list_pairs(found, truth, rule)
    taken_found: set[int] = set()
    taken_truth: set[int] = set()
    pairs: list[tuple[int, int]] = []
    for place in np.argsort(index, kind="stable"):
        pair = (int(rows[place]), int(columns[place]))
        if pair[0] not in taken_found and pair[1] not in taken_truth:
            taken_found.add(pair[0])
            taken_truth.add(pair[1])
            pairs.append(pair)
    return tuple(pairs)


def _list_pairs(found: Floats, truth: Floats, rule: MatchRule) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Return found and true tree, and match index, of every pair within the gate."""
    gate = rule.gate_m + rule.gate_per_height * truth[:, 2]
    parts = []
    for first in range(0, len(found), _ROWS):
        some = found[first : first + _ROWS, None, :]
        index = np.sqrt(((some - truth) ** 2).sum(axis=2)) / gate
        rows, columns = np.nonzero(index <= 1.0)
        parts.append((rows + first, columns, index[rows, columns]))
    rows, columns, indices = (np.concatenate(column) for column in zip(*parts, strict=True))
    return rows, columns, indices


def _count_class(
    found: NDArray[np.bool_], left: NDArray[np.bool_], true: NDArray[np.bool_], right: NDArray[np.bool_]
) -> ClassScore:
    """Return a class's score from who is in it and who is matched, on either side."""
    precision = _share(int((found & left).sum()), int(found.sum()))
    recall = _share(int((true & right).sum()), int(true.sum()))
    return ClassScore(precision, recall, _harmonic(precision, recall), int(true.sum()))


def _harmonic(precision: float, recall: float) -> float:
    return 2.0 * precision * recall / (precision + recall) if precision + recall > 0.0 else 0.0


def _check_found(found_xy_h: Floats) -> Floats:
    found = np.asarray(found_xy_h, dtype=np.float64)
    if found.size == 0:
        return np.empty((0, 3))
    if found.ndim != 2 or found.shape[1] != 3:  # noqa: PLR2004 - three coordinates
        raise InvalidFoundTrees(found.shape, "it must be (m, 3): easting, northing, height")
    if len(found) > _MOST_FOUND:
        raise InvalidFoundTrees(found.shape, f"at most {_MOST_FOUND} trees can be scored")
    if not np.isfinite(found).all():
        raise InvalidFoundTrees(found.shape, "all numbers must be finite")
    return found


def _inside(places: Floats, bounds: tuple[float, float, float, float], edge_m: float) -> NDArray[np.bool_]:
    west, south, east, north = bounds
    across = (places[:, 0] >= west + edge_m) & (places[:, 0] <= east - edge_m)
    inside: NDArray[np.bool_] = across & (places[:, 1] >= south + edge_m) & (places[:, 1] <= north - edge_m)
    return inside


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
