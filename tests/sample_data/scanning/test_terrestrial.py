"""Tripod scans obey the geometry of light: what faces the scanner, what is near, what is not hidden."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sample_data.errors import InvalidParameter
from sample_data.forest.damage import fall
from sample_data.forest.stand import Stand, StandParameters, grow_stand
from sample_data.forest.terrain import TerrainParameters, elevation_m
from sample_data.scanning.cloud import PointCloud, Scan
from sample_data.scanning.scene import PlotParameters
from sample_data.scanning.stems import stem_sections
from sample_data.scanning.terrestrial import TerrestrialParameters, aim_around, scan_terrestrial
from sample_data.scanning.undergrowth import UndergrowthParameters
from tests.sample_data.plots import bare_plot, make_stand, make_tree

EXACT = TerrestrialParameters(
    plot=bare_plot(12.0),
    positions=((0.0, 0.0),),
    step_deg=0.2,
    highest_deg=60.0,
    exit_m=0.0,
    divergence_mrad=0.0,
    range_noise_m=0.0,
    range_noise_per_m=0.0,
    angle_noise_deg=0.0,
    registration_m=0.0,
    registration_deg=0.0,
    truth_classes=True,
)


@pytest.fixture(scope="module")
def stand() -> Stand:
    return grow_stand(3402, parameters=StandParameters(side_m=40.0))


@pytest.fixture(scope="module")
def scan(stand: Stand) -> Scan:
    parameters = TerrestrialParameters(plot=PlotParameters(radius_m=8.0), step_deg=0.7, truth_classes=True)
    return scan_terrestrial(stand, seed=1, parameters=parameters)


def bole(scan: Scan, tree: int, low_m: float, high_m: float) -> NDArray[np.bool_]:
    """Tell which points lie on a stem between two heights, branches left out."""
    cloud = scan.cloud
    between: NDArray[np.bool_] = (scan.tree == tree) & (cloud.z_m > low_m) & (cloud.z_m < high_m)
    return between


def test_points_of_a_stem_lie_on_the_half_that_faces_the_scanner() -> None:
    trees = make_stand(make_tree(5.0, 0.0))
    scan = scan_terrestrial(trees, seed=1, parameters=replace(EXACT, highest_deg=20.0))
    section = stem_sections(trees, 0, 1.3)[0]
    cloud = scan.cloud
    near = bole(scan, 0, 1.2, 1.4) & (np.hypot(cloud.x_m - section.x_m, cloud.y_m - section.y_m) < 0.25)
    assert near.sum() > 50
    # A circle of 0.2 m seen from 5 m shows what lies before its tangents; outlines are out of round by 2 %.
    assert (cloud.x_m[near] < section.x_m + 0.02).all()
    radius = np.hypot(cloud.x_m[near] - section.x_m, cloud.y_m[near] - section.y_m)
    assert np.median(radius) == pytest.approx(0.20, rel=0.03)


@pytest.mark.parametrize("distance", [4.0, 8.0])
def test_points_on_a_stem_are_as_many_as_its_solid_angle_holds(distance: float) -> None:
    scan = scan_terrestrial(make_stand(make_tree(distance, 0.0)), seed=1, parameters=replace(EXACT, highest_deg=20.0))
    cloud = scan.cloud
    near = bole(scan, 0, 1.4, 1.8) & (np.abs(cloud.y_m) < 0.25)
    # 0.4 m high and 0.4 m wide, at right angles to the line of sight; branches would be more, taper is less.
    expected = 2.0 * np.arcsin(0.2 / distance) * 2.0 * np.arctan(0.2 / distance) / np.radians(0.2) ** 2
    assert near.sum() == pytest.approx(expected, rel=0.1)


def test_a_stem_behind_a_thicker_one_gets_no_points() -> None:
    trees = make_stand(make_tree(4.0, 0.0, dbh_cm=60.0), make_tree(8.0, 0.0, dbh_cm=20.0, number=1))
    level = replace(EXACT, lowest_deg=-20.0, highest_deg=20.0)
    scan = scan_terrestrial(trees, seed=1, parameters=level)
    # Branches stick out; the bole does not.
    bare = bole(scan, 1, 0.1, 3.0) & (np.hypot(scan.cloud.x_m - 8.0, scan.cloud.y_m) < 0.2)
    assert bare.sum() == 0
    alone = scan_terrestrial(make_stand(make_tree(8.0, 0.0, dbh_cm=20.0)), seed=1, parameters=level)
    assert bole(alone, 0, 0.1, 3.0).sum() > 100


def test_range_noise_is_what_was_asked() -> None:
    noisy = replace(EXACT, range_noise_m=0.01)
    scan = scan_terrestrial(make_stand(), seed=2, parameters=noisy)
    ranges = scan.positions[0, 2] / np.cos(np.radians(scan.cloud.scan_angle))
    off = (scan.positions[0, 2] - scan.cloud.z_m) / np.cos(np.radians(scan.cloud.scan_angle)) - ranges
    assert off.std() == pytest.approx(0.01, rel=0.02)
    assert abs(off.mean()) < 0.0005


def test_range_noise_grows_with_range() -> None:
    noisy = replace(EXACT, range_noise_per_m=0.002)
    scan = scan_terrestrial(make_stand(), seed=2, parameters=noisy)
    ranges = scan.positions[0, 2] / np.cos(np.radians(scan.cloud.scan_angle))
    off = (scan.positions[0, 2] - scan.cloud.z_m) / np.cos(np.radians(scan.cloud.scan_angle)) - ranges
    for low in (2.0, 6.0):
        ring = (ranges > low) & (ranges < low + 1.0)
        assert off[ring].std() == pytest.approx(0.002 * (low + 0.5), rel=0.1)


def test_bare_ground_is_scanned_where_it_is_on_a_slope_of_forty_degrees() -> None:
    steep = make_stand(slope=float(np.tan(np.radians(40.0))))
    scan = scan_terrestrial(steep, seed=2, parameters=EXACT)
    off = scan.cloud.z_m - elevation_m(steep.terrain, scan.cloud.x_m, scan.cloud.y_m)
    assert np.abs(off).max() < 1e-3
    assert len(scan.cloud) > 10_000


def test_registration_moves_each_scan_but_the_first() -> None:
    pair = replace(EXACT, positions=((0.0, 0.0), (3.0, 0.0)), registration_m=0.05)
    shifts = []
    for seed in range(20):
        scan = scan_terrestrial(make_stand(), seed=seed, parameters=replace(pair, step_deg=2.0))
        first = scan.cloud.point_source_id == 1
        assert np.abs(scan.cloud.z_m[first]).max() < 1e-3
        shifts.append(scan.cloud.z_m[~first].mean())
    # Twenty draws of a normal: their standard deviation scatters by a sixth.
    assert np.std(shifts) == pytest.approx(0.05, rel=0.5)


def test_directions_are_equally_dense() -> None:
    ways = aim_around(TerrestrialParameters(step_deg=1.0, lowest_deg=-90.0, highest_deg=90.0))
    assert len(ways) == pytest.approx(4.0 * np.pi / np.radians(1.0) ** 2, rel=0.01)
    # Archimedes: equal slices of a sphere have equal areas.
    slices = np.histogram(ways[:, 2], bins=np.linspace(-1.0, 1.0, 9))[0]
    assert slices == pytest.approx(np.full(8, len(ways) / 8.0), rel=0.05)


def test_same_seed_scans_the_same_cloud_and_another_another(stand: Stand) -> None:
    coarse = TerrestrialParameters(plot=PlotParameters(radius_m=4.0), step_deg=2.0, scans=2)
    first, second, other = (scan_terrestrial(stand, seed=seed, parameters=coarse) for seed in (4, 4, 5))
    assert all(np.array_equal(getattr(first.cloud, name), getattr(second.cloud, name)) for name in PointCloud.__slots__)
    assert np.array_equal(first.tree, second.tree)
    assert not np.array_equal(first.cloud.x_m[:9], other.cloud.x_m[:9])


def test_points_lie_in_the_plot_and_pulses_are_whole_and_in_order(scan: Scan) -> None:
    cloud = scan.cloud
    assert np.hypot(cloud.x_m - scan.centre[0], cloud.y_m - scan.centre[1]).max() <= 8.0
    starts = np.flatnonzero(cloud.return_number == 1)
    counts = np.diff(np.append(starts, len(cloud)))
    pulse = np.repeat(np.arange(starts.size), counts)
    assert np.array_equal(cloud.number_of_returns, counts[pulse])
    assert np.array_equal(cloud.return_number, np.arange(len(cloud)) - starts[pulse] + 1)
    assert (np.diff(cloud.gps_time)[np.diff(pulse) == 1] > 0.0).all()
    assert {getattr(cloud, name).shape for name in PointCloud.__slots__} == {(len(cloud),)}


def test_points_lie_near_the_tree_that_they_are_said_to_be_of(stand: Stand, scan: Scan) -> None:
    cloud = scan.cloud
    for index in np.unique(scan.tree[scan.tree >= 0]).tolist():
        tree, mine = stand.trees[index], scan.tree == index
        away = np.minimum(
            np.hypot(cloud.x_m[mine] - tree.x_m, cloud.y_m[mine] - tree.y_m),
            np.hypot(cloud.x_m[mine] - tree.apex_x_m, cloud.y_m[mine] - tree.apex_y_m),
        )
        assert away.max() < tree.crown_diameter_m + 0.3
        assert cloud.z_m[mine].max() < tree.ground_m + tree.height_m + 0.3


def test_ground_points_are_the_terrain_but_for_roughness(stand: Stand, scan: Scan) -> None:
    ground = scan.cloud.classification == 2
    off = scan.cloud.z_m[ground] - elevation_m(stand.terrain, scan.cloud.x_m[ground], scan.cloud.y_m[ground])
    assert 0.01 < off.std() < 0.04
    assert abs(off.mean()) < 0.01


def test_a_fallen_stem_is_seen_lying_on_the_ground() -> None:
    trees = make_stand(fall(make_tree(-6.0, 4.0, dbh_cm=50.0), 0.0))
    scan = scan_terrestrial(trees, seed=1, parameters=replace(EXACT, highest_deg=10.0))
    cloud = scan.cloud
    log = (scan.tree == 0) & (np.abs(cloud.x_m + 4.0) < 0.5)
    # Two metres from its foot a log half a metre thick is a little thinner; it rests on the ground.
    assert log.sum() > 100
    assert 0.40 < cloud.z_m[log].max() < 0.56
    assert np.abs(cloud.y_m[log] - 4.0).max() < 0.4


def test_undergrowth_hides_stems(stand: Stand) -> None:
    seen = []
    for shrubs in (0.0, 6_000.0):
        growth = UndergrowthParameters(shrubs_per_ha=shrubs, hazels_per_ha=0.0, herb_cover=0.0)
        plot = PlotParameters(radius_m=8.0, undergrowth=growth)
        scan = scan_terrestrial(stand, seed=1, parameters=TerrestrialParameters(plot=plot, step_deg=0.5, scans=1))
        ground = elevation_m(stand.terrain, scan.cloud.x_m, scan.cloud.y_m)
        thick = np.isin(scan.tree, [i for i, tree in enumerate(stand.trees) if tree.dbh_cm > 10.0])
        seen.append(int((thick & (scan.cloud.z_m - ground < 1.0)).sum()))
    assert seen[1] < 0.8 * seen[0]


def test_tripods_stand_clear_of_stems_on_the_ground(stand: Stand, scan: Scan) -> None:
    assert scan.positions.shape == (4, 3)
    height = scan.positions[:, 2] - elevation_m(stand.terrain, scan.positions[:, 0], scan.positions[:, 1])
    assert height == pytest.approx(np.full(4, 1.6))
    for tree in stand.trees:
        away = np.hypot(scan.positions[:, 0] - tree.x_m, scan.positions[:, 1] - tree.y_m)
        assert away.min() > 0.7 + tree.dbh_cm / 200.0


def test_a_steep_stand_is_scanned_too() -> None:
    steep = StandParameters(side_m=30.0, terrain=TerrainParameters(max_slope=0.84, least_share=1.0))
    stand = grow_stand(3403, parameters=steep)
    parameters = TerrestrialParameters(plot=PlotParameters(radius_m=6.0), scans=1, step_deg=0.5, truth_classes=True)
    scan = scan_terrestrial(stand, seed=1, parameters=parameters)
    ground = scan.cloud.classification == 2
    off = scan.cloud.z_m[ground] - elevation_m(stand.terrain, scan.cloud.x_m[ground], scan.cloud.y_m[ground])
    assert ground.sum() > 3_000
    assert np.abs(off).max() < 0.2


@pytest.mark.parametrize(
    "parameters",
    [
        TerrestrialParameters(scans=0),
        TerrestrialParameters(step_deg=0.0),
        TerrestrialParameters(step_deg=0.011),
        TerrestrialParameters(range_noise_m=-1.0),
        TerrestrialParameters(positions=((99.0, 0.0),)),
        TerrestrialParameters(plot=PlotParameters(radius_m=1e3)),
        TerrestrialParameters(plot=PlotParameters(centre=(0.0, 0.0))),
        TerrestrialParameters(plot=PlotParameters(undergrowth=UndergrowthParameters(herb_cover=2.0))),
    ],
)
def test_impossible_scan_is_refused(stand: Stand, parameters: TerrestrialParameters) -> None:
    with pytest.raises(InvalidParameter):
        scan_terrestrial(stand, seed=1, parameters=parameters)


def test_negative_seed_is_refused(stand: Stand) -> None:
    with pytest.raises(InvalidParameter):
        scan_terrestrial(stand, seed=-1)
