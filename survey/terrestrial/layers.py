"""Circles in each of many thin layers above the ground: pieces of stems, and what happens to look like them."""

from dataclasses import dataclass, replace
from typing import ClassVar, Final

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from survey.cloud import Floats
from survey.grid import cells_of, cover
from survey.kernel import Array, compiled
from survey.terrestrial.circle import find_circles

_BREAST_M: Final = (1.2, 1.4)
_NEIGHBOUR: Final = 3


@dataclass(frozen=True, slots=True)
class Olofsson2014:
    """Circles by random samples, layer by layer: Olofsson, Holmgren and Olsson (2014), on clusters of points."""

    NAME: ClassVar[str] = "olofsson2014"
    DOI: ClassVar[str | None] = "10.3390/rs6054323"

    lowest_m: float = 0.5
    """Height of the lowest layer's lower side."""
    highest_m: float = 4.5
    """Height of the highest layer's upper side."""
    layer_m: float = 0.2
    """Thickness of a layer."""
    cell_m: float = 0.05
    """Points in neighbouring cells of this side belong together; in thin clouds the cells are wider."""
    widest_cell_m: float = 0.12
    """Side of cells in the thinnest clouds: a point's third neighbour at breast height is within one."""
    near_m: float = 0.02
    """How near to a circle its points lie."""
    least_radius_m: float = 0.02
    """Of a stem."""
    greatest_radius_m: float = 0.75
    """Of a stem."""
    window_m: float = 1.0
    """What belongs together over more than this is searched window by window."""


def locate_circles(xyh_m: Floats, algorithm: Olofsson2014 | None = None) -> Floats:
    """Return circles in layers.

    Parameters
    ----------
    xyh_m
        Easting, northing, height above ground, local frame, shape (n, 3).
    algorithm
        How to find them.

    Returns
    -------
    Shape (k, 7): easting, northing, radius, worth, points, share of the circle with points, height of the layer.
    """
    chosen = algorithm or Olofsson2014()
    spacing = measure_spacing(xyh_m)
    chosen = replace(chosen, cell_m=min(max(chosen.cell_m, spacing), chosen.widest_cell_m))
    layer = np.floor((xyh_m[:, 2] - chosen.lowest_m) / chosen.layer_m).astype(np.int64)
    layers = round((chosen.highest_m - chosen.lowest_m) / chosen.layer_m)
    order = np.argsort(layer, kind="stable")
    bounds = np.searchsorted(layer[order], np.arange(layers + 1))
    found = []
    for number in range(layers):
        points = np.ascontiguousarray(xyh_m[order[bounds[number] : bounds[number + 1]], :2])
        circles = _search_layer(points, chosen, number)
        height = np.full((len(circles), 1), chosen.lowest_m + (number + 0.5) * chosen.layer_m)
        found.append(np.hstack([circles, height]))
    return np.vstack(found)


def measure_spacing(xyh_m: Floats) -> float:
    """Return the median level distance of a point's third neighbour in a layer at breast height; infinite without one.

    Parameters
    ----------
    xyh_m
        Easting, northing, height above ground, shape (n, 3).
    """
    level = xyh_m[(xyh_m[:, 2] >= _BREAST_M[0]) & (xyh_m[:, 2] < _BREAST_M[1]), :2]
    if len(level) <= _NEIGHBOUR:
        return float(np.inf)
    away = cKDTree(level).query(level, k=_NEIGHBOUR + 1)[0][:, _NEIGHBOUR]
    return float(np.median(away))


def _search_layer(points: Floats, chosen: Olofsson2014, number: int) -> Floats:
    if len(points) == 0:
        return np.empty((0, 6))
    grid = cover(np.ascontiguousarray(points[:, 0]), np.ascontiguousarray(points[:, 1]), chosen.cell_m)
    cells = cells_of(grid, points[:, 0], points[:, 1])
    taken = np.zeros(grid.rows * grid.columns, dtype=np.bool_)
    taken[cells] = True
    labels, count = ndimage.label(taken.reshape(grid.shape), structure=np.ones((3, 3)))
    label = labels.ravel()[cells]
    order = np.argsort(label, kind="stable")
    starts = np.searchsorted(label[order], np.arange(1, count + 2))
    circles: Floats = _search_clusters(
        np.ascontiguousarray(points[order]),
        starts,
        (chosen.least_radius_m, chosen.greatest_radius_m),
        (chosen.near_m, chosen.window_m),
        1 + 7919 * number,
    )
    return circles


@compiled
def _search_clusters(
    points: Array, starts: Array, bounds: tuple[float, float], reach: tuple[float, float], seed: int
) -> Array:
    """Return circles in clusters, wide ones window by window, each window half over the last."""
    found = np.empty((0, 6))
    near, window = reach
    for cluster in range(starts.size - 1):
        part = points[starts[cluster] : starts[cluster + 1]]
        if len(part) < 7:  # noqa: PLR2004 - fewer points make no circle
            continue
        west, south = part[:, 0].min(), part[:, 1].min()
        columns = int(np.ceil(max(0.0, part[:, 0].max() - west - window) / (0.5 * window)))
        rows = int(np.ceil(max(0.0, part[:, 1].max() - south - window) / (0.5 * window)))
        for row in range(rows + 1):
            for column in range(columns + 1):
                east, north = part[:, 0] - west - 0.5 * window * column, part[:, 1] - south - 0.5 * window * row
                inside = (east >= 0.0) & (east <= window) & (north >= 0.0) & (north <= window)
                circles = find_circles(part[inside], bounds, near, seed + cluster)
                found = np.vstack((found, circles))
    return found
