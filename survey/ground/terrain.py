"""The ground as a raster, and heights above it."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay

from survey.cloud import Bools, Floats, Points
from survey.errors import NoGround
from survey.grid import Grid, cells_of, cover, fill_from_nearest, sample
from survey.kernel import Array, compiled

_LEAST_GROUND_POINTS: Final = 4
"""A triangulation wants three that do not lie in a line; a fourth tells that they are no accident."""
_EDGE: Final = 1e-9
"""A centre on a border belongs to both triangles, whose planes agree there."""


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
    # In cells from the first centre: squares of large northings would spoil the triangulation.
    places = np.column_stack([(x - grid.west_m) / grid.cell_m - 0.5, (y - grid.south_m) / grid.cell_m - 0.5])
    faces = Delaunay(places).simplices
    raster = np.full(grid.shape, np.nan)
    _draw_faces(places, np.ascontiguousarray(points.z_m[vertices]), np.ascontiguousarray(faces), raster)
    return fill_from_nearest(raster)


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
    """Tell whether points hardly leave one line: their scatter has no area beside its length."""
    east, north = x - x.mean(), y - y.mean()
    along, across, both = (east * east).sum(), (north * north).sum(), (east * north).sum()
    return bool(along * across - both * both <= 1e-9 * (along + across) ** 2)


@compiled
def _draw_faces(places: Array, z_m: Array, faces: Array, raster: Array) -> None:
    """Write the plane of each triangle into the cells whose centres it holds, its border included."""
    for face in range(faces.shape[0]):
        a, b, c = faces[face]
        ax, ay = places[a]
        bx, by = places[b, 0] - ax, places[b, 1] - ay
        cx, cy = places[c, 0] - ax, places[c, 1] - ay
        area = bx * cy - by * cx
        if area == 0.0:
            continue
        first = max(int(np.ceil(ay + min(0.0, by, cy) - _EDGE)), 0)
        last = min(int(np.floor(ay + max(0.0, by, cy) + _EDGE)), raster.shape[0] - 1)
        west = max(int(np.ceil(ax + min(0.0, bx, cx) - _EDGE)), 0)
        east = min(int(np.floor(ax + max(0.0, bx, cx) + _EDGE)), raster.shape[1] - 1)
        for row in range(first, last + 1):
            for column in range(west, east + 1):
                x, y = column - ax, row - ay
                of_b, of_c = (x * cy - y * cx) / area, (bx * y - by * x) / area
                if of_b >= -_EDGE and of_c >= -_EDGE and of_b + of_c <= 1.0 + _EDGE:
                    raster[row, column] = z_m[a] + of_b * (z_m[b] - z_m[a]) + of_c * (z_m[c] - z_m[a])
