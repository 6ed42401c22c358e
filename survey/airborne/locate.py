"""Tops of the trees that form the canopy: peaks of its surface that rise clearly above their saddles.

A peak's prominence is its height above the highest saddle that leads to a higher peak. Peaks join as the surface is
flooded from above (union-find over cells by falling height), which gives prominence and, for each cell, the peak it
leads up to, in one pass.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from survey.airborne.canopy import CanopyModel
from survey.cloud import Floats, Labels
from survey.kernel import Array, compiled, find_end, find_neighbour, measure_steps

_UNSEEN: Final = -1


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
    limits = np.array([chosen.prominence_share, chosen.window_share / canopy.grid.cell_m])
    peak, prominence = _join_peaks(order, surface.reshape(canopy.grid.shape), limits)
    cells = np.flatnonzero((prominence > 0.0) & (surface >= chosen.min_height_m))
    cells = cells[np.argsort(-surface[cells], kind="stable")]
    # One element more, so that the index -1 of unseen cells finds "no top".
    number = np.full(surface.size + 1, _UNSEEN, dtype=np.int32)
    number[cells] = np.arange(cells.size)
    return Tops(cells, surface[cells], prominence[cells], number[peak].reshape(canopy.grid.shape))


@compiled
def _join_peaks(order: Array, surface: Array, limits: Array) -> tuple[Array, Array]:
    """Return each cell's peak (-1 where unseen), and prominence where a cell is a surviving peak, else 0.

    `order` holds cells by falling height, `limits` the least prominence over height and the window in cells a metre.
    """
    rows, columns = surface.shape
    values = np.zeros((2, surface.size))  # heights; prominence
    values[0] = surface.ravel()
    # The highest peak joined so far (union-find); a lost peak's keeper; the cell's own peak by steepest ascent.
    links = np.full((3, surface.size), -1, np.int64)
    for cell in order:
        best, steepest = -1, -1
        for turn in range(9):
            near = find_neighbour(cell, turn, rows, columns)
            if near < 0 or links[0, near] < 0:
                continue
            if steepest < 0 or values[0, near] > values[0, steepest]:
                steepest = near
            other = find_end(links[0], near)
            if best < 0:
                best = other
            elif other != best:
                best = _merge((cell, best, other, columns), values, links, limits)
        links[0, cell] = cell if best < 0 else best
        links[1, cell] = cell
        links[2, cell] = cell if best < 0 else links[2, steepest]
        values[1, cell] = values[0, cell] if best < 0 else 0.0
    for cell in order:
        links[2, cell] = find_end(links[1], links[2, cell])
    return links[2], values[1]


@compiled
def _merge(where: tuple[int, int, int, int], values: Array, links: Array, limits: Array) -> int:
    """Join two peaks at a saddle and return the higher; the lower survives if it is prominent and far enough.

    `where` holds the saddle, both peaks and the raster's columns.
    """
    saddle, high, low, columns = where
    if values[0, low] > values[0, high] or (values[0, low] == values[0, high] and low < high):
        high, low = low, high
    rise = values[0, low] - values[0, saddle]
    apart = measure_steps(low, high, columns)
    links[0, low] = high
    if rise > 0.0 and rise >= limits[0] * values[0, low] and apart >= limits[1] * values[0, low]:
        values[1, low] = rise
    else:
        values[1, low] = 0.0
        links[1, low] = high
    return high
