"""Differences of estimates, against closed forms and a draw of both errors."""

import math

import numpy as np
import pytest

from survey.estimate import Estimate
from survey.resurvey.growth import SAME_MODEL_CORRELATION, average_growth, measure_growth, subtract
from tests.survey.resurvey.campaigns import make_tree


def test_own_errors_add_as_squares_and_most_of_an_equal_shared_error_cancels() -> None:
    growth = subtract(Estimate(20.0, 0.3, 0.2, "m"), Estimate(22.0, 0.4, 0.2, "m"), 5.0)
    assert growth.change.own_error == pytest.approx(0.5)
    assert growth.change.shared_error == pytest.approx(0.2 * math.sqrt(2.0 * (1.0 - SAME_MODEL_CORRELATION)))


def test_two_models_share_nothing() -> None:
    growth = subtract(Estimate(20.0, 0.3, 0.2, "crew"), Estimate(22.0, 0.4, 0.2, "cloud"), 5.0)
    assert growth.change.shared_error == pytest.approx(math.hypot(0.2, 0.2))
    assert growth.change.model == "cloud less crew"


def test_the_error_of_a_difference_is_that_of_drawn_errors() -> None:
    rng = np.random.default_rng(3)
    one, two = Estimate(30.0, 1.0, 3.0, "m"), Estimate(36.0, 1.2, 3.6, "m")
    common = rng.multivariate_normal(
        [0.0, 0.0], [[1.0, SAME_MODEL_CORRELATION], [SAME_MODEL_CORRELATION, 1.0]], 200_000
    )
    first = one.value + rng.normal(0.0, one.own_error, 200_000) + one.shared_error * common[:, 0]
    second = two.value + rng.normal(0.0, two.own_error, 200_000) + two.shared_error * common[:, 1]
    growth = subtract(one, two, 5.0)
    assert growth.error == pytest.approx(float((second - first).std()), rel=0.01)


@pytest.mark.parametrize(("after", "is_significant"), [(20.9, False), (21.6, True), (18.0, True)])
def test_growth_is_significant_where_its_interval_leaves_out_zero(after: float, is_significant: bool) -> None:  # noqa: FBT001
    growth = subtract(Estimate(20.0, 0.5, 0.0, "m"), Estimate(after, 0.5, 0.0, "m"), 5.0)
    assert growth.is_significant is is_significant


def test_a_mean_averages_own_errors_out_and_shared_ones_not() -> None:
    growths = [subtract(Estimate(20.0, 0.3, 0.2, "m"), Estimate(22.0, 0.4, 0.2, "m"), 5.0)] * 25
    mean = average_growth(growths)
    assert mean is not None
    assert mean.change.value == pytest.approx(2.0)
    assert mean.change.own_error == pytest.approx(0.5 / 5.0)
    assert mean.change.shared_error == pytest.approx(growths[0].change.shared_error)
    assert average_growth([]) is None


def test_what_lies_on_the_ground_does_not_grow() -> None:
    standing, lying = make_tree("a", 0.0, 0.0, 20.0), make_tree("b", 0.0, 0.0, 20.0, status="fallen")
    assert measure_growth(standing, lying, 5.0).height_m is None
    assert measure_growth(standing, standing, 5.0).height_m is not None
