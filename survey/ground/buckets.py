"""Points by square cells of the world, in an order that their positions alone decide.

Sums over a cell's points then come out the same to the last bit, however a file orders its points and wherever a tile's
border lies. Cell sides are powers of two in metres, so that cell borders are exact numbers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.cloud import Bools, Floats, Points, select_points
from survey.grid import Grid, cover
from survey.kernel import Array, compiled


@dataclass(frozen=True, slots=True, eq=False)
class Buckets:
    """Which points each cell holds.

    Attributes
    ----------
    grid
        The cells.
    order
        Indices of points: cell by cell, within one from the highest down, then by easting and northing; shape (n,).
    starts
        Where each cell's points begin in `order`; one more than there are cells.
    """

    grid: Grid
    order: NDArray[np.int64]
    starts: NDArray[np.int64]


def bucket_points(points: Points, cell_m: float) -> Buckets:
    """Return the points of each cell of a grid that covers them all.

    Raises
    ------
    ExtentTooLarge
        When the grid would have too many cells.

    Examples
    --------
    >>> high, low = np.array([0.2, 0.1, 1.5]), np.array([0.0, 0.0, 0.0])
    >>> ones = np.ones(3, dtype=np.uint8)
    >>> bucket_points(Points(high, low, np.array([1.0, 3.0, 2.0]), ones > 0, ones, np.arange(3)), 1.0).order.tolist()
    [1, 0, 2]
    """
    grid = cover_widely(points.x_m, points.y_m, cell_m, 1)
    starts, order = distribute(find_cells(grid, points.x_m, points.y_m), grid.rows * grid.columns)
    _sort_cells(starts, order, (points.x_m, points.y_m, points.z_m))
    return Buckets(grid, order, starts)


def sort_points(points: Points, cell_m: float, keep: Bools | None = None) -> tuple[Points, NDArray[np.int64], Buckets]:
    """Return points in the order of their buckets, the index that each had, and the buckets of the sorted ones.

    Parameters
    ----------
    points
        Points in metres.
    cell_m
        Side of a cell.
    keep
        Which points are taken, shape (n,); all where it is absent. The grid covers the others too.

    Raises
    ------
    ExtentTooLarge
        When the grid would have too many cells.
    """
    grid = cover_widely(points.x_m, points.y_m, cell_m, 1)
    cells = find_cells(grid, points.x_m, points.y_m)
    if keep is not None:
        cells[~keep] = -1
    starts, order = distribute(cells, grid.rows * grid.columns)
    _sort_cells(starts, order, (points.x_m, points.y_m, points.z_m))
    return pick_points(points, order), order, Buckets(grid, np.arange(order.size), starts)


def select_sorted(points: Points, buckets: Buckets, keep: Bools) -> tuple[Points, Buckets]:
    """Return some of the points that `sort_points` returned, and their buckets.

    Parameters
    ----------
    points, buckets
        As they were returned.
    keep
        Which points are taken, shape (n,).
    """
    starts = _thin_out(buckets.starts, keep)
    return select_points(points, keep), Buckets(buckets.grid, np.arange(starts[-1]), starts)


def cover_widely(x_m: Floats, y_m: Floats, cell_m: float, margin: int) -> Grid:
    """Return the smallest grid that holds all points, with a margin of some cells on each side.

    With it, what lies beside a point has cells in every tile, whether or not the tile holds points farther out.
    """
    inner = cover(x_m, y_m, cell_m)
    west_m, south_m = inner.west_m - margin * cell_m, inner.south_m - margin * cell_m
    return Grid(west_m, south_m, cell_m, inner.rows + 2 * margin, inner.columns + 2 * margin)


def pick_points(points: Points, at: NDArray[np.int64]) -> Points:
    """Return the points at indices, in their order; shape (n,)."""
    return Points(
        points.x_m[at],
        points.y_m[at],
        points.z_m[at],
        points.is_first[at],
        points.classification[at],
        points.source[at],
    )


def find_cells(grid: Grid, x_m: Floats, y_m: Floats) -> NDArray[np.int64]:
    """Return the flat cell index of each point, -1 outside of the grid; shape (n,).

    A point's cell follows from its own coordinates, never from their distance to the grid's corner, whose rounding
    would depend on where that corner lies.
    """
    cells: NDArray[np.int64] = _find_cells(x_m, y_m, locate_grid(grid))
    return cells


def locate_grid(grid: Grid) -> tuple[float, int, int, int, int]:
    """Return a grid's cell side, first column and row counted from the world's origin, rows and columns."""
    return (
        grid.cell_m,
        round(grid.west_m / grid.cell_m),
        round(grid.south_m / grid.cell_m),
        grid.rows,
        grid.columns,
    )


@compiled
def _find_cells(x_m: Array, y_m: Array, place: tuple[float, int, int, int, int]) -> Array:
    cell_m, west, south, rows, columns = place
    cells = np.empty(x_m.size, np.int64)
    for point in range(x_m.size):
        column, row = int(np.floor(x_m[point] / cell_m)) - west, int(np.floor(y_m[point] / cell_m)) - south
        is_inside = 0 <= column < columns and 0 <= row < rows
        cells[point] = row * columns + column if is_inside else -1
    return cells


@compiled
def distribute(cells: Array, count: int) -> tuple[Array, Array]:
    """Return where each cell's points begin, and the points cell by cell, without those whose cell is -1."""
    starts = np.zeros(count + 1, np.int64)
    for cell in cells:
        if cell >= 0:
            starts[cell + 1] += 1
    for cell in range(count):
        starts[cell + 1] += starts[cell]
    following = starts[:-1].copy()
    order = np.empty(starts[-1], np.int64)
    for point in range(cells.size):
        if cells[point] >= 0:
            order[following[cells[point]]] = point
            following[cells[point]] += 1
    return starts, order


@compiled
def _thin_out(starts: Array, keep: Array) -> Array:
    """Return where each cell's points begin once only some of sorted points are left."""
    thin = np.zeros_like(starts)
    for cell in range(starts.size - 1):
        thin[cell + 1] = thin[cell]
        for point in range(starts[cell], starts[cell + 1]):
            thin[cell + 1] += keep[point]
    return thin


@compiled
def _sort_cells(starts: Array, order: Array, xyz: tuple[Array, Array, Array]) -> None:
    """Sort each cell's points in place by falling height (Shell's method: cells are short or nearly sorted)."""
    x_m, y_m, z_m = xyz
    # Heights beside each other are compared several times faster than those that points have all over memory.
    heights = np.empty(_count_most(starts), z_m.dtype)
    for cell in range(starts.size - 1):
        order_here = order[starts[cell] : starts[cell + 1]]
        for place in range(order_here.size):
            heights[place] = z_m[order_here[place]]
        _sort_cell(order_here, heights, x_m, y_m)


@compiled
def _count_most(starts: Array) -> int:
    """Return the points of the cell that has the most."""
    most = 0
    for cell in range(starts.size - 1):
        most = max(most, starts[cell + 1] - starts[cell])
    return most


@compiled
def _sort_cell(order: Array, heights: Array, x_m: Array, y_m: Array) -> None:
    """Sort points, and their heights with them, from the highest down."""
    gap = 1
    while gap < order.size // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for place in range(gap, order.size):
            point, height, at = order[place], heights[place], place
            while at >= gap and heights[at - gap] <= height:
                if heights[at - gap] == height and not _precedes(point, order[at - gap], x_m, y_m):
                    break
                order[at], heights[at] = order[at - gap], heights[at - gap]
                at -= gap
            order[at], heights[at] = point, height
        gap //= 3


@compiled
def _precedes(one: int, two: int, x_m: Array, y_m: Array) -> bool:
    """Tell which of two equally high points comes first: the western, then the southern one."""
    if x_m[one] != x_m[two]:
        return bool(x_m[one] < x_m[two])
    return bool(y_m[one] < y_m[two])
