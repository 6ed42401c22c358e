"""The probability of each pair, with every other pair that either tree may form considered.

Sum-product messages on the graph of candidate pairs, which converge for this problem and are exact where it has no
loops: Williams and Lau (2014), doi 10.1109/TAES.2014.120568. All pairs are updated at once.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from survey.cloud import Floats
from survey.linking.likelihood import Ints

_MOST_ROUNDS: Final = 200
_CLOSE: Final = 1e-4
_LARGEST_SCORE: Final = 60.0
"""Scores beyond this are certain either way; their exponentials stay finite."""
_HOPELESS: Final = -14.0
"""Pairs below a millionth change nothing and are left out."""


@dataclass(frozen=True, slots=True, eq=False)
class Marginals:
    """Probabilities of m candidate pairs between n earlier and k later trees.

    Attributes
    ----------
    pair
        That both are one tree, shape (m,).
    earlier_alone, later_alone
        That a tree has no partner in the other list, shape (n,) and (k,).
    """

    pair: Floats
    earlier_alone: Floats
    later_alone: Floats


def compute_marginals(earlier: Ints, later: Ints, score: Floats, sizes: tuple[int, int]) -> Marginals:
    """Return the probability of each pair when each tree has one partner at most.

    Parameters
    ----------
    earlier, later
        Indices of the trees of each pair, shape (m,).
    score
        Logarithm of the likelihood ratio of each pair against two strangers, shape (m,).
    sizes
        Numbers of earlier and later trees.

    Examples
    --------
    >>> both = compute_marginals(np.array([0]), np.array([0]), np.array([0.0]), (1, 1))
    >>> both.pair.tolist(), both.earlier_alone.tolist()
    ([0.5], [0.5])
    """
    able = np.flatnonzero(score > _HOPELESS)
    likely = _pass_messages(earlier[able], later[able], np.exp(np.minimum(score[able], _LARGEST_SCORE)), sizes)
    pair = np.zeros(score.size)
    pair[able] = likely
    return Marginals(pair, _leave(pair, earlier, sizes[0]), _leave(pair, later, sizes[1]))


def _pass_messages(earlier: Ints, later: Ints, weight: Floats, sizes: tuple[int, int]) -> Floats:
    """Return the probability of each pair once messages have settled."""
    back = np.ones(weight.size)
    for _ in range(_MOST_ROUNDS):
        forth = weight / (1.0 + _others(weight * back, earlier, sizes[0]))
        turned = 1.0 / (1.0 + _others(forth, later, sizes[1]))
        moved = float(np.abs(turned / back - 1.0).max(initial=0.0))
        back = turned
        if moved < _CLOSE:
            break
    given = weight * back
    probability: Floats = given / (1.0 + np.bincount(earlier, given, sizes[0])[earlier])
    return probability


def _leave(pair: Floats, owner: Ints, count: int) -> Floats:
    """Return the probability that a tree has no partner."""
    alone: Floats = np.maximum(1.0 - np.bincount(owner, pair, count), 0.0)
    return alone


def _others(values: Floats, owner: Ints, count: int) -> Floats:
    """Return for each pair the sum over its owner's other pairs; the largest is left out exactly, not by subtraction.

    A sum less its largest term loses all digits of the rest, so that term's others are summed apart.
    """
    total = np.bincount(owner, values, count)
    largest = np.zeros(count)
    np.maximum.at(largest, owner, values)
    is_largest = values == largest[owner]
    rest = np.bincount(owner[~is_largest], values[~is_largest], count)
    ties = np.bincount(owner[is_largest], minlength=count)
    without_largest = rest + np.maximum(ties - 1, 0) * largest
    others: Floats = np.where(is_largest, without_largest[owner], np.maximum(total[owner] - values, 0.0))
    return others
