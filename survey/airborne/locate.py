"""Tops of the trees that form the canopy: peaks of its surface that rise clearly above their saddles.

A peak's prominence is its height above the highest saddle that leads to higher ground. Here the water falls around one
peak at a time, and only within a fixed distance, so that a peak is judged by its surroundings alone: the tops are the
same however the land is cut into tiles.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from survey.airborne.canopy import CanopyModel
from survey.airborne.heap import is_higher, pop_highest, push
from survey.cloud import Floats, Labels
from survey.kernel import Array, compiled, find_neighbour, measure_steps

_UNSEEN: Final = -1


@dataclass(frozen=True, slots=True)
class Chazal2013:
    """Peaks by prominence and by a window that grows with height.

    Persistence-based clustering after Chazal, Guibas, Oudot and Skraba (2013), each peak judged within `saddle_reach_m`
    of it; the window that follows a tree's height is that of Popescu and Wynne (2004), doi 10.14358/PERS.70.5.589.
    Settings were chosen on simulated hectares of seeds 1000 to 1011, mountain forest first and five other kinds beside
    it: a share of the height in the place of `prominence_m` does a little better there and splits broad low crowns.
    """

    NAME: ClassVar[str] = "chazal2013"
    DOI: ClassVar[str | None] = "10.1145/2535927"

    min_height_m: float = 3.0
    """Lower peaks are no trees."""
    prominence_m: float = 0.3
    """Least prominence: leaves and branches make lower peaks of their own, on small trees as on tall ones."""
    window_share: float = 0.11
    """Least distance to the peak that it joins, over height."""
    saddle_reach_m: float = 4.0
    """A peak that is the highest within this distance, or cut off from what is higher, is a top."""
    clear_share: float = 0.30
    """Prominence over height from which a peak is a top without a doubt; deeper saddles are not looked for."""
    climb_m: float = 12.0
    """Greatest distance of a cell from the top that it leads up to: no crown reaches farther."""

    @property
    def reach_m(self) -> float:
        """Cells farther away never decide about a cell's top."""
        # A cell's way up, then from a peak on it to higher ground, and up from there to the peak that it joins.
        return self.climb_m + 2.0 * self.saddle_reach_m


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
        Above the saddle to what is higher, at most `clear_share` of the height; shape (n,).
    basins
        Index of the top that each cell leads up to, -1 for cells that lead to none; shape (rows, columns).
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
    grid = canopy.grid
    surface = np.ascontiguousarray(canopy.height_m).ravel()
    reach = chosen.saddle_reach_m / grid.cell_m
    limits = chosen.prominence_m, chosen.window_share / grid.cell_m, reach, chosen.clear_share
    # Cells below the least top still belong to its crown, down to half of it.
    upward = _find_ways_up(surface, grid.shape, chosen.min_height_m / 2.0)
    prominence = _judge_peaks(surface, grid.shape, upward, limits)
    cells = np.flatnonzero((prominence > 0.0) & (surface >= chosen.min_height_m))
    cells = cells[np.argsort(-surface[cells], kind="stable")]
    # One element more, so that the index -1 of cells without a top finds "no top".
    number = np.full(surface.size + 1, _UNSEEN, dtype=np.int32)
    number[cells] = np.arange(cells.size)
    home = _climb_all(upward, grid.columns, chosen.climb_m / grid.cell_m)
    return Tops(cells, surface[cells], prominence[cells], number[home].reshape(grid.shape))


@compiled
def _find_ways_up(surface: Array, shape: tuple[int, int], least: float) -> Array:
    """Return each cell's highest neighbour, the cell itself where it is a peak, -1 where it is too low."""
    upward = np.full(surface.size, -1, np.int64)
    for cell in range(surface.size):
        if surface[cell] < least:
            continue
        best = cell
        for turn in range(9):
            near = find_neighbour(cell, turn, shape[0], shape[1])
            if near >= 0 and is_higher(near, best, surface):
                best = near
        upward[cell] = best
    return upward


@compiled
def _judge_peaks(
    surface: Array, shape: tuple[int, int], upward: Array, limits: tuple[float, float, float, float]
) -> Array:
    """Return the prominence of peaks that are tops, else 0; other peaks are led on to the peak that they join.

    `limits` holds least prominence, window in cells a metre of height, reach in cells, and the prominence over height
    from which nothing is doubted.
    """
    prominence = np.zeros(surface.size)
    peaks = np.flatnonzero(upward == np.arange(surface.size))
    led_on = np.full(peaks.size, -1, np.int64)
    stamps = np.full(surface.size, -1, np.int64)
    heap = np.empty((2 * int(limits[2]) + 5) ** 2, np.int64)
    for number in range(peaks.size):
        peak = peaks[number]
        stamps[peak] = number
        keeper, rise = _flood(peak, surface, shape, (heap, stamps), (limits[2], limits[3] * surface[peak]))
        if keeper >= 0:
            joined = _climb(keeper, upward, shape[1], limits[2])
            apart = measure_steps(peak, joined, shape[1])
            if rise <= 0.0 or rise < limits[0] or apart < limits[1] * surface[peak]:
                led_on[number] = joined
                continue
        prominence[peak] = rise
    for number in range(peaks.size):
        if led_on[number] >= 0:
            upward[peaks[number]] = led_on[number]
    return prominence


@compiled
def _flood(
    peak: int, surface: Array, shape: tuple[int, int], memory: tuple[Array, Array], limits: tuple[float, float]
) -> tuple[int, float]:
    """Return the first higher cell that falling water uncovers a way to, -1 for none, and how far it fell.

    It falls until the way leaves the reach, or by the clear rise of `limits`.
    """
    heap, stamps = memory
    number = stamps[peak]
    size = push(heap, 0, peak, surface)
    level = surface[peak]
    while size > 0:
        cell = heap[0]
        size = pop_highest(heap, size, surface)
        level = min(level, surface[cell])
        if is_higher(cell, peak, surface):
            return cell, surface[peak] - level
        if surface[peak] - level >= limits[1]:
            return -1, limits[1]
        if measure_steps(cell, peak, shape[1]) > limits[0]:
            break
        for turn in range(9):
            near = find_neighbour(cell, turn, shape[0], shape[1])
            if near >= 0 and stamps[near] != number:
                stamps[near] = number
                size = push(heap, size, near, surface)
    # Nothing higher within reach; a plateau's highest cell rises above what was seen of it by something.
    return -1, max(surface[peak] - level, 1e-6)


@compiled
def _climb(start: int, upward: Array, columns: int, reach: float) -> int:
    """Return where the way up from a cell ends, or where it would leave the reach."""
    cell = start
    while upward[cell] != cell and upward[cell] >= 0 and measure_steps(upward[cell], start, columns) <= reach:
        cell = upward[cell]
    return int(cell)


@compiled
def _climb_all(upward: Array, columns: int, reach: float) -> Array:
    """Return the top that each cell leads up to, -1 where it leads to none within reach."""
    home = np.full(upward.size, -1, np.int64)
    for cell in range(upward.size):
        if upward[cell] >= 0:
            end = _climb(cell, upward, columns, reach)
            home[cell] = end if upward[end] == end else -1
    return home
