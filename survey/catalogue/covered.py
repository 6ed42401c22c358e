"""The outline of the ground that a catalogue covers, from the cells that have points."""

from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from survey.catalogue.plan import BlockCounts
from survey.catalogue.spool import BLOCK_M, CELL_M
from survey.coverage import Ring, list_rings

_MOST_CELLS: Final = 60_000
"""Cells that are joined one by one, 1.5 km2; of larger areas whole blocks are, whose edges matter less there."""
_SIDE: Final = int(BLOCK_M / CELL_M)


def outline_area(blocks: BlockCounts) -> tuple[Ring, ...]:
    """Return closed rings of easting and northing, metres: outer rings and holes, the largest first, at most 100.

    Parameters
    ----------
    blocks
        Of the area.
    """
    edges, side_m = _list_cells(blocks), CELL_M
    if len(edges) > _MOST_CELLS:
        edges, side_m = np.column_stack([blocks.column, blocks.row]).astype(np.float64) * BLOCK_M, BLOCK_M
    west, south = edges.T
    area = shapely.coverage_union_all(shapely.box(west, south, west + side_m, south + side_m))
    return list_rings(area, side_m / 2.0)


def _list_cells(blocks: BlockCounts) -> NDArray[np.float64]:
    """Return the south-western corners of cells with points, shape (n, 2)."""
    bits = np.arange(_SIDE * _SIDE)
    block, bit = np.nonzero((blocks.covered[:, None] >> bits) & 1)
    column, row = blocks.column[block] * _SIDE + bit % _SIDE, blocks.row[block] * _SIDE + bit // _SIDE
    corners: NDArray[np.float64] = np.column_stack([column, row]).astype(np.float64) * CELL_M
    return corners
