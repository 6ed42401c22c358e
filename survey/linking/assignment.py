"""The set of pairs with the greatest sum of scores in which each tree occurs once at most."""

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching

from survey.cloud import Bools, Floats
from survey.linking.likelihood import Ints


def assign_pairs(earlier: Ints, later: Ints, score: Floats, sizes: tuple[int, int]) -> Bools:
    """Return which pairs are chosen, shape (m,).

    Pairs with a score of 0 or less are never chosen: two strangers are then likelier. The problem falls apart into
    groups of trees that candidate pairs connect; a group of one pair needs no search, the others are solved by the
    shortest augmenting paths of Jonker and Volgenant (1987), doi 10.1007/BF02278710, on sparse costs.

    Parameters
    ----------
    earlier, later
        Indices of the trees of each pair, shape (m,); no pair twice.
    score
        Logarithm of the likelihood ratio of each pair, shape (m,).
    sizes
        Numbers of earlier and later trees.

    Examples
    --------
    >>> assign_pairs(np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([5.0, 4.0, 4.0]), (2, 2)).tolist()
    [False, True, True]
    """
    chosen = np.zeros(score.size, dtype=np.bool_)
    good = np.flatnonzero(score > 0.0)
    if good.size == 0:
        return chosen
    total = sizes[0] + sizes[1]
    graph = coo_matrix((np.ones(good.size), (earlier[good], sizes[0] + later[good])), shape=(total, total))
    group = connected_components(graph, directed=False)[1][earlier[good]]
    lone = np.bincount(group)[group] == 1
    chosen[good[lone]] = True
    rest = good[~lone]
    if rest.size:
        chosen[rest[_solve(earlier[rest], later[rest], score[rest])]] = True
    return chosen


def _solve(earlier: Ints, later: Ints, score: Floats) -> Bools:
    """Return which pairs of entangled groups are chosen.

    Each earlier tree has a column of its own that stands for "no partner", with score 0, so that a full matching
    exists. Costs are kept above zero, because a sparse matrix takes zero for absence.
    """
    rows, row = np.unique(earlier, return_inverse=True)
    columns, column = np.unique(later, return_inverse=True)
    own = np.arange(rows.size)
    top = float(score.max()) + 1.0
    costs = coo_matrix(
        (
            np.concatenate([top - score, np.full(rows.size, top)]),
            (np.concatenate([row, own]), np.concatenate([column, columns.size + own])),
        ),
        shape=(rows.size, columns.size + rows.size),
    ).tocsr()
    _, partner = min_weight_full_bipartite_matching(costs)
    taken: Bools = partner[row] == column
    return taken
