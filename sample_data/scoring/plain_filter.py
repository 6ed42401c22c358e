"""The plain peer: local maxima of a canopy model under a window of fixed size.

What most first attempts at single trees do (Popescu et al. 2002, doi 10.1016/S0168-1699(02)00121-7, compare it with
variable windows); better methods are shown beside it.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sample_data.errors import InvalidPoints, check_range
from sample_data.forest.terrain import Terrain, elevation_m
from sample_data.scanning.cloud import PointCloud

Floats = NDArray[np.float64]

# 16 million cells are 128 MB: 2 km by 2 km at half a metre.
_MOST_CELLS = 16_000_000
# Nothing that grows is taller; points above it are birds.
_TALLEST_M = 60.0


def normalize_by_truth(cloud: PointCloud, terrain: Terrain) -> Floats:
    """Return points with heights above the true ground.

    Parameters
    ----------
    cloud
        Points over that terrain.
    terrain
        The true ground.

    Returns
    -------
    Shape (n, 3): easting, northing, height above ground, metres.
    """
    height = cloud.z_m - elevation_m(terrain, cloud.x_m, cloud.y_m)
    return np.column_stack([cloud.x_m, cloud.y_m, height])


def fixed_window_filter(
    points_xyh: Floats, *, cell_m: float = 0.5, window_cells: int = 5, min_height_m: float = 5.0
) -> Floats:
    """Return the cells that are highest in a square window around them.

    Parameters
    ----------
    points_xyh
        Easting, northing, height above ground, shape (n, 3), metres.
    cell_m
        Side of a canopy model cell, metres.
    window_cells
        Side of the window, an odd number of cells.
    min_height_m
        Lower cells are no trees.

    Returns
    -------
    Shape (m, 3): easting and northing of the cells' centres, height.

    Raises
    ------
    InvalidPoints
        Wrong shape, or an extent of more than 16 million cells.
    InvalidParameter
        A cell or window out of range.

    Examples
    --------
    >>> fixed_window_filter(np.array([[0.1, 0.1, 9.0], [1.6, 1.6, 4.0]])).tolist()
    [[0.25, 0.25, 9.0]]
    """
    check_range("cell_m", cell_m, 0.05, 10.0)
    check_range("window_cells", window_cells, 3, 99)
    if points_xyh.ndim != 2 or points_xyh.shape[1] != 3:  # noqa: PLR2004 - three coordinates
        raise InvalidPoints(points_xyh.shape, "it must be (n, 3)")
    west, south, canopy = _highest_in_cells(points_xyh, cell_m)
    half = window_cells // 2
    padded = np.pad(canopy, half, constant_values=-np.inf)
    window = (2 * half + 1, 2 * half + 1)
    tallest = sliding_window_view(padded, window).max(axis=(2, 3)) if canopy.size else canopy
    row, column = np.nonzero((canopy == tallest) & (canopy >= min_height_m))
    return np.column_stack([west + (column + 0.5) * cell_m, south + (row + 0.5) * cell_m, canopy[row, column]])


def _highest_in_cells(points_xyh: Floats, cell_m: float) -> tuple[float, float, Floats]:
    """Return west and south edge and the highest point of each cell; cells without points are zero."""
    kept = points_xyh[points_xyh[:, 2] <= _TALLEST_M]
    if len(kept) == 0:
        return 0.0, 0.0, np.empty((0, 0))
    west, south = np.floor(kept[:, :2].min(axis=0) / cell_m) * cell_m
    cells = np.floor((kept[:, :2] - (west, south)) / cell_m).astype(np.int64)
    columns, rows = cells.max(axis=0) + 1
    if columns * rows > _MOST_CELLS:
        raise InvalidPoints(points_xyh.shape, f"its extent must be at most {_MOST_CELLS} cells")
    canopy = np.zeros(rows * columns)
    np.maximum.at(canopy, cells[:, 1] * columns + cells[:, 0], kept[:, 2])
    return float(west), float(south), canopy.reshape(rows, columns)
