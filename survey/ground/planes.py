"""A smooth surface through scattered ground points: around each cell the plane that fits the nearest ones best.

Every value comes from vertices within a fixed distance, so that it is the same however the land is cut into tiles;
where there are none, there is no surface.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from survey.cloud import Floats
from survey.grid import Grid
from survey.ground.buckets import locate_grid
from survey.kernel import Array, compiled

_FLATTEN: Final = 0.02
"""Scatter across over scatter along, squared, below which the slope across is damped: a row of points has none."""


@dataclass(frozen=True, slots=True, eq=False)
class Vertices:
    """At most one ground point in each cell of a grid.

    Attributes
    ----------
    grid
        The cells.
    x_m, y_m, z_m
        Easting, northing and elevation, NaN in cells without one; shape (cells,).
    """

    grid: Grid
    x_m: Floats
    y_m: Floats
    z_m: Floats


@dataclass(frozen=True, slots=True)
class PlaneFit:
    """How planes are fitted.

    Attributes
    ----------
    neighbours
        Nearest vertices that a plane is fitted to; the farthest of them has no weight.
    reach_m
        Vertices farther away are never used.
    """

    neighbours: int
    reach_m: float


def fit_planes(vertices: Vertices, fit: PlaneFit) -> Floats:
    """Return the surface at the cells' centres, NaN where no vertex is within reach; shape (rows, columns).

    Moving least squares of degree 1 (Lancaster and Salkauskas 1981, doi 10.1090/S0025-5718-1981-0616367-1) with the
    weight ``(1 - (d / h)^2)^2``, `h` the distance of the last neighbour: a plane comes back as it was.
    """
    most = int(np.ceil(fit.reach_m / vertices.grid.cell_m))
    sums = _sum_up(~np.isnan(vertices.z_m).reshape(vertices.grid.shape))
    xyz = vertices.x_m, vertices.y_m, vertices.z_m
    surface: Floats = _fit_all(xyz, sums, locate_grid(vertices.grid), (fit.neighbours, most, fit.reach_m))
    return surface


def _sum_up(is_vertex: Array) -> Array:
    """Return for each corner the vertices south-west of it, so that any rectangle is counted by four look-ups."""
    sums = np.zeros((is_vertex.shape[0] + 1, is_vertex.shape[1] + 1), dtype=np.int32)
    np.cumsum(np.cumsum(is_vertex, axis=0, dtype=np.int32), axis=1, out=sums[1:, 1:])
    return sums


@compiled
def _fit_all(
    xyz: tuple[Array, Array, Array],
    sums: Array,
    place: tuple[float, int, int, int, int],
    limits: tuple[int, int, float],
) -> Array:
    cell_m, west, south, rows, columns = place
    wanted, most, reach_m = limits
    surface = np.full((rows, columns), np.nan)
    near = np.empty(wanted, np.int64)
    squares = np.empty(wanted)
    for row in range(rows):
        y = (south + row + 0.5) * cell_m
        for column in range(columns):
            if _count(sums, row, column, most) == 0:
                continue
            x = (west + column + 0.5) * cell_m
            found = _find_nearest((x, y), xyz, sums, (row, column, most), (near, squares, reach_m, cell_m))
            if found > 0:
                bandwidth = squares[found - 1] if found == wanted else reach_m * reach_m
                surface[row, column] = _fit_one((x, y), xyz, near[:found], squares[:found], bandwidth)
    return surface


@compiled
def _count(sums: Array, row: int, column: int, half: int) -> int:
    """Return the vertices in a square of cells."""
    rows, columns = sums.shape[0] - 1, sums.shape[1] - 1
    south, north = max(0, row - half), min(rows, row + half + 1)
    west, east = max(0, column - half), min(columns, column + half + 1)
    return int(sums[north, east] - sums[south, east] - sums[north, west] + sums[south, west])


@compiled
def _find_nearest(
    centre: tuple[float, float],
    xyz: tuple[Array, Array, Array],
    sums: Array,
    square: tuple[int, int, int],
    nearest: tuple[Array, Array, float, float],
) -> int:
    """Write the nearest vertices and their squared distances, nearest first; return how many.

    Cells are searched ring by ring, until the next ring lies beyond the last of the nearest.
    """
    row, column, most = square
    near, squares, reach_m, cell_m = nearest
    found, seen = 0, 0
    for ring in range(most + 1):
        inner = max(0.0, (ring - 0.5) * cell_m)
        if found == near.size and inner * inner > squares[found - 1]:
            break
        held = _count(sums, row, column, ring)
        if held > seen:
            found = _search_ring(
                centre,
                xyz,
                (sums.shape[0] - 1, sums.shape[1] - 1),
                (row, column, ring),
                (near, squares, found, reach_m),
            )
            seen = held
    return found


@compiled
def _search_ring(
    centre: tuple[float, float],
    xyz: tuple[Array, Array, Array],
    shape: tuple[int, int],
    at: tuple[int, int, int],
    nearest: tuple[Array, Array, int, float],
) -> int:
    """Take the vertices of one ring of cells among the nearest and return how many these are now."""
    row, column, ring = at
    near, squares, found, reach_m = nearest
    for north in range(max(0, row - ring), min(shape[0], row + ring + 1)):
        # Within the ring's square only its outline is new.
        step = 1 if abs(north - row) == ring else max(1, 2 * ring)
        for east in range(column - ring, column + ring + 1, step):
            cell = north * shape[1] + east
            if east < 0 or east >= shape[1] or np.isnan(xyz[2][cell]):
                continue
            square_m = (xyz[0][cell] - centre[0]) ** 2 + (xyz[1][cell] - centre[1]) ** 2
            if square_m <= reach_m * reach_m:
                found = _insert((near, squares), found, cell, square_m)
    return found


@compiled
def _insert(nearest: tuple[Array, Array], found: int, cell: int, square_m: float) -> int:
    """Put a vertex in its place among the nearest and return how many there are now."""
    near, squares = nearest
    if found == near.size:
        if square_m >= squares[found - 1]:
            return found
        found -= 1
    at = found
    while at > 0 and squares[at - 1] > square_m:
        near[at], squares[at] = near[at - 1], squares[at - 1]
        at -= 1
    near[at], squares[at] = cell, square_m
    return found + 1


@compiled
def _fit_one(
    centre: tuple[float, float], xyz: tuple[Array, Array, Array], near: Array, squares: Array, bandwidth: float
) -> float:
    """Return the height at a place of the plane that fits vertices best, weighted by distance.

    `squares` holds their squared distances, and their weights afterwards.
    """
    x, y = centre
    total, mean_east, mean_north, mean_up = 0.0, 0.0, 0.0, 0.0
    for one in range(near.size):
        # A trace of weight remains at the rim, so that coincident distances still give a mean.
        weight = (1.0 - squares[one] / (bandwidth + 1e-12)) ** 2 + 1e-9
        squares[one] = weight
        total += weight
        mean_east += weight * (xyz[0][near[one]] - x)
        mean_north += weight * (xyz[1][near[one]] - y)
        mean_up += weight * xyz[2][near[one]]
    mean_east, mean_north, mean_up = mean_east / total, mean_north / total, mean_up / total
    east_east, east_north, north_north, east_up, north_up = 0.0, 0.0, 0.0, 0.0, 0.0
    for one in range(near.size):
        east, north = xyz[0][near[one]] - x - mean_east, xyz[1][near[one]] - y - mean_north
        up = xyz[2][near[one]] - mean_up
        east_east += squares[one] * east * east
        east_north += squares[one] * east * north
        north_north += squares[one] * north * north
        east_up += squares[one] * east * up
        north_up += squares[one] * north * up
    trace = east_east + north_north
    if trace <= 0.0:
        return float(mean_up)
    flat = max(0.0, _FLATTEN - (east_east * north_north - east_north * east_north) / (trace * trace)) * trace
    east_east, north_north = east_east + flat, north_north + flat
    area = east_east * north_north - east_north * east_north
    slope_east = (east_up * north_north - north_up * east_north) / area
    slope_north = (north_up * east_east - east_up * east_north) / area
    return float(mean_up - slope_east * mean_east - slope_north * mean_north)
