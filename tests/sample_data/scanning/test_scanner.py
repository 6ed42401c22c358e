"""A scanned cloud keeps the laws of its format and of its stand."""

from dataclasses import replace

import numpy as np
import pytest

from sample_data.errors import InvalidParameter
from sample_data.forest.stand import Stand, StandParameters, grow_stand
from sample_data.forest.terrain import TerrainParameters
from sample_data.scanning.cloud import PointCloud
from sample_data.scanning.scanner import ScannerParameters, scan_airborne
from sample_data.scoring.plain_filter import normalize_by_truth

TRUTH = ScannerParameters(truth_classes=True)
QUIET = ScannerParameters(low_vegetation_share=0.0, noise_share=0.0)


@pytest.fixture(scope="module")
def stand() -> Stand:
    return grow_stand(3300, parameters=StandParameters(side_m=60.0))


@pytest.fixture(scope="module")
def cloud(stand: Stand) -> PointCloud:
    return scan_airborne(stand, seed=1, parameters=TRUTH)


def test_same_seed_scans_the_same_cloud(stand: Stand) -> None:
    first, second = scan_airborne(stand, seed=4), scan_airborne(stand, seed=4)
    assert all(np.array_equal(getattr(first, name), getattr(second, name)) for name in PointCloud.__slots__)


def test_other_seed_scans_another_cloud(stand: Stand) -> None:
    assert not np.array_equal(scan_airborne(stand, seed=4).x_m[:9], scan_airborne(stand, seed=5).x_m[:9])


def test_every_array_is_as_long_as_the_cloud(cloud: PointCloud) -> None:
    assert {getattr(cloud, name).shape for name in PointCloud.__slots__} == {(len(cloud),)}


def test_every_point_lies_within_the_bounds(stand: Stand, cloud: PointCloud) -> None:
    west, south, east, north = stand.bounds
    assert cloud.x_m.min() >= west
    assert cloud.x_m.max() <= east
    assert cloud.y_m.min() >= south
    assert cloud.y_m.max() <= north


def test_returns_of_a_pulse_are_complete_and_in_order_down_the_ray(cloud: PointCloud) -> None:
    starts = np.flatnonzero(cloud.return_number == 1)
    counts = np.diff(np.append(starts, len(cloud)))
    pulse = np.repeat(np.arange(starts.size), counts)
    assert np.array_equal(cloud.number_of_returns, counts[pulse])
    assert np.array_equal(cloud.return_number, np.arange(len(cloud)) - starts[pulse] + 1)
    same = pulse[1:] == pulse[:-1]
    assert (np.diff(cloud.z_m)[same] < 0.0).all()
    assert (np.diff(cloud.gps_time)[same] == 0.0).all()
    assert (np.diff(cloud.gps_time)[~same] > 0.0).all()


def test_pulses_have_up_to_five_returns(cloud: PointCloud) -> None:
    assert set(np.unique(cloud.number_of_returns)) == {1, 2, 3, 4, 5}


def test_pulse_density_is_what_was_asked(cloud: PointCloud) -> None:
    # Whole pulses are dropped where a return leaves the bounds, so the edge is a little thinner.
    assert (cloud.return_number == 1).sum() / 60.0**2 == pytest.approx(10.0, rel=0.05)


def test_classes_are_unknown_unless_the_truth_is_asked_for(stand: Stand, cloud: PointCloud) -> None:
    assert set(np.unique(scan_airborne(stand, seed=1).classification)) == {1}
    assert set(np.unique(cloud.classification)) == {2, 3, 5, 7, 18}


def test_bare_ground_is_scanned_where_it_is(stand: Stand) -> None:
    bare = replace(stand, trees=())
    cloud = scan_airborne(bare, seed=2, parameters=QUIET)
    off = normalize_by_truth(cloud, bare.terrain)[:, 2]
    assert set(np.unique(cloud.number_of_returns)) == {1}
    # Range noise of 2.5 cm, strips off by 4 cm, and 8 cm sideways on slopes of at most one third.
    assert np.sqrt((off**2).mean()) < 0.09
    assert np.abs(off).max() < 0.4


def test_ground_points_are_the_terrain_under_trees_too(stand: Stand, cloud: PointCloud) -> None:
    off = normalize_by_truth(cloud, stand.terrain)[cloud.classification == 2, 2]
    assert np.abs(off).max() < 0.5


def test_ground_under_trees_is_scanned_where_it_is_on_slopes_of_forty_degrees() -> None:
    terrain = TerrainParameters(max_slope=float(np.tan(np.radians(40.0))), least_share=1.0)
    steep = grow_stand(3405, parameters=StandParameters(side_m=60.0, terrain=terrain))
    exact = replace(TRUTH, position_noise_m=0.0, range_noise_m=0.0, strip_shift_m=0.0, noise_share=0.0)
    cloud = scan_airborne(steep, seed=1, parameters=exact)
    off = normalize_by_truth(cloud, steep.terrain)[:, 2]
    ground = cloud.classification == 2
    assert ground.sum() > 3_000
    # An echo is the mean over a footprint of 25 cm, parts of which a crown may keep: on such a slope some 10 cm.
    assert np.sqrt((off[ground] ** 2).mean()) < 0.10
    assert off.min() > -0.5


def test_canopy_keeps_light_from_the_ground(stand: Stand, cloud: PointCloud) -> None:
    bare = scan_airborne(replace(stand, trees=()), seed=1, parameters=TRUTH)
    tall = replace(stand, trees=tuple(tree for tree in stand.trees if tree.layer == 0))
    thinned = scan_airborne(tall, seed=1, parameters=TRUTH)
    ground = [int((scan.classification == 2).sum()) for scan in (bare, thinned, cloud)]
    assert ground == sorted(ground, reverse=True)
    assert ground[2] < 0.8 * ground[0]


def test_no_leaf_is_above_the_tallest_tree(stand: Stand, cloud: PointCloud) -> None:
    leaves = cloud.classification == 5
    height = normalize_by_truth(cloud, stand.terrain)[leaves, 2]
    # Terrain differs between the foot of a tree and the ground below its crown.
    assert height.max() < max(tree.height_m for tree in stand.trees) + 3.0
    assert cloud.z_m[leaves].max() < max(tree.ground_m + tree.height_m for tree in stand.trees) + 0.3


def test_dominant_apexes_are_seen_from_just_below(stand: Stand, cloud: PointCloud) -> None:
    tallest = sorted(stand.trees, key=lambda tree: -tree.height_m)[:20]
    shortfall = []
    for tree in tallest:
        near = np.hypot(cloud.x_m - tree.apex_x_m, cloud.y_m - tree.apex_y_m) < 0.8
        highest = cloud.z_m[near & (cloud.classification == 5)].max()
        shortfall.append(tree.ground_m + tree.height_m - highest)
    # Airborne lasers see conifer tops some decimetres too low (Andersen et al. 2006, doi 10.5589/m06-030).
    assert 0.0 < np.median(shortfall) < 1.0


def test_leaves_are_brighter_in_single_returns_than_in_shared_ones(cloud: PointCloud) -> None:
    leaves = cloud.classification == 5
    whole = cloud.intensity[leaves & (cloud.number_of_returns == 1)].mean()
    shared = cloud.intensity[leaves & (cloud.number_of_returns >= 3)].mean()
    assert whole > 1.5 * shared


def test_noise_is_rare_and_isolated_in_height(stand: Stand) -> None:
    noisy = scan_airborne(stand, seed=3, parameters=replace(TRUTH, noise_share=0.01))
    false = np.isin(noisy.classification, (7, 18))
    height = normalize_by_truth(noisy, stand.terrain)[:, 2]
    assert false.sum() == pytest.approx(0.01 * (noisy.return_number == 1).sum(), rel=0.3)
    assert (height[noisy.classification == 7] < -0.7).all()
    assert (height[noisy.classification == 18] > 39.0).all()


@pytest.mark.parametrize(
    "parameters",
    [
        ScannerParameters(pulses_per_m2=0.0),
        ScannerParameters(pulses_per_m2=1e6),
        ScannerParameters(strips=0),
        ScannerParameters(height_m=10.0),
        ScannerParameters(beam_m=-1.0),
        ScannerParameters(noise_share=2.0),
    ],
)
def test_impossible_scanner_is_refused(stand: Stand, parameters: ScannerParameters) -> None:
    with pytest.raises(InvalidParameter):
        scan_airborne(stand, seed=1, parameters=parameters)
