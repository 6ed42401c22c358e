"""The canopy's surface as a raster of heights above ground."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from survey.cloud import Bools, Floats, Points
from survey.errors import TooFewPoints
from survey.grid import Grid
from survey.ground.buckets import cover_widely, find_cells
from survey.kernel import Array, compiled

MAX_TREE_HEIGHT_M: Final = 120.0
"""Nothing that grows is taller: the tallest known tree stands 116 m (Sequoia sempervirens, "Hyperion")."""
LEAST_POINTS: Final = 100
"""Fewer points show no crown, at any density."""
_ROUND: Final = 9
"""Cells of a 3 x 3 neighbourhood."""
_EDGE: Final = 3


@dataclass(frozen=True, slots=True)
class BenArie2009:
    """Highest point a cell; pits between branches lifted to the median around them.

    Semi-automated pit filling after Ben-Arie, Hay, Powers, Castilla and St-Onge (2009), with a 3 x 3 median. Cells have
    half a metre where nearly each holds a first echo, else one or two metres. A cell without a point takes the mean of
    the cells around it, a few cells deep; what is still empty holds no canopy.
    """

    NAME: ClassVar[str] = "benarie2009"
    DOI: ClassVar[str | None] = "10.1016/j.cageo.2009.02.003"

    fine_density: float = 3.0
    """First echoes a square metre from which cells of 0.5 m are used."""
    coarse_density: float = 0.4
    """First echoes a square metre below which cells of 2 m are used; between, 1 m."""
    pit_m: float = 1.0
    """Depth below the median around it from which a cell is a pit."""
    fill_cells: int = 3
    """How many cells deep gaps are filled."""

    def reach_m(self, cell_m: float) -> float:
        """Points farther away never decide about a cell."""
        return (self.fill_cells + 2.0) * cell_m


@dataclass(frozen=True, slots=True, eq=False)
class CanopyModel:
    """Heights of the canopy above the ground.

    Attributes
    ----------
    grid
        Where the cells lie.
    height_m
        Shape (rows, columns), without gaps, at least 0.
    is_seen
        Cells with a point, shape (rows, columns).
    """

    grid: Grid
    height_m: Floats
    is_seen: Bools


def rasterize_canopy(
    points: Points, height_m: Floats, *, cell_m: float, algorithm: BenArie2009 | None = None
) -> CanopyModel:
    """Return the canopy's surface.

    Parameters
    ----------
    points
        Points in metres.
    height_m
        Their heights above ground, shape (n,).
    cell_m
        Side of a cell, a power of two.
    algorithm
        Pits and gaps.

    Raises
    ------
    TooFewPoints
        When there are fewer than 100.
    ExtentTooLarge
        When the raster would have too many cells.
    """
    chosen = algorithm or BenArie2009()
    if len(points) < LEAST_POINTS:
        raise TooFewPoints(len(points), LEAST_POINTS)
    # What is filled, and one cell more, lies within the margin.
    grid = cover_widely(points.x_m, points.y_m, cell_m, chosen.fill_cells + 2)
    surface = _raise_cells(find_cells(grid, points.x_m, points.y_m), height_m, grid.rows * grid.columns)
    surface = surface.reshape(grid.shape)
    is_seen = ~np.isnan(surface)
    for _ in range(chosen.fill_cells):
        surface = _fill_rim(surface)
    return CanopyModel(grid, _lift_pits(np.maximum(np.nan_to_num(surface, nan=0.0), 0.0), chosen.pit_m), is_seen)


def choose_cell(first_density: float, algorithm: BenArie2009) -> float:
    """Return the side of a canopy cell in metres for a density of first echoes.

    Examples
    --------
    >>> choose_cell(8.0, BenArie2009()), choose_cell(0.9, BenArie2009())
    (0.5, 1.0)
    """
    if first_density >= algorithm.fine_density:
        return 0.5
    return 1.0 if first_density >= algorithm.coarse_density else 2.0


@compiled
def _raise_cells(cells: Array, height_m: Array, count: int) -> Array:
    """Return the highest of each cell's points, NaN where there is none."""
    highest = np.full(count, np.nan)
    for point in range(cells.size):
        cell = cells[point]
        if np.isnan(highest[cell]) or height_m[point] > highest[cell]:
            highest[cell] = height_m[point]
    return highest


@compiled
def _fill_rim(surface: Array) -> Array:
    """Return a surface whose unknown cells among known ones have their mean."""
    rows, columns = surface.shape
    filled = surface.copy()
    for row in range(rows):
        for column in range(columns):
            if not np.isnan(surface[row, column]):
                continue
            total, count = 0.0, 0
            for north in range(max(0, row - 1), min(rows, row + 2)):
                for east in range(max(0, column - 1), min(columns, column + 2)):
                    if not np.isnan(surface[north, east]):
                        total, count = total + surface[north, east], count + 1
            # A straight edge shows three: it is the cloud's, while a gap shows more.
            if count > _EDGE:
                filled[row, column] = total / count
    return filled


@compiled
def _lift_pits(surface: Array, pit_m: float) -> Array:
    """Return a surface whose cells far below the median of the 3 x 3 around them have that median."""
    rows, columns = surface.shape
    lifted = surface.copy()
    around = np.empty(_ROUND)
    for row in range(rows):
        for column in range(columns):
            higher = 0
            for turn in range(_ROUND):
                # Beyond the edge the nearest cell continues.
                north = min(max(row + turn // 3 - 1, 0), rows - 1)
                around[turn] = surface[north, min(max(column + turn % 3 - 1, 0), columns - 1)]
                higher += around[turn] - surface[row, column] > pit_m
            # The median is so much higher where most are.
            if higher > _ROUND // 2:
                lifted[row, column] = _find_median(around)
    return lifted


@compiled
def _find_median(values: Array) -> float:
    """Return the middle one of an odd number of values, and sort them."""
    for place in range(1, values.size):
        value, at = values[place], place
        while at > 0 and values[at - 1] > value:
            values[at] = values[at - 1]
            at -= 1
        values[at] = value
    return float(values[values.size // 2])
