"""Which tree each point belongs to."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from survey.airborne.canopy import CanopyModel
from survey.airborne.crowns import Crowns, label_points
from survey.airborne.understory import Hamraz2017, HiddenTops
from survey.cloud import Floats, Labels, Points
from survey.ground.buckets import find_cells

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
    # The last element answers for cells without a crown, whose label is -1.
    owner = np.where(height_m >= _LEAST_M, apex_of_label[label_points(points, canopy, labels)], _NONE)
    if hidden.point.size == 0:
        return owner
    surface = canopy.height_m.ravel()[find_cells(canopy.grid, points.x_m, points.y_m)]
    low = np.flatnonzero((height_m >= _LEAST_M) & (height_m <= surface - algorithm.gap_m))
    tops = np.column_stack([points.x_m[hidden.point], points.y_m[hidden.point]])
    places = np.column_stack([points.x_m[low], points.y_m[low]])
    _, nearest = KDTree(tops).query(places, distance_upper_bound=algorithm.radius_m)
    near = nearest < hidden.point.size
    low, apex = low[near], hidden.point[nearest[near]]
    is_under = points.z_m[low] <= points.z_m[apex]
    owner[low[is_under]] = apex[is_under]
    return owner
