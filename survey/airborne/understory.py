"""Tops of trees below the canopy, from the points that reached them.

Seen from above they are hidden, but pulses pass between leaves: such a top is a point with others close below it and
none above it until the crown of the tree that covers it.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from survey.airborne.canopy import CanopyModel
from survey.airborne.near import find_nearest, pair_up
from survey.cloud import Bools, Floats, Points
from survey.ground.buckets import Buckets, bucket_points, find_cells
from survey.kernel import Array, compiled, find_neighbour

_ROUNDS: Final = 4
"""Of deciding which tops give way; what is undecided then lies in a chain of tops, each in the next one's window."""
_OWN_FIRST: Final = (4, 1, 3, 5, 7, 0, 2, 6, 8)
"""A cell and those around it, those first in which a point in the gap above is likelier."""


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
    most_window_m: float = 3.0
    """No window is wider."""
    layer_m: float = 6.0
    """Tops this far apart in height may stand above one another."""

    @property
    def reach_m(self) -> float:
        """Points farther away never decide, the canopy's tops apart."""
        return self.radius_m + self.stem_m + _ROUNDS * self.most_window_m


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


@dataclass(frozen=True, slots=True, eq=False)
class Understory:
    """What hidden trees are looked for with.

    Attributes
    ----------
    canopy
        The surface above them.
    tops_xy
        Apexes of the canopy's trees, shape (m, 2): easting, northing.
    density
        Points a square metre of the cloud.
    min_height_m
        Lower tops are no trees.
    """

    canopy: CanopyModel
    tops_xy: Floats
    density: float
    min_height_m: float


def locate_hidden_trees(
    points: Points,
    height_m: Floats,
    below: Understory,
    *,
    algorithm: Hamraz2017 | None = None,
    buckets: Buckets | None = None,
) -> HiddenTops:
    """Return the tops of trees below the canopy.

    Parameters
    ----------
    points
        Points in metres.
    height_m
        Their heights above ground, shape (n,).
    below
        Canopy, its trees, and limits.
    algorithm
        What parts the layers.
    buckets
        The points by cells of at least the cylinder's radius, where they are known already.
    """
    chosen = algorithm or Hamraz2017()
    asked = max(4.0, chosen.support_share * below.density * np.pi * chosen.radius_m**2)
    surface = below.canopy.height_m.ravel()[find_cells(below.canopy.grid, points.x_m, points.y_m)]
    is_low = (height_m >= below.min_height_m) & (height_m <= surface - chosen.gap_m)
    support = _count_support(points, is_low, chosen, buckets or bucket_points(points, chosen.radius_m))
    found = np.flatnonzero(support >= asked)
    found = found[np.lexsort((points.y_m[found], points.x_m[found], -height_m[found]))]
    found = found[_stands_clear(points, found, below.tops_xy, chosen.stem_m)]
    kept = found[_spread(points.x_m[found], points.y_m[found], height_m[found], chosen)]
    return HiddenTops(kept, support[kept] / asked)


def _count_support(points: Points, is_low: Bools, chosen: Hamraz2017, buckets: Buckets) -> NDArray[np.int64]:
    """Return the points close below each low one, 0 where one stands in the gap above; shape (n,)."""
    support = np.zeros(len(points), dtype=np.int64)
    xyz = points.x_m, points.y_m, points.z_m
    reach = chosen.radius_m, chosen.gap_m, chosen.depth_m
    _count_cylinders(xyz, is_low, (buckets.order, buckets.starts), (buckets.grid.shape, reach), support)
    return support


def _stands_clear(points: Points, found: NDArray[np.int64], tops_xy: Floats, stem_m: float) -> Bools:
    """Return which points are no stem of a canopy tree: its stem reaches from the ground to the crown."""
    tops = np.ascontiguousarray(tops_xy[:, 0]), np.ascontiguousarray(tops_xy[:, 1])
    clear: Bools = find_nearest(points.x_m[found], points.y_m[found], tops, stem_m) < 0
    return clear


def _spread(x_m: Floats, y_m: Floats, height_m: Floats, chosen: Hamraz2017) -> Bools:
    """Return which tops stay: none within the window of a higher one that stays. Highest first.

    A top stays once all higher ones whose windows hold it have given way, and gives way once one of them stays. Rounds
    are limited, so that a long chain of tops does not carry a decision across the land; what remains gives way.
    """
    undecided, stays, gives_way = 0, 1, 2
    state = np.full(x_m.size, undecided, dtype=np.int8)
    pairs = _pair_up(x_m, y_m, height_m, chosen)
    for _ in range(_ROUNDS):
        state[pairs[state[pairs[:, 0]] == stays, 1]] = gives_way
        is_held = np.zeros(x_m.size, dtype=np.bool_)
        is_held[pairs[state[pairs[:, 0]] != gives_way, 1]] = True
        state[(state == undecided) & ~is_held] = stays
    kept: Bools = state == stays
    return kept


def _pair_up(x_m: Floats, y_m: Floats, height_m: Floats, chosen: Hamraz2017) -> NDArray[np.int64]:
    """Return pairs of a top and a lower one within its window and layer, shape (m, 2)."""
    pairs = pair_up(x_m, y_m, chosen.most_window_m)
    high, low = pairs[:, 0], pairs[:, 1]
    apart = np.hypot(x_m[high] - x_m[low], y_m[high] - y_m[low])
    tall = height_m[high]
    window = np.minimum(chosen.window_m + chosen.window_share * tall, chosen.most_window_m)
    kept: NDArray[np.int64] = pairs[(apart < window) & (tall - height_m[low] < chosen.layer_m)]
    return kept


@compiled
def _count_cylinders(
    xyz: tuple[Array, Array, Array],
    wanted: Array,
    buckets: tuple[Array, Array],
    bounds: tuple[tuple[int, int], tuple[float, float, float]],
    support: Array,
) -> None:
    """Write for each wanted point how many lie below it in its cylinder, 0 if one stands above it."""
    order, starts = buckets
    (rows, columns), reach = bounds
    # Cells hold their points from the highest down, so what may lie in a cylinder begins ever later.
    begins, ends = np.empty(9, np.int64), np.empty(9, np.int64)
    for cell in range(starts.size - 1):
        for turn in range(9):
            near = find_neighbour(cell, turn, rows, columns)
            begins[turn] = starts[near] if near >= 0 else -1
            ends[turn] = starts[near + 1]
        for place in range(starts[cell], starts[cell + 1]):
            point = order[place]
            if not wanted[point]:
                continue
            below = 0
            for turn in _OWN_FIRST:
                if begins[turn] >= 0 and below >= 0:
                    begins[turn], more = _count_in_cell((point, begins[turn], ends[turn]), xyz, order, reach)
                    below = below + more if more >= 0 else -1
            support[point] = max(below, 0)


@compiled
def _count_in_cell(
    where: tuple[int, int, int], xyz: tuple[Array, Array, Array], order: Array, reach: tuple[float, float, float]
) -> tuple[int, int]:
    """Return where a cell's points begin to be low enough, and how many lie below a point in its cylinder, it included.

    -1 if one lies above it there.
    """
    point, begin, end = where
    radius_m, gap_m, depth_m = reach
    x_m, y_m, z_m = xyz
    while begin < end and z_m[order[begin]] > z_m[point] + gap_m:
        begin += 1
    below = 0
    for place in range(begin, end):
        other = order[place]
        rise = z_m[other] - z_m[point]
        if rise < -depth_m:
            break
        if (x_m[other] - x_m[point]) ** 2 + (y_m[other] - y_m[point]) ** 2 <= radius_m * radius_m:
            if rise > 0.0:
                return begin, -1
            below += 1
    return begin, below
