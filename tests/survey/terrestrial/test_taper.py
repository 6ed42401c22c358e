"""Stems do not thicken upward; volumes are those of cones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.terrestrial.taper import Curve, fit_taper, measure_volume

RADII = st.lists(st.floats(0.02, 0.5), min_size=1, max_size=30)


@given(RADII)
def test_the_curve_never_rises(radii: list[float]) -> None:
    curve = fit_taper(np.arange(float(len(radii))), np.array(radii), np.full(len(radii), 0.01))
    assert (np.diff(curve.radius_m) <= 1e-12).all()


@given(RADII)
def test_a_falling_curve_stays_as_it_is(radii: list[float]) -> None:
    falling = np.sort(radii)[::-1]
    curve = fit_taper(np.arange(float(falling.size)), falling, np.full(falling.size, 0.01))
    assert curve.radius_m == pytest.approx(falling)


def test_one_wild_section_hardly_moves_the_curve() -> None:
    radius = np.linspace(0.2, 0.1, 11)
    radius[5] = 0.4
    curve = fit_taper(np.arange(11.0), radius, np.full(11, 0.005))
    assert np.abs(curve.radius_m - np.linspace(0.2, 0.1, 11)).max() < 0.03


def test_the_volume_of_a_cone_is_a_third_of_its_cylinder() -> None:
    height = np.linspace(0.0, 12.0, 25)
    assert measure_volume(Curve(height, 0.3 * (1.0 - height / 12.0))) == pytest.approx(np.pi * 0.09 * 12.0 / 3.0)


def test_what_is_not_seen_at_the_foot_is_a_cylinder() -> None:
    assert measure_volume(Curve(np.array([0.5]), np.array([0.2]))) == pytest.approx(np.pi * 0.04 * 0.5)
