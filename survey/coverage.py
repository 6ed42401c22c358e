"""Ground that a cloud covers: its outline, area and densities."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely

from survey.cloud import Points
from survey.grid import cells_of, cover

Ring = tuple[tuple[float, float], ...]
_CELL_M: Final = 2.0
_CLOSE_CELLS: Final = 2
"""Gaps of up to 8 m are water or shadow within the area, not its edge."""
MAX_RINGS: Final = 100
MAX_RING_POINTS: Final = 5_000
"""Bounds of an outline in a record, with room."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Ground that points cover.

    Attributes
    ----------
    rings
        Closed rings of easting and northing, metres: outer rings and holes, largest first.
    area_m2
        Of outer rings less holes.
    density, first_density
        Points, and first echoes, a square metre.
    """

    rings: tuple[Ring, ...]
    area_m2: float
    density: float
    first_density: float


def measure_coverage(points: Points) -> Coverage:
    """Return the ground that points cover, to cells of 2 m (more where the cloud is sparse)."""
    cell_m = _CELL_M
    while True:
        grid = cover(points.x_m, points.y_m, cell_m)
        cells = np.unique(cells_of(grid, points.x_m, points.y_m))
        # Some five points a cell: fewer leave chance gaps.
        if len(points) >= 5 * cells.size or cell_m >= 8 * _CELL_M:
            break
        cell_m *= 2.0
    seen = np.zeros(grid.rows * grid.columns, dtype=np.bool_)
    seen[cells] = True
    padded = np.pad(seen.reshape(grid.shape), _CLOSE_CELLS)
    # Here, because a catalogue counts its ground otherwise and need not load it.
    from scipy import ndimage  # noqa: PLC0415

    closed = ndimage.binary_closing(padded, iterations=_CLOSE_CELLS)[
        _CLOSE_CELLS:-_CLOSE_CELLS, _CLOSE_CELLS:-_CLOSE_CELLS
    ]
    row, column = np.nonzero(closed)
    west, south = grid.west_m + column * cell_m, grid.south_m + row * cell_m
    area = shapely.coverage_union_all(shapely.box(west, south, west + cell_m, south + cell_m))
    return Coverage(
        list_rings(area, cell_m / 2.0),
        float(area.area),
        len(points) / float(area.area),
        float(points.is_first.sum()) / float(area.area),
    )


def list_rings(area: shapely.Geometry, tolerance_m: float) -> tuple[Ring, ...]:
    """Return an area's largest rings, simplified until each has no more points than a record takes."""
    simple = shapely.simplify(area, tolerance_m)
    polygons = [part for part in shapely.get_parts(simple) if part.area > 0.0]
    rings = [ring for part in polygons for ring in (part.exterior, *part.interiors)]
    if any(len(ring.coords) > MAX_RING_POINTS for ring in rings):
        return list_rings(area, 2.0 * tolerance_m)
    rings.sort(key=lambda ring: -shapely.Polygon(ring).area)
    return tuple(tuple((float(x), float(y)) for x, y in ring.coords) for ring in rings[:MAX_RINGS])
