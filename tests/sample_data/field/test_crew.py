"""A crew's walk stays near the truth, and its log says when each device spoke."""

import math

import numpy as np
import pytest

from sample_data.errors import InvalidParameter
from sample_data.field.crew import DIAMETER_NOISE_MM, HEIGHT_NOISE_M, CrewStop, walk_plot
from sample_data.field.device_log import encode_log, record_stops
from sample_data.forest.stand import Stand, StandParameters, grow_stand


def plane(x_m: float, y_m: float) -> tuple[float, float]:
    """Metres told as if they were degrees of a small plane: exact both ways."""
    return x_m / 1e6, y_m / 1e6


@pytest.fixture(scope="module")
def stand() -> Stand:
    return grow_stand(3400, parameters=StandParameters(side_m=60.0))


@pytest.fixture(scope="module")
def stops(stand: Stand) -> tuple[CrewStop, ...]:
    return walk_plot(stand, seed=1, to_geographic=plane, trees=40)


def test_same_seed_walks_the_same_way(stand: Stand, stops: tuple[CrewStop, ...]) -> None:
    assert walk_plot(stand, seed=1, to_geographic=plane, trees=40) == stops
    assert walk_plot(stand, seed=2, to_geographic=plane, trees=40) != stops


def test_no_tree_is_visited_twice(stops: tuple[CrewStop, ...]) -> None:
    assert len(stops) == 40
    assert len({stop.tree for stop in stops}) == 40


def test_measurements_scatter_about_the_truth_as_far_as_the_devices_do(
    stand: Stand, stops: tuple[CrewStop, ...]
) -> None:
    heights = [stop.sight.height_m - stand.trees[stop.tree].height_m for stop in stops]
    diameters = [stop.caliper.diameter_mm - 10 * stand.trees[stop.tree].dbh_cm for stop in stops]
    # Four standard errors of a mean, and of a standard deviation, of 40 values.
    for errors, spread in ((heights, HEIGHT_NOISE_M), (diameters, DIAMETER_NOISE_MM)):
        assert abs(np.mean(errors)) < 4 * spread / math.sqrt(40)
        assert np.std(errors) == pytest.approx(spread, rel=4 / math.sqrt(80))


def test_fixes_stand_beside_the_stem(stand: Stand, stops: tuple[CrewStop, ...]) -> None:
    for stop in stops:
        tree = stand.trees[stop.tree]
        for fix in stop.fixes:
            assert math.dist((fix.longitude_deg * 1e6, fix.latitude_deg * 1e6), (tree.x_m, tree.y_m)) < 4.0


def test_a_shots_height_follows_from_its_own_angles(stops: tuple[CrewStop, ...]) -> None:
    for stop in stops:
        sight = stop.sight
        rise = math.tan(math.radians(sight.top_deg)) - math.tan(math.radians(sight.foot_deg))
        assert sight.distance_m * rise == pytest.approx(sight.height_m, abs=1e-6)


def test_time_only_goes_forward_in_the_log(stops: tuple[CrewStop, ...]) -> None:
    times = [delivery.at_ms for delivery in record_stops(stops)]
    assert times == sorted(times)
    assert times[0] == 0
    assert len(times) == 40 * 7


def test_log_lines_are_time_port_and_bytes(stops: tuple[CrewStop, ...]) -> None:
    lines = encode_log(stops).decode().splitlines()
    deliveries = record_stops(stops)
    assert [line.split("\t") for line in lines] == [[str(d.at_ms), d.port, d.data.hex()] for d in deliveries]


@pytest.mark.parametrize("trees", [0, 501])
def test_an_impossible_walk_is_refused(stand: Stand, trees: int) -> None:
    with pytest.raises(InvalidParameter):
        walk_plot(stand, seed=1, to_geographic=plane, trees=trees)
