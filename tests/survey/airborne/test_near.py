"""Places near others are those of a second implementation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial import KDTree

from survey.airborne.near import find_nearest, pair_up

Axis = NDArray[np.float64]


def scatter(count: int, seed: int, side_m: float = 20.0) -> tuple[Axis, Axis]:
    """Return places far from the world's origin, on whole centimetres."""
    rng = np.random.default_rng(seed)
    return np.round(4e5 + side_m * rng.random(count), 2), np.round(5e6 + side_m * rng.random(count), 2)


@pytest.mark.parametrize("reach_m", [0.7, 1.0, 3.0])
@pytest.mark.parametrize("count", [1, 30, 900])
def test_the_nearest_other_place_is_that_of_a_tree_search(count: int, reach_m: float) -> None:
    places, others = scatter(2_000, 1, side_m=24.0), scatter(count, 2)
    apart, wanted = KDTree(np.column_stack(others)).query(np.column_stack(places), distance_upper_bound=reach_m)
    found = find_nearest(*places, others, reach_m)
    assert np.array_equal(found >= 0, wanted < count)
    near = found >= 0
    # Which of two equally near ones a tree search gives is its own affair.
    away = np.hypot(places[0][near] - others[0][found[near]], places[1][near] - others[1][found[near]])
    assert np.allclose(away, apart[near], rtol=1e-12, atol=0.0)


def test_of_equally_near_places_the_first_is_taken() -> None:
    others = np.array([1.0, -1.0, 1.0]), np.zeros(3)
    assert find_nearest(np.zeros(1), np.zeros(1), others, 2.0).tolist() == [0]


def test_without_other_places_none_is_near() -> None:
    nothing = np.empty(0)
    assert find_nearest(np.zeros(2), np.zeros(2), (nothing, nothing), 1.0).tolist() == [-1, -1]
    assert pair_up(nothing, nothing, 1.0).shape == (0, 2)


@given(count=st.integers(1, 120), seed=st.integers(0, 1_000), reach_m=st.sampled_from([0.5, 1.0, 3.0]))
def test_pairs_are_those_of_a_tree_search(count: int, seed: int, reach_m: float) -> None:
    x_m, y_m = scatter(count, seed)
    # A distance on a whole centimetre apart from the reach: the search there takes what is as far as it.
    wanted = KDTree(np.column_stack([x_m, y_m])).query_pairs(np.nextafter(reach_m, 0.0) - 1e-9)
    found = [tuple(pair) for pair in pair_up(x_m, y_m, reach_m - 1e-9).tolist()]
    assert len(found) == len(set(found))
    assert set(found) == wanted
