"""Which points of a cloud stand for it from afar: an octree whose every node holds a like number.

A node keeps a share of the points below it, chosen by a hash of their place in the file, and hands the others down; a
node with few enough keeps all. So each level is an even sample of the next ones, whatever the density, and what a point
is assigned to depends on its index and the counts of cells alone.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from survey.cloud import Floats

Cells = NDArray[np.int64]

DEPTH: Final = 8
"""Levels below the root: 256 cells a side, 4 m of a kilometre."""
_SIDE: Final = 1 << DEPTH
NODE_POINTS: Final = 50_000
"""That a node keeps where there are more below it; viewers load a node at once."""
LEAF_POINTS: Final = 100_000
"""Up to which a node keeps all."""


@dataclass(frozen=True, slots=True, eq=False)
class OctreePlan:
    """How points are shared among the levels.

    Attributes
    ----------
    cells
        Finest cells that hold points, ascending, shape (m,).
    kept
        Share of a cell's points that stand in a level or above it, shape (m, 9); the last is 1.
    """

    cells: Cells
    kept: Floats


def find_cells(xyz: Floats, least: Floats, side: float) -> Cells:
    """Return the finest cell of each point, shape (n,); a cell is ``(x * 256 + y) * 256 + z``.

    Parameters
    ----------
    xyz
        Shape (n, 3).
    least, side
        Lowest corner of the root's cube, shape (3,), and its side.

    Examples
    --------
    >>> find_cells(np.array([[0.0, 0.0, 0.0], [1.0, 0.5, 1.0]]), np.zeros(3), 1.0).tolist()
    [0, 16744703]
    """
    steps = np.clip(np.floor((xyz - least) / side * _SIDE), 0, _SIDE - 1).astype(np.int64)
    return (steps[:, 0] << 2 * DEPTH) | (steps[:, 1] << DEPTH) | steps[:, 2]


def parent_cells(cells: Cells, level: int | NDArray[np.int64]) -> Cells:
    """Return the key of each cell's cube at a level: x, y and z of that level, packed as `find_cells` has them."""
    x, y, z = unpack_cells(cells)
    up = DEPTH - level
    return (x >> up << 2 * DEPTH) | (y >> up << DEPTH) | (z >> up)


def unpack_cells(cells: Cells) -> tuple[Cells, Cells, Cells]:
    """Return x, y and z of packed cells."""
    mask = _SIDE - 1
    return cells >> 2 * DEPTH, (cells >> DEPTH) & mask, cells & mask


def plan_octree(cells: Cells, counts: Cells) -> OctreePlan:
    """Return how the points of cells are shared among the levels.

    Parameters
    ----------
    cells
        Finest cells, ascending, shape (m,).
    counts
        Points in each, shape (m,).
    """
    kept = np.zeros((cells.size, DEPTH + 1))
    left = np.ones(cells.size)
    for level in range(DEPTH + 1):
        _, node = np.unique(parent_cells(cells, level), return_inverse=True)
        below = np.bincount(node, weights=counts * left)[node]
        # Of what is left below a node, it keeps its number, or all where that is little.
        share = np.where(below <= LEAF_POINTS, 1.0, np.minimum(NODE_POINTS / np.maximum(below, 1.0), 1.0))
        left *= 1.0 - share
        kept[:, level] = 1.0 - left
    kept[:, DEPTH] = 1.0
    return OctreePlan(cells, kept)


def assign_levels(plan: OctreePlan, cells: Cells, index: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the level of each point, shape (n,).

    Parameters
    ----------
    plan
        Of all points.
    cells, index
        Finest cell and place in the file of each point, shape (n,).
    """
    row = np.searchsorted(plan.cells, cells)
    drawn = _draw(index)
    levels = np.zeros(cells.size, dtype=np.int64)
    for level in range(DEPTH):
        levels += drawn >= plan.kept[row, level]
    return levels


def _draw(index: NDArray[np.int64]) -> Floats:
    """Return a number in [0, 1) for each index, by SplitMix64 (Steele et al. 2014, doi 10.1145/2714064.2660195)."""
    mixed = (index.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53
