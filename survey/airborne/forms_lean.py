"""How far stems lean: a line through the echoes of a stem below its crown.

A crown alone does not tell: crowns that reach for light and leaning ones look alike from above. Where a cloud is dense
enough to show stems, their echoes lie on a line that leads to the tree's apex. The line is found by votes for tilts, a
Hough transform about the apex, and fitted by least squares.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from survey.airborne.forms_records import FormTrees
from survey.cloud import Floats, Points
from survey.ground.buckets import bucket_points, pick_points
from survey.kernel import Array, compiled

_CELL_M: Final = 2.0
"""Side of the cells by which echoes are found."""
_MOST_TILT: Final = 0.62
"""Metres aside a metre of height: 32 degrees; what leans more has fallen against another tree."""
_VOTE: Final = 0.05
"""Side of a cell of tilts: 3 degrees, about what the apex lies beside the stem's line."""
_VOTES: Final = 27
"""Cells of tilts a side; they cover the most tilt to both sides."""
_BLOCK: Final = 2
"""Cells from the first to the last of those that one tilt votes for."""
_SLICES: Final = 10
"""Of the heights in which a stem is looked for."""
_LEAST_SLICES: Final = 6
"""With echoes of one tilt."""
_UPRIGHT_CELLS: Final = 2
"""Of tilts about upright: most stems stand there."""
_UPRIGHT_VOTES: Final = 2
"""Slices by which a leaning line must have more."""
_HIGHEST_M: Final = 30.0
"""Half of the tallest trees."""
_UPPER_SHARE: Final = 0.5
"""Of the height; what is higher is the crown."""
_NEARER: Final = 0.8
"""A leaning crown's middle is nearer to the stem's line than this share of how far it is from the plumb line."""
_TOLERANCES: Final = (0.9, 0.55, 0.35)
"""Metres from the line within which echoes count, fit by fit: the last is a stem's radius and an echo's noise."""
_LEAST_RISE: Final = 5.0
"""Echoes on a stem, over those that chance would put there."""
_FLANK_M: Final = 1.2
"""Radius about the line within which others tell what chance would put there."""
_MOST_ECHOES: Final = 1 << 17
"""Of one tree, 3 MB: its stem shows by few of the echoes around. Of more, every second, third and so on is taken."""


@dataclass(frozen=True, slots=True)
class Duda1972:
    """Votes for lines, after Duda and Hart (1972); limits were chosen on simulated stands of seeds 1000 to 1005."""

    NAME: ClassVar[str] = "duda1972"
    DOI: ClassVar[str | None] = "10.1145/361237.361242"

    least_density: float = 25.0
    """First echoes a square metre; thinner clouds show a stem by an echo or two."""
    low_m: float = 1.5
    """Lower echoes are undergrowth's."""
    high_share: float = 0.5
    """Of the tree's height; higher echoes are its crown's."""
    least_echoes: float = 6.0
    """On a line."""
    least_span: float = 0.25
    """Of a line's echoes, over the tree's height."""
    least_gain: float = 10.0
    """Log-likelihood of so many echoes against chance."""
    apex_m: float = 1.0
    """A line may pass the apex at this distance, and a little more for tall trees."""
    sweep: float = 0.02
    """Standard deviation of a stem's own bends, metres aside a metre of height; a judgement."""
    leaning_deg: float = 5.0
    """A stem that stands straighter is upright."""

    @property
    def reach_m(self) -> float:
        """Echoes farther from an apex play no part, for trees up to 60 m."""
        return 60.0 * _MOST_TILT + _FLANK_M


def measure_lean(points: Points, above_m: Floats, trees: FormTrees, algorithm: Duda1972) -> tuple[Floats, Floats]:
    """Return each tree's lean and its standard error, degrees, NaN where no stem shows; shape (n,).

    Parameters
    ----------
    points
        Points in metres, in an order that their positions decide.
    above_m
        Their heights above ground, shape (m,).
    trees
        Apexes.
    algorithm
        Limits.
    """
    count = trees.x_m.size
    # The last element answers for what lies in no crown.
    leaves_m = np.append(algorithm.high_share * trees.above_m, _HIGHEST_M)[trees.crown]
    middle = np.flatnonzero((above_m >= algorithm.low_m) & (above_m <= leaves_m))
    if middle.size == 0 or count == 0:
        return np.full(count, np.nan), np.full(count, np.nan)
    layer = pick_points(points, middle)
    buckets = bucket_points(layer, _CELL_M)
    place = buckets.grid.west_m, buckets.grid.south_m, buckets.grid.rows, buckets.grid.columns
    cells = buckets.order, buckets.starts, place
    xyh = layer.x_m, layer.y_m, np.ascontiguousarray(above_m[middle])
    limits = algorithm.low_m, algorithm.high_share, algorithm.least_echoes, algorithm.least_span, algorithm.least_gain
    lines = _fit_stems(xyh, cells, np.column_stack([trees.x_m, trees.y_m, trees.above_m]), limits, algorithm.apex_m)
    _drop_strangers(lines, _centre_crowns(points, above_m, trees))
    tilt = np.hypot(lines[:, 0], lines[:, 1])
    error = np.hypot(lines[:, 2], algorithm.sweep)
    # The derivative of the arc tangent.
    return np.degrees(np.arctan(tilt)), np.degrees(error / (1.0 + tilt * tilt))


def lean_probability(lean_deg: float, error_deg: float, algorithm: Duda1972) -> float:
    """Return how likely a stem leans at least as much as counts, for a normal error.

    Examples
    --------
    >>> lean_probability(5.0, 2.0, Duda1972())
    0.5
    """
    return 0.5 * (1.0 + math.erf((lean_deg - algorithm.leaning_deg) / error_deg / math.sqrt(2.0)))


def _centre_crowns(points: Points, above_m: Floats, trees: FormTrees) -> Floats:
    """Return each upper crown's mean easting and northing from the apex, and its depth below it, shape (n, 3)."""
    owner = trees.crown
    upper = np.flatnonzero(points.is_first & (owner >= 0))
    upper = upper[above_m[upper] >= _UPPER_SHARE * trees.above_m[owner[upper]]]
    tree = owner[upper]
    count = np.bincount(tree, minlength=trees.x_m.size)
    places = points.x_m[upper] - trees.x_m[tree], points.y_m[upper] - trees.y_m[tree]
    depth = trees.above_m[tree] - above_m[upper]
    sums = [np.bincount(tree, weights=one, minlength=trees.x_m.size) for one in (*places, depth)]
    return np.column_stack(sums) / np.maximum(count, 1)[:, None]


def _drop_strangers(lines: Floats, centres: Floats) -> None:
    """Forget leaning lines under crowns that hang below their apexes rather than along the line: others' stems."""
    aside = -lines[:, :2] * centres[:, 2:]
    upright = np.hypot(centres[:, 0], centres[:, 1])
    along = np.hypot(*(centres[:, :2] - aside).T)
    is_leaning = np.hypot(lines[:, 0], lines[:, 1]) > _UPRIGHT_CELLS * _VOTE
    lines[is_leaning & (along > _NEARER * upright)] = np.nan


@compiled
def _fit_stems(
    xyh: tuple[Array, Array, Array],
    cells: tuple[Array, Array, tuple[float, float, int, int]],
    trees: Array,
    limits: tuple[float, float, float, float, float],
    apex_m: float,
) -> Array:
    """Return each tree's tilt east and north and its standard error, NaN where no line is sure; shape (n, 3)."""
    lines = np.full((trees.shape[0], 3), np.nan)
    buffer = np.empty((3, _MOST_ECHOES))
    votes = np.zeros((_VOTES, _VOTES), np.int64)
    axis = np.zeros(5)
    for tree in range(trees.shape[0]):
        height = trees[tree, 2]
        size = _gather(trees[tree], (limits[0], limits[1] * height), (xyh, cells), buffer)
        if size < limits[2]:
            continue
        if _vote(buffer, size, (height, (limits[0], limits[1] * height), axis), votes) < _LEAST_SLICES:
            continue
        inside, span, error = 0.0, 0.0, np.inf
        for tolerance in _TOLERANCES:
            inside, span, error = _fit_line(buffer, size, axis, tolerance)
            if inside < limits[2]:
                break
        if inside < limits[2] or span < limits[3] * height:
            continue
        flank = 0.0
        for echo in range(size):
            apart = _measure_gap(buffer, echo, axis)
            flank += _TOLERANCES[1] < apart <= _FLANK_M
        chance = (flank + 0.5) * _TOLERANCES[2] ** 2 / (_FLANK_M**2 - _TOLERANCES[1] ** 2)
        miss = np.hypot(axis[0] + axis[2] * height, axis[1] + axis[3] * height)
        gain = inside * np.log(inside / chance) - (inside - chance)
        if gain >= limits[4] and inside >= _LEAST_RISE * chance and miss <= apex_m + 0.03 * height:
            lines[tree, 0], lines[tree, 1], lines[tree, 2] = axis[2], axis[3], error
    return lines


@compiled
def _gather(
    tree: Array,
    heights: tuple[float, float],
    where: tuple[tuple[Array, Array, Array], tuple[Array, Array, tuple[float, float, int, int]]],
    buffer: Array,
) -> int:
    """Write easting and northing from the apex, and height, of what may be the stem's echoes; return how many."""
    most = int(buffer.shape[1])
    size = _gather_every(1, tree, heights, where, buffer)
    if size > most:
        # Of an order that positions alone decide, so that the same are taken wherever a tile's border lies.
        every = (size + most - 1) // most
        size = (_gather_every(every, tree, heights, where, buffer) + every - 1) // every
    return size


@compiled
def _gather_every(
    every: int,
    tree: Array,
    heights: tuple[float, float],
    where: tuple[tuple[Array, Array, Array], tuple[Array, Array, tuple[float, float, int, int]]],
    buffer: Array,
) -> int:
    """Write every so-manieth of what may be the stem's echoes, as far as there is room; return how many there are."""
    (x_m, y_m, height_m), (order, starts, (west, south, rows, columns)) = where
    reach = _MOST_TILT * (tree[2] - heights[0])
    first_row, last_row = int((tree[1] - reach - south) // _CELL_M), int((tree[1] + reach - south) // _CELL_M)
    first_column, last_column = int((tree[0] - reach - west) // _CELL_M), int((tree[0] + reach - west) // _CELL_M)
    there = 0
    for row in range(max(0, first_row), min(rows, last_row + 1)):
        for column in range(max(0, first_column), min(columns, last_column + 1)):
            for place in range(starts[row * columns + column], starts[row * columns + column + 1]):
                point = order[place]
                above = height_m[point]
                if above > heights[1]:
                    continue
                east, north = x_m[point] - tree[0], y_m[point] - tree[1]
                if east * east + north * north <= (_MOST_TILT * (tree[2] - above)) ** 2:
                    at = there // every
                    if there % every == 0 and at < buffer.shape[1]:
                        buffer[0, at], buffer[1, at], buffer[2, at] = east, north, above
                    there += 1
    return there


@compiled
def _vote(buffer: Array, size: int, of: tuple[float, tuple[float, float], Array], votes: Array) -> int:
    """Write the line from the apex with the tilt that most slices of height vote for; return how many do.

    Each slice has one vote for a tilt and those beside it: a shrub's crown fills one or two, a stem all.
    """
    height, heights, axis = of
    votes[:] = 0
    middle = _VOTES // 2
    for echo in range(size):
        down = height - buffer[2, echo]
        column = int(np.floor(-buffer[0, echo] / down / _VOTE + 0.5)) + middle
        row = int(np.floor(-buffer[1, echo] / down / _VOTE + 0.5)) + middle
        if 0 < column < _VOTES - 1 and 0 < row < _VOTES - 1:
            slice_bit = 1 << int(_SLICES * (buffer[2, echo] - heights[0]) / (heights[1] - heights[0] + 1e-9))
            votes[row - 1 : row + 2, column - 1 : column + 2] |= slice_bit
    best, best_odds, best_row, best_column = 0, 0, middle, middle
    for row in range(_VOTES):
        for column in range(_VOTES):
            total = _count_bits(votes[row, column])
            aside, best_aside = _square(row, column), _square(best_row, best_column)
            odds = total - (_UPRIGHT_VOTES if aside > _UPRIGHT_CELLS**2 else 0)
            if odds > best_odds or (odds == best_odds and aside < best_aside):
                best, best_odds, best_row, best_column = total, odds, row, column
    row_mean, column_mean = _centre_votes(votes, best_row, best_column)
    tilt_east, tilt_north = (column_mean - middle) * _VOTE, (row_mean - middle) * _VOTE
    axis[0], axis[1], axis[2], axis[3] = -tilt_east * height, -tilt_north * height, tilt_east, tilt_north
    return best


@compiled
def _centre_votes(votes: Array, best_row: int, best_column: int) -> tuple[float, float]:
    """Return the mean row and column of the cells around the best one that have the most votes.

    A stem without gaps has all votes in three by three cells, of which the most upright is the best, if none more
    upright still is: from there a line would miss the foot of a tall tree's stem by metres.
    """
    most, count, rows, columns = 0, 0, 0, 0
    for row in range(max(0, best_row - _BLOCK), min(_VOTES, best_row + _BLOCK + 1)):
        for column in range(max(0, best_column - _BLOCK), min(_VOTES, best_column + _BLOCK + 1)):
            total = _count_bits(votes[row, column])
            if total > most:
                most, count, rows, columns = total, 0, 0, 0
            if total == most:
                count, rows, columns = count + 1, rows + row, columns + column
    return rows / count, columns / count


@compiled
def _square(row: int, column: int) -> int:
    """Return the squared distance of a tilt from upright, in cells."""
    middle = _VOTES // 2
    return (row - middle) ** 2 + (column - middle) ** 2


@compiled
def _count_bits(number: int) -> int:
    count = 0
    while number:
        number &= number - 1
        count += 1
    return count


@compiled
def _measure_gap(buffer: Array, echo: int, axis: Array) -> float:
    """Return an echo's level distance from a line (easting and northing at the ground, and their change upward)."""
    east = buffer[0, echo] - axis[0] - axis[2] * buffer[2, echo]
    north = buffer[1, echo] - axis[1] - axis[3] * buffer[2, echo]
    return float(np.hypot(east, north))


@compiled
def _fit_line(buffer: Array, size: int, axis: Array, tolerance: float) -> tuple[float, float, float]:
    """Move a line to the echoes near it; return how many are, their span in height, and the tilt's standard error."""
    sums = np.zeros(8)
    low, high = np.inf, -np.inf
    for echo in range(size):
        if _measure_gap(buffer, echo, axis) <= tolerance:
            east, north, above = buffer[0, echo], buffer[1, echo], buffer[2, echo]
            sums += np.array([1.0, above, above**2, east, north, east * above, north * above, east**2 + north**2])
            low, high = min(low, above), max(high, above)
    count = sums[0]
    spread = sums[2] - sums[1] ** 2 / count if count > 0.0 else 0.0
    if count < 4.0 or spread < 1.0:  # noqa: PLR2004 - a line in space has four numbers
        return 0.0, 0.0, np.inf
    axis[2] = (sums[5] - sums[3] * sums[1] / count) / spread
    axis[3] = (sums[6] - sums[4] * sums[1] / count) / spread
    axis[0], axis[1] = (sums[3] - axis[2] * sums[1]) / count, (sums[4] - axis[3] * sums[1]) / count
    total = sums[7] - (sums[3] ** 2 + sums[4] ** 2) / count - (axis[2] ** 2 + axis[3] ** 2) * spread
    # Both axes together have 2 n - 4 degrees of freedom; a residual below 5 cm would be luck.
    scatter = max(total / (2.0 * count - 4.0), 0.0025)
    return count, high - low, np.sqrt(scatter / spread)
