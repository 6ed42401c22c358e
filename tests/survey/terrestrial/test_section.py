"""A piece of stem comes back from its points: closed forms, laws, and intervals that keep their promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survey.terrestrial.section import Prior, Scatter, Section, expect_section, fit_section
from tests.survey.terrestrial.scenes import Floats

SCATTER = Scatter(0.002, 0.005)


def draw(rng: np.random.Generator, radius_m: float, *, count: int, noise_m: float, arc: float = np.pi) -> Floats:
    """Return points of an upright cylinder from -0.3 to 0.6 m, noise along the beam of a scanner far to the east."""
    angle = np.arcsin(rng.uniform(-np.sin(min(arc, np.pi / 2.0)), np.sin(min(arc, np.pi / 2.0)), count))
    if arc > np.pi / 2.0:
        angle = angle + np.pi * rng.integers(0, 2, count)
    x, y = radius_m * np.cos(angle), radius_m * np.sin(angle)
    return np.column_stack([x + rng.normal(0.0, noise_m, count), y, rng.uniform(-0.3, 0.6, count)])


def around(radius_m: float) -> Prior:
    return expect_section(np.zeros(4), radius_m, aside_m=0.1, lean=0.05, radius_share=0.5)


def fit(points: Floats, radius_m: float, scatter: Scatter = SCATTER) -> Section:
    return fit_section(
        points, np.zeros(len(points), dtype=np.int64), around(radius_m), scatter, starts=(1.0, 0.7, 1.35)
    )


@pytest.mark.parametrize("radius_m", [0.05, 0.15, 0.4])
def test_a_leaning_cone_comes_back_exactly(radius_m: float) -> None:
    # Sections across a leaning axis are circles; the axis runs 0.1 east a metre up.
    rng = np.random.default_rng(1)
    along, angle = rng.uniform(-0.3, 0.6, 600), rng.uniform(-np.pi, np.pi, 600)
    lean = np.array([0.1, 0.0, 1.0]) / np.hypot(0.1, 1.0)
    side, other = np.array([lean[2], 0.0, -lean[0]]), np.array([0.0, 1.0, 0.0])
    # The radius is told as a function of elevation on the axis's foot of each point, which lies beside it.
    points = along[:, None] * lean + radius_m * (np.cos(angle)[:, None] * side + np.sin(angle)[:, None] * other)
    section = fit(points + np.array([0.02, -0.03, 0.0]), 0.8 * radius_m)
    assert section.radius_m == pytest.approx(radius_m, abs=0.0015)
    assert section.values[:3] == pytest.approx([0.02, -0.03, 0.1], abs=0.003)
    assert section.coverage == 1.0


@settings(max_examples=30)
@given(st.floats(0.08, 0.5), st.floats(-0.02, 0.02), st.floats(-0.02, 0.02))
def test_where_the_stem_stands_does_not_matter(radius_m: float, east: float, north: float) -> None:
    points = draw(np.random.default_rng(3), radius_m, count=300, noise_m=0.001)
    here = fit(points, radius_m)
    there = fit_section(
        points + np.array([100.0 + east, north, 0.0]),
        np.zeros(300, dtype=np.int64),
        expect_section(np.array([100.0, 0.0, 0.0, 0.0]), radius_m, aside_m=0.1, lean=0.05, radius_share=0.5),
        SCATTER,
    )
    assert there.radius_m == pytest.approx(here.radius_m, abs=0.002)


def test_noise_along_the_beam_does_not_widen_a_thin_stem() -> None:
    # Without the correction the mean error is s^2 / (6 r), 1.3 mm here for s = 2 cm, as the derivation says.
    rng = np.random.default_rng(4)
    found = [fit(draw(rng, 0.05, count=400, noise_m=0.02), 0.06, Scatter(0.02, 0.005)).radius_m for _ in range(60)]
    assert np.mean(found) == pytest.approx(0.05, abs=0.0015)


def test_leaves_and_branches_do_not_move_the_surface() -> None:
    rng = np.random.default_rng(5)
    leaves = np.column_stack([rng.uniform(0.16, 0.3, (200, 2)), rng.uniform(-0.3, 0.6, 200)])
    points = np.vstack([draw(rng, 0.15, count=500, noise_m=0.002), leaves])
    assert fit(points, 0.18).radius_m == pytest.approx(0.15, abs=0.001)


def test_walls_that_were_shifted_between_passes_are_put_together() -> None:
    rng = np.random.default_rng(6)
    first = draw(rng, 0.15, count=500, noise_m=0.002)
    second = draw(rng, 0.15, count=500, noise_m=0.002) + np.array([0.06, 0.02, 0.0])
    points, passes = np.vstack([first, second]), np.repeat([0, 1], 500)
    together = fit_section(points, passes, around(0.17), Scatter(0.002, 0.03))
    assert together.radius_m == pytest.approx(0.15, abs=0.001)
    assert together.noise_m < 0.003
    # Taken for one pass they are a thick, noisy wall: the shift is what tells.
    assert fit(points, 0.17, Scatter(0.03, 0.03)).noise_m > 2.0 * together.noise_m


def test_intervals_of_arcs_of_stems_out_of_round_cover_the_truth() -> None:
    """The prior's own world: order 2 with amplitudes of 1.1 % each, seen on 140 degrees."""
    rng = np.random.default_rng(7)
    inside = []
    for _ in range(200):
        radius = rng.uniform(0.05, 0.3)
        angle = rng.uniform(-1.2, 1.2, 150)
        a, b = 0.011 * radius * rng.normal(0.0, 1.0, 2)
        away = radius + a * np.cos(2.0 * angle) + b * np.sin(2.0 * angle) + rng.normal(0.0, 0.002, 150)
        points = np.column_stack([away * np.cos(angle), away * np.sin(angle), rng.uniform(-0.3, 0.6, 150)])
        section = fit(points, radius * rng.uniform(0.8, 1.2))
        inside.append(abs(section.radius_m - radius) <= 1.96 * section.radius_error_m)
    assert 0.90 <= np.mean(inside) <= 1.0


def test_a_narrower_arc_has_a_wider_interval() -> None:
    rng = np.random.default_rng(8)
    errors = [fit(draw(rng, 0.2, count=300, noise_m=0.002, arc=arc), 0.2).radius_error_m for arc in (0.5, 1.0, np.pi)]
    assert errors[0] > errors[1] > errors[2]


def test_too_few_points_leave_what_was_expected() -> None:
    section = fit(np.zeros((3, 3)), 0.2)
    assert (section.points, section.coverage, section.radius_m) == (0, 0.0, 0.2)
