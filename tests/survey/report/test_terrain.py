"""The terrain is compared with ground points where they lie, between its cells."""

from pathlib import Path

import numpy as np
import pytest

from survey.cloud import Floats
from survey.files.crs import parse_crs
from survey.grid import Grid
from survey.report.terrain import compare_terrain
from tests.survey.catalogue.scenes import write_raster

GRID = Grid(500_000.0, 5_400_000.0, 1.0, 700, 900)
"""More than one piece each way."""


def slope(x_m: Floats, y_m: Floats) -> Floats:
    """Return a plane, which bilinear interpolation gives back exactly."""
    return 300.0 + 0.3 * (x_m - GRID.west_m) - 0.1 * (y_m - GRID.south_m)


@pytest.fixture(scope="module")
def raster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("terrain") / "terrain.tif"
    x, y = np.meshgrid(GRID.west_m + np.arange(GRID.columns) + 0.5, GRID.south_m + np.arange(GRID.rows) + 0.5)
    write_raster(path, GRID, slope(x, y), crs=parse_crs("EPSG:32633"), description="terrain, m")
    return path


def draw_places(count: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(1)
    return GRID.west_m + rng.uniform(0.5, 899.5, count), GRID.south_m + rng.uniform(0.5, 699.5, count)


def test_a_terrain_above_its_ground_points_by_a_step_errs_by_that_step(raster: Path) -> None:
    x, y = draw_places(5_000)
    errors = compare_terrain(raster, np.column_stack([x, y, slope(x, y) - 0.25]))
    assert np.abs(errors.error_m - 0.25).max() < 1e-3


def test_points_beyond_the_terrain_have_no_error(raster: Path) -> None:
    errors = compare_terrain(raster, np.array([[GRID.west_m - 50.0, GRID.south_m + 5.0, 300.0]]))
    assert np.isnan(errors.error_m).all()


def test_many_points_are_thinned_evenly(raster: Path) -> None:
    x, y = draw_places(450_000)
    assert len(compare_terrain(raster, np.column_stack([x, y, slope(x, y)])).x_m) == 150_000
