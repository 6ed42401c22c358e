"""Merges and splits: two trees of one campaign that the other one saw as one crown."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.spatial import cKDTree

from survey.resurvey.seen import TreeSeen

_WITHIN: Final = 0.9
"""A lost partner's place lies within this share of the joint crown's radius."""
_LEAST_HEIGHT: Final = 0.6
"""A partner lower than this share of the joint crown's height was overtopped, not merged."""
_LEAST_SIGMAS: Final = 1.0
"""The joint crown must exceed the linked partner's by this many standard errors, so that noise alone is none."""


@dataclass(frozen=True, slots=True)
class Merge:
    """Earlier trees that the later campaign seems to have seen as one crown.

    Attributes
    ----------
    codes
        The earlier trees; the first is the one that is linked.
    key
        The later tree.
    """

    codes: tuple[str, str]
    key: str


@dataclass(frozen=True, slots=True)
class Split:
    """Later trees that the earlier campaign seems to have seen as one crown.

    Attributes
    ----------
    code
        The earlier tree.
    keys
        The later trees; the first is the one that is linked.
    """

    code: str
    keys: tuple[str, str]


def find_joined(
    lone: Sequence[TreeSeen], joint: Sequence[TreeSeen], partner: Mapping[str, TreeSeen]
) -> tuple[tuple[str, str], ...]:
    """Return which lone trees were part of which joint crown.

    A lone tree was part of a crown of the other campaign that is linked to a partner, where its place lies under that
    crown, it is high enough, and the crown's area is nearer (on a logarithmic scale) to the area of both than to that
    of the linked partner alone, beyond the error of its diameter.

    Parameters
    ----------
    lone
        Trees of one campaign without a partner; places in the other campaign's frame.
    joint
        Trees of the other campaign.
    partner
        Tree of the first campaign that each joint tree is linked to, by its code.

    Returns
    -------
    Codes of lone and joint trees; each joint crown once, with the lone tree nearest to it.
    """
    able = [one for one in joint if one.crown_m is not None and one.height_m is not None and one.code in partner]
    if not able or not lone:
        return ()
    index = cKDTree([(one.x_m, one.y_m) for one in able])
    widest = max(one.crown_m.value for one in able if one.crown_m) / 2.0
    found: dict[str, tuple[float, str]] = {}
    for tree in lone:
        for number in index.query_ball_point((tree.x_m, tree.y_m), widest):
            crown = able[number]
            away = math.hypot(tree.x_m - crown.x_m, tree.y_m - crown.y_m)
            if is_joined(tree, crown, partner[crown.code]) and away < found.get(crown.code, (math.inf, ""))[0]:
                found[crown.code] = (away, tree.code)
    return tuple((code, crown) for crown, (_, code) in found.items())


def is_joined(lone: TreeSeen, crown: TreeSeen, partner: TreeSeen) -> bool:
    """Tell whether a crown of one campaign is that of two trees of the other: its partner and a lone one.

    Examples
    --------
    >>> from survey.estimate import Estimate
    >>> def tree(x, height, crown):
    ...     return TreeSeen("a", x, 0.0, 0.3, Estimate(height, 0.5, 0.0, "h"), Estimate(crown, 0.5, 0.0, "c"))
    >>> is_joined(tree(2.5, 18.0, 5.0), tree(0.5, 20.0, 7.2), tree(0.0, 20.0, 5.0))
    True
    >>> is_joined(tree(2.5, 18.0, 5.0), tree(0.5, 20.0, 5.2), tree(0.0, 20.0, 5.0))
    False
    """
    if lone.crown_m is None or lone.height_m is None or partner.crown_m is None:
        return False
    if crown.crown_m is None or crown.height_m is None or lone.height_m.value < _LEAST_HEIGHT * crown.height_m.value:
        return False
    away = math.hypot(lone.x_m - crown.x_m, lone.y_m - crown.y_m)
    if away > _WITHIN * crown.crown_m.value / 2.0:
        return False
    both = np.hypot(partner.crown_m.value, lone.crown_m.value)
    surplus = math.log(crown.crown_m.value / partner.crown_m.value)
    error = math.hypot(crown.crown_m.own_share, partner.crown_m.own_share)
    is_nearer = abs(math.log(crown.crown_m.value / float(both))) < surplus
    return is_nearer and surplus > _LEAST_SIGMAS * error
