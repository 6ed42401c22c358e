"""Where a fallen stem may lie: echoes from which others lie in one direction, and its ground in none.

Around each low echo a star of directions counts those at about its height, and those of the ground.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from survey.airborne.forms_lines import Numbers
from survey.cloud import Bools, Floats
from survey.kernel import Array, compiled, find_neighbour

_BINS: Final = 24
"""Directions of a star, 7.5 degrees each."""
_NEAREST_M: Final = 0.7
"""Echoes nearer than this say nothing of a direction."""
LEAST_ROW: Final = 4
"""Echoes along a direction that make a seed."""
_LEAST_STAR: Final = 5.0
"""Log-likelihood against chance of a seed's direction."""
_LEAST_RISE: Final = 1.3
"""Their share of all echoes there, over the share all around."""
_STAR_M: Final = 3.5
"""Radius of a star."""
_SEED_APART_M: Final = 0.75
"""Of seeds this close the best one stays."""
_TABLE: Final = 64
"""Cells a side of a star's table: what lies in a cell lies in one direction, so that no angle is computed."""


def thin_seeds(x_m: Floats, y_m: Floats, score: Floats) -> NDArray[np.int64]:
    """Return the echoes whose star is the best nearby; of equal ones the western, then the southern."""
    found = np.flatnonzero(score > 0.0)
    found = found[np.lexsort((y_m[found], x_m[found], -score[found]))]
    best: Bools = _find_best((x_m[found], y_m[found]), *_sort_by_cell(x_m[found], y_m[found]))
    thinned: NDArray[np.int64] = found[best]
    return thinned


def _sort_by_cell(x_m: Floats, y_m: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each seed's cell as one number, and the seeds in that order."""
    cell = np.floor(x_m / _SEED_APART_M).astype(np.int64) * (1 << 31) + np.floor(y_m / _SEED_APART_M).astype(np.int64)
    return cell, np.argsort(cell, kind="stable")


@compiled
def _find_best(xy: tuple[Array, Array], cell: Array, order: Array) -> Array:
    """Return which of seeds, best first, have no better one close by."""
    sorted_cells = cell[order]
    best = np.ones(cell.size, np.bool_)
    for seed in range(cell.size):
        for turn in range(9):
            near = cell[seed] + (turn // 3 - 1) * (1 << 31) + turn % 3 - 1
            at = np.searchsorted(sorted_cells, near)
            while at < order.size and sorted_cells[at] == near:
                other = order[at]
                apart = np.hypot(xy[0][seed] - xy[0][other], xy[1][seed] - xy[1][other])
                if other < seed and apart < _SEED_APART_M:
                    best[seed] = False
                at += 1
    return best


@compiled
def find_open(
    height_m: Array, cells: tuple[Array, Array], shape: tuple[int, int], limits: tuple[float, float]
) -> Array:
    """Return which cells lie in the open: with those around, at most a share of their echoes is low, not ground."""
    order, starts = cells
    low = np.zeros(starts.size - 1)
    for cell in range(low.size):
        for place in range(starts[cell], starts[cell + 1]):
            low[cell] += height_m[order[place]] >= limits[0]
    is_open = np.zeros(low.size, np.bool_)
    for cell in range(low.size):
        here, all_echoes = 0.0, 0.0
        for turn in range(9):
            near = find_neighbour(cell, turn, shape[0], shape[1])
            if near >= 0:
                here, all_echoes = here + low[near], all_echoes + starts[near + 1] - starts[near]
        is_open[cell] = low[cell] > 0.0 and here <= limits[1] * all_echoes
    return is_open


@compiled
def find_stars(
    xyh: tuple[Array, Array, Array], cells: tuple[Array, Array], where: tuple[tuple[int, int], Array], numbers: Numbers
) -> tuple[Array, Array]:
    """Return for each echo how much its best direction stands out, 0 where it does not, and that direction."""
    order, starts = cells
    shape, is_open = where
    score, way = np.zeros(order.size), np.zeros(order.size)
    count = np.zeros((2, _BINS), np.int64)
    table = _draw_table()
    for cell in range(starts.size - 1):
        if not is_open[cell]:
            continue
        for place in range(starts[cell], starts[cell + 1]):
            point = order[place]
            if xyh[2][point] < numbers[4]:
                continue
            count[:] = 0
            for turn in range(9):
                near = find_neighbour(cell, turn, shape[0], shape[1])
                if near >= 0:
                    _count_directions(point, xyh, (order, starts[near], starts[near + 1], numbers), (table, count))
            score[point], way[point] = _judge_star(count)
    return score, way


@compiled
def _draw_table() -> Array:
    """Return the direction of each cell around an echo, -1 where too near or too far."""
    table = np.full((_TABLE, _TABLE), -1, np.int64)
    for row in range(_TABLE):
        for column in range(_TABLE):
            north, east = (
                (2.0 * row + 1.0 - _TABLE) / _TABLE * _STAR_M,
                (2.0 * column + 1.0 - _TABLE) / _TABLE * _STAR_M,
            )
            if _NEAREST_M <= np.hypot(east, north) <= _STAR_M:
                table[row, column] = int((np.arctan2(north, east) / np.pi + 1.0) * _BINS) % _BINS
    return table


@compiled
def _count_directions(
    point: int, xyh: tuple[Array, Array, Array], members: tuple[Array, int, int, Numbers], star: tuple[Array, Array]
) -> None:
    """Add a cell's low echoes, and those of the ground, to the directions in which they lie."""
    x_m, y_m, height_m = xyh
    order, begin, end, numbers = members
    table, count = star
    scale = 0.5 * _TABLE / _STAR_M
    low_m, high_m = max(numbers[4], height_m[point] - numbers[6]), height_m[point] + numbers[6]
    for place in range(begin, end):
        other = order[place]
        east, north = x_m[other] - x_m[point], y_m[other] - y_m[point]
        if abs(east) >= _STAR_M or abs(north) >= _STAR_M:
            continue
        # Just within the radius, the sum may round up to its double.
        row, column = int((north + _STAR_M) * scale), int((east + _STAR_M) * scale)
        turn = table[min(row, _TABLE - 1), min(column, _TABLE - 1)]
        if turn < 0:
            continue
        if height_m[other] < low_m:
            count[1, turn] += 1
        elif height_m[other] <= high_m:
            count[0, turn] += 1


@compiled
def _judge_star(count: Array) -> tuple[float, float]:
    """Return how much the best two neighbouring directions stand out, and the way between them."""
    best, at = _LEAST_STAR, -1
    low, ground = count[0].sum(), count[1].sum()
    chance = (low + 1.0) / (low + ground + 2.0)
    for turn in range(_BINS):
        after = (turn + 1) % _BINS
        here, below = count[0, turn] + count[0, after], count[1, turn] + count[1, after]
        if here < LEAST_ROW or here < _LEAST_RISE * chance * (here + below):
            continue
        share = (here + 0.0) / (here + below)
        gain = here * np.log(share / chance)
        if below > 0:
            gain += below * np.log((1.0 - share) / (1.0 - chance))
        if gain > best:
            best, at = gain, turn
    return (best if at >= 0 else 0.0), (at + 1.0) / _BINS * np.pi
