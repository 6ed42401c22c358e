"""Square cells over the plane: where a point falls, and what a raster says between cell centres.

The origin lies on multiples of the cell side, so that neighbouring clouds share their cells. Row 0 is the south, column
0 the west.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from survey.cloud import Floats
from survey.errors import ExtentTooLarge

MAX_CELLS: Final = 16_000_000
"""Cells of one raster: 2 km by 2 km at half a metre, 128 MB as floats."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A raster's place.

    Attributes
    ----------
    west_m, south_m
        Outer corner of cell (0, 0).
    cell_m
        Side of a cell.
    rows, columns
        Cells northward and eastward.
    """

    west_m: float
    south_m: float
    cell_m: float
    rows: int
    columns: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows, self.columns


def cover(x_m: Floats, y_m: Floats, cell_m: float) -> Grid:
    """Return the smallest grid that holds all points.

    Raises
    ------
    ExtentTooLarge
        When it would have more than 16 million cells.

    Examples
    --------
    >>> cover(np.array([0.2, 1.7]), np.array([5.0, 5.4]), 0.5)
    Grid(west_m=0.0, south_m=5.0, cell_m=0.5, rows=1, columns=4)
    """
    first = np.floor(x_m.min() / cell_m), np.floor(y_m.min() / cell_m)
    columns = float(np.floor(x_m.max() / cell_m) - first[0] + 1.0)
    rows = float(np.floor(y_m.max() / cell_m) - first[1] + 1.0)
    if rows * columns > MAX_CELLS:
        raise ExtentTooLarge(columns * cell_m, rows * cell_m, MAX_CELLS)
    return Grid(float(first[0] * cell_m), float(first[1] * cell_m), cell_m, int(rows), int(columns))


def cells_of(grid: Grid, x_m: Floats, y_m: Floats) -> NDArray[np.int64]:
    """Return the flat cell index of each point, shape (n,); points outside fall to the nearest edge cell."""
    column = np.floor((x_m - grid.west_m) / grid.cell_m).astype(np.int64)
    row = np.floor((y_m - grid.south_m) / grid.cell_m).astype(np.int64)
    np.clip(column, 0, grid.columns - 1, out=column)
    np.clip(row, 0, grid.rows - 1, out=row)
    return row * grid.columns + column


def highest_in_cells(grid: Grid, cells: NDArray[np.int64], values: Floats) -> Floats:
    """Return the greatest value of each cell, shape (rows, columns); NaN where there is none."""
    flat = np.full(grid.rows * grid.columns, -np.inf)
    np.maximum.at(flat, cells, values)
    flat[np.isneginf(flat)] = np.nan
    return flat.reshape(grid.shape)


def lowest_in_cells(grid: Grid, cells: NDArray[np.int64], values: Floats) -> Floats:
    """Return the least value of each cell, shape (rows, columns); NaN where there is none."""
    return -highest_in_cells(grid, cells, -values)


def sample(grid: Grid, raster: Floats, x_m: Floats, y_m: Floats) -> Floats:
    """Return a raster between its cell centres, bilinear, shape (n,); beyond the outer centres the edge continues."""
    row = (y_m - grid.south_m) / grid.cell_m - 0.5
    column = (x_m - grid.west_m) / grid.cell_m - 0.5
    # Here, because most surveys never ask, and loading it takes as long as deciding about a million points.
    from scipy import ndimage  # noqa: PLC0415

    values: Floats = ndimage.map_coordinates(raster, (row, column), order=1, mode="nearest")
    return values


def fill_from_nearest(raster: Floats) -> Floats:
    """Return a raster whose NaN cells take the value of the nearest other cell; it must have one."""
    empty = np.isnan(raster)
    if not empty.any():
        return raster
    from scipy import ndimage  # noqa: PLC0415 - as above

    nearest = ndimage.distance_transform_edt(empty, return_distances=False, return_indices=True)
    filled: Floats = raster[tuple(nearest)]
    return filled
