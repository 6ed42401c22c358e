"""Which tiles an area is cut into: squares of a grid that is fixed in the world, each with what lies around it.

The side follows from how many points lie where: the least work among the sides whose tiles a worker can hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from survey.airborne.tile import Box
from survey.catalogue.spool import BLOCK_M, SpoolIndex
from survey.errors import InvalidParameter

MOST_POINTS: Final = 1_300_000
"""Points of a tile with what lies around it: 150 MB while they are searched, beside 230 MB of libraries."""
GROUND_POINTS: Final = 1_500_000
"""The same where only ground is told, which takes less for each point."""
SIDES_M: Final = (25, 50, 75, 100, 125, 150, 200, 250, 300, 350, 400, 450, 500, 600, 700, 800, 900, 1000, 1500, 2000)
"""Sides that are chosen from."""
_MOST_SIDE_M: Final = 10_000.0
_TILE_COST: Final = 30_000
"""What a tile costs beside its points, in points."""
_MOST_BLOCKS: Final = 16_000_000
"""Blocks of the rectangle around all files that are counted: 100 km by 100 km."""
_LONE_SIDE_M: Final = 250.0
"""Side where files lie too far apart to count: a guess for common densities."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A square of the grid.

    Attributes
    ----------
    column, row
        Counted from the world's origin.
    side_m
        A multiple of 25.
    """

    column: int
    row: int
    side_m: float

    @property
    def name(self) -> str:
        """As people read it: easting and northing of the south-western corner."""
        return f"{self.column * self.side_m:.0f}_{self.row * self.side_m:.0f}"

    @property
    def core(self) -> Box:
        """What the tile answers for."""
        west, south = self.column * self.side_m, self.row * self.side_m
        return Box(west, south, west + self.side_m, south + self.side_m)


@dataclass(frozen=True, slots=True, eq=False)
class BlockCounts:
    """Points of each block over all files.

    Attributes
    ----------
    column, row
        Of the blocks that have points, none twice, shape (n,).
    count, first_count
        Their points, and first echoes, shape (n,).
    covered
        Bits of their 5 m cells that have a point, shape (n,).
    """

    column: NDArray[np.int64]
    row: NDArray[np.int64]
    count: NDArray[np.int64]
    first_count: NDArray[np.int64]
    covered: NDArray[np.int64]


def count_blocks(indexes: Sequence[SpoolIndex]) -> BlockCounts:
    """Return the points of each block over all files, by row and column."""
    places = np.concatenate([np.column_stack([one.row, one.column]) for one in indexes])
    found, which = np.unique(places, axis=0, return_inverse=True)
    sums = [np.zeros(len(found), dtype=np.int64) for _ in range(3)]
    which = which.reshape(-1)
    np.add.at(sums[0], which, np.concatenate([one.count for one in indexes]))
    np.add.at(sums[1], which, np.concatenate([one.first_count for one in indexes]))
    np.bitwise_or.at(sums[2], which, np.concatenate([one.covered for one in indexes]))
    return BlockCounts(found[:, 1], found[:, 0], *sums)


def check_side(side_m: float) -> None:
    """Raise `InvalidParameter` unless a side is a multiple of 25 m, 25 to 10,000."""
    if not (BLOCK_M <= side_m <= _MOST_SIDE_M and side_m % BLOCK_M == 0.0):
        raise InvalidParameter("tile_m", side_m, "it is a multiple of 25 m, 25 to 10,000")


def choose_side(blocks: BlockCounts, reach_m: float, most_points: int = MOST_POINTS) -> float:
    """Return the side in metres with the least work among those whose tiles a worker holds.

    Parameters
    ----------
    blocks
        Where points lie.
    reach_m
        How far around a tile its points are needed.
    most_points
        What a worker holds; where even the smallest tiles have more, they are taken.
    """
    if not blocks.count.size:
        return _LONE_SIDE_M
    west, south = int(blocks.column.min()), int(blocks.row.min())
    shape = int(np.ptp(blocks.row)) + 1, int(np.ptp(blocks.column)) + 1
    if shape[0] * shape[1] > _MOST_BLOCKS:
        return _LONE_SIDE_M
    sums = np.zeros((shape[0] + 1, shape[1] + 1), dtype=np.int64)
    sums[blocks.row - south + 1, blocks.column - west + 1] = blocks.count
    sums = sums.cumsum(axis=0).cumsum(axis=1)
    best, least = float(SIDES_M[0]), np.inf
    for side in SIDES_M:
        held = _count_held(sums, (west, south), side // int(BLOCK_M), reach_m / BLOCK_M)
        work = float(held.sum() + _TILE_COST * held.size)
        if held.max() <= most_points and work < least:
            best, least = float(side), work
    return best


def list_tiles(blocks: BlockCounts, side_m: float) -> list[Tile]:
    """Return the tiles whose cores have points, by row and column."""
    many = int(side_m / BLOCK_M)
    places = np.unique(np.column_stack([blocks.row // many, blocks.column // many]), axis=0)
    return [Tile(column, row, side_m) for row, column in places.tolist()]


def _count_held(sums: NDArray[np.int64], corner: tuple[int, int], many: int, reach: float) -> NDArray[np.float64]:
    """Return the points of each tile of `many` blocks a side with `reach` blocks around, of tiles that have some.

    Blocks at the rim count by the share that lies within reach.
    """
    rows = _edges(sums.shape[0] - 1, corner[1], many)
    columns = _edges(sums.shape[1] - 1, corner[0], many)
    own = _rectangles(sums, (rows, columns), many, 0.0)
    held = _rectangles(sums, (rows, columns), many, reach)
    return held[own > 0.0]


def _edges(count: int, first: int, many: int) -> NDArray[np.float64]:
    """Return where tiles begin, in blocks from the first one."""
    begins = np.arange(first // many, (first + count - 1) // many + 1) * many - first
    return begins.astype(np.float64)


def _rectangles(
    sums: NDArray[np.int64], begins: tuple[NDArray[np.float64], NDArray[np.float64]], many: int, reach: float
) -> NDArray[np.float64]:
    rows, columns = begins
    strips = _between(sums, rows + many + reach, axis=0) - _between(sums, rows - reach, axis=0)
    found: NDArray[np.float64] = _between(strips, columns + many + reach, axis=1) - _between(
        strips, columns - reach, axis=1
    )
    return found


def _between(sums: NDArray[np.float64] | NDArray[np.int64], at: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Return cumulated counts at places between block edges, linear."""
    at = np.clip(at, 0.0, sums.shape[axis] - 1.0)
    low = np.minimum(np.floor(at).astype(np.int64), sums.shape[axis] - 2)
    share = np.expand_dims(at - low, 1 - axis)
    lower, upper = (np.take(sums, place, axis).astype(np.float64) for place in (low, low + 1))
    between: NDArray[np.float64] = lower + (upper - lower) * share
    return between
