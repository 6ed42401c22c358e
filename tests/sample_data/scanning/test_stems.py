"""Stems keep to their diameters, to Kozak's equation and to the places where trees stand."""

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sample_data.errors import InvalidParameter
from sample_data.forest.damage import fall, lean, snap
from sample_data.forest.species import SPECIES
from sample_data.forest.stand import Stand, StandParameters, grow_stand
from sample_data.scanning.outlines import Outline, hull_width
from sample_data.scanning.stems import axis_offsets, diameter_at, habit_of, shape_stems, stem_sections, taper_cm
from tests.sample_data.plots import make_stand, make_tree


@pytest.fixture(scope="module")
def stand() -> Stand:
    return grow_stand(3400, parameters=StandParameters(side_m=60.0))


def outline(*amplitudes: float) -> Outline:
    first, second, third, fourth = amplitudes
    return Outline((first, second, third, fourth), (0.3, 1.1, 2.0, 0.0), 1.0, 0.0, 5, 0.0)


def radii_of(shape: Outline, angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an outline's radii as its docstring describes them."""
    orders = np.arange(2, 6)[:, None]
    waves = np.array(shape.amplitudes)[:, None] * np.cos(orders * angles - np.array(shape.phases_rad)[:, None])
    radii: NDArray[np.float64] = 1.0 + waves.sum(axis=0)
    return radii


def test_diameter_at_breast_height_is_the_tree_s(stand: Stand) -> None:
    assert [diameter_at(stand, i, 1.3) for i in range(len(stand.trees))] == pytest.approx(
        [tree.dbh_cm for tree in stand.trees], rel=1e-9
    )


def test_stems_get_thinner_all_the_way_up_to_nothing(stand: Stand) -> None:
    for index in range(len(stand.trees)):
        form = shape_stems(stand, index)[0]
        diameters = taper_cm(form, np.linspace(0.0, form.length_m, 200))
        assert (np.diff(diameters) < 0.0).all()
        assert diameters[-1] == 0.0


def test_taper_is_kozak_s_equation(stand: Stand) -> None:
    form = shape_stems(stand, 0)[0]
    b1, b3, b5 = form.taper
    for height in (0.1, 1.3, 7.0, 20.0):
        z, p = height / form.length_m, 1.3 / form.length_m
        x = (1.0 - z ** (1.0 / 3.0)) / (1.0 - p ** (1.0 / 3.0))
        q = 1.0 - z ** (1.0 / 3.0)
        expected = form.dbh_cm * x ** (b1 * z**4 + b3 * x**0.1 + b5 * form.length_m**q)
        assert float(taper_cm(form, np.array([height]))[0]) == pytest.approx(expected, rel=1e-12)


def test_stems_are_as_full_as_forest_trees(stand: Stand) -> None:
    # Yield tables of spruce, fir and beech have form factors at breast height near 0.45 to 0.50 in such stands.
    factors = []
    for index, tree in enumerate(stand.trees):
        if tree.dbh_cm > 20.0:
            heights = np.linspace(0.0, tree.height_m, 400)
            area = (taper_cm(shape_stems(stand, index)[0], heights) ** 2).mean()
            factors.append(area / tree.dbh_cm**2)
    assert 0.40 < np.mean(factors) < 0.55


def test_hull_of_a_circle_is_as_wide_as_the_circle() -> None:
    assert hull_width(outline(0.0, 0.0, 0.0, 0.0), 1.3) == pytest.approx(2.0, rel=1e-4)


def test_mean_width_of_a_convex_outline_is_its_length_over_pi() -> None:
    shape = outline(0.018, 0.004, 0.003, 0.002)
    angles = np.linspace(0.0, 2.0 * np.pi, 100_001)
    radii = radii_of(shape, angles)
    length = np.hypot(np.diff(radii * np.cos(angles)), np.diff(radii * np.sin(angles))).sum()
    assert hull_width(shape, 1.3) == pytest.approx(length / np.pi, rel=1e-4)


def test_flares_of_roots_widen_a_stem_below_one_metre_only(stand: Stand) -> None:
    for index, tree in enumerate(stand.trees[:20]):
        form = shape_stems(stand, index)[0]
        assert hull_width(form.outline, 1.0) == pytest.approx(2.0, rel=1e-9)
        assert hull_width(form.outline, 0.1) > 2.0
        # Butt swell: Kozak's equation and flares together.
        assert 1.1 < diameter_at(stand, index, 0.05) / tree.dbh_cm < 2.4


def test_sections_are_two_to_five_per_cent_longer_than_wide(stand: Stand) -> None:
    angles = np.linspace(0.0, np.pi, 180, endpoint=False)
    around = np.linspace(0.0, 2.0 * np.pi, 720, endpoint=False)
    for index in range(20):
        radii = radii_of(shape_stems(stand, index)[0].outline, around)
        reach = radii[None, :] * np.cos(around[None, :] - angles[:, None])
        widths = reach.max(axis=1) - reach.min(axis=1)
        assert 1.015 < widths.max() / widths.min() < 1.07


def test_axes_end_at_the_apex(stand: Stand) -> None:
    for index, tree in enumerate(stand.trees):
        form = shape_stems(stand, index)[0]
        tip = np.array(form.foot_m) + axis_offsets(form, np.array([form.length_m]))[0]
        assert tip == pytest.approx([tree.apex_x_m, tree.apex_y_m, tree.ground_m + tree.height_m], abs=1e-6)


def test_some_trees_fork_and_their_stems_part_below_breast_height() -> None:
    wide = grow_stand(3401, parameters=StandParameters(side_m=80.0))
    forked = [i for i in range(len(wide.trees)) if len(shape_stems(wide, i)) == 2]
    expected = sum(habit_of(tree.species).fork_share for tree in wide.trees if tree.height_m >= 5.0)
    assert abs(len(forked) - expected) < 4.0 * math.sqrt(expected)
    for index in forked:
        low, high = (stem_sections(wide, index, height) for height in (0.2, 1.3))
        apart_low, apart = (math.hypot(a.x_m - b.x_m, a.y_m - b.y_m) for a, b in (low, high))
        assert apart_low < 0.005 * (low[0].diameter_cm + low[1].diameter_cm)
        assert apart > 0.005 * (high[0].diameter_cm + high[1].diameter_cm)
        assert high[0].diameter_cm == pytest.approx(wide.trees[index].dbh_cm)
        assert high[1].diameter_cm < high[0].diameter_cm


def test_a_stem_keeps_its_form_when_its_stand_is_thinned(stand: Stand) -> None:
    thinned = replace(stand, trees=stand.trees[5:])
    assert shape_stems(thinned, 3) == shape_stems(stand, 8)


def test_a_fallen_stem_lies_from_foot_to_apex_as_thick_as_it_stood() -> None:
    lying = make_stand(fall(make_tree(0.0, 0.0, dbh_cm=50.0), 0.0))
    foot, tip = stem_sections(lying, 0, 0.0)[0], stem_sections(lying, 0, 30.0)[0]
    assert foot.z_m == pytest.approx(0.25)
    assert (tip.x_m, tip.y_m, tip.z_m) == pytest.approx((30.0, 0.0, 0.0), abs=1e-6)
    assert diameter_at(lying, 0, 1.3) == pytest.approx(50.0)


def test_a_leaning_stem_is_straight_and_measured_along_itself() -> None:
    leaning = make_stand(lean(make_tree(0.0, 0.0), 20.0, 0.0))
    form = shape_stems(leaning, 0)[0]
    middle = axis_offsets(replace(form, sweep_m=(0.0, 0.0)), np.array([15.0]))[0]
    angle = math.radians(20.0)
    assert middle == pytest.approx([15.0 * math.sin(angle), 0.0, 15.0 * math.cos(angle)], abs=1e-6)
    assert diameter_at(leaning, 0, 1.3) == pytest.approx(40.0)


def test_a_snag_is_thick_where_it_broke() -> None:
    # Seeds draw the same taper for a tree of the same number, broken or not.
    whole, broken = make_stand(make_tree(0.0, 0.0)), make_stand(snap(make_tree(0.0, 0.0), 0.3))
    assert diameter_at(broken, 0, 8.9) == pytest.approx(diameter_at(whole, 0, 8.9), rel=0.1)


@pytest.mark.parametrize("species", [species.name for species in SPECIES])
def test_every_species_has_a_habit(species: str) -> None:
    assert 0.0 <= habit_of(species).bark_m < 0.01


def test_a_tree_that_is_not_there_is_refused(stand: Stand) -> None:
    with pytest.raises(InvalidParameter):
        diameter_at(stand, len(stand.trees), 1.3)


def test_a_height_above_the_tree_is_refused(stand: Stand) -> None:
    with pytest.raises(InvalidParameter):
        diameter_at(stand, 0, 99.0)
