"""Places near others in the plane, found by cells that are as wide as the reach: a few look-ups for each place."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from survey.cloud import Floats
from survey.grid import Grid
from survey.ground.buckets import cover_widely, distribute, find_cells
from survey.kernel import Array, compiled

_LEAST_CELL_M: Final = 1.0
"""Narrower cells would take more memory than they save time."""


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Places by cells.

    Attributes
    ----------
    xy
        Easting and northing, metres, each of shape (n,).
    grid
        The cells, with a margin of one beyond all places.
    starts, order
        Where each cell's places begin, one more than there are cells; and the places cell by cell.
    """

    xy: tuple[Floats, Floats]
    grid: Grid
    starts: NDArray[np.int64]
    order: NDArray[np.int64]


def gather_places(x_m: Floats, y_m: Floats, reach_m: float) -> Places:
    """Return places by cells of at least a reach; there must be one.

    Raises
    ------
    ExtentTooLarge
        When there would be too many cells.
    """
    grid = cover_widely(x_m, y_m, max(reach_m, _LEAST_CELL_M), 1)
    return Places((x_m, y_m), grid, *distribute(find_cells(grid, x_m, y_m), grid.rows * grid.columns))


def find_nearest(x_m: Floats, y_m: Floats, others: tuple[Floats, Floats], reach_m: float) -> NDArray[np.int64]:
    """Return the index of the nearest other place closer than a reach, -1 where there is none, shape (n,).

    Of equally near ones the first is taken.

    Examples
    --------
    >>> find_nearest(np.array([0.0, 9.0]), np.zeros(2), (np.array([2.0, 0.5]), np.zeros(2)), 1.0).tolist()
    [1, -1]
    """
    if others[0].size == 0:
        return np.full(x_m.size, -1, dtype=np.int64)
    places = gather_places(*others, reach_m)
    cells = find_cells(places.grid, x_m, y_m)
    by_cell = places.starts, places.order
    nearest: NDArray[np.int64] = _find_all(
        (x_m, y_m), cells, places.xy, by_cell, (places.grid.rows, places.grid.columns, reach_m)
    )
    return nearest


def pair_up(x_m: Floats, y_m: Floats, reach_m: float) -> NDArray[np.int64]:
    """Return all pairs of places closer than a reach, each by the lower index first, shape (m, 2).

    Examples
    --------
    >>> pair_up(np.array([0.0, 5.0, 0.5]), np.zeros(3), 1.0).tolist()
    [[0, 2]]
    """
    if x_m.size == 0:
        return np.empty((0, 2), dtype=np.int64)
    places = gather_places(x_m, y_m, reach_m)
    cells, by_cell = find_cells(places.grid, x_m, y_m), (places.starts, places.order)
    bounds = places.grid.rows, places.grid.columns, reach_m
    pairs = np.empty((_list_pairs(places.xy, cells, by_cell, bounds, np.empty((0, 2), np.int64)), 2), dtype=np.int64)
    _list_pairs(places.xy, cells, by_cell, bounds, pairs)
    return pairs


@compiled
def _find_all(
    xy: tuple[Array, Array],
    cells: Array,
    others: tuple[Array, Array],
    by_cell: tuple[Array, Array],
    bounds: tuple[int, int, float],
) -> Array:
    nearest = np.full(cells.size, -1, np.int64)
    for place in range(cells.size):
        # Beyond the margin nothing is near.
        if cells[place] >= 0:
            nearest[place] = find_one((xy[0][place], xy[1][place]), cells[place], others, by_cell, bounds)
    return nearest


@compiled
def mark_near(starts: Array, rows: int, columns: int) -> Array:
    """Return which cells have places in them or beside them, shape (cells,)."""
    marks = np.zeros(rows * columns, np.bool_)
    for cell in range(marks.size):
        if starts[cell + 1] > starts[cell]:
            # Places keep a margin of one cell to the rim.
            for north in (-columns, 0, columns):
                marks[cell + north - 1 : cell + north + 2] = True
    return marks


@compiled
def find_one(
    at: tuple[float, float],
    cell: int,
    others: tuple[Array, Array],
    by_cell: tuple[Array, Array],
    bounds: tuple[int, int, float],
) -> int:
    """Return the nearest other place to one in a cell, -1 for none; `bounds` holds rows, columns and reach."""
    starts, order = by_cell
    rows, columns, reach_m = bounds
    row, column = cell // columns, cell % columns
    west, east = max(0, column - 1), min(columns, column + 2)
    best, least = -1, reach_m * reach_m
    for north in range(max(0, row - 1), min(rows, row + 2)):
        # Cells of a row stand beside each other, and their places too.
        for spot in range(starts[north * columns + west], starts[north * columns + east]):
            other = order[spot]
            square = (others[0][other] - at[0]) ** 2 + (others[1][other] - at[1]) ** 2
            if square < least or (square == least and 0 <= other < best):
                best, least = other, square
    return best


@compiled
def _list_pairs(
    xy: tuple[Array, Array],
    cells: Array,
    by_cell: tuple[Array, Array],
    bounds: tuple[int, int, float],
    pairs: Array,
) -> int:
    """Write pairs as far as there is room, and return how many there are."""
    starts, order = by_cell
    rows, columns, reach_m = bounds
    count = 0
    for place in range(cells.size):
        row, column = cells[place] // columns, cells[place] % columns
        west, east = max(0, column - 1), min(columns, column + 2)
        for north in range(max(0, row - 1), min(rows, row + 2)):
            for spot in range(starts[north * columns + west], starts[north * columns + east]):
                other = order[spot]
                square = (xy[0][other] - xy[0][place]) ** 2 + (xy[1][other] - xy[1][place]) ** 2
                if other > place and square < reach_m * reach_m:
                    if count < len(pairs):
                        pairs[count, 0], pairs[count, 1] = place, other
                    count += 1
    return count
