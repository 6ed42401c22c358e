"""Ground and terrain on planes, whose truth is a formula, and on simulated stands, whose truth is known."""

import numpy as np
import pytest
from scipy import ndimage

from sample_data.forest.stand import Stand, StandParameters, grow_stand
from sample_data.forest.terrain import TerrainParameters, elevation_m
from sample_data.scanning.scanner import scan_airborne
from survey.cloud import Bools, Points, select_points
from survey.errors import ExtentTooLarge, NoGround
from survey.ground.buckets import bucket_points, pick_points, select_sorted, sort_points
from survey.ground.classify import VendorClass, classify_ground, is_normalized
from survey.ground.noise import IsolatedPoints, find_noise, find_strays
from survey.ground.opening import open_by_disc
from survey.ground.terrain import Lancaster1981, normalize_height, rasterize_terrain
from tests.survey.scenes import ORIGIN_X, ORIGIN_Y, make_plane, make_points, scan_hectare, take_points


def join(one: Points, two: Points) -> Points:
    return make_points(
        np.concatenate([one.x_m, two.x_m]),
        np.concatenate([one.y_m, two.y_m]),
        np.concatenate([one.z_m, two.z_m]),
    )


def is_inner(plane: Points) -> Bools:
    """Return the points away from the border, beyond which nothing tells a plane from the edge of a canopy."""
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


def measure_error(stand: Stand, points: Points) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return the terrain's error below each point."""
    points = select_points(points, ~find_noise(points))
    terrain = rasterize_terrain(points, classify_ground(points))
    truth = points.z_m - elevation_m(stand.terrain, points.x_m, points.y_m)
    return truth - normalize_height(points, terrain)


@pytest.mark.parametrize("slope", [0.0, 0.3, 0.84])
def test_a_plane_comes_back_exactly(slope: float) -> None:
    plane = make_plane(6_000, side_m=50.0, slope=slope, seed=1)
    terrain = rasterize_terrain(plane, np.ones(len(plane), dtype=np.bool_))
    assert np.abs(normalize_height(plane, terrain)).max() < 1e-6


@pytest.mark.parametrize("slope", [0.0, 0.3, 0.84])
def test_ground_is_told_from_canopy_on_slopes_to_forty_degrees(slope: float) -> None:
    plane = make_plane(12_000, side_m=50.0, slope=slope, seed=1)
    canopy = make_canopy_over(plane, slope)
    is_ground = classify_ground(join(plane, canopy))
    assert is_ground[: len(plane)][is_inner(plane)].mean() > 0.99
    assert is_ground[len(plane) :].mean() < 0.001


@pytest.mark.parametrize(("width_m", "kept", "error_m"), [(4.0, 0.97, 0.05), (2.0, 0.93, 0.15)])
def test_a_bank_of_two_metres_keeps_its_ground(width_m: float, kept: float, error_m: float) -> None:
    plane = make_plane(12_000, side_m=50.0, slope=0.0, seed=1)
    rise = np.clip((plane.x_m - ORIGIN_X - 24.0) * 2.0 / width_m, 0.0, 2.0)
    bank = make_points(plane.x_m, plane.y_m, 500.0 + rise)
    is_ground = classify_ground(bank)
    height = normalize_height(bank, rasterize_terrain(bank, is_ground))[is_inner(plane)]
    # The upper edge is the part that is lost where a bank is as steep as 45 degrees.
    assert is_ground[is_inner(plane)].mean() > kept
    assert np.sqrt(np.mean(height**2)) < error_m


@pytest.mark.parametrize("seed", [1000, 1002])
def test_terrain_of_simulated_stands_is_within_two_decimetres(seed: int) -> None:
    stand, cloud = scan_hectare(seed)
    error = measure_error(stand, take_points(cloud))
    assert np.sqrt(np.mean(error**2)) < 0.2
    assert abs(error.mean()) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_terrain_of_steep_and_rough_stands_is_within_two_decimetres(seed: int) -> None:
    terrain = TerrainParameters(max_slope=0.84, roughness=2.0)
    stand = grow_stand(seed, parameters=StandParameters(terrain=terrain))
    error = measure_error(stand, take_points(scan_airborne(stand, seed=seed)))
    assert np.sqrt(np.mean(error**2)) < 0.2


def test_ground_far_from_all_ground_points_is_unknown() -> None:
    plane = make_plane(2_000, side_m=20.0, slope=0.0, seed=1)
    far = make_points(plane.x_m + 80.0, plane.y_m, plane.z_m)
    is_ground = np.arange(4_000) < 2_000
    both = join(plane, far)
    heights = normalize_height(both, rasterize_terrain(both, is_ground, Lancaster1981(reach_m=30.0)))
    assert np.isfinite(heights[:2_000]).all()
    assert np.isnan(heights[2_000:]).all()


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


def test_points_are_isolated_by_the_number_of_others_in_their_box() -> None:
    rng = np.random.default_rng(2)
    x, y, z = rng.uniform(0.0, 40.0, (3, 300))
    points = make_points(ORIGIN_X + x, ORIGIN_Y + y, z)
    apart = np.abs(np.stack([x, y, z])[:, :, None] - np.stack([x, y, z])[:, None, :]).max(axis=0)
    others = (apart <= 6.0).sum(axis=1) - 1
    assert np.array_equal(find_noise(points), others <= 5)


def test_strays_are_looked_for_only_where_the_extent_is_too_large() -> None:
    plane = make_plane(4_000, side_m=50.0, slope=0.1, seed=1)
    stray = make_points(np.zeros(1), np.zeros(1), np.zeros(1))
    assert np.array_equal(np.flatnonzero(find_strays(join(plane, stray))), [4_000])
    assert not find_strays(plane).any()


@pytest.mark.parametrize("radius", [1, 2, 5])
def test_an_opening_is_that_of_a_second_implementation(radius: int) -> None:
    surface = np.random.default_rng(1).random((30, 40))
    span = np.arange(-radius, radius + 1)
    disc = span[:, None] ** 2 + span[None, :] ** 2 <= radius**2
    eroded = ndimage.minimum_filter(surface, footprint=disc, mode="constant", cval=np.inf)
    opened = ndimage.maximum_filter(eroded, footprint=disc, mode="constant", cval=-np.inf)
    assert np.array_equal(open_by_disc(surface, radius), opened)


def test_buckets_hold_each_point_once_from_the_highest_down_whatever_their_order() -> None:
    rng = np.random.default_rng(4)
    points = make_points(
        rng.uniform(-5.0, 5.0, 3_000), rng.uniform(-5.0, 5.0, 3_000), np.floor(rng.uniform(0.0, 9.0, 3_000))
    )
    buckets = bucket_points(points, 1.0)
    assert np.array_equal(np.sort(buckets.order), np.arange(3_000))
    cell = np.repeat(np.arange(buckets.starts.size - 1), np.diff(buckets.starts))
    column, row = cell % buckets.grid.columns, cell // buckets.grid.columns
    ordered = pick_points(points, buckets.order)
    assert np.array_equal(np.floor(ordered.x_m), buckets.grid.west_m + column)
    assert np.array_equal(np.floor(ordered.y_m), buckets.grid.south_m + row)
    keys = np.lexsort((ordered.y_m, ordered.x_m, -ordered.z_m, cell))
    assert np.array_equal(keys, np.arange(3_000))


def test_sorted_points_of_which_some_are_left_out_are_the_others_sorted() -> None:
    rng = np.random.default_rng(5)
    points = make_points(
        rng.uniform(-5.0, 5.0, 2_000), rng.uniform(-5.0, 5.0, 2_000), np.floor(rng.uniform(0.0, 9.0, 2_000))
    )
    keep = rng.random(2_000) < 0.6
    everything, at, buckets = sort_points(points, 1.0)
    thinned, thin = select_sorted(everything, buckets, keep[at])
    left, from_left, of_left = sort_points(points, 1.0, keep)
    wanted = bucket_points(pick_points(points, np.flatnonzero(keep)), 1.0)
    assert np.array_equal(from_left, np.flatnonzero(keep)[wanted.order])
    for found, cells in ((thinned, thin), (left, of_left)):
        assert np.array_equal(found.source, points.source[from_left])
        assert np.array_equal(found.z_m, points.z_m[from_left])
        assert cells.grid == wanted.grid
        assert np.array_equal(cells.starts, wanted.starts)
        assert np.array_equal(cells.order, np.arange(keep.sum()))


@pytest.mark.parametrize("seed", range(4))
def test_noise_is_what_a_count_of_all_points_in_its_box_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Sparse, in layers: some cells are empty, some have one point, some many.
    count = 900
    x_m, y_m, z_m = rng.uniform(0.0, 40.0, count), rng.uniform(0.0, 40.0, count), rng.choice([0.0, 9.0, 30.0], count)
    x_m[:300] = rng.uniform(10.0, 13.0, 300)
    points = make_points(x_m, y_m, z_m)
    places = np.column_stack([x_m, y_m, z_m])
    apart = np.abs(places[:, None, :] - places[None, :, :]).max(axis=2)
    wanted = (apart <= 4.0).sum(axis=1) - 1 <= 6
    assert 20 < wanted.sum() < 880
    assert np.array_equal(find_noise(points, IsolatedPoints(reach_m=4.0, most_points=6)), wanted)
