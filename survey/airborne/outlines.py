"""Outlines of labelled cells as polygons that are valid, do not overlap and leave no gaps along shared borders.

A border runs along the sides of cells. Each of its corners is cut from the middle of one side to the middle of the
next, on both sides alike; where three labels meet, the corner stays. Whatever lies farther away plays no part, so an
outline is the same in every tile that holds the crown and the cells around it.
"""

from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from survey.cloud import Labels
from survey.grid import Grid
from survey.kernel import Array, compiled

_SOUTH: Final = 0
_EAST: Final = 1
_NORTH: Final = 2
_WEST: Final = 3
_CUT: Final = 1
_STAYS: Final = 2


def outline_labels(grid: Grid, labels: Labels, wanted: NDArray[np.int64]) -> NDArray[np.object_]:
    """Return the polygon of each wanted label, holes that belong to others left out.

    Parameters
    ----------
    grid
        Where the cells lie.
    labels
        A label of each cell, -1 for none, shape (rows, columns); the cells of one are connected along their sides.
    wanted
        Labels, each with a cell, shape (n,).

    Returns
    -------
    Shape (n,).
    """
    polygons = np.full(wanted.size, None, dtype=np.object_)
    if wanted.size == 0:
        return polygons
    place = np.full(int(labels.max()) + 1, -1, dtype=np.int64)
    place[wanted] = np.arange(wanted.size)
    padded = np.pad(labels, 1, constant_values=-1)
    corners, ring_of_corner, label_of_ring = _trace_all(padded)
    # Corners count half cells from the corner of the padding.
    x = grid.west_m + (0.5 * corners[:, 0] - 1.0) * grid.cell_m
    y = grid.south_m + (0.5 * corners[:, 1] - 1.0) * grid.cell_m
    rings = shapely.linearrings(np.column_stack([x, y]), indices=ring_of_corner)
    order = np.argsort(place[label_of_ring], kind="stable")
    order = order[place[label_of_ring][order] >= 0]
    shapely.polygons(rings[order], indices=place[label_of_ring][order], out=polygons)
    return polygons


@compiled
def _trace_all(labels: Array) -> tuple[Array, Array, Array]:
    """Return corners in half cells, the ring of each, and the label of each ring; a label's outer ring comes first."""
    rows, columns = labels.shape
    sides = _count_sides(labels)
    corners = np.empty((3 * sides + 1, 2), np.int32)
    ring_of_corner = np.empty(3 * sides + 1, np.int64)
    label_of_ring = np.empty(sides, np.int64)
    is_done = np.zeros((rows, columns), np.bool_)
    written, rings = 0, 0
    for row in range(1, rows - 1):
        for column in range(1, columns - 1):
            label = labels[row, column]
            # Every ring has a lowest side, with its label above and another below.
            if label < 0 or is_done[row, column] or labels[row - 1, column] == label:
                continue
            end = _trace_ring(labels, row, column, is_done, (corners, written))
            ring_of_corner[written:end] = rings
            label_of_ring[rings] = label
            written, rings = end, rings + 1
    return corners[:written], ring_of_corner[:written], label_of_ring[:rings]


@compiled
def _count_sides(labels: Array) -> int:
    sides = 0
    for row in range(1, labels.shape[0]):
        for column in range(1, labels.shape[1]):
            sides += 2 * (labels[row, column] != labels[row - 1, column])
            sides += 2 * (labels[row, column] != labels[row, column - 1])
    return sides


@compiled
def _trace_ring(labels: Array, row: int, column: int, is_done: Array, out: tuple[Array, int]) -> int:
    """Follow a border from a cell's southern side, the label to the left, and return where its corners end."""
    corners, written = out
    at_row, at_column, side = row, column, 0
    while True:
        if side == _SOUTH:
            is_done[at_row, at_column] = True
        # Along southern sides one goes east, along eastern ones north, with the cell to the left.
        on = (side == _EAST) - (side == _WEST), (side == _SOUTH) - (side == _NORTH)
        beside = -on[1], on[0]
        middle = 2 * at_row + 1 + beside[0], 2 * at_column + 1 + beside[1]
        before = _tell_corner(labels, middle[0] - on[0], middle[1] - on[1])
        after = _tell_corner(labels, middle[0] + on[0], middle[1] + on[1])
        if before >= _CUT or after >= _CUT:
            written = _write(corners, written, middle[1], middle[0])
        if after == _STAYS:
            written = _write(corners, written, middle[1] + on[1], middle[0] + on[0])
        at_row, at_column, side = _go_on(labels, (at_row, at_column, side), on, beside)
        if at_row == row and at_column == column and side == _SOUTH:
            return int(written)


@compiled
def _go_on(
    labels: Array, at: tuple[int, int, int], on: tuple[int, int], beside: tuple[int, int]
) -> tuple[int, int, int]:
    """Return the cell and side that continue a border; where a label touches itself across a corner it turns off."""
    row, column, side = at
    ahead_row, ahead_column = row + on[0], column + on[1]
    if labels[ahead_row, ahead_column] != labels[row, column]:
        return row, column, (side + 1) % 4
    if labels[ahead_row + beside[0], ahead_column + beside[1]] != labels[row, column]:
        return ahead_row, ahead_column, side
    return ahead_row + beside[0], ahead_column + beside[1], (side + 3) % 4


@compiled
def _write(corners: Array, written: int, x: int, y: int) -> int:
    corners[written, 0], corners[written, 1] = x, y
    return written + 1


@compiled
def _tell_corner(labels: Array, half_row: int, half_column: int) -> int:
    """Return 0 where a border runs straight through a corner of cells, 1 where the corner is cut, 2 where it stays."""
    row, column = half_row // 2, half_column // 2
    one, two = labels[row - 1, column - 1], labels[row - 1, column]
    three, four = labels[row, column - 1], labels[row, column]
    if (one == two and three == four) or (one == three and two == four):
        return 0
    # Labels that touch across the corner would touch themselves there: the corner is cut from all four cells.
    if one == four or two == three:
        return _CUT
    return _STAYS
