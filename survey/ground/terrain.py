"""The ground as a raster, and heights above it."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from survey.cloud import Bools, Floats, Points
from survey.errors import NoGround
from survey.grid import Grid
from survey.ground.buckets import Buckets, bucket_points, locate_grid
from survey.ground.planes import PlaneFit, Vertices, fit_planes
from survey.kernel import Array, compiled

_LEAST_VERTICES: Final = 4
"""A plane wants three that do not lie in a line; a fourth tells that they are no accident."""


@dataclass(frozen=True, slots=True)
class Lancaster1981:
    """Moving least squares over ground points: Lancaster and Salkauskas (1981), planes through the nearest ones.

    On the simulated hectares of seeds 1000 to 1011 its error is three quarters of that of linear interpolation over
    Delaunay triangles, and unlike theirs its reach is bounded.
    """

    NAME: ClassVar[str] = "lancaster1981"
    DOI: ClassVar[str | None] = "10.1090/S0025-5718-1981-0616367-1"

    cell_m: float = 1.0
    """Side of a raster cell, a power of two; each cell's lowest ground points give one vertex."""
    neighbours: int = 12
    """Vertices of one plane."""
    reach_m: float = 30.0
    """Greatest distance of a vertex; ground farther from all of them is unknown."""
    span_m: float = 0.15
    """Ground points this far above the lowest of their cell are averaged with it: grass is not, an echo's noise is."""


@dataclass(frozen=True, slots=True, eq=False)
class TerrainModel:
    """Elevation of the ground at cell centres.

    Attributes
    ----------
    grid
        Where the cells lie.
    elevation_m
        Shape (rows, columns); NaN farther from all ground points than the algorithm reaches.
    """

    grid: Grid
    elevation_m: Floats


def rasterize_terrain(
    points: Points, is_ground: Bools, algorithm: Lancaster1981 | None = None, *, buckets: Buckets | None = None
) -> TerrainModel:
    """Return the ground under a cloud.

    Parameters
    ----------
    points
        Points in metres.
    is_ground
        Which are ground, shape (n,).
    algorithm
        How to interpolate.
    buckets
        The points by the raster's cells, where they are known already.

    Raises
    ------
    NoGround
        When fewer than four cells have ground, or all lie in a line.
    ExtentTooLarge
        When the raster would have too many cells.
    """
    chosen = algorithm or Lancaster1981()
    known = buckets or bucket_points(points, chosen.cell_m)
    xyz = points.x_m, points.y_m, points.z_m
    vertices = Vertices(known.grid, *_find_vertices((known.order, known.starts), xyz, is_ground, chosen.span_m))
    check_vertices(vertices)
    return TerrainModel(known.grid, fit_planes(vertices, PlaneFit(chosen.neighbours, chosen.reach_m)))


def normalize_height(points: Points, terrain: TerrainModel) -> Floats:
    """Return each point's height above the ground, metres, NaN where that is unknown; shape (n,)."""
    heights: Floats = _subtract(
        (points.x_m, points.y_m, points.z_m), np.ascontiguousarray(terrain.elevation_m), locate_grid(terrain.grid)
    )
    return heights


def check_vertices(vertices: Vertices) -> None:
    """Raise `NoGround` when vertices are few or all in a line, so that no plane goes through them."""
    known = ~np.isnan(vertices.z_m)
    x, y = vertices.x_m[known], vertices.y_m[known]
    if x.size < _LEAST_VERTICES or _is_line(x, y):
        raise NoGround(f"only {x.size} ground points, or all in one line")


def _is_line(x: Floats, y: Floats) -> bool:
    """Tell whether points hardly leave one line: their scatter has no area beside its length."""
    east, north = x - x.mean(), y - y.mean()
    along, across, both = (east * east).sum(), (north * north).sum(), (east * north).sum()
    return bool(along * across - both * both <= 1e-9 * (along + across) ** 2)


@compiled
def _find_vertices(
    buckets: tuple[Array, Array], xyz: tuple[Array, Array, Array], is_ground: Array, span_m: float
) -> tuple[Array, Array, Array]:
    """Return the mean place of each cell's lowest ground points, NaN where there is none."""
    order, starts = buckets
    cells = starts.size - 1
    x, y, z = np.full(cells, np.nan), np.full(cells, np.nan), np.full(cells, np.nan)
    for cell in range(cells):
        lowest, count = 0.0, 0
        east, north, up = 0.0, 0.0, 0.0
        for place in range(starts[cell + 1] - 1, starts[cell] - 1, -1):
            point = order[place]
            if not is_ground[point]:
                continue
            if count > 0 and xyz[2][point] > lowest + span_m:
                break
            lowest = xyz[2][point] if count == 0 else lowest
            east, north, up = east + xyz[0][point], north + xyz[1][point], up + xyz[2][point]
            count += 1
        if count > 0:
            x[cell], y[cell], z[cell] = east / count, north / count, up / count
    return x, y, z


@compiled
def _subtract(xyz: tuple[Array, Array, Array], elevation: Array, place: tuple[float, int, int, int, int]) -> Array:
    """Return elevations less the bilinear surface; beyond the outer centres the edge continues.

    Where a point lies between centres follows from its own coordinates, as its cell does.
    """
    cell_m, west, south, rows, columns = place
    heights = np.empty(xyz[0].size)
    for point in range(heights.size):
        column, row = xyz[0][point] / cell_m - 0.5, xyz[1][point] / cell_m - 0.5
        left, below = np.floor(column), np.floor(row)
        east, north = column - left, row - below
        first, second = int(left) - west, int(below) - south
        one, two = min(max(first, 0), columns - 1), min(max(first + 1, 0), columns - 1)
        low, high = min(max(second, 0), rows - 1), min(max(second + 1, 0), rows - 1)
        south_z = elevation[low, one] + east * (elevation[low, two] - elevation[low, one])
        north_z = elevation[high, one] + east * (elevation[high, two] - elevation[high, one])
        heights[point] = xyz[2][point] - (south_z + north * (north_z - south_z))
    return heights
