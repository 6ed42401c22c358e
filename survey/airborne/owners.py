"""Which tree each point belongs to."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from survey.airborne.canopy import CanopyModel
from survey.airborne.crowns import Crowns
from survey.airborne.near import find_one, gather_places, mark_near
from survey.airborne.understory import Hamraz2017, HiddenTops
from survey.cloud import Floats, Labels, Points
from survey.ground.buckets import find_cells
from survey.kernel import Array, compiled

_LEAST_M: Final = 0.5
"""Lower echoes are the ground's and the grass's."""
_NONE: Final = -1


def assign_points(
    points: Points, height_m: Floats, canopy: CanopyModel, labels: Labels, trees: tuple[Crowns, HiddenTops, Hamraz2017]
) -> NDArray[np.int64]:
    """Return the index of the apex of the tree that each point belongs to, -1 for none; shape (n,).

    A point below a hidden top and within its cylinder is the hidden tree's; any other within a crown seen from above is
    the crown's. Points lower than half a metre are no tree's.
    """
    crowns, hidden, algorithm = trees
    apex_of_label = np.full(int(labels.max(initial=-1)) + 2, _NONE, dtype=np.int64)
    apex_of_label[crowns.top] = crowns.apex
    cells = find_cells(canopy.grid, points.x_m, points.y_m)
    # The last element answers for cells without a crown, whose label is -1.
    owner: NDArray[np.int64] = _own_crowns(height_m, cells, labels.ravel(), apex_of_label)
    if hidden.point.size == 0:
        return owner
    tops = gather_places(points.x_m[hidden.point], points.y_m[hidden.point], algorithm.radius_m)
    is_low = canopy.height_m.ravel()[cells] - algorithm.gap_m >= height_m
    is_low &= height_m >= _LEAST_M
    near = find_cells(tops.grid, points.x_m, points.y_m)
    places = (tops.starts, tops.order), (tops.grid.rows, tops.grid.columns, algorithm.radius_m)
    _own_hidden((points.x_m, points.y_m, points.z_m), (near, is_low), (tops.xy, hidden.point), places, owner)
    return owner


@compiled
def _own_crowns(height_m: Array, cells: Array, labels: Array, apex_of_label: Array) -> Array:
    owner = np.empty(height_m.size, np.int64)
    for point in range(height_m.size):
        owner[point] = apex_of_label[labels[cells[point]]] if height_m[point] >= _LEAST_M else _NONE
    return owner


@compiled
def _own_hidden(
    xyz: tuple[Array, Array, Array],
    low: tuple[Array, Array],
    tops: tuple[tuple[Array, Array], Array],
    places: tuple[tuple[Array, Array], tuple[int, int, float]],
    owner: Array,
) -> None:
    """Give low points to the hidden top nearest to them, where they lie below it."""
    cells, is_low = low
    xy, apexes = tops
    has_near = mark_near(places[0][0], places[1][0], places[1][1])
    for point in range(cells.size):
        if not is_low[point] or cells[point] < 0 or not has_near[cells[point]]:
            continue
        nearest = find_one((xyz[0][point], xyz[1][point]), cells[point], xy, places[0], places[1])
        if nearest >= 0 and xyz[2][point] <= xyz[2][apexes[nearest]]:
            owner[point] = apexes[nearest]
