"""Ground below a scan from within the forest, and heights above it.

The airborne classifier serves here too, on the lowest point of each small column: a tripod sees the ground near it
many thousand times and in the shadow of stems not at all, and the lowest points alone say the same.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from survey.cloud import Floats, Points
from survey.grid import cells_of, cover, sample
from survey.ground.classify import Pingel2013, classify_ground
from survey.ground.terrain import Lancaster1981, TerrainModel, normalize_height, rasterize_terrain

_TERRAIN: Final = Lancaster1981(cell_m=0.5)
_UPHILL_TURNS: Final = 16


@dataclass(frozen=True, slots=True)
class LowestColumns:
    """The lowest point of each column stands for its points."""

    NAME: ClassVar[str] = "lowest-of-columns"
    DOI: ClassVar[str | None] = None

    cell_m: float = 0.25
    """Side of a column."""


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """The ground of a plot.

    Attributes
    ----------
    terrain
        Its surface, in the frame of the points.
    height_m
        Of the points above it, NaN where it is unknown; shape (n,).
    points
        That were taken for ground.
    """

    terrain: TerrainModel
    height_m: Floats
    points: int


def model_ground(points: Points, algorithm: LowestColumns | None = None) -> Ground:
    """Return the ground below a scan.

    Raises
    ------
    NoGround
        When none can be made out.
    """
    lowest = _pick_lowest(points, (algorithm or LowestColumns()).cell_m)
    is_ground = classify_ground(lowest, Pingel2013())
    terrain = rasterize_terrain(lowest, is_ground, _TERRAIN)
    return Ground(terrain, normalize_height(points, terrain), int(is_ground.sum()))


def measure_ground(terrain: TerrainModel, x_m: float, y_m: float, radius_m: float) -> float:
    """Return the elevation of the ground on the uphill side of a stem; with radius 0, below its axis."""
    turns = np.linspace(0.0, 2.0 * np.pi, _UPHILL_TURNS, endpoint=False)
    east, north = x_m + radius_m * np.cos(turns), y_m + radius_m * np.sin(turns)
    return float(sample(terrain.grid, terrain.elevation_m, east, north).max())


def _pick_lowest(points: Points, cell_m: float) -> Points:
    grid = cover(points.x_m, points.y_m, cell_m)
    cells = cells_of(grid, points.x_m, points.y_m)
    order = np.lexsort((points.z_m, cells))
    is_first = np.append(True, np.diff(cells[order]) != 0)
    at = np.sort(order[is_first])
    return Points(
        points.x_m[at],
        points.y_m[at],
        points.z_m[at],
        points.is_first[at],
        points.classification[at],
        points.source[at],
    )
