"""Tops of the trees that form the canopy: peaks of its surface that rise clearly above their saddles.

A peak's prominence is its height above the highest saddle that leads to a higher peak. Peaks join as the surface is
flooded from above (union-find over cells by falling height), which gives prominence and, for each cell, the peak it
leads up to, in one pass.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numba
import numpy as np
from numpy.typing import NDArray

from survey.canopy import CanopyModel
from survey.cloud import Floats, Labels

_UNSEEN = -1


@dataclass(frozen=True, slots=True)
class Chazal2013:
    """Peaks by prominence and by a window that grows with height.

    Persistence-based clustering after Chazal, Guibas, Oudot and Skraba (2013); the window that follows a tree's height
    is that of Popescu and Wynne (2004), doi 10.14358/PERS.70.5.589. Settings were chosen on the simulated hectares of
    seeds 1000 to 1011.
    """

    NAME: ClassVar[str] = "chazal2013"
    DOI: ClassVar[str | None] = "10.1145/2535927"

    min_height_m: float = 3.0
    """Lower peaks are no trees."""
    prominence_share: float = 0.015
    """Least prominence over height."""
    window_share: float = 0.10
    """Least distance to the peak that it joins, over height."""


@dataclass(frozen=True, slots=True, eq=False)
class Tops:
    """Tree tops on the canopy's surface, highest first.

    Attributes
    ----------
    cell
        Flat index of each top's cell, shape (n,).
    height_m
        The surface there, shape (n,).
    prominence_m
        Above the saddle to a higher top; for one that meets none, above the ground; shape (n,).
    basins
        Index of the top that each cell leads up to, -1 for cells below the least height; shape (rows, columns).
    """

    cell: NDArray[np.int64]
    height_m: Floats
    prominence_m: Floats
    basins: Labels


def locate_trees(canopy: CanopyModel, algorithm: Chazal2013 | None = None) -> Tops:
    """Return the tops of the trees that form the canopy.

    Parameters
    ----------
    canopy
        Its surface.
    algorithm
        Which peaks are trees.

    Returns
    -------
    Tops, highest first; of equal ones the south-western first.
    """
    chosen = algorithm or Chazal2013()
    surface = np.ascontiguousarray(canopy.height_m).ravel()
    # Cells below the least top still belong to its crown, down to half of it.
    candidates = np.flatnonzero(surface >= chosen.min_height_m / 2.0)
    order = candidates[np.argsort(-surface[candidates], kind="stable")]
    rows, columns = canopy.grid.shape
    limits = np.array([chosen.prominence_share, chosen.window_share / canopy.grid.cell_m])
    peak, prominence = _join_peaks(order, surface, rows, columns, limits)
    return _collect(surface, peak, prominence, chosen.min_height_m, canopy.grid.shape)


def _collect(
    surface: Floats, peak: NDArray[np.int64], prominence: Floats, least_m: float, shape: tuple[int, int]
) -> Tops:
    cells = np.flatnonzero((prominence > 0.0) & (surface >= least_m))
    cells = cells[np.argsort(-surface[cells], kind="stable")]
    number = np.full(surface.size + 1, _UNSEEN, dtype=np.int32)
    number[cells] = np.arange(cells.size)
    return Tops(cells, surface[cells], prominence[cells], number[peak].reshape(shape))


@numba.njit(cache=True)  # type: ignore[misc, unused-ignore]
def _join_peaks(order: Any, surface: Any, rows: int, columns: int, limits: Any) -> Any:  # noqa: C901 - a call inside the innermost loop costs more than the reader gains
    """Return each cell's peak (-1 where unseen), and prominence where a cell is a surviving peak, else 0.

    `order` holds cells by falling height, `limits` the least prominence over height and the window in cells a metre.
    """
    size = surface.size
    uphill = np.full(size, -1, np.int64)  # the cell's own peak, by steepest ascent
    root = np.full(size, -1, np.int64)  # union-find: the highest peak joined so far
    keeper = np.full(size, -1, np.int64)  # for a peak that did not survive, the one that takes its cells
    prominence = np.zeros(size)
    for place in range(order.size):
        cell = order[place]
        best, steepest = -1, -1
        for turn in range(9):
            row, column = cell // columns + turn // 3 - 1, cell % columns + turn % 3 - 1
            if turn == 4 or row < 0 or column < 0 or row >= rows or column >= columns:  # noqa: PLR2004 - itself
                continue
            near = row * columns + column
            if root[near] < 0:
                continue
            if steepest < 0 or surface[near] > surface[steepest]:
                steepest = near
            other = _find(root, near)
            if best < 0:
                best = other
            elif other != best:
                best = _merge(cell, best, other, surface, columns, limits, root, keeper, prominence)
        if best < 0:
            root[cell] = uphill[cell] = keeper[cell] = cell
            prominence[cell] = surface[cell]
        else:
            root[cell] = best
            uphill[cell] = uphill[steepest]
    for cell in range(size):
        if uphill[cell] >= 0:
            uphill[cell] = _find(keeper, uphill[cell])
    return uphill, prominence


@numba.njit(cache=True)  # type: ignore[misc, unused-ignore]
def _find(parent: Any, start: int) -> int:
    """Return the end of a chain of parents, halving it on the way."""
    while parent[start] != start:
        parent[start] = parent[parent[start]]
        start = parent[start]
    return start


@numba.njit(cache=True)  # type: ignore[misc, unused-ignore]
def _merge(  # noqa: PLR0913 - the arrays of one pass
    saddle: int, one: int, two: int, surface: Any, columns: int, limits: Any, root: Any, keeper: Any, prominence: Any
) -> int:
    """Join two peaks at a saddle and return the higher; the lower survives if it is prominent and far enough."""
    high, low = one, two
    if surface[low] > surface[high] or (surface[low] == surface[high] and low < high):
        high, low = low, high
    rise = surface[low] - surface[saddle]
    apart = np.hypot(low // columns - high // columns, low % columns - high % columns)
    root[low] = high
    if rise > 0.0 and rise >= limits[0] * surface[low] and apart >= limits[1] * surface[low]:
        prominence[low] = rise
    else:
        prominence[low] = 0.0
        keeper[low] = high
    return high
