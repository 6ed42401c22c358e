"""What is measured of each crown: apex among its points, area, outline."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from survey.airborne.canopy import CanopyModel
from survey.cloud import Floats, Labels, Points
from survey.grid import Grid, cells_of

_SMOOTH_CELLS: Final = 1.0
"""Stairs of a cell's size are the raster's, not the crown's."""


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
    outlines
        Valid polygons of which no two overlap, shape (n,).
    """

    top: NDArray[np.int64]
    apex: NDArray[np.int64]
    area_m2: Floats
    outlines: NDArray[np.object_]

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
    tree_of_point = labels.ravel()[cells_of(canopy.grid, points.x_m, points.y_m)]
    top, apex = find_apexes(tree_of_point, height_m)
    tall = height_m[apex] >= min_height_m
    top, apex = top[tall], apex[tall]
    cells = np.bincount(labels.ravel()[labels.ravel() >= 0], minlength=int(labels.max(initial=-1)) + 1)
    area = cells[top].astype(np.float64) * canopy.grid.cell_m**2
    return Crowns(top, apex, area, outline_labels(canopy.grid, labels, top))


def find_apexes(label: Labels, height_m: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the labels that have points, ascending, and the index of each one's highest; of equal ones the first.

    Examples
    --------
    >>> trees, apexes = find_apexes(np.array([1, -1, 0, 1], dtype=np.int32), np.array([5.0, 9.0, 3.0, 7.0]))
    >>> trees.tolist(), apexes.tolist()
    ([0, 1], [2, 3])
    """
    highest = np.full(int(label.max(initial=-1)) + 1, -np.inf)
    inside = np.flatnonzero(label >= 0)
    np.maximum.at(highest, label[inside], height_m[inside])
    at_top = inside[height_m[inside] == highest[label[inside]]]
    trees, first = np.unique(label[at_top], return_index=True)
    return trees.astype(np.int64), at_top[first]


def outline_labels(grid: Grid, labels: Labels, wanted: NDArray[np.int64]) -> NDArray[np.object_]:
    """Return the polygon of each wanted label: its cells joined, holes kept, stairs smoothed along shared borders.

    Returns
    -------
    Shape (n,); together they are a coverage, so smoothing moves shared borders once and opens no gaps.
    """
    flat = labels.ravel()
    cells = np.flatnonzero(np.isin(flat, wanted))
    cells = cells[np.argsort(flat[cells], kind="stable")]
    west = grid.west_m + (cells % grid.columns) * grid.cell_m
    south = grid.south_m + (cells // grid.columns) * grid.cell_m
    boxes = shapely.box(west, south, west + grid.cell_m, south + grid.cell_m)
    bounds = np.searchsorted(flat[cells], wanted), np.searchsorted(flat[cells], wanted, side="right")
    polygons = np.empty(wanted.size, dtype=np.object_)
    for place, (first, last) in enumerate(zip(*bounds, strict=True)):
        polygons[place] = shapely.coverage_union_all(boxes[first:last])
    if wanted.size == 0:
        return polygons
    smooth: NDArray[np.object_] = shapely.coverage_simplify(polygons, _SMOOTH_CELLS * grid.cell_m)
    return smooth
