"""A tile's part of a raster, cut to the ground that points cover.

How far a tile's rasters reach beyond its points depends on what else the tile holds. So of each block only the
rectangle of its own points is kept: it is the same in every tile that has the block.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.catalogue.spool import BLOCK_M
from survey.cloud import Floats
from survey.grid import Grid


@dataclass(frozen=True, slots=True)
class BlockRectangle:
    """Where the points of a block lie.

    Attributes
    ----------
    column, row
        The block, counted from the world's origin.
    west_m, south_m, east_m, north_m
        Its outermost points.
    """

    column: int
    row: int
    west_m: float
    south_m: float
    east_m: float
    north_m: float


def join_rectangles(one: BlockRectangle, other: BlockRectangle) -> BlockRectangle:
    """Return the rectangle of both, of the same block."""
    return BlockRectangle(
        one.column,
        one.row,
        min(one.west_m, other.west_m),
        min(one.south_m, other.south_m),
        max(one.east_m, other.east_m),
        max(one.north_m, other.north_m),
    )


def cut_patch(grid: Grid, values: Floats, rectangles: list[BlockRectangle]) -> tuple[Grid, NDArray[np.float32]]:
    """Return a raster without what lies beyond the points, NaN in between.

    Parameters
    ----------
    grid, values
        A tile's raster.
    rectangles
        Of the blocks of its core.
    """
    spans = [_find_span(grid, one) for one in rectangles]
    spans = [span for span in spans if span[0] < span[1] and span[2] < span[3]]
    if not spans:
        return Grid(0.0, 0.0, grid.cell_m, 0, 0), np.empty((0, 0), dtype=np.float32)
    low, left = min(span[0] for span in spans), min(span[2] for span in spans)
    high, right = max(span[1] for span in spans), max(span[3] for span in spans)
    patch = np.full((high - low, right - left), np.nan, dtype=np.float32)
    for south, north, west, east in spans:
        patch[south - low : north - low, west - left : east - left] = values[south:north, west:east]
    corner = grid.west_m + left * grid.cell_m, grid.south_m + low * grid.cell_m
    return Grid(*corner, grid.cell_m, *patch.shape), patch


def _find_span(grid: Grid, one: BlockRectangle) -> tuple[int, int, int, int]:
    """Return first row and the row behind the last, first column and the column behind the last."""
    rows = _find_line((one.south_m, one.north_m), one.row, grid.cell_m, (grid.south_m, grid.rows))
    columns = _find_line((one.west_m, one.east_m), one.column, grid.cell_m, (grid.west_m, grid.columns))
    return *rows, *columns


def _find_line(ends_m: tuple[float, float], block: int, cell_m: float, line: tuple[float, int]) -> tuple[int, int]:
    """Return the cells between two ends whose centres lie in a block, as far as the grid has them."""
    first = max(np.floor(ends_m[0] / cell_m), np.ceil(block * BLOCK_M / cell_m - 0.5))
    behind = min(np.floor(ends_m[1] / cell_m) + 1.0, np.ceil((block + 1) * BLOCK_M / cell_m - 0.5))
    start = round(line[0] / cell_m)
    return int(np.clip(first - start, 0, line[1])), int(np.clip(behind - start, 0, line[1]))
