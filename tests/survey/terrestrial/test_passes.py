"""Passes are told by station and by time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from survey.terrestrial.passes import MOST_PASSES, Passes, label_passes


def label(station: list[int], time_s: list[float]) -> list[int]:
    found: list[int] = label_passes(Passes(np.array(station), np.array(time_s)), np.arange(len(station))).tolist()
    return found


def test_points_without_station_and_time_are_one_pass() -> None:
    assert label([0] * 5, [0.0] * 5) == [0] * 5


def test_each_station_is_a_pass_and_the_largest_is_first() -> None:
    assert label([7, 9, 9], [0.0, 0.0, 0.0]) == [1, 0, 0]


def test_coming_by_again_is_another_pass() -> None:
    assert label([1, 1, 1], [0.0, 1.0, 100.0]) == [0, 0, 1]


def test_a_long_look_is_cut() -> None:
    times = np.arange(0.0, 30.0, 0.5).tolist()
    assert len(set(label([1] * len(times), times))) == 3


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0.0, 1e6)), min_size=1, max_size=60))
def test_there_are_never_more_passes_than_are_fitted(points: list[tuple[int, float]]) -> None:
    found = label([station for station, _ in points], [time for _, time in points])
    assert set(found) <= set(range(-1, MOST_PASSES))
    assert 0 in found
