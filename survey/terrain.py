"""The ground as a raster, and heights above it."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import LinearNDInterpolator

from survey.cloud import Bools, Floats, Points
from survey.errors import NoGround
from survey.grid import Grid, cells_of, centres, cover, fill_from_nearest, sample

_LEAST_GROUND_POINTS: Final = 4
"""A triangulation wants three that do not lie in a line; a fourth tells that they are no accident."""


@dataclass(frozen=True, slots=True)
class Tin:
    """Linear interpolation over the Delaunay triangles of ground points (Axelsson 2000, ISPRS Archives 33 B4)."""

    NAME: ClassVar[str] = "tin-linear"
    DOI: ClassVar[str | None] = None

    cell_m: float = 1.0
    """Side of a raster cell; also the cells of which each gives one vertex."""


@dataclass(frozen=True, slots=True, eq=False)
class TerrainModel:
    """Elevation of the ground at cell centres.

    Attributes
    ----------
    grid
        Where the cells lie.
    elevation_m
        Shape (rows, columns), without gaps.
    """

    grid: Grid
    elevation_m: Floats


def rasterize_terrain(points: Points, is_ground: Bools, algorithm: Tin | None = None) -> TerrainModel:
    """Return the ground under a cloud; outside the ground points' hull the nearest cell's elevation continues.

    Parameters
    ----------
    points
        Points in metres.
    is_ground
        Which are ground, shape (n,).
    algorithm
        How to interpolate.

    Raises
    ------
    NoGround
        When fewer than four points are ground, or all lie in a line.
    ExtentTooLarge
        When the raster would have too many cells.
    """
    chosen = algorithm or Tin()
    grid = cover(points.x_m, points.y_m, chosen.cell_m)
    vertices = _thin(grid, points, np.flatnonzero(is_ground))
    return TerrainModel(grid, interpolate(grid, points, vertices))


def interpolate(grid: Grid, points: Points, vertices: NDArray[np.int64]) -> Floats:
    """Return elevation at cell centres from the triangles of some points, shape (rows, columns), without gaps."""
    x, y = points.x_m[vertices], points.y_m[vertices]
    if vertices.size < _LEAST_GROUND_POINTS or np.ptp(x) == 0.0 or np.ptp(y) == 0.0 or _is_line(x, y):
        raise NoGround(f"only {vertices.size} ground points, or all in one line")
    # Coordinates relative to the corner: squares of large northings would spoil the triangulation.
    faces = LinearNDInterpolator(np.column_stack([x - grid.west_m, y - grid.south_m]), points.z_m[vertices])
    column_x, row_y = centres(grid)
    mesh = np.meshgrid(column_x - grid.west_m, row_y - grid.south_m)
    return fill_from_nearest(np.asarray(faces(*mesh), dtype=np.float64))


def normalize_height(points: Points, terrain: TerrainModel) -> Floats:
    """Return each point's height above the ground, metres, shape (n,)."""
    return points.z_m - sample(terrain.grid, terrain.elevation_m, points.x_m, points.y_m)


def _thin(grid: Grid, points: Points, ground: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return one ground point a cell: the middle one by elevation, so that neither grass nor pits decide."""
    cells = cells_of(grid, points.x_m[ground], points.y_m[ground])
    order = np.lexsort((points.z_m[ground], cells))
    _, first, count = np.unique(cells[order], return_index=True, return_counts=True)
    middle: NDArray[np.int64] = ground[order[first + (count - 1) // 2]]
    return middle


def _is_line(x: Floats, y: Floats) -> bool:
    spread = np.cov(np.vstack([x, y]))
    least, most = np.linalg.eigvalsh(spread)
    return bool(least <= 1e-9 * most)
