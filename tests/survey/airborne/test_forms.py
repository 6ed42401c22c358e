"""Dead and leaning trees are told where the cloud shows them, and nothing is told where it does not."""

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sample_data.forest.presets import MOUNTAIN
from sample_data.forest.stand import grow_stand
from sample_data.scanning.scanner import ScannerParameters, scan_airborne
from survey.airborne.forms import FormFacts, FormTrees, Signal, judge_forms, warn_of_forms
from survey.airborne.forms_dead import Kim2009, estimate_dead
from survey.airborne.forms_lean import Duda1972, lean_probability, measure_lean
from survey.airborne.plot import enclose
from survey.airborne.settings import CloudFacts, choose_settings
from survey.airborne.tile import Box, find_tile_trees, is_in_core
from survey.cloud import Points
from survey.ground.buckets import pick_points
from survey.parameters import PlotParameters
from tests.survey.scenes import make_points, take_points

Floats = NDArray[np.float64]

DENSE = FormFacts(60.0, is_normalized=True, has_intensity=True)


def make_canopy(dim: int, factor: float = 1.0) -> tuple[Points, Signal, FormTrees]:
    """Return a square of 5 x 5 crowns of ten first echoes each, one of which sends back a third of what others do."""
    rng = np.random.default_rng(3)
    tree = np.repeat(np.arange(25), 10)
    x, y = 6.0 * (tree % 5) + rng.uniform(-1.5, 1.5, 250), 6.0 * (tree // 5) + rng.uniform(-1.5, 1.5, 250)
    z = rng.uniform(14.0, 20.0, 250)
    z[::10] = 20.0
    strength = factor * np.where(tree == dim, 2_700.0, 8_000.0) * np.exp(rng.normal(0.0, 0.1, 250))
    ones = np.ones(250, dtype=np.uint8)
    apex = np.arange(0, 250, 10)
    return (
        make_points(x, y, z),
        Signal(strength.astype(np.uint16), ones, ones),
        FormTrees(x[apex], y[apex], z[apex], tree),
    )


@pytest.mark.parametrize("factor", [0.1, 1.0, 4.0])
@pytest.mark.parametrize("dim", [0, 12])
def test_the_one_dim_crown_is_dead_whatever_the_gain_of_the_scanner(dim: int, factor: float) -> None:
    points, signal, trees = make_canopy(dim, factor)
    dead = estimate_dead(points, points.z_m, signal, trees, Kim2009())
    assert dead[dim] > 0.8
    assert (np.delete(dead, dim) < 0.2).all()


def test_where_all_crowns_are_alike_none_is_dead() -> None:
    points, signal, trees = make_canopy(-1)
    assert (estimate_dead(points, points.z_m, signal, trees, Kim2009()) < 0.3).all()


def test_a_crown_of_few_echoes_is_not_judged() -> None:
    points, signal, trees = make_canopy(12)
    crown = np.where((trees.crown == 12) & (np.arange(250) % 10 > 3), -1, trees.crown)
    dead = estimate_dead(points, points.z_m, signal, replace(trees, crown=crown), Kim2009())
    assert np.flatnonzero(np.isnan(dead)).tolist() == [12]


def test_without_intensity_or_density_nothing_is_said_and_a_warning_says_why() -> None:
    points, signal, trees = make_canopy(12)
    thin = FormFacts(2.0, is_normalized=False, has_intensity=True)
    for facts, word in ((replace(DENSE, has_intensity=False), "intensity"), (thin, "dead")):
        forms = judge_forms(points, points.z_m, signal, trees, facts=facts)
        assert {form.status for form in forms.trees} == {None}
        assert any(word in warning for warning in warn_of_forms(facts))


def make_stem(lean_deg: float, *, seed: int, echoes: int = 25, clutter: int = 120) -> tuple[Points, FormTrees]:
    """Return a tree of 20 m that leans eastward: a stem, a crown about its upper half, and echoes of chance around."""
    rng = np.random.default_rng(seed)
    tilt = math.tan(math.radians(lean_deg))
    above = np.concatenate(
        [rng.uniform(1.6, 9.5, echoes), rng.uniform(10.5, 20.0, 200), rng.uniform(1.6, 9.5, clutter)]
    )
    apart = np.concatenate([np.full(echoes, 0.1), 0.2 * (20.0 - above[echoes:-clutter]), np.full(clutter, 6.0)])
    x = above * tilt + apart * rng.normal(0.0, 1.0, above.size)
    y = apart * rng.normal(0.0, 1.0, above.size)
    top = np.array([20.0 * tilt, 0.0, 20.0])
    points = make_points(np.append(x, top[0]), np.append(y, top[1]), np.append(above, top[2]))
    crown = np.where(points.z_m > 10.0, 0, -1)
    return points, FormTrees(top[:1], top[1:2], top[2:], crown)


@pytest.mark.parametrize("lean_deg", [0.0, 3.0, 8.0, 15.0, 25.0])
def test_a_stem_that_shows_is_measured_within_its_stated_error(lean_deg: float) -> None:
    scenes = [make_stem(lean_deg, seed=seed) for seed in range(5)]
    seen = [measure_lean(points, points.z_m, trees, 60.0, Duda1972()) for points, trees in scenes]
    told = [(lean[0], error[0]) for lean, error in seen if not np.isnan(lean[0])]
    assert len(told) >= 4
    for lean, error in told:
        assert lean == pytest.approx(lean_deg, abs=3.0 * error)
        assert error < 3.0


def test_no_stem_is_told_where_none_shows_or_the_cloud_is_thin() -> None:
    for seed in range(10):
        points, trees = make_stem(12.0, seed=seed, echoes=1)
        assert np.isnan(measure_lean(points, points.z_m, trees, 60.0, Duda1972())[0]).all()
    points, trees = make_stem(12.0, seed=1)
    assert np.isnan(measure_lean(points, points.z_m, trees, 10.0, Duda1972())[0]).all()


def test_a_leaning_line_below_an_upright_crown_is_another_trees() -> None:
    points, trees = make_stem(20.0, seed=1)
    upper = points.z_m > 10.0
    x_m = np.where(upper, points.x_m - points.z_m * math.tan(math.radians(20.0)) + trees.x_m[0], points.x_m)
    assert np.isnan(measure_lean(replace(points, x_m=x_m), points.z_m, trees, 60.0, Duda1972())[0]).all()


# Of the normal distribution's table.
@pytest.mark.parametrize(("lean", "expected"), [(5.0, 0.5), (7.0, 0.8413), (3.0, 0.1587), (9.0, 0.9772)])
def test_the_chance_to_lean_is_a_normal_one(lean: float, expected: float) -> None:
    assert lean_probability(lean, 2.0, Duda1972()) == pytest.approx(expected, abs=1e-4)


def see(seed: int) -> tuple[Points, Signal]:
    """Return a simulated half hectare with dead trees and its signal."""
    forest = replace(MOUNTAIN, side_m=90.0, dead_share=0.15, vigour_scatter=0.1)
    cloud = scan_airborne(grow_stand(seed, parameters=forest), seed=seed, parameters=ScannerParameters())
    return take_points(cloud), Signal(cloud.intensity, cloud.return_number, cloud.number_of_returns)


def test_tiles_and_the_order_of_points_change_no_form() -> None:
    points, signal = see(1003)
    facts = CloudFacts(is_normalized=False, density=16.0, first_density=10.0)
    settings = choose_settings(PlotParameters(), facts)
    whole = find_tile_trees(points, settings, enclose(points), signal=signal)
    expected = dict(zip(whole.apex.tolist(), whole.forms, strict=True))
    assert any(form is not None and form.status == "standing-dead" for form in whole.forms)
    assert [form is None for form in whole.forms] == whole.is_hidden.tolist()
    core = Box(383_000.0, 5_428_000.0, 383_045.0, 5_428_045.0)
    at = np.random.default_rng(1).permutation(len(points))
    seen = Signal(signal.intensity[at], signal.return_number[at], signal.number_of_returns[at])
    found = find_tile_trees(pick_points(points, at), settings, core, signal=seen)
    mine = dict(zip(at[found.apex].tolist(), found.forms, strict=True))
    inside = is_in_core(points.x_m[whole.apex], points.y_m[whole.apex], core)
    assert mine == {apex: expected[apex] for apex in whole.apex[inside].tolist()}


def test_what_lies_farther_than_the_reach_changes_no_form() -> None:
    points, signal, trees = make_canopy(0)
    far = 3.0 * Kim2009().cell_m
    ones = np.ones(251, dtype=np.uint8)
    more = Signal(np.append(signal.intensity, signal.intensity[:1]), ones, ones)
    one, other = (
        estimate_dead(
            make_points(np.append(points.x_m, far), np.append(points.y_m, 0.0), np.append(points.z_m, z_m)),
            np.append(points.z_m, z_m),
            more,
            replace(trees, crown=np.append(trees.crown, -1)),
            Kim2009(),
        )
        for z_m in (0.0, 15.0)
    )
    assert np.array_equal(one[[0, 6]], other[[0, 6]])
