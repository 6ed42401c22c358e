"""A plot as voxels that rays walk through: how dense its leaves are, which wood passes, where the ground is.

Local frame: metres east, north and up of the plot's centre on the ground. Leaves are opaque cells of a finer lattice,
filled by chance that belongs to the cell, so that a leaf hides the same thing from all rays and casts a shadow of its
own size (Beer-Lambert holds on average).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sample_data.scanning.kernel import Array, compiled

VOXEL_M = 0.25
LATTICE_M = 0.0625
"""Side of a leaf or spray of needles; four to a voxel."""
NODE_M = 0.125
"""Between nodes of the ground."""

_SHELL_M = 0.6
# Half the diagonal of a voxel, and the widest footprint that may brush a stem.
_TOUCH_M = 0.2166 + 0.05


class Voxels(NamedTuple):
    """What rays meet; a named tuple because compiled loops take no dataclass."""

    corner_m: NDArray[np.float64]
    """West, south and bottom edge, shape (3,)."""
    is_busy: NDArray[np.bool_]
    """Whether a voxel holds anything, shape (east, north, up): one byte, since most steps of a ray end here."""
    leaves_per_m: NDArray[np.float32]
    """Chance of interception a metre; same shape."""
    owner: NDArray[np.int32]
    """Index of the tree whose leaves are densest, -1 for undergrowth; same shape."""
    first: NDArray[np.int32]
    """Where each voxel's list of wood begins, shape (voxels + 1,)."""
    listed: NDArray[np.int32]
    """Rows of wood, voxel after voxel."""
    ground_m: NDArray[np.float64]
    """Elevation at nodes :data:`NODE_M` apart from the corner on, shape (nodes, nodes)."""
    crest_m: NDArray[np.float64]
    """Highest ground of each column of voxels over the corner, shape (east, north)."""
    cones: NDArray[np.float64]
    """Wood in the local frame, columns as in :mod:`sample_data.scanning.cones`, shape (rows, 12)."""
    outline: NDArray[np.int64]
    """Row of `outlines`, negative for round wood, shape (rows,)."""
    tree: NDArray[np.int64]
    """Index of the tree, shape (rows,)."""
    outlines: NDArray[np.float64]
    """As in :class:`sample_data.scanning.wood.Wood`."""
    seed: int
    """Of leaves."""


@compiled
def fill_body(leaves: Array, owner: Array, corner_m: Array, body: Array, levels: Array) -> None:  # noqa: PLR0917 - compiled loops take no keywords
    """Add the leaves of a body of revolution to the voxels that it fills.

    `body` holds the tree, east and north of the axis, elevation of the apex, length, density of shell and core, and
    then the radius at each of `levels`.
    """
    table = body[7:]
    widest = table.max()
    low = (body[1] - widest - corner_m[0], body[2] - widest - corner_m[1], body[3] - body[4] - corner_m[2])
    high = (body[1] + widest - corner_m[0], body[2] + widest - corner_m[1], body[3] - corner_m[2])
    for i in range(_cell(low[0], leaves.shape[0]), _cell(high[0], leaves.shape[0]) + 1):
        for j in range(_cell(low[1], leaves.shape[1]), _cell(high[1], leaves.shape[1]) + 1):
            for k in range(_cell(low[2], leaves.shape[2]), _cell(high[2], leaves.shape[2]) + 1):
                dense = _average(corner_m, (i, j, k), body, table, levels)
                if dense > leaves[i, j, k]:
                    owner[i, j, k] = int(body[0])
                leaves[i, j, k] += dense


@compiled
def _cell(away_m: float, count: int) -> int:
    return min(max(int(np.floor(away_m / VOXEL_M)), 0), count - 1)


@compiled
def _average(corner_m: Array, cell: tuple[int, int, int], body: Array, table: Array, levels: Array) -> float:  # noqa: PLR0917 - compiled loops take no keywords
    """Return the mean density in a voxel over its eight octants' centres."""
    total = 0.0
    for octant in range(8):
        east = corner_m[0] + (cell[0] + 0.25 + 0.5 * (octant & 1)) * VOXEL_M
        north = corner_m[1] + (cell[1] + 0.25 + 0.5 * ((octant >> 1) & 1)) * VOXEL_M
        up = corner_m[2] + (cell[2] + 0.25 + 0.5 * (octant >> 2)) * VOXEL_M
        depth = body[3] - up
        if 0.0 <= depth <= body[4]:
            inside = _between(depth / body[4], levels, table) - np.hypot(east - body[1], north - body[2])
            if inside >= 0.0:
                total += body[5] if min(inside, depth) < _SHELL_M else body[6]
    return total / 8.0


@compiled
def _between(share: float, levels: Array, table: Array) -> float:
    """Return a table's value between two of its levels."""
    for level in range(1, len(levels)):
        if share <= levels[level]:
            part = (share - levels[level - 1]) / (levels[level] - levels[level - 1])
            return float(table[level - 1] + part * (table[level] - table[level - 1]))
    return float(table[-1])


@compiled
def fill_mound(leaves: Array, corner_m: Array, centre_m: Array, radius_m: Array, per_m: float) -> None:  # noqa: PLR0917 - compiled loops take no keywords
    """Add the leaves of an ellipsoid: of undergrowth, so nobody owns them."""
    low, high = centre_m - corner_m - radius_m[1], centre_m - corner_m + radius_m[1]
    for axis in range(2):
        low[axis] = centre_m[axis] - corner_m[axis] - radius_m[0]
        high[axis] = centre_m[axis] - corner_m[axis] + radius_m[0]
    for i in range(_cell(low[0], leaves.shape[0]), _cell(high[0], leaves.shape[0]) + 1):
        for j in range(_cell(low[1], leaves.shape[1]), _cell(high[1], leaves.shape[1]) + 1):
            for k in range(_cell(low[2], leaves.shape[2]), _cell(high[2], leaves.shape[2]) + 1):
                east = (corner_m[0] + (i + 0.5) * VOXEL_M - centre_m[0]) / radius_m[0]
                north = (corner_m[1] + (j + 0.5) * VOXEL_M - centre_m[1]) / radius_m[0]
                up = (corner_m[2] + (k + 0.5) * VOXEL_M - centre_m[2]) / radius_m[1]
                if east * east + north * north + up * up <= 1.0:
                    leaves[i, j, k] += per_m


@compiled
def fill_herbs(leaves: Array, corner_m: Array, ground_m: Array, tall_m: Array, per_m: float) -> None:  # noqa: PLR0917 - compiled loops take no keywords
    """Add herbs up to `tall_m` above the ground; both are given at the ground's nodes."""
    step = int(VOXEL_M / NODE_M)
    for i in range(leaves.shape[0]):
        for j in range(leaves.shape[1]):
            ground, tall = ground_m[step * i + 1, step * j + 1], tall_m[step * i + 1, step * j + 1]
            if tall > 0.0:
                bottom, top = ground - corner_m[2], ground + tall - corner_m[2]
                for k in range(_cell(bottom, leaves.shape[2]), _cell(top, leaves.shape[2]) + 1):
                    full = min(top, (k + 1) * VOXEL_M) - max(bottom, k * VOXEL_M)
                    leaves[i, j, k] += per_m * max(full, 0.0) / VOXEL_M


@compiled
def clear_place(leaves: Array, corner_m: Array, place_m: Array, radius_m: float) -> None:
    """Take the leaves away around a scanner, whose crew cut them: a column 3 m high about its lens."""
    low, high = place_m - corner_m - radius_m, place_m - corner_m + radius_m
    for i in range(_cell(low[0], leaves.shape[0]), _cell(high[0], leaves.shape[0]) + 1):
        for j in range(_cell(low[1], leaves.shape[1]), _cell(high[1], leaves.shape[1]) + 1):
            east = corner_m[0] + (i + 0.5) * VOXEL_M - place_m[0]
            north = corner_m[1] + (j + 0.5) * VOXEL_M - place_m[1]
            if np.hypot(east, north) <= radius_m:
                bottom = _cell(place_m[2] - 2.0 - corner_m[2], leaves.shape[2])
                leaves[i, j, bottom : _cell(place_m[2] + 1.0 - corner_m[2], leaves.shape[2]) + 1] = 0.0


@compiled
def list_wood(shape: tuple[int, int, int], corner_m: Array, start_m: Array, end_m: Array, widest_m: Array) -> Array:  # noqa: PLR0917 - compiled loops take no keywords
    """Return (voxel, row) of all wood that may be met in a voxel, in the order of rows, shape (n, 2)."""
    count = _walk_wood(shape, corner_m, start_m, end_m, widest_m, np.empty((0, 2), np.int64))
    held = np.empty((count, 2), np.int64)
    _walk_wood(shape, corner_m, start_m, end_m, widest_m, held)
    return held


@compiled
def _walk_wood(  # noqa: PLR0917 - compiled loops take no keywords
    shape: tuple[int, int, int], corner_m: Array, start_m: Array, end_m: Array, widest_m: Array, held: Array
) -> int:
    """Count the pairs, or write them where there is room."""
    count = 0
    for row in range(len(start_m)):
        touch = widest_m[row] + _TOUCH_M
        low = np.minimum(start_m[row], end_m[row]) - touch - corner_m
        high = np.maximum(start_m[row], end_m[row]) + touch - corner_m
        if np.any(high < 0.0) or np.any(low >= np.array(shape) * VOXEL_M):
            continue
        for i in range(_cell(low[0], shape[0]), _cell(high[0], shape[0]) + 1):
            for j in range(_cell(low[1], shape[1]), _cell(high[1], shape[1]) + 1):
                for k in range(_cell(low[2], shape[2]), _cell(high[2], shape[2]) + 1):
                    if _is_near(corner_m, (i, j, k), start_m[row], end_m[row], touch):
                        if len(held):
                            held[count, 0], held[count, 1] = (i * shape[1] + j) * shape[2] + k, row
                        count += 1
    return count


@compiled
def _is_near(corner_m: Array, cell: tuple[int, int, int], start: Array, end: Array, touch_m: float) -> bool:  # noqa: PLR0917 - compiled loops take no keywords
    """Tell whether a voxel's centre lies within a distance of a line between two ends."""
    along, square, dot = 0.0, 0.0, 0.0
    for axis in range(3):
        along = end[axis] - start[axis]
        square += along * along
        dot += along * (corner_m[axis] + (cell[axis] + 0.5) * VOXEL_M - start[axis])
    share = min(max(dot / square, 0.0), 1.0)
    apart = 0.0
    for axis in range(3):
        rest = corner_m[axis] + (cell[axis] + 0.5) * VOXEL_M - start[axis] - share * (end[axis] - start[axis])
        apart += rest * rest
    return apart <= touch_m * touch_m
