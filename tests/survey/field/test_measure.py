"""Heights and diameters of crews, against closed forms and drawn measurements."""

import math

import numpy as np
import pytest

from domain.readings import HeightShot, Visit
from survey.field.measure import measure_height, measure_stems
from tests.survey.field.readings import caliper, shots


def test_the_height_is_the_mean_of_all_shots() -> None:
    height = measure_height([shots(0, 24_000, 24_600), shots(9_000, 24_300)])
    assert height is not None
    assert height.height_m.value == pytest.approx(24.3)
    assert height.shots == 3


def test_more_shots_make_a_height_surer_but_not_which_tip_was_aimed_at() -> None:
    one, many = measure_height([shots(0, 25_000)]), measure_height([shots(0, *[25_000] * 9)])
    assert one is not None
    assert many is not None
    assert one.height_m.own_error == pytest.approx(math.hypot(0.3, 0.5))
    assert many.height_m.own_error == pytest.approx(math.hypot(0.1, 0.5))


def test_a_slip_of_the_button_is_left_out_and_told() -> None:
    height = measure_height([shots(0, 24_000, 24_200, 24_100, 8_000)])
    assert height is not None
    assert height.height_m.value == pytest.approx(24.1)
    assert "1 shots" in height.warnings[0]


def test_an_entered_height_counts_where_nobody_shot_and_is_compared_where_somebody_did() -> None:
    entered = measure_height([Visit(0, height_mm=21_000)])
    assert entered is not None
    assert entered.height_m.value == 21.0
    both = measure_height([shots(0, 24_000), Visit(9_000, height_mm=21_000)])
    assert both is not None
    assert both.height_m.value == 24.0
    assert "21.0 m was entered" in both.warnings[0]


def test_a_distance_alone_is_no_height() -> None:
    assert measure_height([HeightShot(0, horizontal_mm=12_000)]) is None


def test_two_readings_that_cross_cancel_an_oval_stem() -> None:
    rng = np.random.default_rng(4)
    angle = rng.uniform(0.0, np.pi, 2_000)
    wide = 400.0 * (1.0 + 0.03 * np.cos(2.0 * angle))
    narrow = 400.0 * (1.0 + 0.03 * np.cos(2.0 * (angle + np.pi / 2.0)))
    noise = rng.normal(0.0, 3.0, (2, 2_000))
    errors = []
    for one, two in zip(wide + noise[0], narrow + noise[1], strict=True):
        (stem,) = measure_stems(caliper(0, round(one), round(two)), 1_300)
        errors.append((stem.diameter_cm.value - 40.0) / stem.diameter_cm.own_error)
    assert float(np.sqrt(np.mean(np.square(errors)))) == pytest.approx(1.0, abs=0.08)


def test_one_reading_alone_has_the_error_of_an_oval_stem() -> None:
    (stem,) = measure_stems(caliper(0, 400), 1_300)
    assert stem.diameter_cm.own_error == pytest.approx(math.hypot(0.3, 0.015 * 40.0))


@pytest.mark.parametrize("at_height_mm", [1_300, 1_370, 1_400])
def test_the_height_of_a_diameter_is_said(at_height_mm: int) -> None:
    (stem,) = measure_stems(caliper(0, 400, 404, at_height_mm=at_height_mm), 1_300)
    assert stem.at_height_m == at_height_mm / 1_000
    assert stem.warnings == ()


def test_a_diameter_without_its_height_takes_the_campaigns_and_says_so() -> None:
    (stem,) = measure_stems(caliper(0, 400, at_height_mm=None), 1_370)
    assert stem.at_height_m == 1.37
    assert "1.37 m was assumed" in stem.warnings[0]


def test_diameters_at_two_heights_are_two_figures() -> None:
    stems = measure_stems([*caliper(0, 400), *caliper(9_000, 340, at_height_mm=6_000)], 1_300)
    assert [(one.at_height_m, one.diameter_cm.value) for one in stems] == [(1.3, 40.0), (6.0, 34.0)]


def test_readings_too_far_apart_are_told() -> None:
    (stem,) = measure_stems(caliper(0, 400, 250), 1_300)
    assert "two stems" in stem.warnings[0]


def test_an_entered_diameter_counts_where_no_caliper_spoke_and_is_compared_where_one_did() -> None:
    (alone,) = measure_stems([Visit(0, diameter_mm=325)], 1_300)
    assert alone.diameter_cm.value == 32.5
    (both,) = measure_stems([*caliper(0, 400, 402), Visit(9_000, diameter_mm=325, at_height_mm=1_300)], 1_300)
    assert both.diameter_cm.value == pytest.approx(40.1)
    assert "32.5 cm was entered" in both.warnings[0]
