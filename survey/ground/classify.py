"""Which points are ground: the vendor's word, or a progressive morphological filter refined on planes."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from survey.cloud import Bools, Floats, Points
from survey.errors import NoGround
from survey.grid import cells_of, cover, lowest_in_cells
from survey.ground.buckets import Buckets, bucket_points, pick_points
from survey.ground.opening import open_by_disc
from survey.ground.planes import PlaneFit, Vertices, fit_planes
from survey.ground.terrain import TerrainModel, check_vertices, normalize_height
from survey.kernel import Array, compiled

GROUND: Final = 2
"""ASPRS class of ground (LAS 1.4 R15, table 17)."""
_FLOOR_CELL_M: Final = 20.0
"""Wide enough that some echo reaches the ground even below a closed canopy."""
_FLOOR_WITHIN_M: Final = 1.0
_FLOOR_SHARE: Final = 0.9
_FLOOR_POINTS: Final = 100
_NONE: Final = -1


@dataclass(frozen=True, slots=True)
class VendorClass:
    """Class 2 as the file has it."""

    NAME: ClassVar[str] = "vendor-class"
    DOI: ClassVar[str | None] = None

    @property
    def reach_m(self) -> float:
        """No other point decides."""
        return 0.0


@dataclass(frozen=True, slots=True)
class Pingel2013:
    """Simple morphological filter, strict, and then rounds of acceptance that bring back what it cut off.

    Seeds are the lowest points that survive the openings of Pingel, Clarke and McBride (2013). Each round fits planes
    through the seeds and takes for seeds the lowest points near them, from wide planes that a bush cannot bend to
    narrow ones that follow banks and hollows, in the order of Kraus and Pfeifer (1998),
    doi 10.1016/S0924-2716(98)00009-4. Settings were chosen on simulated hectares of seeds 1000 to 1006 with slopes to
    40 degrees and on real tiles.
    """

    NAME: ClassVar[str] = "pingel2013"
    DOI: ClassVar[str | None] = "10.1016/j.isprsjprs.2012.12.002"

    cell_m: float = 1.0
    """Cell of the lowest surface, a power of two."""
    company: int = 2
    """A point is an echo of an echo unless so many pairs of cells on opposite sides are hardly higher, on the mean."""
    company_reach_m: float = 8.0
    """How near they lie."""
    company_rise_m: float = 0.3
    """How much higher they may be at no distance."""
    company_slope: float = 0.15
    """How much higher, a metre of distance more."""
    window_m: float = 12.0
    """Radius of the largest window: wider than half of any gap-free canopy patch that hides all ground."""
    slope: float = 0.15
    """Rise over run that a window may cut off a seed."""
    neighbours: tuple[int, ...] = (32, 16, 8)
    """Seeds of one plane, each round's."""
    near_m: tuple[float, ...] = (0.3, 0.2, 0.2)
    """Distance above the planes within which a point is taken, each round's; all but the last take lowest ones."""
    below_m: float = 0.50
    """Distance below, of the last round; twice that in those before."""
    plane_reach_m: float = 15.0
    """Greatest distance of a seed."""

    @property
    def reach_m(self) -> float:
        """Points farther away never decide."""
        openings = 2.0 * self.window_m + self.cell_m
        return self.company_reach_m + openings + len(self.neighbours) * (self.plane_reach_m + 2.0 * self.cell_m)


GroundAlgorithm = VendorClass | Pingel2013


def classify_ground(
    points: Points, algorithm: GroundAlgorithm | None = None, *, buckets: Buckets | None = None
) -> Bools:
    """Return which points are ground.

    Parameters
    ----------
    points
        Points in metres, noise removed.
    algorithm
        The vendor's class, or our own classifier.
    buckets
        The points by the classifier's cells, where they are known already.

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
        return _filter(points, chosen, buckets or bucket_points(points, chosen.cell_m))
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


def _filter(points: Points, chosen: Pingel2013, buckets: Buckets) -> Bools:
    lowest = _find_lowest(points, chosen, buckets)
    seeds = np.where(_survives_opening(_take(points.z_m, lowest).reshape(buckets.grid.shape), chosen), lowest, _NONE)
    *wide, last = zip(chosen.neighbours, chosen.near_m, strict=True)
    known = np.flatnonzero(lowest != _NONE)
    candidates = pick_points(points, lowest[known])
    for neighbours, near_m in wide:
        above = _measure_above(candidates, (points, seeds, buckets), PlaneFit(neighbours, chosen.plane_reach_m))
        is_near = (above <= near_m) & (above >= -2.0 * chosen.below_m)
        seeds = np.full(lowest.size, _NONE)
        seeds[known[is_near]] = lowest[known[is_near]]
    above = _measure_above(points, (points, seeds, buckets), PlaneFit(last[0], chosen.plane_reach_m))
    near: Bools = (above <= last[1]) & (above >= -chosen.below_m)
    return near


def _measure_above(places: Points, seeded: tuple[Points, NDArray[np.int64], Buckets], fit: PlaneFit) -> Floats:
    """Return how high points lie above the planes through seeds, which are indices of points by cell."""
    points, seeds, buckets = seeded
    vertices = Vertices(buckets.grid, *(_take(axis, seeds) for axis in (points.x_m, points.y_m, points.z_m)))
    check_vertices(vertices)
    return normalize_height(places, TerrainModel(buckets.grid, fit_planes(vertices, fit)))


def _find_lowest(points: Points, chosen: Pingel2013, buckets: Buckets) -> NDArray[np.int64]:
    """Return the lowest point of each cell that has company, -1 where there is none; shape (cells,)."""
    last = buckets.starts[1:] - 1
    lowest = np.where(last >= buckets.starts[:-1], buckets.order[np.maximum(last, 0)], _NONE)
    surface = _take(points.z_m, lowest).reshape(buckets.grid.shape)
    limits = chosen.company, chosen.company_rise_m, chosen.company_slope * buckets.grid.cell_m
    reach = int(chosen.company_reach_m / buckets.grid.cell_m)
    return _skip_strays(points.z_m, (buckets.order, buckets.starts), surface, limits, reach)


def _take(values: Floats, at: NDArray[np.int64]) -> Floats:
    """Return the values at indices, NaN at -1."""
    return np.where(at == _NONE, np.nan, values[at])


@compiled
def _skip_strays(
    z_m: Array, buckets: tuple[Array, Array], surface: Array, limits: tuple[int, float, float], reach: int
) -> Array:
    """Return the lowest point of each cell that has company among the lowest of the cells around."""
    order, starts = buckets
    lowest = np.full(surface.size, -1, np.int64)
    for cell in range(surface.size):
        for place in range(starts[cell + 1] - 1, starts[cell] - 1, -1):
            if _has_company(cell, z_m[order[place]], surface, limits, reach):
                lowest[cell] = order[place]
                break
    return lowest


@compiled
def _has_company(cell: int, z: float, surface: Array, limits: tuple[int, float, float], reach: int) -> bool:
    """Tell whether enough pairs of cells on opposite sides have a mean as low as a point, searched ring by ring.

    Opposite sides, since on a slope whatever lies downhill is lower than a stray.
    """
    rows, columns = surface.shape
    row, column = cell // columns, cell % columns
    company, rise_m, slope = limits
    found = 0
    for ring in range(1, reach + 1):
        for up in range(ring + 1):
            # Half a ring: each cell beside or above has its opposite in the other half.
            step = 1 if up == ring else 2 * ring
            for side in range(-ring, ring + 1, step):
                if up == 0 and side < 0:
                    continue
                north, south, east, west = row + up, row - up, column + side, column - side
                if south < 0 or north >= rows or min(east, west) < 0 or max(east, west) >= columns:
                    continue
                # A mean of what is not known is not low.
                if surface[north, east] + surface[south, west] <= 2.0 * (z + rise_m + slope * ring):
                    found += 1
        if found >= company:
            return True
    return False


def _survives_opening(surface: Floats, chosen: Pingel2013) -> NDArray[np.bool_]:
    """Return the cells that no window cuts by more than its radius times the slope; shape (cells,)."""
    is_floor = ~np.isnan(surface)
    for radius in _radii(max(1, round(chosen.window_m / chosen.cell_m))):
        # From the surface itself, not from the last opening: else a broad dome passes, a little at each window.
        is_floor &= surface - open_by_disc(surface, radius) <= chosen.slope * radius * chosen.cell_m
    return is_floor.ravel()


def _radii(largest: int) -> tuple[int, ...]:
    """Return growing radii in cells, each half as wide again: as thorough as single steps in a third of the time."""
    radii = [1]
    while radii[-1] < largest:
        radii.append(min(largest, max(radii[-1] + 1, radii[-1] * 3 // 2)))
    return tuple(radii)
