"""Neighbours press by laws: only the tall, less with distance, never for the lonely."""

import numpy as np
import pytest

from sample_data.forest.competition import crowd


def test_lonely_tree_feels_nothing() -> None:
    alone = crowd(np.zeros(1), np.zeros(1), np.array([20.0]))
    assert (alone.pressure[0], alone.push_east[0], alone.push_north[0]) == (0.0, 0.0, 0.0)


def test_pressure_falls_by_e_over_the_decline_distance() -> None:
    heights = np.array([20.0, 20.0])
    near = crowd(np.array([0.0, 3.0]), np.zeros(2), heights).pressure[0]
    far = crowd(np.array([0.0, 5.5]), np.zeros(2), heights).pressure[0]
    assert near / far == pytest.approx(np.e)


def test_equal_neighbours_on_both_sides_do_not_push() -> None:
    between = crowd(np.array([-2.0, 0.0, 2.0]), np.zeros(3), np.full(3, 15.0))
    assert between.push_east[1] == pytest.approx(0.0)
    assert between.push_east[0] < 0.0 < between.push_east[2]


def test_push_is_never_longer_than_one() -> None:
    rng = np.random.default_rng(3)
    crowding = crowd(rng.uniform(0, 3, 60), rng.uniform(0, 3, 60), rng.uniform(2, 30, 60))
    assert np.hypot(crowding.push_east, crowding.push_north).max() <= 1.0 + 1e-12
    assert crowding.pressure.max() <= 4.0


def test_trees_compared_in_parts_feel_the_same_as_all_at_once() -> None:
    rng = np.random.default_rng(5)
    x, y, height = rng.uniform(0, 50, 2_300), rng.uniform(0, 50, 2_300), rng.uniform(2, 30, 2_300)
    pressure = crowd(x, y, height).pressure
    for i in rng.integers(0, 2_300, 20):
        rivals = np.flatnonzero((height > 0.8 * height[i]) & (np.arange(2_300) != i))
        weights = height[rivals] / height[i] * np.exp(-np.hypot(x[rivals] - x[i], y[rivals] - y[i]) / 2.5)
        assert pressure[i] == pytest.approx(min(weights.sum(), 4.0))


def test_no_trees_feel_nothing() -> None:
    assert crowd(np.empty(0), np.empty(0), np.empty(0)).pressure.size == 0
