"""A carried scanner's cloud has the noise and the drift that were asked, and no other."""

from dataclasses import replace

import numpy as np
import pytest

from sample_data.errors import InvalidParameter
from sample_data.forest.terrain import elevation_m
from sample_data.scanning.cloud import PointCloud
from sample_data.scanning.mobile import MobileParameters, _drift, scan_mobile
from sample_data.scanning.stems import stem_sections
from tests.sample_data.plots import bare_plot, make_stand, make_tree

EXACT = MobileParameters(
    plot=bare_plot(6.0),
    pulses_per_s=2_000.0,
    exit_m=0.0,
    divergence_mrad=0.0,
    range_noise_m=0.0,
    drift_m=0.0,
    drift_deg=0.0,
    truth_classes=True,
)


def spread_on_stem(parameters: MobileParameters, seed: int) -> float:
    """Return how widely a stem's points scatter across its bark."""
    trees = make_stand(make_tree(1.0, 1.0))
    scan = scan_mobile(trees, seed=seed, parameters=parameters)
    section = stem_sections(trees, 0, 1.3)[0]
    cloud = scan.cloud
    away = np.hypot(cloud.x_m - section.x_m, cloud.y_m - section.y_m)
    near = (scan.tree == 0) & (np.abs(cloud.z_m - 1.3) < 0.3) & (away < 0.5)
    assert near.sum() > 100
    return float(away[near].std())


def test_without_noise_and_drift_points_lie_on_the_ground() -> None:
    stand = make_stand(slope=0.2)
    scan = scan_mobile(stand, seed=1, parameters=EXACT)
    off = scan.cloud.z_m - elevation_m(stand.terrain, scan.cloud.x_m, scan.cloud.y_m)
    assert np.abs(off).max() < 1e-3
    assert len(scan.cloud) > 15_000


def test_range_noise_is_what_was_asked() -> None:
    scan = scan_mobile(make_stand(), seed=1, parameters=replace(EXACT, range_noise_m=0.02))
    off = scan.cloud.z_m / np.cos(np.radians(scan.cloud.scan_angle))
    assert off.std() == pytest.approx(0.02, rel=0.03)


def test_drift_is_none_at_both_ends_and_what_was_asked_halfway() -> None:
    seconds = np.linspace(0.0, 100.0, 101)
    asked = replace(EXACT, drift_m=0.04, drift_deg=0.2)
    drawn = [_drift(np.random.default_rng(seed), seconds, asked) for seed in range(800)]
    shifts = np.array([shift for shift, _ in drawn])
    assert np.abs(shifts[:, [0, -1]]).max() < 1e-12
    # Eight hundred draws: a standard deviation scatters by 2.5 %.
    assert shifts[:, 50].std(axis=0) == pytest.approx([0.04, 0.04, 0.04 / 3.0], rel=0.1)
    assert np.std([turn[50] for _, turn in drawn]) == pytest.approx(np.radians(0.2), rel=0.1)


def test_drift_writes_a_stem_that_is_seen_twice_twice() -> None:
    # Out of round by 2 % of 20 cm, and bark: some millimetres.
    assert spread_on_stem(EXACT, 3) < 0.012
    assert np.median([spread_on_stem(replace(EXACT, drift_m=0.2), seed) for seed in range(3)]) > 0.03


def test_the_way_returns_to_its_start_and_stays_clear_of_stems() -> None:
    trees = make_stand(make_tree(0.0, 0.0), make_tree(-4.0, 2.0, number=1))
    scan = scan_mobile(trees, seed=1, parameters=EXACT)
    away = np.hypot(scan.positions[:, :1] - [0.0, -4.0], scan.positions[:, 1:2] - [0.0, 2.0])
    assert away.min() > 0.6
    assert np.linalg.norm(scan.positions[0] - scan.positions[-1]) < 2.0
    assert np.hypot(scan.positions[:, 0], scan.positions[:, 1]).max() < 6.5


def test_same_seed_scans_the_same_cloud() -> None:
    trees = make_stand(make_tree(3.0, 0.0))
    first, second = (scan_mobile(trees, seed=4, parameters=EXACT) for _ in range(2))
    assert all(np.array_equal(getattr(first.cloud, name), getattr(second.cloud, name)) for name in PointCloud.__slots__)


@pytest.mark.parametrize(
    "parameters",
    [
        replace(EXACT, lane_m=0.0),
        replace(EXACT, speed_mps=0.0),
        replace(EXACT, pulses_per_s=1e9),
        replace(EXACT, drift_m=-1.0),
    ],
)
def test_impossible_walk_is_refused(parameters: MobileParameters) -> None:
    with pytest.raises(InvalidParameter):
        scan_mobile(make_stand(), seed=1, parameters=parameters)
