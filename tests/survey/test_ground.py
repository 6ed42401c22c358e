"""Ground and terrain on planes, whose truth is a formula, and on simulated stands, whose truth is known."""

import numpy as np
import pytest

from sample_data.terrain import elevation_m
from survey.cloud import Bools, Points, select_points
from survey.errors import ExtentTooLarge, NoGround
from survey.ground.classify import VendorClass, classify_ground, is_normalized
from survey.ground.noise import find_noise
from survey.ground.terrain import normalize_height, rasterize_terrain
from tests.survey.scenes import ORIGIN_X, ORIGIN_Y, make_plane, make_points, scan_hectare


def join(one: Points, two: Points) -> Points:
    return make_points(
        np.concatenate([one.x_m, two.x_m]),
        np.concatenate([one.y_m, two.y_m]),
        np.concatenate([one.z_m, two.z_m]),
    )


def is_inner(plane: Points) -> Bools:
    """Return the points away from the border, where no triangle holds the cell's centre and the nearest one decides."""
    east, north = plane.x_m - ORIGIN_X - 25.0, plane.y_m - ORIGIN_Y - 25.0
    inner: Bools = (np.abs(east) < 22.0) & (np.abs(north) < 22.0)
    return inner


def make_canopy_over(plane: Points, slope: float) -> Points:
    """Return points 10 to 20 m over the middle of a plane."""
    rng = np.random.default_rng(5)
    x = ORIGIN_X + rng.uniform(10.0, 40.0, len(plane))
    return make_points(
        x,
        ORIGIN_Y + rng.uniform(10.0, 40.0, len(plane)),
        510.0 + slope * (x - ORIGIN_X) + 10.0 * rng.random(len(plane)),
    )


@pytest.mark.parametrize("slope", [0.0, 0.3, 0.84])
def test_triangles_give_a_plane_back_exactly(slope: float) -> None:
    plane = make_plane(6_000, side_m=50.0, slope=slope, seed=1)
    terrain = rasterize_terrain(plane, np.ones(len(plane), dtype=np.bool_))
    inner = select_points(plane, is_inner(plane))
    assert np.abs(normalize_height(inner, terrain)).max() < 1e-6


@pytest.mark.parametrize("slope", [0.0, 0.3, 0.84])
def test_ground_is_told_from_canopy_on_slopes_to_forty_degrees(slope: float) -> None:
    plane = make_plane(12_000, side_m=50.0, slope=slope, seed=1)
    canopy = make_canopy_over(plane, slope)
    is_ground = classify_ground(join(plane, canopy))
    assert is_ground[: len(plane)][is_inner(plane)].mean() > 0.99
    assert is_ground[len(plane) :].mean() < 0.001


@pytest.mark.parametrize("seed", [1000, 1002])
def test_terrain_of_simulated_stands_is_within_two_decimetres(seed: int) -> None:
    stand, cloud = scan_hectare(seed)
    points = make_points(cloud.x_m, cloud.y_m, cloud.z_m)
    points = select_points(points, ~find_noise(points))
    terrain = rasterize_terrain(points, classify_ground(points))
    error = normalize_height(points, terrain) - (points.z_m - elevation_m(stand.terrain, points.x_m, points.y_m))
    assert np.sqrt(np.mean(error**2)) < 0.2
    assert abs(error.mean()) < 0.1


def test_the_vendors_class_is_taken_when_asked_for_and_refused_when_absent() -> None:
    plane = make_plane(200, side_m=20.0, slope=0.0, seed=1)
    plane.classification[:50] = 2
    assert np.array_equal(np.flatnonzero(classify_ground(plane, VendorClass())), np.arange(50))
    plane.classification[:] = 1
    with pytest.raises(NoGround, match="class 2"):
        classify_ground(plane, VendorClass())


def test_points_in_one_line_show_no_ground() -> None:
    along = np.linspace(0.0, 50.0, 200)
    line = make_points(ORIGIN_X + along, ORIGIN_Y + along, np.full(200, 3.0))
    with pytest.raises(NoGround):
        rasterize_terrain(line, np.ones(200, dtype=np.bool_))


def test_an_extent_of_too_many_cells_is_refused() -> None:
    far = make_points(np.array([0.0, 1e6]), np.array([0.0, 1e6]), np.zeros(2))
    with pytest.raises(ExtentTooLarge):
        rasterize_terrain(far, np.ones(2, dtype=np.bool_))


def test_heights_above_ground_are_told_from_elevations() -> None:
    plane = make_plane(2_000, side_m=60.0, slope=0.1, seed=1)
    flat = make_points(plane.x_m, plane.y_m, np.abs(np.sin(plane.x_m)) * 20.0)
    assert not is_normalized(plane)
    assert is_normalized(flat)


def test_lone_points_far_from_all_others_are_noise() -> None:
    plane = make_plane(4_000, side_m=50.0, slope=0.1, seed=1)
    birds = make_points(ORIGIN_X + np.array([10.0, 30.0]), ORIGIN_Y + np.array([10.0, 30.0]), np.array([560.0, 470.0]))
    noise = find_noise(join(plane, birds))
    assert noise[-2:].all()
    assert not noise[:-2].any()
