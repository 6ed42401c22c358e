"""Tops of trees below the canopy, from the points that reached them.

Seen from above they are hidden, but pulses pass between leaves: such a top is a point with others close below it and
none above it until the crown of the tree that covers it.
"""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from survey.airborne.canopy import CanopyModel
from survey.cloud import Bools, Floats, Points
from survey.grid import cells_of, cover
from survey.kernel import Array, compiled, find_neighbour

_Place: TypeAlias = tuple[float, float, float]
"""Easting, northing, height."""


@dataclass(frozen=True, slots=True)
class Hamraz2017:
    """A top is where a vertical gap parts the layers.

    The gap as the mark between layers is that of Hamraz, Contreras and Zhang (2017); here it is looked for around each
    point rather than in a histogram of its neighbourhood. Settings were chosen on the simulated hectares of seeds
    1000 to 1011, the support above the best there: real crowns have more gaps than simulated ones.
    """

    NAME: ClassVar[str] = "hamraz2017"
    DOI: ClassVar[str | None] = "10.1038/s41598-017-07200-0"

    radius_m: float = 1.0
    """Radius of the cylinder around a point."""
    gap_m: float = 2.0
    """Height above the point, and below the canopy, that must be empty within the cylinder."""
    depth_m: float = 2.0
    """Depth below the point in which others must be."""
    support_share: float = 0.10
    """How many: this share of the points that fall into the cylinder at the cloud's mean density, at least 4."""
    stem_m: float = 0.7
    """Distance from another top within which the points may be its stem."""
    window_m: float = 1.0
    """Least distance between two hidden tops, at height zero."""
    window_share: float = 0.05
    """The same, a metre of height more."""
    layer_m: float = 6.0
    """Tops this far apart in height may stand above one another."""


@dataclass(frozen=True, slots=True, eq=False)
class HiddenTops:
    """Tops below the canopy, highest first.

    Attributes
    ----------
    point
        Index of the apex point, shape (n,).
    support
        Points close below it, over those that were asked for; shape (n,).
    """

    point: NDArray[np.int64]
    support: Floats


def locate_hidden_trees(
    points: Points,
    height_m: Floats,
    canopy: CanopyModel,
    tops_xy: Floats,
    *,
    min_height_m: float,
    algorithm: Hamraz2017 | None = None,
) -> HiddenTops:
    """Return the tops of trees below the canopy.

    Parameters
    ----------
    points
        Points in metres.
    height_m
        Their heights above ground, shape (n,).
    canopy
        The surface above them.
    tops_xy
        Apexes of the canopy's trees, shape (m, 2): easting, northing.
    min_height_m
        Lower tops are no trees.
    algorithm
        What parts the layers.
    """
    chosen = algorithm or Hamraz2017()
    density = len(points) / max(1.0, canopy.is_seen.sum() * canopy.grid.cell_m**2)
    asked = max(4.0, chosen.support_share * density * np.pi * chosen.radius_m**2)
    surface = canopy.height_m.ravel()[cells_of(canopy.grid, points.x_m, points.y_m)]
    is_low = (height_m >= min_height_m) & (height_m <= surface - chosen.gap_m)
    support = _count_support(points, height_m, is_low, chosen)
    found = np.flatnonzero(support >= asked)
    order = np.lexsort((found, -height_m[found]))
    places = np.column_stack([points.x_m, points.y_m, height_m])[found[order]]
    kept = found[order][_spread(places, tops_xy, chosen)]
    return HiddenTops(kept, support[kept] / asked)


def _count_support(points: Points, height_m: Floats, is_low: Bools, chosen: Hamraz2017) -> NDArray[np.int64]:
    """Return the points close below each low one, 0 where one stands in the gap above; shape (n,)."""
    grid = cover(points.x_m, points.y_m, chosen.radius_m)
    cells = cells_of(grid, points.x_m, points.y_m)
    order = np.argsort(cells, kind="stable")
    starts = np.searchsorted(cells[order], np.arange(grid.rows * grid.columns)).reshape(grid.shape)
    places = np.column_stack([points.x_m - grid.west_m, points.y_m - grid.south_m, height_m])[order]
    reach = np.array([chosen.radius_m, chosen.gap_m, chosen.depth_m])
    support = np.empty(len(points), dtype=np.int64)
    support[order] = _count_cylinders(places, is_low[order], cells[order], starts, reach)
    return support


@compiled
def _count_cylinders(places: Array, wanted: Array, cells: Array, starts: Array, reach: Array) -> Array:
    """Return for each wanted point the points below it in its cylinder, 0 if one stands above it; else 0."""
    support = np.zeros(cells.size, np.int64)
    rows, columns = starts.shape
    ends = np.append(starts.ravel()[1:], cells.size)
    for one in range(cells.size):
        below = 0
        for turn in range(9):
            near = find_neighbour(cells[one], turn, rows, columns) if wanted[one] and below >= 0 else -1
            if near < 0:
                continue
            for two in range(starts.ravel()[near], ends[near]):
                rise = places[two, 2] - places[one, 2]
                east, north = places[two, 0] - places[one, 0], places[two, 1] - places[one, 1]
                if rise > reach[1] or rise < -reach[2] or east * east + north * north > reach[0] * reach[0]:
                    continue
                if rise > 0.0:
                    below = -1
                    break
                below += 1
        support[one] = max(below, 0)
    return support


def _spread(places: Floats, tops_xy: Floats, chosen: Hamraz2017) -> list[int]:
    """Return which places stay, in order: none on another's stem, none within a higher one's window."""
    kept: list[int] = []
    highest = float(places[0, 2]) if len(places) else 0.0
    side = max(chosen.stem_m, chosen.window_m + chosen.window_share * highest)
    buckets: dict[tuple[int, int], list[_Place]] = {}
    for x, y in tops_xy.tolist():
        # A canopy top stands at every height: its stem reaches from the ground to the crown.
        buckets.setdefault((int(x // side), int(y // side)), []).append((x, y, np.inf))
    for index, (x, y, height) in enumerate(places.tolist()):
        bucket = int(x // side), int(y // side)
        if not any(_is_same((x, y, height), other, chosen) for other in _around(buckets, bucket)):
            kept.append(index)
            buckets.setdefault(bucket, []).append((x, y, height))
    return kept


def _around(buckets: dict[tuple[int, int], list[_Place]], bucket: tuple[int, int]) -> list[_Place]:
    column, row = bucket
    near = [(column + east, row + north) for east in (-1, 0, 1) for north in (-1, 0, 1)]
    return [place for one in near for place in buckets.get(one, ())]


def _is_same(place: _Place, other: _Place, chosen: Hamraz2017) -> bool:
    """Tell whether a place is the stem of another, or lies within a higher one's window in the same layer."""
    apart = float(np.hypot(place[0] - other[0], place[1] - other[1]))
    if np.isinf(other[2]):
        return apart < chosen.stem_m
    return apart < chosen.window_m + chosen.window_share * other[2] and other[2] - place[2] < chosen.layer_m
