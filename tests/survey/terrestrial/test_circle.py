"""Circles are found where bark is, and not where leaves fill them."""

import numpy as np
import pytest

from survey.terrestrial.circle import find_circles, judge_circle
from tests.survey.terrestrial.scenes import Floats

BOUNDS = (0.02, 0.75)


def draw_arc(rng: np.random.Generator, radius_m: float, degrees: float, count: int) -> Floats:
    angle = np.radians(rng.uniform(-degrees / 2.0, degrees / 2.0, count))
    away = radius_m + rng.normal(0.0, 0.002, count)
    return np.column_stack([away * np.cos(angle), away * np.sin(angle)])


@pytest.mark.parametrize("radius_m", [0.05, 0.15, 0.4])
@pytest.mark.parametrize("degrees", [130.0, 360.0])
def test_a_circle_or_an_arc_of_it_is_found(radius_m: float, degrees: float) -> None:
    found = find_circles(draw_arc(np.random.default_rng(1), radius_m, degrees, 200), BOUNDS, 0.01, 1)
    assert len(found) >= 1
    assert np.hypot(found[0, 0], found[0, 1]) < 0.03
    assert found[0, 2] == pytest.approx(radius_m, abs=0.03)


def test_two_stems_of_one_window_are_two_circles() -> None:
    rng = np.random.default_rng(2)
    points = np.vstack([draw_arc(rng, 0.1, 360.0, 150), draw_arc(rng, 0.08, 360.0, 150) + np.array([0.25, 0.0])])
    found = find_circles(points, BOUNDS, 0.01, 1)
    assert sorted(np.round(found[:2, 0], 1).tolist()) == [0.0, 0.2]


def test_leaves_that_fill_a_circle_are_worth_less_than_bark() -> None:
    rng = np.random.default_rng(3)
    bark, leaves = draw_arc(rng, 0.15, 360.0, 300), rng.uniform(-0.15, 0.15, (300, 2))
    whole = (0.0, 0.0, 0.15)
    assert judge_circle(leaves, whole, 0.01)[0] < 0.0 < judge_circle(bark, whole, 0.01)[0]


def test_points_in_a_line_make_no_circle() -> None:
    ticks = np.linspace(0.0, 0.5, 50)
    assert len(find_circles(np.column_stack([ticks, 2.0 * ticks]), BOUNDS, 0.01, 1)) == 0


def test_too_few_points_make_no_circle() -> None:
    assert len(find_circles(np.zeros((3, 2)), BOUNDS, 0.01, 1)) == 0
