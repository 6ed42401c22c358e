"""Lines through the low echoes of fallen stems: a template with flanks, moved and turned until it fits.

Along the line each echo counts for or against a stem, and the line ends where the sum is greatest.
"""

from typing import Final, TypeAlias

import numpy as np

from survey.kernel import Array, compiled

CELL_M: Final = 4.0
"""Side of the cells by which echoes are found, at least the radius of a star."""
_FITS: Final = 3
"""Of a line to the echoes beside it, each along more of it."""
_LEAST_GAINS: Final = (2.0, 6.0, 10.0, 15.0)
"""Log-likelihood against chance that a line must have gained after each fit to be followed further, and at the end."""
_REFIT_WIDTHS: Final = 1.6
"""Of the template: a line is drawn to echoes just beside it."""
_MOST_BESIDE: Final = 8192
"""Echoes beside a line; of more, as drones bring, every second, third and so on is enough."""
COLUMNS: Final = 8
"""Figures of a line."""
Numbers: TypeAlias = tuple[float, float, float, float, float, float, float]
"""The settings of `Lindberg2013` that kernels need, in the order of `_numbers`."""


@compiled
def trace_lines(
    xyh: tuple[Array, Array, Array],
    cells: tuple[Array, Array],
    place: tuple[float, float, int, int],
    seeds: Array,
    numbers: Numbers,
) -> Array:
    """Return for each seed (easting, northing, direction, height) the line through it, as `_measure` writes it."""
    lines = np.zeros((seeds.shape[0], COLUMNS))
    least = _LEAST_GAINS
    buffer = np.empty((4, _MOST_BESIDE))
    for seed in range(seeds.shape[0]):
        axis = seeds[seed].copy()
        low, high, gain, size = 0.0, 0.0, 0.0, 0
        for fit in range(_FITS + 1):
            reach = min(numbers[3], CELL_M * 2.0**fit)
            size = _gather(axis, reach, (xyh, cells, place), numbers, buffer)
            chance = _tell_chance(buffer, size, numbers)
            low, high, gain = _follow(buffer, size, chance, numbers)
            if gain < least[fit]:
                break
            if fit < _FITS:
                _refit(axis, buffer, size, (low, high, numbers))
        if gain >= least[_FITS]:
            _measure(lines[seed], axis, (low, high, gain), (buffer, size), numbers[0])
    return lines


@compiled
def _gather(
    axis: Array,
    reach: float,
    where: tuple[tuple[Array, Array, Array], tuple[Array, Array], tuple[float, float, int, int]],
    numbers: Numbers,
    buffer: Array,
) -> int:
    """Write along, across, height, and whether it may be a stem's, of echoes beside a line; return how many."""
    most = buffer.shape[1]
    size = _gather_every(1, axis, reach, where, (numbers, buffer))
    if size > most:
        # Of an order that positions alone decide, so that the same are taken wherever a tile's border lies.
        every = (size + most - 1) // most
        size = (_gather_every(every, axis, reach, where, (numbers, buffer)) + every - 1) // every
    # A stable order along the line, whatever the cells' own.
    turn = np.argsort(buffer[0, :size], kind="mergesort")
    for row in range(4):
        buffer[row, :size] = buffer[row, :size][turn]
    return size


@compiled
def _gather_every(
    every: int,
    axis: Array,
    reach: float,
    where: tuple[tuple[Array, Array, Array], tuple[Array, Array], tuple[float, float, int, int]],
    given: tuple[Numbers, Array],
) -> int:
    """Write every so-manieth echo beside a line as far as there is room; return how many there are.

    What lies higher than the stem hides it and says nothing.
    """
    numbers, buffer = given
    xyh, (order, starts), (west, south, rows, columns) = where
    east, north, flank = np.cos(axis[2]), np.sin(axis[2]), numbers[1]
    box_x, box_y = reach * abs(east) + flank, reach * abs(north) + flank
    first_row, last_row = int((axis[1] - box_y - south) // CELL_M), int((axis[1] + box_y - south) // CELL_M)
    first_column, last_column = int((axis[0] - box_x - west) // CELL_M), int((axis[0] + box_x - west) // CELL_M)
    there = 0
    for row in range(max(0, first_row), min(rows, last_row + 1)):
        for column in range(max(0, first_column), min(columns, last_column + 1)):
            middle_x, middle_y = west + (column + 0.5) * CELL_M, south + (row + 0.5) * CELL_M
            if abs((middle_y - axis[1]) * east - (middle_x - axis[0]) * north) > flank + 0.71 * CELL_M:
                continue
            cell = row * columns + column
            for place in range(starts[cell], starts[cell + 1]):
                point = order[place]
                dx, dy = xyh[0][point] - axis[0], xyh[1][point] - axis[1]
                along, across = dx * east + dy * north, dy * east - dx * north
                above = xyh[2][point]
                if abs(across) > flank or abs(along) > reach or above > axis[3] + numbers[6]:
                    continue
                at = there // every
                if there % every == 0 and at < buffer.shape[1]:
                    buffer[0, at], buffer[1, at], buffer[2, at] = along, across, above
                    buffer[3, at] = 1.0 if above >= max(numbers[4], axis[3] - numbers[6]) else 0.0
                there += 1
    return there


@compiled
def _tell_chance(buffer: Array, size: int, numbers: Numbers) -> float:
    """Return the share of low echoes in the flank that has more of them; as though one more of two were low.

    A bank, a rut or the edge of a shrub is high on one side as well.
    """
    count = np.ones((2, 2))
    for place in range(size):
        across = buffer[1, place]
        if abs(across) > 2.0 * numbers[0]:
            count[int(across > 0.0), int(buffer[3, place] > 0.0)] += 1.0
    return float(max(count[0, 1] / count[0].sum(), count[1, 1] / count[1].sum()))


@compiled
def _follow(buffer: Array, size: int, chance: float, numbers: Numbers) -> tuple[float, float, float]:
    """Return how far a line goes to either side from its middle, and its log-likelihood against chance.

    Each echo in the template counts for or against a stem, by the share of low ones on stems and in the flanks; to
    each side the line ends where the sum is greatest.
    """
    on_stem = max(numbers[5], 0.5 * (1.0 + chance))
    gain_low, gain_ground = np.log(on_stem / chance), np.log((1.0 - on_stem) / (1.0 - chance))
    middle = np.searchsorted(buffer[0, :size], 0.0)
    ends = np.zeros(2)
    total = 0.0
    for side in range(2):
        best, gain, last = 0.0, 0.0, 0.0
        place, step = (middle, 1) if side == 0 else (middle - 1, -1)
        while 0 <= place < size:
            if abs(buffer[1, place]) <= numbers[0]:
                is_low = buffer[3, place] > 0.0
                gain += gain_low if is_low else gain_ground
                if is_low and abs(buffer[0, place] - last) > numbers[2]:
                    break
                last = buffer[0, place] if is_low else last
                if gain > best:
                    best, ends[side] = gain, buffer[0, place]
            place += step
        total += best
    return ends[1], ends[0], total


@compiled
def _refit(
    axis: Array,
    buffer: Array,
    size: int,
    bounds: tuple[float, float, Numbers],
) -> None:
    """Move and turn a line to the low echoes in and close by its template, by least squares across it."""
    low, high, numbers = bounds
    n, sa, sc, sh, saa, sac = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for place in range(size):
        along, across = buffer[0, place], buffer[1, place]
        if low <= along <= high and abs(across) <= _REFIT_WIDTHS * numbers[0] and buffer[3, place] > 0.0:
            n, sa, sc, sh = n + 1.0, sa + along, sc + across, sh + buffer[2, place]
            saa, sac = saa + along * along, sac + along * across
    spread = saa - sa * sa / n if n > 0.0 else 0.0
    if n < 3.0 or spread < 1.0:  # noqa: PLR2004 - two echoes are a line of any template
        return
    turn = (sac - sa * sc / n) / spread
    shift = sc / n - turn * sa / n
    axis[0] -= shift * np.sin(axis[2])
    axis[1] += shift * np.cos(axis[2])
    axis[2] += np.arctan(turn)
    axis[3] = sh / n


@compiled
def _measure(
    line: Array, axis: Array, found: tuple[float, float, float], beside: tuple[Array, int], width: float
) -> None:
    """Write a line's ends (4), length, log-likelihood, and the slope of its echoes' heights with its error."""
    low, high, gain = found
    buffer, size = beside
    sums = np.zeros(6)
    for place in range(size):
        along, height = buffer[0, place], buffer[2, place]
        if buffer[3, place] > 0.0 and low <= along <= high and abs(buffer[1, place]) <= width:
            sums += np.array([1.0, height, height * height, along, along * along, along * height])
    count = sums[0]
    if count < 3.0:  # noqa: PLR2004 - a slope and the scatter about it want three
        return
    line[0], line[1] = axis[0] + low * np.cos(axis[2]), axis[1] + low * np.sin(axis[2])
    line[2], line[3] = axis[0] + high * np.cos(axis[2]), axis[1] + high * np.sin(axis[2])
    line[4], line[5] = high - low, gain
    spread = sums[4] - sums[3] ** 2 / count
    if spread > 0.0:
        line[6] = (sums[5] - sums[3] * sums[1] / count) / spread
        left = sums[2] - sums[1] ** 2 / count - line[6] ** 2 * spread
        line[7] = np.sqrt(max(left, 1e-6) / (count - 2.0) / spread)
