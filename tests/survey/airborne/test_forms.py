"""Dead and leaning trees are told where the cloud shows them, and nothing is told where it does not."""

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sample_data.forest.presets import MOUNTAIN
from sample_data.forest.stand import grow_stand
from sample_data.scanning.scanner import ScannerParameters, scan_airborne
from sample_data.scoring.plain_filter import normalize_by_truth
from survey.airborne.forms import (
    FallenStem,
    FormAlgorithms,
    FormFacts,
    FormTrees,
    Signal,
    describe_forms,
    judge_forms,
    warn_of_forms,
)
from survey.airborne.forms_dead import Kim2009, estimate_dead
from survey.airborne.forms_lean import Duda1972, lean_probability, measure_lean
from survey.airborne.plot import enclose
from survey.airborne.settings import CloudFacts, choose_settings
from survey.airborne.tile import Box, find_tile_trees, is_in_core
from survey.catalogue.trees import tree_reach
from survey.cloud import Points
from survey.ground.buckets import pick_points
from survey.parameters import PlotParameters
from tests.survey.scenes import make_points, take_points

Floats = NDArray[np.float64]

DENSE = FormFacts(60.0, is_normalized=True, has_intensity=True)
HOW = FormAlgorithms()


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
        Signal(strength.astype(np.uint16), ones),
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
        forms = judge_forms(points, points.z_m, signal, trees, facts=facts, algorithms=HOW)
        assert {form.status for form in forms.trees} == {None}
        assert any(word in warning for warning in warn_of_forms(facts, HOW))


@pytest.mark.parametrize("density", [2.0, 10.0, 60.0])
@pytest.mark.parametrize("is_normalized", [False, True])
@pytest.mark.parametrize("has_intensity", [False, True])
def test_each_step_is_either_recorded_or_warned_of(density: float, *, is_normalized: bool, has_intensity: bool) -> None:
    facts = FormFacts(density, is_normalized=is_normalized, has_intensity=has_intensity)
    taken = {step.task for step in describe_forms(facts, HOW)}
    warned = " ".join(warn_of_forms(facts, HOW))
    words = {"tell_dead_trees": "dead trees", "measure_lean": "leans", "find_fallen_stems": "fallen stems"}
    assert taken == {task for task, word in words.items() if word not in warned}
    assert ("tell_dead_trees" in taken) == (has_intensity and density > 4.0)
    assert ("find_fallen_stems" in taken) == (density > 4.0 and not is_normalized)


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
    seen = [measure_lean(points, points.z_m, trees, Duda1972()) for points, trees in scenes]
    told = [(lean[0], error[0]) for lean, error in seen if not np.isnan(lean[0])]
    assert len(told) >= 4
    for lean, error in told:
        assert lean == pytest.approx(lean_deg, abs=3.0 * error)
        assert error < 3.0


def test_no_stem_is_told_where_none_shows_or_the_cloud_is_thin() -> None:
    for seed in range(10):
        points, trees = make_stem(12.0, seed=seed, echoes=1)
        assert np.isnan(measure_lean(points, points.z_m, trees, Duda1972())[0]).all()
    points, trees = make_stem(12.0, seed=1)
    ones = np.ones(len(points), dtype=np.uint8)
    for density, is_seen in ((10.0, False), (60.0, True)):
        facts = replace(DENSE, first_density=density)
        signal = Signal(ones.astype(np.uint16), ones)
        form = judge_forms(points, points.z_m, signal, trees, facts=facts, algorithms=HOW).trees[0]
        assert (form.lean_deg is not None) == is_seen


def test_a_leaning_line_below_an_upright_crown_is_another_trees() -> None:
    points, trees = make_stem(20.0, seed=1)
    upper = points.z_m > 10.0
    x_m = np.where(upper, points.x_m - points.z_m * math.tan(math.radians(20.0)) + trees.x_m[0], points.x_m)
    assert np.isnan(measure_lean(replace(points, x_m=x_m), points.z_m, trees, Duda1972())[0]).all()


@pytest.mark.parametrize("height_m", [10.0, 20.0, 32.0, 45.0])
@pytest.mark.parametrize("lean_deg", [0.0, 4.0, 8.0, 11.0, 15.0, 20.0])
def test_a_straight_stem_is_measured_exactly_however_tall(height_m: float, lean_deg: float) -> None:
    way, tilt = lean_deg + 0.3, math.tan(math.radians(lean_deg))
    above = np.concatenate([np.linspace(1.6, 0.49 * height_m, 60), np.linspace(0.55 * height_m, height_m, 100)])
    aside = (above - height_m) * tilt
    points = make_points(aside * math.cos(way), aside * math.sin(way), above)
    trees = FormTrees(np.zeros(1), np.zeros(1), np.array([height_m]), np.where(above > 0.5 * height_m, 0, -1))
    lean, _ = measure_lean(points, above, trees, Duda1972())
    assert lean[0] == pytest.approx(lean_deg, abs=1e-6)


# Of thirty, 9,000 echoes stand where the stem may be; of five hundred more than are looked at.
@pytest.mark.parametrize("per_m2", [30, 500])
def test_echoes_around_however_many_do_not_hide_a_stem(per_m2: int) -> None:
    points, trees = make_stem(10.0, seed=2, echoes=60)
    rng = np.random.default_rng(4)
    count = 1_600 * per_m2
    # Echoes of shrubs of 3 to 5 m, but not beside the stem.
    x, y, z = rng.uniform(-20.0, 20.0, count), rng.uniform(-20.0, 20.0, count), rng.uniform(3.0, 5.0, count)
    clear = np.hypot(x - z * math.tan(math.radians(10.0)), y) > 1.5
    pairs = zip((points.x_m, points.y_m, points.z_m), (x, y, z), strict=True)
    more = [np.append(one, other[clear]) for one, other in pairs]
    crown = np.append(trees.crown, np.full(int(clear.sum()), -1))
    lean, error = measure_lean(make_points(*more), more[2], replace(trees, crown=crown), Duda1972())
    assert lean[0] == pytest.approx(10.0, abs=3.0 * error[0])


# Of the normal distribution's table.
@pytest.mark.parametrize(("lean", "expected"), [(5.0, 0.5), (7.0, 0.8413), (3.0, 0.1587), (9.0, 0.9772)])
def test_the_chance_to_lean_is_a_normal_one(lean: float, expected: float) -> None:
    assert lean_probability(lean, 2.0, Duda1972()) == pytest.approx(expected, abs=1e-4)


def see(seed: int, side_m: float) -> tuple[Points, Signal]:
    """Return a simulated stand with dead, leaning and fallen trees and its signal; its ground is classified."""
    forest = replace(MOUNTAIN, side_m=side_m, dead_share=0.15, leaning_share=0.1, fallen_share=0.1, vigour_scatter=0.1)
    stand = grow_stand(seed, parameters=forest)
    cloud = scan_airborne(stand, seed=seed, parameters=ScannerParameters())
    is_ground = np.abs(normalize_by_truth(cloud, stand.terrain)[:, 2]) < 0.1
    points = replace(take_points(cloud), classification=np.where(is_ground, 2, 1).astype(np.uint8))
    return points, Signal(cloud.intensity, cloud.number_of_returns)


@pytest.mark.parametrize(("density", "is_normalized"), [(10.0, False), (30.0, True)])
def test_points_beyond_the_reach_and_their_order_change_no_form(density: float, *, is_normalized: bool) -> None:
    points, signal = see(1003, 160.0)
    if is_normalized:
        points = replace(points, z_m=points.z_m - points.z_m.min())
    facts = CloudFacts(is_normalized, density=16.0, first_density=density)
    settings = choose_settings(PlotParameters(use_vendor_ground=True), facts)
    whole = find_tile_trees(points, settings, enclose(points), signal=signal)
    expected = dict(zip(whole.apex.tolist(), whole.forms, strict=True))
    assert any(form is not None and form.status == "standing-dead" for form in whole.forms)
    assert [form is None for form in whole.forms] == whole.is_hidden.tolist()
    # In a corner, so that what lies beyond the reach is the most.
    west, south, reach = points.x_m.min(), points.y_m.min(), settings.reach_m
    core = Box(west, south, west + 25.0, south + 25.0)
    wide = Box(west, south, core.east_m + reach, core.north_m + reach)
    at = np.random.default_rng(1).permutation(np.flatnonzero(is_in_core(points.x_m, points.y_m, wide)))
    assert at.size < 0.9 * len(points)
    seen = Signal(signal.intensity[at], signal.number_of_returns[at])
    found = find_tile_trees(pick_points(points, at), settings, core, signal=seen)
    mine = dict(zip(at[found.apex].tolist(), found.forms, strict=True))
    inside = is_in_core(points.x_m[whole.apex], points.y_m[whole.apex], core)
    assert mine == {apex: expected[apex] for apex in whole.apex[inside].tolist()}
    assert len(mine) > 5
    assert set(found.fallen) == {stem for stem in whole.fallen if _lies_in(stem, core)}
    assert bool(whole.fallen) != is_normalized


def _lies_in(stem: FallenStem, core: Box) -> bool:
    x, y = 0.5 * (stem.foot_x_m + stem.top_x_m), 0.5 * (stem.foot_y_m + stem.top_y_m)
    return core.west_m <= x < core.east_m and core.south_m <= y < core.north_m


def test_the_reach_holds_that_of_each_form_that_is_judged() -> None:
    how, noise_m = FormAlgorithms(), 6.0
    for density, is_normalized, least in (
        (2.0, True, 0.0),
        (10.0, True, how.dead.reach_m),
        (10.0, False, how.fallen.reach_m),
        # The crown above a stem's farthest echo: 2.5 m of canopy, 20 m of tops, 28 m of crowns.
        (30.0, True, how.lean.reach_m + 50.5),
    ):
        facts = CloudFacts(is_normalized, density=2.0 * density, first_density=density)
        settings = choose_settings(PlotParameters(use_vendor_ground=True), facts)
        assert settings.reach_m >= noise_m + least
        # A search of a catalogue has told noise before.
        assert tree_reach(settings).full_m == settings.search_reach_m >= least
        assert tree_reach(settings).ground_m >= settings.search_reach_m


def test_what_lies_farther_than_the_reach_changes_no_form() -> None:
    points, signal, trees = make_canopy(0)
    far = 3.0 * Kim2009().cell_m
    ones = np.ones(251, dtype=np.uint8)
    more = Signal(np.append(signal.intensity, signal.intensity[:1]), ones)
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
