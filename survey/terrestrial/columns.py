"""Points sorted into square columns, so that what stands around an axis is found without looking at all of them."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from survey.cloud import Floats
from survey.grid import Grid, cells_of, cover
from survey.kernel import Array, compiled
from survey.terrestrial.passes import Passes

_CELL_M: Final = 0.5
"""Wider than most stems, narrower than the gaps between them."""


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Points by column, from the lowest up.

    Attributes
    ----------
    grid
        Columns, in the local frame.
    xyz_m
        Points in that order, shape (n, 3).
    order
        Which point of the cloud each is, shape (n,).
    starts
        Where each column begins; one more than there are columns.
    passes
        When the points were taken, in their order here.
    """

    grid: Grid
    xyz_m: Floats
    order: Array
    starts: Array
    passes: Passes


def sort_into_columns(xyz_m: Floats, passes: Passes) -> Columns:
    """Return points by column.

    Parameters
    ----------
    xyz_m
        Easting, northing, elevation in a local frame, shape (n, 3).
    passes
        When they were taken.

    Raises
    ------
    ExtentTooLarge
        When there would be more columns than a grid takes.
    """
    x, y = np.ascontiguousarray(xyz_m[:, 0]), np.ascontiguousarray(xyz_m[:, 1])
    grid = cover(x, y, _CELL_M)
    cells = cells_of(grid, x, y)
    order = np.lexsort((xyz_m[:, 2], cells))
    starts = np.searchsorted(cells[order], np.arange(grid.rows * grid.columns + 1))
    taken = Passes(passes.station[order], passes.time_s[order])
    return Columns(grid, np.ascontiguousarray(xyz_m[order]), order, starts, taken)


def gather_around(columns: Columns, axis: Floats, low_m: float, high_m: float, reach_m: float) -> Array:
    """Return the rows of `xyz_m` of points that lie around a line.

    Parameters
    ----------
    columns
        The points.
    axis
        Easting, northing and elevation of a point of the line, and its east and north run a metre upward; shape (5,).
    low_m, high_m
        Elevations between which points are wanted.
    reach_m
        Greatest horizontal distance.
    """
    grid = columns.grid
    place = np.array([grid.west_m, grid.south_m, grid.cell_m])
    return _gather(
        (columns.xyz_m, columns.starts),
        place,
        grid.shape,
        np.append(axis, (low_m, high_m, reach_m)),
    )


@compiled
def _gather(sorted_points: tuple[Array, Array], place: Array, shape: tuple[int, int], ask: Array) -> Array:
    xyz, starts = sorted_points
    low, high, reach = ask[5], ask[6], ask[7]
    one, two = low - ask[2], high - ask[2]
    east = min(ask[0] + ask[3] * one, ask[0] + ask[3] * two) - reach, max(ask[0] + ask[3] * one, ask[0] + ask[3] * two)
    north = min(ask[1] + ask[4] * one, ask[1] + ask[4] * two) - reach, max(ask[1] + ask[4] * one, ask[1] + ask[4] * two)
    left = max(0, int((east[0] - place[0]) / place[2]))
    right = min(shape[1] - 1, int((east[1] + reach - place[0]) / place[2]))
    below = max(0, int((north[0] - place[1]) / place[2]))
    above = min(shape[0] - 1, int((north[1] + reach - place[1]) / place[2]))
    found = np.empty(1024, np.int64)
    count = 0
    for row in range(below, above + 1):
        for column in range(left, right + 1):
            cell = row * shape[1] + column
            first, last = starts[cell], starts[cell + 1]
            point = first + np.searchsorted(xyz[first:last, 2], low)
            while point < last and xyz[point, 2] <= high:
                up = xyz[point, 2] - ask[2]
                across = np.hypot(xyz[point, 0] - ask[0] - ask[3] * up, xyz[point, 1] - ask[1] - ask[4] * up)
                if across <= reach:
                    if count == found.size:
                        found = np.append(found, np.empty(count, np.int64))
                    found[count] = point
                    count += 1
                point += 1
    return found[:count]
