"""Tops are taken for seen where a tree truly ends, and only there."""

import numpy as np

from survey.terrestrial.plot import survey_stems
from survey.terrestrial.result import StemTree
from tests.survey.terrestrial.scenes import Cone, Floats, make_plot, make_points

TALL = Cone(4.0, 6.0, 0.15)
APEX_M, BASE_M, REACH_M = 15.0, 8.0, 3.0


def cover_crown(count: int, *, below_m: float = APEX_M) -> Floats:
    """Return points in a cone over the tall stem, evenly by height, none above a height."""
    rng = np.random.default_rng(7)
    height, turn = rng.uniform(BASE_M, APEX_M, count), rng.uniform(-np.pi, np.pi, count)
    away = REACH_M * (APEX_M - height) / (APEX_M - BASE_M) * np.sqrt(rng.random(count))
    points = np.column_stack([TALL.x_m + away * np.cos(turn), TALL.y_m + away * np.sin(turn), height])
    return points[height <= below_m]


def measure(*cones: Cone, crown: Floats) -> tuple[StemTree, ...]:
    return survey_stems(make_points(np.vstack([make_plot(cones, seed=8), crown]))).trees


def test_a_tip_over_its_stem_is_the_top() -> None:
    (tree,) = measure(TALL, crown=cover_crown(20_000))
    assert tree.is_height_seen
    assert tree.height_error_m is not None
    assert abs(tree.height_m - APEX_M) < 0.1


def test_a_tree_below_its_neighbours_crown_ends_unseen() -> None:
    low = Cone(5.4, 6.0, 0.08, taper=0.002, height_m=7.0)
    tall, small = measure(TALL, low, crown=cover_crown(20_000))
    assert tall.is_height_seen
    assert not small.is_height_seen
    assert small.height_error_m is None


def test_a_tip_that_is_hardly_hit_is_not_taken_for_the_top() -> None:
    (tree,) = measure(TALL, crown=np.vstack([cover_crown(20_000, below_m=12.0), cover_crown(20)]))
    assert not tree.is_height_seen
    assert tree.height_m <= APEX_M


def test_a_stem_as_thin_as_a_wire_for_its_height_does_not_reach_its_neighbours_tip() -> None:
    thin = Cone(4.0, 6.0, 0.04, taper=0.0, height_m=9.0)
    (tree,) = measure(thin, crown=cover_crown(20_000))
    assert not tree.is_height_seen


def test_a_stem_too_stout_for_its_height_goes_on_above_the_scan() -> None:
    stout = Cone(4.0, 6.0, 0.35, taper=0.0, height_m=9.0)
    (tree,) = measure(stout, crown=np.empty((0, 3)))
    # 9 m for 0.7 m of diameter: the scan ends before the tree does.
    assert not tree.is_height_seen
    assert abs(tree.height_m - 9.0) < 0.1
