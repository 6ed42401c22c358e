"""Points that are no surface: birds and haze above, echoes of echoes below."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from survey.cloud import Bools, Points
from survey.grid import MAX_CELLS
from survey.ground.buckets import Buckets, bucket_points
from survey.kernel import Array, compiled

LOW_NOISE, HIGH_NOISE = 7, 18
"""Classes in which a vendor puts noise (LAS 1.4 R15, table 17)."""
_BUCKET_M: Final = 1.0
_FAR_M: Final = 64.0
_FEW: Final = 5
"""Points that make no surface."""


@dataclass(frozen=True, slots=True)
class IsolatedPoints:
    """Points with hardly any other in a box around them, the size of the 27 voxels of lasR's isolated voxel filter."""

    NAME: ClassVar[str] = "isolated-points"
    DOI: ClassVar[str | None] = None

    reach_m: float = 6.0
    """Half of the box's side; a cloud of 0.5 points/m2 still has 72 ground points around each of its own."""
    most_points: int = 5
    """Other points that may lie in the box of an isolated one."""


def find_noise(points: Points, algorithm: IsolatedPoints | None = None, *, buckets: Buckets | None = None) -> Bools:
    """Return which points are noise, by the vendor's class or by their isolation.

    Parameters
    ----------
    points
        Points in metres.
    algorithm
        How isolated.
    buckets
        The points by cells, where they are known already.

    Returns
    -------
    Shape (n,).
    """
    chosen = algorithm or IsolatedPoints()
    noise = np.isin(points.classification, (LOW_NOISE, HIGH_NOISE))
    if len(points) == 0:
        return noise
    known = buckets or bucket_points(points, _BUCKET_M)
    limits = chosen.reach_m, chosen.most_points, int(np.ceil(chosen.reach_m / known.grid.cell_m))
    xyz = points.x_m, points.y_m, points.z_m
    _mark_isolated((known.order, known.starts), xyz, (known.grid.rows, known.grid.columns), limits, noise)
    return noise


def find_strays(points: Points) -> Bools:
    """Return which points lie so far from all others that no raster could hold them together, shape (n,).

    They are looked for only where the cloud's extent is too large: points with hardly any other within the 3 x 3 cells
    of 64 m around.
    """
    if len(points) == 0 or np.ptp(points.x_m) * np.ptp(points.y_m) <= MAX_CELLS * _BUCKET_M**2:
        return np.zeros(len(points), dtype=np.bool_)
    column = np.floor((points.x_m - points.x_m.min()) / _FAR_M).astype(np.int64)
    row = np.floor((points.y_m - points.y_m.min()) / _FAR_M).astype(np.int64)
    # One column more than there are, so that the neighbours of a row's last cell are not the next row's first.
    width = int(column.max()) + 2
    keys, cell_of_point, counts = np.unique(row * width + column, return_inverse=True, return_counts=True)
    around = np.zeros(keys.size, dtype=np.int64)
    for step in (north * width + east for north in (-1, 0, 1) for east in (-1, 0, 1)):
        at = np.minimum(np.searchsorted(keys, keys + step), keys.size - 1)
        around += np.where(keys[at] == keys + step, counts[at], 0)
    strays: Bools = around[cell_of_point] <= _FEW
    return strays


@compiled
def _mark_isolated(
    buckets: tuple[Array, Array],
    xyz: tuple[Array, Array, Array],
    shape: tuple[int, int],
    limits: tuple[float, int, int],
    noise: Array,
) -> None:
    """Mark the points with few others near; most find enough among the next above and below in their own cell."""
    order, starts = buckets
    _, most, _ = limits
    for cell in range(starts.size - 1):
        first, last = starts[cell], starts[cell + 1]
        # Points before it are known to have company.
        end, top = first, first
        for place in range(first, last):
            top = max(top, place - most - 1)
            while place >= end and top <= place and top < last - most - 1:
                if xyz[2][order[top]] - xyz[2][order[top + most + 1]] <= limits[0]:
                    end = top + most + 2
                top += 1
            if place >= end and _count_near(cell, order[place], buckets, xyz, (shape, limits)) <= most:
                noise[order[place]] = True


@compiled
def _count_near(
    cell: int,
    point: int,
    buckets: tuple[Array, Array],
    xyz: tuple[Array, Array, Array],
    bounds: tuple[tuple[int, int], tuple[float, int, int]],
) -> int:
    """Return how many others lie in a point's box, ring after ring of cells, counted until there are enough."""
    _, starts = buckets
    (rows, columns), (reach_m, most, cells) = bounds
    row, column = cell // columns, cell % columns
    near = -1
    for ring in range(cells + 1):
        for north in range(max(0, row - ring), min(rows, row + ring + 1)):
            # Within the ring's square only its outline is new.
            step = 1 if abs(north - row) == ring else max(1, 2 * ring)
            for east in range(column - ring, column + ring + 1, step):
                if east < 0 or east >= columns:
                    continue
                beside = north * columns + east
                near += _count_in_cell(
                    point, (starts[beside], starts[beside + 1]), buckets, xyz, (reach_m, most - near)
                )
                if near > most:
                    return near
    return near


@compiled
def _count_in_cell(
    point: int,
    cell: tuple[int, int],
    buckets: tuple[Array, Array],
    xyz: tuple[Array, Array, Array],
    limits: tuple[float, int],
) -> int:
    """Return how many points of a cell lie in a point's box, counted until there are more than asked for."""
    order, _ = buckets
    x_m, y_m, z_m = xyz
    reach_m, most = limits
    near = 0
    for place in range(cell[0], cell[1]):
        other = order[place]
        # A cell's points come from the highest down.
        if z_m[other] - z_m[point] > reach_m:
            continue
        if z_m[point] - z_m[other] > reach_m:
            break
        near += abs(x_m[point] - x_m[other]) <= reach_m and abs(y_m[point] - y_m[other]) <= reach_m
        if near > most:
            break
    return near
