"""The plain filter finds what a plain filter finds."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sample_data.errors import InvalidParameter, InvalidPoints
from sample_data.forest.stand import grow_stand
from sample_data.scanning.scanner import scan_airborne
from sample_data.scoring.plain_filter import fixed_window_filter, normalize_by_truth
from sample_data.scoring.trees import score_trees


def cones(tops: list[tuple[float, float, float]]) -> NDArray[np.float64]:
    ticks = np.arange(0.25, 40.0, 0.5)
    x, y = (grid.ravel() for grid in np.meshgrid(ticks, ticks))
    height = np.zeros_like(x)
    for top_x, top_y, top in tops:
        height = np.maximum(height, top - 4.0 * np.hypot(x - top_x, y - top_y))
    return np.column_stack([x, y, height])


def test_one_top_is_found_for_each_cone() -> None:
    tops = [(10.25, 10.25, 20.0), (20.25, 12.25, 25.0), (30.25, 30.25, 15.0)]
    assert sorted(map(tuple, fixed_window_filter(cones(tops)).tolist())) == tops


def test_cones_lower_than_asked_are_no_trees() -> None:
    assert len(fixed_window_filter(cones([(10.25, 10.25, 4.0)]))) == 0


def test_lower_cone_under_the_window_is_missed() -> None:
    tops = [(10.25, 10.25, 20.0), (11.25, 10.25, 18.0)]
    assert len(fixed_window_filter(cones(tops), window_cells=5)) == 1
    assert len(fixed_window_filter(cones([(10.25, 10.25, 20.0), (12.25, 10.25, 18.0)]), window_cells=5)) == 2


def test_points_above_any_tree_are_left_out() -> None:
    birds = np.vstack([cones([(10.25, 10.25, 20.0)]), [[15.25, 15.25, 90.0]]])
    assert len(fixed_window_filter(birds)) == 1


def test_no_points_give_no_trees() -> None:
    assert fixed_window_filter(np.empty((0, 3))).shape == (0, 3)


def test_plain_filter_scores_on_simulated_stands_as_on_real_mixed_stands() -> None:
    # Published rates for local maxima in mixed, layered stands: about half to three quarters of the trees
    # (Eysn et al. 2015, doi 10.3390/f6051721: 47 % matched over all methods and plots).
    scores = []
    for seed in range(3500, 3505):
        stand = grow_stand(seed)
        cloud = scan_airborne(stand, seed=seed)
        scores.append(score_trees(fixed_window_filter(normalize_by_truth(cloud, stand.terrain)), stand).f1)
    assert 0.58 < np.mean(scores) < 0.72
    assert all(0.45 < score < 0.80 for score in scores)


def test_points_of_wrong_shape_are_refused() -> None:
    with pytest.raises(InvalidPoints):
        fixed_window_filter(np.ones((4, 2)))


def test_extent_that_would_fill_the_memory_is_refused() -> None:
    with pytest.raises(InvalidPoints):
        fixed_window_filter(np.array([[0.0, 0.0, 10.0], [1e6, 1e6, 10.0]]))


@pytest.mark.parametrize("options", [{"cell_m": 0.0}, {"cell_m": float("nan")}, {"window_cells": 1}])
def test_impossible_window_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(InvalidParameter):
        fixed_window_filter(np.ones((4, 3)), **options)  # type: ignore[arg-type]
