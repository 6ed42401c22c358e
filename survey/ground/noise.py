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
        for place in range(first, last):
            if _has_company(place, (first, last), buckets, xyz[2], limits):
                continue
            if _count_near(cell, order[place], buckets, xyz, (shape, limits)) <= most:
                noise[order[place]] = True


@compiled
def _has_company(
    place: int,
    cell: tuple[int, int],
    buckets: tuple[Array, Array],
    z_m: Array,
    limits: tuple[float, int, int],
) -> bool:
    """Tell whether enough of the next points above and below in a point's own cell lie within reach of it."""
    order, _ = buckets
    reach_m, most, _ = limits
    for top in range(max(cell[0], place - most - 1), min(place + 1, cell[1] - most - 1)):
        if z_m[order[top]] - z_m[order[top + most + 1]] <= reach_m:
            return True
    return False


@compiled
def _count_near(
    cell: int,
    point: int,
    buckets: tuple[Array, Array],
    xyz: tuple[Array, Array, Array],
    bounds: tuple[tuple[int, int], tuple[float, int, int]],
) -> int:
    """Return how many others lie in a point's box, ring after ring of cells, counted until there are enough."""
    order, starts = buckets
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
                for place in range(starts[beside], starts[beside + 1]):
                    near += _is_in_box(point, order[place], xyz, reach_m)
                if near > most:
                    return near
    return near


@compiled
def _is_in_box(one: int, two: int, xyz: tuple[Array, Array, Array], reach_m: float) -> bool:
    x_m, y_m, z_m = xyz
    is_beside = abs(x_m[one] - x_m[two]) <= reach_m and abs(y_m[one] - y_m[two]) <= reach_m
    return bool(is_beside and abs(z_m[one] - z_m[two]) <= reach_m)
