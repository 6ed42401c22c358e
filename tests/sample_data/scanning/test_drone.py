"""A drone's cloud has the density and the angles that were asked, sees tops and, between crowns, stems."""

from dataclasses import replace

import numpy as np
import pytest

from sample_data.errors import InvalidParameter
from sample_data.forest.stand import StandParameters, grow_stand
from sample_data.forest.terrain import elevation_m
from sample_data.scanning.cloud import PointCloud
from sample_data.scanning.drone import DroneParameters, scan_drone
from sample_data.scanning.scene import PlotParameters
from tests.sample_data.plots import bare_plot, make_stand, make_tree

EXACT = DroneParameters(
    plot=bare_plot(5.0),
    pulses_per_m2=100.0,
    range_noise_m=0.0,
    position_noise_m=0.0,
    strip_shift_m=0.0,
    truth_classes=True,
)


def test_pulse_density_on_bare_ground_is_what_was_asked() -> None:
    scan = scan_drone(make_stand(), seed=1, parameters=EXACT)
    firsts = (scan.cloud.return_number == 1).sum()
    # No pulse reaches the plot's middle at more than 40 degrees from 70 m.
    assert firsts / (np.pi * 5.0**2) == pytest.approx(100.0, rel=0.05)
    assert np.abs(scan.cloud.scan_angle).max() <= 40.0


def test_without_noise_points_lie_on_the_ground() -> None:
    stand = make_stand(slope=0.5)
    scan = scan_drone(stand, seed=1, parameters=EXACT)
    off = scan.cloud.z_m - elevation_m(stand.terrain, scan.cloud.x_m, scan.cloud.y_m)
    # Rims of a beam 4.5 cm wide lie 1 cm higher or lower on such a slope, their mean does not.
    assert np.abs(off).max() < 0.01


def test_noise_is_what_was_asked() -> None:
    scan = scan_drone(make_stand(), seed=1, parameters=replace(EXACT, range_noise_m=0.03))
    off = scan.cloud.z_m / np.cos(np.radians(scan.cloud.scan_angle))
    assert off.std() == pytest.approx(0.03, rel=0.03)


def test_apexes_are_seen_from_just_below_and_stems_are_seen_too() -> None:
    stand = grow_stand(3404, parameters=StandParameters(side_m=40.0))
    scan = scan_drone(stand, seed=1, parameters=DroneParameters(plot=PlotParameters(radius_m=8.0), pulses_per_m2=100.0))
    cloud, short, boles = scan.cloud, [], 0
    for index, tree in enumerate(stand.trees):
        mine = scan.tree == index
        if np.hypot(tree.x_m - scan.centre[0], tree.y_m - scan.centre[1]) < 7.0 and tree.layer <= 1:
            short.append(tree.ground_m + tree.height_m - cloud.z_m[mine].max())
            near = np.hypot(cloud.x_m[mine] - tree.x_m, cloud.y_m[mine] - tree.y_m) < 0.5
            boles += int((near & (cloud.z_m[mine] < tree.ground_m + 0.5 * tree.crown_base_m)).sum())
    assert len(short) >= 3
    assert -0.25 < np.median(short) < 0.6
    assert boles > 10


def test_a_pulse_may_have_many_returns_in_order_down_the_ray() -> None:
    stand = grow_stand(3404, parameters=StandParameters(side_m=40.0))
    cloud = scan_drone(
        stand, seed=1, parameters=DroneParameters(plot=PlotParameters(radius_m=3.0), pulses_per_m2=100.0)
    ).cloud
    same = np.diff(cloud.gps_time) == 0.0
    assert cloud.number_of_returns.max() >= 3
    assert (np.diff(cloud.return_number.astype(np.int64))[same] == 1).all()
    # Noise of 1.5 cm cannot turn returns round that lie 40 cm apart.
    assert (np.diff(cloud.z_m)[same] < 0.0).all()


def test_same_seed_scans_the_same_cloud() -> None:
    trees = make_stand(make_tree(3.0, 0.0))
    first, second = (scan_drone(trees, seed=4, parameters=EXACT) for _ in range(2))
    assert all(np.array_equal(getattr(first.cloud, name), getattr(second.cloud, name)) for name in PointCloud.__slots__)


def test_a_drone_below_the_treetops_is_refused() -> None:
    with pytest.raises(InvalidParameter):
        scan_drone(make_stand(make_tree(0.0, 0.0)), seed=1, parameters=replace(EXACT, height_m=20.0))


@pytest.mark.parametrize(
    "parameters",
    [replace(EXACT, strips=0), replace(EXACT, pulses_per_m2=1e5), replace(EXACT, widest_deg=89.0)],
)
def test_impossible_flight_is_refused(parameters: DroneParameters) -> None:
    with pytest.raises(InvalidParameter):
        scan_drone(make_stand(), seed=1, parameters=parameters)


def test_a_plot_that_would_fill_the_memory_is_refused() -> None:
    cliff = make_stand(slope=20.0)
    with pytest.raises(InvalidParameter):
        scan_drone(cliff, seed=1, parameters=replace(EXACT, plot=bare_plot(20.0), height_m=300.0, pulses_per_m2=10.0))
