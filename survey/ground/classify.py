"""Which points are ground: the vendor's word, or a progressive morphological filter refined on triangles."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from survey.cloud import Bools, Floats, Points
from survey.errors import NoGround
from survey.grid import Grid, cells_of, cover, fill_from_nearest, lowest_in_cells, sample
from survey.ground.terrain import interpolate

GROUND: Final = 2
"""ASPRS class of ground (LAS 1.4 R15, table 17)."""
_PITS_M: Final = 1.0
"""A cell this far below all its neighbours is an echo of an echo."""
_FLOOR_CELL_M: Final = 20.0
"""Wide enough that some echo reaches the ground even below a closed canopy."""
_FLOOR_WITHIN_M: Final = 1.0
_FLOOR_SHARE: Final = 0.9
_FLOOR_POINTS: Final = 100


@dataclass(frozen=True, slots=True)
class VendorClass:
    """Class 2 as the file has it."""

    NAME: ClassVar[str] = "vendor-class"
    DOI: ClassVar[str | None] = None


@dataclass(frozen=True, slots=True)
class Pingel2013:
    """Simple morphological filter: lowest points opened by growing windows, then points near what remains.

    After Pingel, Clarke and McBride (2013). Two rounds of acceptance on triangles follow, as in Axelsson's
    densification, so that banks and hollows that the opening took come back.
    """

    NAME: ClassVar[str] = "pingel2013"
    DOI: ClassVar[str | None] = "10.1016/j.isprsjprs.2012.12.002"

    cell_m: float = 1.0
    """Cell of the lowest surface."""
    window_m: float = 12.0
    """Radius of the largest window: wider than half of any gap-free canopy patch that hides all ground."""
    slope: float = 0.30
    """Rise over run between ground cells, beyond the trend of the ground."""
    near_m: float = 0.35
    """Distance above the triangles within which a point is ground."""
    below_m: float = 0.50
    """Distance below."""


GroundAlgorithm = VendorClass | Pingel2013


def classify_ground(points: Points, algorithm: GroundAlgorithm | None = None) -> Bools:
    """Return which points are ground.

    Parameters
    ----------
    points
        Points in metres, noise removed.
    algorithm
        The vendor's class, or our own classifier.

    Returns
    -------
    Shape (n,).

    Raises
    ------
    NoGround
        When the vendor marked no ground, or none can be made out.
    """
    chosen = algorithm or Pingel2013()
    if isinstance(chosen, Pingel2013):
        return _filter(points, chosen)
    is_ground: Bools = points.classification == GROUND
    if not is_ground.any():
        raise NoGround("the file has no point of class 2")
    return is_ground


def is_normalized(points: Points) -> bool:
    """Tell whether elevations are already heights above ground.

    They are when the vendor's ground lies at zero, or the lowest of nearly every patch of 20 m does. A cloud over flat
    land at the level of the sea would look the same; there a height and an elevation agree.
    """
    vendor = np.abs(points.z_m[points.classification == GROUND])
    if vendor.size >= _FLOOR_POINTS and (vendor <= _FLOOR_WITHIN_M / 2.0).mean() >= _FLOOR_SHARE:
        return True
    grid = cover(points.x_m, points.y_m, _FLOOR_CELL_M)
    floor = lowest_in_cells(grid, cells_of(grid, points.x_m, points.y_m), points.z_m)
    known = floor[~np.isnan(floor)]
    return bool((np.abs(known) <= _FLOOR_WITHIN_M).mean() >= _FLOOR_SHARE)


def _filter(points: Points, chosen: Pingel2013) -> Bools:
    grid = cover(points.x_m, points.y_m, chosen.cell_m)
    cells = cells_of(grid, points.x_m, points.y_m)
    lowest = _drop_pits(lowest_in_cells(grid, cells, points.z_m))
    is_floor = ~np.isnan(lowest) & _survives_opening(fill_from_nearest(lowest), chosen)
    is_lowest = points.z_m == lowest.ravel()[cells]
    seeds = np.flatnonzero(is_lowest & is_floor.ravel()[cells])
    for _ in range(2):
        seeds = _one_each(cells, np.flatnonzero(is_lowest & _is_near(grid, points, seeds, chosen)))
    return _is_near(grid, points, seeds, chosen)


def _is_near(grid: Grid, points: Points, seeds: NDArray[np.int64], chosen: Pingel2013) -> Bools:
    """Return which points lie near the triangles of the seeds."""
    surface = interpolate(grid, points, seeds)
    above = points.z_m - sample(grid, surface, points.x_m, points.y_m)
    near: Bools = (above <= chosen.near_m) & (above >= -chosen.below_m)
    return near


def _one_each(cells: NDArray[np.int64], indices: NDArray[np.int64]) -> NDArray[np.int64]:
    _, first = np.unique(cells[indices], return_index=True)
    once: NDArray[np.int64] = indices[first]
    return once


def _drop_pits(lowest: Floats) -> Floats:
    """Return the surface without cells far below everything around them."""
    filled = fill_from_nearest(lowest)
    closed = ndimage.grey_closing(filled, size=(5, 5), mode="nearest")
    return np.where(closed - filled > _PITS_M, np.nan, lowest)


def _survives_opening(surface: Floats, chosen: Pingel2013) -> Bools:
    """Return the cells that no window lifts: each window removes what is narrower and rises faster than the slope."""
    is_floor = np.ones(surface.shape, dtype=np.bool_)
    last = surface
    for radius in _radii(max(1, round(chosen.window_m / chosen.cell_m))):
        opened = _open(last, radius)
        is_floor &= last - opened <= chosen.slope * radius * chosen.cell_m
        last = opened
    return is_floor


def _radii(largest: int) -> tuple[int, ...]:
    """Return growing radii in cells, each half as wide again: as thorough as single steps in a third of the time."""
    radii = [1]
    while radii[-1] < largest:
        radii.append(min(largest, max(radii[-1] + 1, radii[-1] * 3 // 2)))
    return tuple(radii)


def _open(surface: Floats, radius: int) -> Floats:
    """Return the opening by a disc; the border is continued by point reflection, so that slopes stay slopes."""
    pad = min(2 * radius, min(surface.shape) - 1)
    padded = np.pad(surface, pad, mode="reflect", reflect_type="odd") if pad > 0 else surface
    span = np.arange(-radius, radius + 1)
    disc = span[:, None] ** 2 + span[None, :] ** 2 <= radius**2
    opened: Floats = ndimage.grey_opening(padded, footprint=disc, mode="nearest")
    return opened[pad : surface.shape[0] + pad, pad : surface.shape[1] + pad]
