"""The canopy's surface as a raster of heights above ground."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from scipy import ndimage

from survey.cloud import Bools, Floats, Points
from survey.errors import TooFewPoints
from survey.grid import Grid, cells_of, cover, fill_from_nearest, highest_in_cells

MAX_TREE_HEIGHT_M: Final = 120.0
"""Nothing that grows is taller: the tallest known tree stands 116 m (Sequoia sempervirens, "Hyperion")."""
LEAST_POINTS: Final = 100
"""Fewer points show no crown, at any density."""


@dataclass(frozen=True, slots=True)
class BenArie2009:
    """Highest point a cell; pits between branches lifted to the median around them.

    Semi-automated pit filling after Ben-Arie, Hay, Powers, Castilla and St-Onge (2009), with a 3 x 3 median. Cells have
    half a metre where nearly each holds a first echo, else one or two metres.
    """

    NAME: ClassVar[str] = "benarie2009"
    DOI: ClassVar[str | None] = "10.1016/j.cageo.2009.02.003"

    fine_density: float = 2.0
    """First echoes a square metre from which cells of 0.5 m are used."""
    coarse_density: float = 0.4
    """First echoes a square metre below which cells of 2 m are used; between, 1 m."""
    pit_m: float = 1.0
    """Depth below the median around it from which a cell is a pit."""


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
    points: Points, height_m: Floats, *, first_density: float, algorithm: BenArie2009 | None = None
) -> CanopyModel:
    """Return the canopy's surface.

    Parameters
    ----------
    points
        Points in metres.
    height_m
        Their heights above ground, shape (n,).
    first_density
        First echoes a square metre of ground covered.
    algorithm
        Cell sides and pits.

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
    grid = cover(points.x_m, points.y_m, choose_cell(first_density, chosen))
    highest = highest_in_cells(grid, cells_of(grid, points.x_m, points.y_m), height_m)
    surface = np.maximum(fill_from_nearest(highest), 0.0)
    around = ndimage.median_filter(surface, size=3, mode="nearest")
    return CanopyModel(grid, np.where(around - surface > chosen.pit_m, around, surface), ~np.isnan(highest))


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
