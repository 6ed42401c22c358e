"""Synthetic plots go the whole way: known stems in, the same stems out."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from survey.errors import InvalidParameter, TooFewPoints
from survey.terrestrial.errors import NotTerrestrial
from survey.terrestrial.parameters import StemParameters
from survey.terrestrial.plot import survey_stems
from survey.terrestrial.result import StemPlot
from tests.survey.terrestrial.scenes import Cone, Floats, make_plot, make_points, scatter_leaves

CONES = (
    Cone(2.0, 2.0, 0.15),
    Cone(6.0, 9.0, 0.30, taper=0.008),
    Cone(9.0, 3.0, 0.06, taper=0.002, height_m=7.0),
    Cone(9.0, 9.0, 0.20, lean=0.08),
)


@pytest.fixture(scope="module")
def xyz_m() -> Floats:
    return make_plot(CONES, seed=1)


@pytest.fixture(scope="module")
def plot(xyz_m: Floats) -> StemPlot:
    return survey_stems(make_points(xyz_m))


def list_diameters(plot: StemPlot) -> list[float]:
    return [tree.stems[0].diameter_cm for tree in plot.trees]


def test_every_stem_is_found_once_thickest_first(plot: StemPlot) -> None:
    assert list_diameters(plot) == pytest.approx([60.0, 40.0, 30.0, 12.0], abs=0.2)
    assert all(len(tree.stems) == 1 for tree in plot.trees)
    assert plot.warnings == ()


def test_feet_and_breast_heights_are_where_they_stand(plot: StemPlot) -> None:
    found = [(tree.x_m, tree.y_m) for tree in plot.trees]
    assert np.abs(np.array(found) - [(6.0, 9.0), (9.0, 9.0), (2.0, 2.0), (9.0, 3.0)]).max() < 0.02
    leaning = plot.trees[1].stems[0]
    assert leaning.x_m == pytest.approx(9.0 + 1.3 * 0.08, abs=0.01)
    assert leaning.lean_deg == pytest.approx(np.degrees(np.arctan(0.08)), abs=0.3)


def test_taper_and_volume_are_those_of_the_cone(plot: StemPlot) -> None:
    stem, cone = plot.trees[0].stems[0], CONES[1]
    heights = np.array([point.height_m for point in stem.taper])
    widths = np.array([point.diameter_cm for point in stem.taper])
    assert np.abs(widths - 200.0 * cone.radius_at(heights)).max() < 0.5
    low, high = cone.radius_at(np.array([0.0, heights[-1]])).tolist()
    exact = np.pi / 3.0 * heights[-1] * (low**2 + low * high + high**2)
    assert stem.volume_m3 == pytest.approx(exact, rel=0.02)


def test_heights_are_those_of_the_highest_points(plot: StemPlot) -> None:
    assert [tree.height_m for tree in plot.trees] == pytest.approx([9.0, 9.0, 9.0, 7.0], abs=0.1)


def test_the_evidence_is_a_point_of_the_stem_at_breast_height(plot: StemPlot, xyz_m: Floats) -> None:
    for tree in plot.trees:
        point = xyz_m[tree.evidence_point]
        stem = tree.stems[0]
        assert abs(point[2] - 1.3) < 0.02
        away = np.hypot(point[0] - stem.x_m, point[1] - stem.y_m)
        assert away == pytest.approx(stem.diameter_cm / 200.0, abs=0.03)


def test_the_frame_does_not_matter(plot: StemPlot, xyz_m: Floats) -> None:
    moved = survey_stems(make_points(xyz_m + np.array([-500.0, 5_428_000.0, -80.0])))
    assert list_diameters(moved) == pytest.approx(list_diameters(plot), abs=0.15)
    assert moved.trees[0].x_m == pytest.approx(plot.trees[0].x_m - 500.0, abs=0.01)
    assert moved.trees[0].ground_m == pytest.approx(plot.trees[0].ground_m - 80.0, abs=0.02)


def test_the_same_points_give_the_same_result(plot: StemPlot, xyz_m: Floats) -> None:
    assert survey_stems(make_points(xyz_m)) == plot
    assert pickle.loads(pickle.dumps(plot)) == plot  # noqa: S301 - our own bytes


def test_a_thin_scan_still_shows_its_stems() -> None:
    thin = survey_stems(make_points(make_plot(CONES[:2], seed=2, per_m=120)))
    assert list_diameters(thin) == pytest.approx([60.0, 30.0], abs=0.6)
    assert thin.trees[0].stems[0].diameter_error_cm < 1.0


def test_leaves_are_no_stems() -> None:
    rng = np.random.default_rng(5)
    bushes = [scatter_leaves(rng, x, y, 3_000) for x, y in ((4.0, 5.0), (8.0, 6.0), (2.0, 10.0))]
    found = survey_stems(make_points(np.vstack([make_plot(CONES[:1], seed=5), *bushes])))
    assert list_diameters(found) == pytest.approx([30.0], abs=0.2)


def test_a_higher_breast_height_gives_the_diameter_there(xyz_m: Floats) -> None:
    higher = survey_stems(make_points(xyz_m), StemParameters(breast_height_m=1.8))
    assert higher.trees[0].stems[0].diameter_cm == pytest.approx(200.0 * (0.3 - 0.008 * 0.5), abs=0.2)
    assert higher.trees[0].stems[0].at_height_m == 1.8


def test_on_a_slope_breast_height_counts_from_the_uphill_side() -> None:
    points = make_points(make_plot((Cone(6.0, 6.0, 0.3, taper=0.008),), seed=3, slope=0.5))
    uphill = survey_stems(points).trees[0]
    axis = survey_stems(points, StemParameters(ground_side="axis")).trees[0]
    assert uphill.ground_m - axis.ground_m == pytest.approx(0.5 * 0.3, abs=0.03)
    assert uphill.stems[0].diameter_cm < axis.stems[0].diameter_cm


def test_stems_that_part_below_breast_height_are_one_tree() -> None:
    fork = (Cone(6.0, 6.0, 0.12, lean=0.12), Cone(5.9, 6.0, 0.10, lean=-0.12))
    trees = survey_stems(make_points(make_plot(fork, seed=4))).trees
    assert [len(tree.stems) for tree in trees] == [2]
    assert [stem.diameter_cm for stem in trees[0].stems] == pytest.approx([24.0, 20.0], abs=1.0)


def test_stems_that_stand_side_by_side_are_two_trees() -> None:
    pair = (Cone(6.0, 6.0, 0.12), Cone(6.5, 6.0, 0.10))
    assert len(survey_stems(make_points(make_plot(pair, seed=4))).trees) == 2


def test_a_cloud_seen_from_above_is_refused() -> None:
    rng = np.random.default_rng(6)
    x, y = rng.uniform(0.0, 50.0, (2, 20_000))
    z = np.where(rng.random(x.size) < 0.5, 0.0, rng.uniform(10.0, 20.0, x.size))
    with pytest.raises(NotTerrestrial) as caught:
        survey_stems(make_points(np.column_stack([x, y, z])))
    assert caught.value.spacing_m > caught.value.greatest_m


def test_too_few_points_are_refused() -> None:
    with pytest.raises(TooFewPoints):
        survey_stems(make_points(np.zeros((10, 3))))


@pytest.mark.parametrize(
    "wrong", [{"breast_height_m": 0.5}, {"least_dbh_cm": 1.0}, {"ground_side": "downhill"}, {"breast_height_m": np.nan}]
)
def test_settings_out_of_range_are_refused(wrong: dict[str, float], xyz_m: Floats) -> None:
    with pytest.raises(InvalidParameter) as caught:
        survey_stems(make_points(xyz_m), replace(StemParameters(), **wrong))  # type: ignore[arg-type]
    assert caught.value.name in wrong
