"""Fallen stems: straight rows of echoes just above the ground.

Line templates over the low echoes are those of Lindberg et al. (2013), doi 10.5194/isprsannals-II-5-W2-169-2013, and
Nystrom et al. (2014), doi 10.1016/j.jag.2014.01.012; the slab above the terrain that they search is that of Mucke et
al. (2013), doi 10.5589/m13-013. A line is judged from points within `Lindberg2013.reach_m` of its middle, so that it is
the same wherever a tile's border lies.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from survey.airborne.forms_lines import CELL_M, COLUMNS, Numbers, trace_lines
from survey.airborne.forms_records import SURE, FallenStem
from survey.airborne.forms_stars import LEAST_ROW, find_open, find_stars, thin_seeds
from survey.cloud import Bools, Floats, Points
from survey.ground.buckets import cover_widely, distribute, find_cells
from survey.kernel import Array, compiled

_ROUNDS: Final = 2
"""Of deciding which lines give way to better ones; what is undecided then gives way."""
_BESIDE_M: Final = 1.0
"""From a better line, and beyond its ends, a worse one runs along it."""
_INTERCEPT: Final = -7.62
_PER_ROOT: Final = 2.152
"""Of the logistic regression of being a stem on the root of the log-likelihood, stands of seeds 1000 to 1011."""
_CLEAR_SLOPE: Final = 2.0
"""Standard errors by which a stem's echoes must fall along it for its foot to be known."""


@dataclass(frozen=True, slots=True)
class Lindberg2013:
    """Lines of low echoes, in a template with flanks; limits were chosen on simulated stands of seeds 1000 to 1011."""

    NAME: ClassVar[str] = "lindberg2013"
    DOI: ClassVar[str | None] = "10.5194/isprsannals-II-5-W2-169-2013"

    low_m: float = 0.15
    """Lower echoes are the ground's."""
    high_m: float = 1.5
    """Higher echoes are no stem that lies on the ground."""
    coherent_m: float = 0.2
    """Echoes on a stem differ less than this from their mean in height."""
    low_share: float = 0.65
    """Of the echoes on a stem, those above `low_m`: the template holds its sides and the ground beside it as well."""
    open_share: float = 0.4
    """Where more of the echoes near the ground are shrubs', no stem among them can be told."""
    half_width_m: float = 0.25
    """Of the template about a line."""
    flank_m: float = 1.2
    """How far the flanks reach on either side; echoes there tell what chance puts into the template."""
    gap_m: float = 2.5
    """A line ends where no echo lies on it for longer."""
    half_length_m: float = 12.0
    """No line is longer to either side of where it was begun."""
    least_length_m: float = 4.0
    """Shorter lines are not reported."""
    least_density: float = 4.0
    """First echoes a square metre; in thinner clouds no stem is looked for."""

    @property
    def reach_m(self) -> float:
        """Echoes farther from a line's middle play no part in it or in what it gives way to.

        Half of a line lies along the one that it gives way to: their middles are an eighth of the one and half of the
        other apart, and a metre. The last of a chain was begun a quarter of its length from its middle, among echoes
        that lie half a length from there, and a little beside.
        """
        hop = (2.0 / 8.0 + 1.0) * self.half_length_m + _BESIDE_M
        return (2.0 * _ROUNDS - 1.0) * hop + 1.5 * self.half_length_m + 2.0 * self.flank_m


def find_fallen(points: Points, above_m: Floats, algorithm: Lindberg2013) -> tuple[FallenStem, ...]:
    """Return the fallen stems that are sure, the surest first.

    Parameters
    ----------
    points
        Points in metres, in an order that their positions decide.
    above_m
        Their heights above ground, shape (n,).
    algorithm
        What counts as a stem.
    """
    lines = _find_lines(points, above_m, algorithm)
    return tuple(stem for stem in map(_tell_stem, lines.tolist()) if stem.probability >= SURE)


def stem_probability(gain: float) -> float:
    """Return how likely a line with a log-likelihood against chance is a fallen stem.

    Examples
    --------
    >>> stem_probability(5.0) < 0.5 < stem_probability(15.0)
    True
    """
    return 1.0 / (1.0 + math.exp(-_INTERCEPT - _PER_ROOT * math.sqrt(max(gain, 0.0))))


def _tell_stem(line: list[float]) -> FallenStem:
    """Return the stem that a line shows; it is thickest, and so highest, at its foot."""
    one, other, length, gain = (line[0], line[1]), (line[2], line[3]), line[4], line[5]
    is_known = abs(line[6]) > _CLEAR_SLOPE * line[7]
    is_turned = line[6] > 0.0 if is_known else other < one
    foot, top = (other, one) if is_turned else (one, other)
    return FallenStem(
        foot_x_m=foot[0],
        foot_y_m=foot[1],
        top_x_m=top[0],
        top_y_m=top[1],
        is_foot_known=is_known,
        length_m=length,
        probability=stem_probability(gain),
    )


def _find_lines(points: Points, above_m: Floats, algorithm: Lindberg2013) -> Floats:
    """Return straight rows of low echoes, best first, as `_measure` writes them; shape (n, COLUMNS)."""
    near = np.flatnonzero(np.abs(above_m) <= algorithm.high_m)
    if near.size < LEAST_ROW:
        return np.empty((0, COLUMNS))
    # The points keep their order, which their positions decided, within a cell.
    x_m, y_m, height_m = points.x_m[near], points.y_m[near], above_m[near]
    grid = cover_widely(x_m, y_m, CELL_M, 1)
    starts_at, order = distribute(find_cells(grid, x_m, y_m), grid.rows * grid.columns)
    xyh, cells = (x_m, y_m, height_m), (order, starts_at)
    is_open = find_open(height_m, cells, grid.shape, (algorithm.low_m, algorithm.open_share))
    score, way = find_stars(xyh, cells, (grid.shape, is_open), _numbers(algorithm))
    seeds = thin_seeds(x_m, y_m, score)
    begins = np.column_stack([x_m[seeds], y_m[seeds], way[seeds], height_m[seeds]])
    lines: Floats = trace_lines(xyh, cells, (grid.west_m, grid.south_m, *grid.shape), begins, _numbers(algorithm))
    lines = lines[lines[:, 4] >= algorithm.least_length_m]
    lines = lines[np.lexsort((lines[:, 1], lines[:, 0], -lines[:, 5]))]
    return lines[_keep_best(lines, 2.0 * algorithm.half_length_m)]


def _numbers(algorithm: Lindberg2013) -> Numbers:
    chosen = algorithm
    return (
        chosen.half_width_m,
        chosen.flank_m,
        chosen.gap_m,
        chosen.half_length_m,
        chosen.low_m,
        chosen.low_share,
        chosen.coherent_m,
    )


def _keep_best(lines: Floats, longest_m: float) -> Bools:
    """Return which lines, best first, none longer, stay: none that runs along a better one that stays."""
    undecided, stays, gives_way = 0, 1, 2
    state = np.full(len(lines), undecided, dtype=np.int8)
    pairs = _pair_up(lines, longest_m)
    for _ in range(_ROUNDS):
        state[pairs[state[pairs[:, 0]] == stays, 1]] = gives_way
        is_held = np.zeros(len(lines), dtype=np.bool_)
        is_held[pairs[state[pairs[:, 0]] != gives_way, 1]] = True
        state[(state == undecided) & ~is_held] = stays
    kept: Bools = state == stays
    return kept


def _pair_up(lines: Floats, longest_m: float) -> NDArray[np.int64]:
    """Return pairs of a line and a worse one that runs along it, shape (m, 2)."""
    middle = 0.5 * (lines[:, :2] + lines[:, 2:4])
    order = np.argsort(middle[:, 0], kind="stable")
    sorted_x = middle[order, 0], longest_m
    count = _list_pairs(lines, order, sorted_x, np.empty((0, 2), np.int64))
    pairs = np.empty((count, 2), dtype=np.int64)
    _list_pairs(lines, order, sorted_x, pairs)
    return pairs


@compiled
def _list_pairs(lines: Array, order: Array, sorted_x: tuple[Array, float], pairs: Array) -> int:
    """Write pairs of lines that run along one another, better first, as far as there is room; return how many."""
    middle_x, longest_m = sorted_x
    count = 0
    for one in range(order.size):
        for two in range(one + 1, order.size):
            if middle_x[two] - middle_x[one] > longest_m:
                break
            better, worse = min(order[one], order[two]), max(order[one], order[two])
            if _runs_along(lines[better], lines[worse]):
                if count < pairs.shape[0]:
                    pairs[count, 0], pairs[count, 1] = better, worse
                count += 1
    return count


@compiled
def _runs_along(better: Array, worse: Array) -> bool:
    """Tell whether half of a line lies beside a better one, or crosses it flatly."""
    east, north = (better[2] - better[0]) / better[4], (better[3] - better[1]) / better[4]
    beside = 0
    for step in range(9):
        x = worse[0] + step / 8.0 * (worse[2] - worse[0]) - better[0]
        y = worse[1] + step / 8.0 * (worse[3] - worse[1]) - better[1]
        along, across = x * east + y * north, abs(y * east - x * north)
        if -_BESIDE_M <= along <= better[4] + _BESIDE_M and across <= _BESIDE_M:
            beside += 1
    return beside >= 4  # noqa: PLR2004 - of nine places along it
