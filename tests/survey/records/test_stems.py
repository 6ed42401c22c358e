"""A cloud from within the forest becomes records: feet, measured diameters, and heights that say what they are."""

import math
from dataclasses import replace
from pathlib import Path

import laspy
import numpy as np
import pytest

from domain.codes import mint_cloud_code
from domain.envelope import Body, open_envelope, seal
from domain.records.result import Tree
from survey.allometry import choose_models
from survey.allometry.equation import solve_equation
from survey.errors import CloudTooLarge, InvalidParameter, MissingCrs, TooFewPoints
from survey.estimate import Estimate
from survey.records import stems_cloud
from survey.records.bodies import build_result, build_survey
from survey.records.stems import MOST_STEMS, build_stem_trees, measure_lean
from survey.records.stems_cloud import StemScience, StemSurvey, survey_stem_cloud
from survey.records.stems_stocks import estimate_tree_stocks
from survey.terrestrial.parameters import StemParameters
from survey.terrestrial.result import Stem, StemTree
from tests.domain.samples import KEY
from tests.survey.records.stem_scenes import CLOUD, CONES, CONTEXT, EAST, NORTH, UNSIGNED, UP, write_plot

FOREST = StemScience(forest="gymnosperm")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_plot(tmp_path_factory.mktemp("plot") / "plot.laz")


@pytest.fixture(scope="module")
def surveyed(path: Path) -> StemSurvey:
    return survey_stem_cloud(path, FOREST)


@pytest.fixture(scope="module")
def trees(surveyed: StemSurvey) -> tuple[Tree, ...]:
    """Give the trees in the order of the cones."""
    found = build_stem_trees(surveyed, CONTEXT, UNSIGNED)
    assert len(found) == len(CONES)

    def away(tree: Tree, number: int) -> float:
        x, y = (tree.position.x_mm or 0) / 1e3 - EAST, (tree.position.y_mm or 0) / 1e3 - NORTH
        return math.hypot(x - CONES[number].x_m, y - CONES[number].y_m)

    return tuple(min(found, key=lambda tree: away(tree, number)) for number in range(len(CONES)))


def test_feet_and_diameters_are_those_of_the_cones(trees: tuple[Tree, ...]) -> None:
    for tree, cone in zip(trees, CONES, strict=True):
        assert tree.position.of == "stem"
        assert (tree.position.x_mm or 0) / 1e3 == pytest.approx(EAST + cone.x_m, abs=0.02)
        assert (tree.position.y_mm or 0) / 1e3 == pytest.approx(NORTH + cone.y_m, abs=0.02)
        assert (tree.position.elevation_mm or 0) / 1e3 == pytest.approx(UP, abs=0.03)
        assert 0 < tree.position.error_mm < 50
        assert tree.stems is not None
        (stem,) = tree.stems
        assert stem.at_height_mm == 1_300
        assert stem.diameter_mm.value == pytest.approx(2_000.0 * cone.radius_m, abs=4.0)
        assert 0 < stem.diameter_mm.own_error <= 10


def test_places_on_earth_are_those_of_the_crs(trees: tuple[Tree, ...]) -> None:
    # UTM zone 33 north, its central meridian 15 degrees east: 500 km stand for it, and these plots lie west of it.
    for tree in trees:
        assert tree.position.crs == "EPSG:32633"
        assert 13.3 < (tree.position.lon_nd or 0) / 1e9 < 13.5
        assert 48.9 < (tree.position.lat_nd or 0) / 1e9 < 49.1


def test_codes_come_from_a_point_of_the_file_that_lies_on_the_stem_at_breast_height(
    path: Path, surveyed: StemSurvey, trees: tuple[Tree, ...]
) -> None:
    las = laspy.read(path)
    for tree, cone in zip(trees, CONES, strict=True):
        (point,) = [one for one in surveyed.evidence if mint_cloud_code(CONTEXT.secret, CLOUD, one) == tree.code]
        x, y, z = np.array(point) * las.header.scales + las.header.offsets
        at = z - UP
        assert at == pytest.approx(1.3, abs=0.05)
        away = math.hypot(x - EAST - cone.x_m - cone.lean * at, y - NORTH - cone.y_m)
        assert away == pytest.approx(cone.radius_m, abs=0.02)


def test_the_same_file_gives_the_same_records(path: Path, surveyed: StemSurvey) -> None:
    again = survey_stem_cloud(path, FOREST)
    assert build_stem_trees(again, CONTEXT, UNSIGNED) == build_stem_trees(surveyed, CONTEXT, UNSIGNED)


def test_all_bodies_can_be_signed_and_read_again(surveyed: StemSurvey, trees: tuple[Tree, ...]) -> None:
    bodies: list[Body] = [build_survey(surveyed, CONTEXT), *trees, build_result(surveyed, CONTEXT, UNSIGNED)]
    for body in bodies:
        assert open_envelope(seal(body, KEY).raw).body == body


def test_heights_that_are_lower_bounds_say_so_and_feed_no_equation(
    surveyed: StemSurvey, trees: tuple[Tree, ...]
) -> None:
    plot = surveyed.plot
    hidden = replace(plot, trees=tuple(replace(tree, is_height_seen=False, height_error_m=None) for tree in plot.trees))
    seen = replace(plot, trees=tuple(replace(tree, is_height_seen=True, height_error_m=0.8) for tree in plot.trees))
    models = choose_models(None, "gymnosperm", None)
    for one, is_hidden in ((hidden, True), (seen, False)):
        stocks, _ = estimate_tree_stocks(one.trees, models, surveyed.area_m2)
        for tree in build_stem_trees(replace(surveyed, plot=one, stocks=stocks), CONTEXT, UNSIGNED):
            assert tree.is_top_hidden is (True if is_hidden else None)
            assert tree.height_mm is not None
            assert tree.height_mm.own_error == (0 if is_hidden else 800)
            # A form factor asks for the height; gymnosperms of no region have no biomass by diameter.
            assert (tree.volume_dm3 is None) is is_hidden
            assert tree.biomass_g is None
            assert tree.carbon_g is None
    assert len(trees) == len(hidden.trees)


def test_a_lean_is_the_angle_of_the_cone(trees: tuple[Tree, ...]) -> None:
    for tree, cone in zip(trees, CONES, strict=True):
        assert tree.lean_mdeg is not None
        error = math.hypot(tree.lean_mdeg.own_error, tree.lean_mdeg.shared_error)
        truth = 1e3 * math.degrees(math.atan(cone.lean))
        assert tree.lean_mdeg.value == pytest.approx(truth, abs=400.0)
        assert 0 < error < 1_500


def test_a_stem_of_which_little_is_seen_has_no_lean(surveyed: StemSurvey) -> None:
    stem = surveyed.plot.trees[0].stems[0]
    low = tuple(point for point in stem.taper if point.height_m < stem.taper[0].height_m + 1.9)
    assert measure_lean(replace(stem, taper=low)) is None
    assert measure_lean(replace(stem, taper=(stem.taper[0], stem.taper[-1]))) is None


def test_biomass_of_a_species_follows_its_equation_at_the_measured_diameter(surveyed: StemSurvey) -> None:
    """Spruce of Forrester et al. (2017) goes by diameter alone; its errors by the delta method in closed form."""
    models = choose_models("Picea abies", "unknown", "europe")
    (equation,) = models.biomass_by_dbh
    stocks, notes = estimate_tree_stocks(surveyed.plot.trees, models, surveyed.area_m2)
    for tree, found in zip(surveyed.plot.trees, stocks, strict=True):
        stem = tree.stems[0]
        nowhere = np.array([np.nan])
        said = solve_equation(equation, dbh_cm=np.array([stem.diameter_cm]), height_m=nowhere, crown_m=nowhere)
        assert found.biomass_kg is not None
        assert found.biomass_kg.value == pytest.approx(float(said.value[0]))
        own = math.hypot(float(said.by_dbh[0]) * stem.diameter_error_cm / stem.diameter_cm, equation.own_share)
        assert found.biomass_kg.own_error == pytest.approx(own * found.biomass_kg.value)
        assert found.carbon_kg is not None
        assert 0.4 < found.carbon_kg.value / found.biomass_kg.value < 0.8
    assert not [note for note in notes if note.startswith("biomass")]


def fork(surveyed: StemSurvey, stems: int) -> StemTree:
    tree = surveyed.plot.trees[0]
    return replace(tree, stems=(tree.stems[0],) * stems)


def test_a_forked_tree_holds_what_its_stems_hold(surveyed: StemSurvey) -> None:
    models = choose_models("Picea abies", "unknown", "europe")
    stocks, _ = estimate_tree_stocks([fork(surveyed, 1), fork(surveyed, 3)], models, surveyed.area_m2)
    one, three = (found.biomass_kg for found in stocks)
    assert isinstance(one, Estimate)
    assert isinstance(three, Estimate)
    for name in ("value", "own_error", "shared_error"):
        assert getattr(three, name) == pytest.approx(3.0 * getattr(one, name))
    plot = replace(surveyed.plot, trees=(fork(surveyed, MOST_STEMS + 5),))
    (tree,) = build_stem_trees(
        replace(surveyed, plot=plot, evidence=((1, 2, 3),), stocks=stocks[1:]), CONTEXT, UNSIGNED
    )
    assert len(tree.stems or ()) == MOST_STEMS
    assert open_envelope(seal(tree, KEY).raw).body == tree


def test_what_is_missing_or_strained_is_told(surveyed: StemSurvey) -> None:
    hidden = sum(not tree.is_height_seen for tree in surveyed.plot.trees)
    assert hidden > 0
    words = f"{hidden} of {len(surveyed.plot.trees)} trees are at least as tall as told"
    assert any(note.startswith(words) for note in surveyed.warnings)
    assert any("how well the cloud itself is placed is not known" in note for note in surveyed.warnings)
    _, notes = estimate_tree_stocks(surveyed.plot.trees, choose_models(None, "gymnosperm", None), 100.0)
    assert any(note.startswith("biomass and carbon not available") for note in notes)
    high = [_at_height(tree, 1.4) for tree in surveyed.plot.trees]
    _, notes = estimate_tree_stocks(high, choose_models("Picea abies", "unknown", "europe"), 100.0)
    assert notes[-1] == "equations hold for diameters at 1.3 m; those at 1.4 m were taken for them"


def _at_height(tree: StemTree, height_m: float) -> StemTree:
    stems: tuple[Stem, ...] = tuple(replace(stem, at_height_m=height_m) for stem in tree.stems)
    return replace(tree, stems=stems)


def test_a_local_frame_has_no_place_on_earth(path: Path) -> None:
    own = survey_stem_cloud(path, replace(FOREST, crs="local:m"))
    for tree in build_stem_trees(own, CONTEXT, UNSIGNED):
        assert (tree.position.crs, tree.position.lon_nd, tree.position.operation) == ("local:m", None, None)
        assert tree.position.x_mm is not None
    assert any("the frame is this cloud's own" in note for note in own.warnings)
    shared = survey_stem_cloud(path, replace(FOREST, crs="local:plot-7"))
    assert not any("the frame is this cloud's own" in note for note in shared.warnings)


def test_the_survey_says_what_was_chosen_and_claims_no_completeness(path: Path) -> None:
    chosen = StemScience(stems=StemParameters(1.37, "axis", 12.0), species="Picea abies", region="europe")
    found = survey_stem_cloud(path, chosen)
    body = build_survey(found, CONTEXT)
    (step,) = [one for one in body.steps if one.task == "measure_diameter"]
    said = {one.name: one.value for one in step.parameters or ()}
    assert (said["breast_height_m"], said["ground_side"], said["least_dbh_cm"]) == ("1.37", "axis", "12.0")
    assert body.steps[-1].task == "estimate_stocks"
    assert body.steps[-1].algorithm == "forrester2017"
    closing = build_result(found, CONTEXT, UNSIGNED)
    assert closing.detection is None
    # 12 m by 12 m, to cells of 2 m.
    assert closing.area_cm2 / 1e4 == pytest.approx(144.0, abs=60.0)
    for tree in build_stem_trees(found, CONTEXT, UNSIGNED):
        assert [stem.at_height_mm for stem in tree.stems or ()] == [1_370]


def test_a_cloud_of_more_points_than_memory_holds_is_refused_before_it_is_decoded(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stems_cloud, "MOST_POINTS", 1_000)
    with pytest.raises(CloudTooLarge, match="at most 1,000"):
        survey_stem_cloud(path, FOREST)


def test_settings_and_clouds_that_cannot_be_are_refused(tmp_path: Path, path: Path) -> None:
    with pytest.raises(InvalidParameter, match="breast_height_m"):
        survey_stem_cloud(path, StemScience(stems=StemParameters(breast_height_m=3.0)))
    las = laspy.read(path)
    las.header.vlrs.clear()
    las.points = las.points[:5_000]
    las.write(tmp_path / "nowhere.laz")
    with pytest.raises(MissingCrs):
        survey_stem_cloud(tmp_path / "nowhere.laz")
    las.points = las.points[:900]
    las.write(tmp_path / "few.laz")
    with pytest.raises(TooFewPoints):
        survey_stem_cloud(tmp_path / "few.laz", StemScience(crs="local:m"))
