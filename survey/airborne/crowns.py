"""What is measured of each crown: apex among its points, area."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.airborne.canopy import CanopyModel
from survey.cloud import Floats, Labels, Points
from survey.ground.buckets import find_cells
from survey.kernel import Array, compiled


@dataclass(frozen=True, slots=True, eq=False)
class Crowns:
    """Crowns that have an apex, in the order of their tops.

    Attributes
    ----------
    top
        Index into the tops, shape (n,).
    apex
        Index of the highest point within the crown, shape (n,).
    area_m2
        Seen from above, shape (n,).
    """

    top: NDArray[np.int64]
    apex: NDArray[np.int64]
    area_m2: Floats

    @property
    def diameter_m(self) -> Floats:
        """Diameter of the circle of equal area, shape (n,)."""
        return equal_area_diameter(self.area_m2)


def equal_area_diameter(area_m2: Floats) -> Floats:
    """Return the diameter of the circle with that area.

    Examples
    --------
    >>> equal_area_diameter(np.array([np.pi])).tolist()
    [2.0]
    """
    return 2.0 * np.sqrt(area_m2 / np.pi)


def crown_metrics(
    points: Points, height_m: Floats, canopy: CanopyModel, labels: Labels, *, min_height_m: float
) -> Crowns:
    """Return what is measured of each crown; crowns without a point of the least height are left out.

    Parameters
    ----------
    points
        Points in metres.
    height_m
        Their heights above ground, shape (n,).
    canopy
        The surface on which crowns were grown.
    labels
        Which top's crown each cell belongs to, -1 for none; shape (rows, columns).
    min_height_m
        Lower apexes are no trees.
    """
    tree_of_point = label_points(points, canopy, labels)
    top, apex = find_apexes(points, tree_of_point, height_m)
    tall = height_m[apex] >= min_height_m
    top, apex = top[tall], apex[tall]
    cells = np.bincount(labels.ravel()[labels.ravel() >= 0], minlength=int(labels.max(initial=-1)) + 1)
    return Crowns(top, apex, cells[top].astype(np.float64) * canopy.grid.cell_m**2)


def label_points(points: Points, canopy: CanopyModel, labels: Labels) -> Labels:
    """Return the label of the cell that each point lies in, shape (n,)."""
    return labels.ravel()[find_cells(canopy.grid, points.x_m, points.y_m)]


def find_apexes(points: Points, label: Labels, height_m: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the labels that have points, ascending, and the index of each one's highest above ground.

    Of points equally high above ground the western, then the southern is taken, so that their order does not matter.

    Examples
    --------
    >>> ones, flat = np.ones(4, dtype=np.uint8), np.zeros(4)
    >>> points = Points(np.arange(4.0), flat, flat, ones > 0, ones, np.arange(4))
    >>> trees, apexes = find_apexes(points, np.array([1, -1, 0, 1], dtype=np.int32), np.array([5.0, 9.0, 3.0, 7.0]))
    >>> trees.tolist(), apexes.tolist()
    ([0, 1], [2, 3])
    """
    apexes = _find_apexes(label, height_m, (points.x_m, points.y_m), int(label.max(initial=-1)) + 1)
    trees = np.flatnonzero(apexes >= 0)
    return trees, apexes[trees]


@compiled
def _find_apexes(label: Array, height_m: Array, xy: tuple[Array, Array], count: int) -> Array:
    apexes = np.full(count, -1, np.int64)
    for point in range(label.size):
        if label[point] < 0:
            continue
        best = apexes[label[point]]
        if best < 0 or _stands_before(point, best, height_m, xy):
            apexes[label[point]] = point
    return apexes


@compiled
def _stands_before(one: int, two: int, height_m: Array, xy: tuple[Array, Array]) -> bool:
    if height_m[one] != height_m[two]:
        return bool(height_m[one] > height_m[two])
    if xy[0][one] != xy[0][two]:
        return bool(xy[0][one] < xy[0][two])
    return bool(xy[1][one] < xy[1][two])
