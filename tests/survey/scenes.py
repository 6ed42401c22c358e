"""Clouds whose truth is known in closed form, and the simulator's."""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sample_data.forest.stand import Stand, grow_stand
from sample_data.scanning.cloud import PointCloud
from sample_data.scanning.scanner import scan_airborne
from survey.airborne.canopy import CanopyModel
from survey.cloud import Points
from survey.files.las import write_cloud
from survey.grid import Grid

Floats = NDArray[np.float64]

SHARED = Path(__file__).parents[3] / "shared" / "data"
ORIGIN_X, ORIGIN_Y = 383_000.0, 5_428_000.0


def make_points(x_m: Floats, y_m: Floats, z_m: Floats) -> Points:
    """Return points that are all first echoes of class 1."""
    return Points(
        x_m,
        y_m,
        z_m,
        np.ones(x_m.size, dtype=np.bool_),
        np.ones(x_m.size, dtype=np.uint8),
        np.arange(x_m.size),
    )


def take_points(cloud: PointCloud) -> Points:
    """Return a simulated cloud as a survey sees it."""
    return Points(
        cloud.x_m,
        cloud.y_m,
        cloud.z_m,
        cloud.return_number <= 1,
        cloud.classification,
        np.arange(len(cloud)),
    )


def make_plane(count: int, *, side_m: float, slope: float, seed: int) -> Points:
    """Return points on a plane that rises eastward."""
    rng = np.random.default_rng(seed)
    x, y = ORIGIN_X + rng.random(count) * side_m, ORIGIN_Y + rng.random(count) * side_m
    return make_points(x, y, 500.0 + slope * (x - ORIGIN_X))


def make_canopy(height_m: Floats, cell_m: float = 0.5) -> CanopyModel:
    """Return a canopy of given heights, all cells seen."""
    rows, columns = height_m.shape
    return CanopyModel(Grid(0.0, 0.0, cell_m, rows, columns), height_m, np.ones(height_m.shape, dtype=np.bool_))


@cache
def scan_hectare(seed: int) -> tuple[Stand, PointCloud]:
    """Return a simulated hectare and its scan."""
    stand = grow_stand(seed)
    return stand, scan_airborne(stand, seed=seed)


def write_hectare(folder: Path, seed: int) -> tuple[Stand, Path]:
    """Return a simulated hectare and the file of its scan."""
    stand, cloud = scan_hectare(seed)
    path = folder / f"hectare-{seed}.laz"
    write_cloud(path, cloud, epsg=stand.epsg)
    return stand, path
