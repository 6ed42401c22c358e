"""Stems become trees: what parts below breast height is one tree."""

from typing import Final

import numpy as np

from survey.terrestrial.trace import TracedStem

_FORK_M: Final = 0.1
"""Height above the ground at which stems of one tree touch."""
_TOUCH: Final = 1.35
"""Distance of their centres there over the sum of their radii, at most: axes are bent where stems part."""
_SEEN_TOUCH: Final = 1.1
"""The same in sections that are seen below breast height."""
_NEAR: Final = 2.6
"""The same at breast height."""


def join_forks(stems: list[TracedStem]) -> list[list[int]]:
    """Return the stems of each tree, the thickest first.

    Stems belong together when they stand close at breast height and come closer downward until they touch.
    """
    parent = list(range(len(stems)))
    for one in range(len(stems)):
        for two in range(one + 1, len(stems)):
            if _is_fork(stems[one], stems[two]):
                parent[_find(parent, two)] = _find(parent, one)
    groups: dict[int, list[int]] = {}
    for one in sorted(range(len(stems)), key=lambda index: -stems[index].breast.radius_m):
        groups.setdefault(_find(parent, one), []).append(one)
    return list(groups.values())


def _find(parent: list[int], one: int) -> int:
    while parent[one] != one:
        one = parent[one]
    return one


def _is_fork(first: TracedStem, second: TracedStem) -> bool:
    one, other = first.breast, second.breast
    sum_m = one.radius_m + other.radius_m
    if float(np.hypot(*(one.axis[:2] - other.axis[:2]))) > _NEAR * sum_m:
        return False
    feet = [stem.axis[:2] - stem.axis[3:5] * (stem.axis[2] - stem.ground_m - _FORK_M) for stem in (one, other)]
    return float(np.hypot(*(feet[0] - feet[1]))) <= _TOUCH * sum_m or _touch_below(first, second)


def _touch_below(first: TracedStem, second: TracedStem) -> bool:
    """Tell whether two stems touch where both are seen below breast height."""
    sections = {piece.height_m: piece.section for piece in second.pieces}
    for piece in first.pieces:
        other = sections.get(piece.height_m)
        if other is None or piece.section is first.breast.section or other is second.breast.section:
            continue
        if piece.height_m > first.breast.axis[2] - first.breast.ground_m:
            break
        apart = float(np.hypot(*(piece.section.values[:2] - other.values[:2])))
        if apart <= _SEEN_TOUCH * (piece.section.radius_m + other.radius_m):
            return True
    return False
