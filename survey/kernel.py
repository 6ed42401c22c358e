"""Loops over cells and points that are compiled at their first call, and kept compiled beside the source."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeAlias, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

P = ParamSpec("P")
R = TypeVar("R")
Array: TypeAlias = NDArray[Any]
"""An array whose element type the caller fixes."""


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function compiled by numba, on one thread, so that results do not depend on the number of threads."""
    return cast("Callable[P, R]", numba.njit(cache=True)(function))


@compiled
def find_neighbour(cell: int, turn: int, rows: int, columns: int) -> int:
    """Return the flat index of a cell's neighbour, -1 beyond the border.

    `turn` counts the 3 x 3 cells around by rows: 4 is the cell itself, odd ones share a side.
    """
    row, column = cell // columns + turn // 3 - 1, cell % columns + turn % 3 - 1
    if row < 0 or column < 0 or row >= rows or column >= columns:
        return -1
    return row * columns + column


@compiled
def find_end(parent: Array, start: int) -> int:
    """Return the end of a chain of parents, halving it on the way (union-find)."""
    while parent[start] != start:
        parent[start] = parent[parent[start]]
        start = parent[start]
    return start


@compiled
def measure_steps(one: int, two: int, columns: int) -> float:
    """Return the distance of two cells' centres, in cells."""
    return float(np.hypot(one // columns - two // columns, one % columns - two % columns))
