"""A crew's day as records: what is new, what goes on, what is told of it, and what is not told twice."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cid import Cid
from domain.codes import format_code, mint_reading_code
from domain.envelope import open_envelope, seal
from domain.readings import Reading, StemDiameter, Visit
from domain.records.field import Observation
from domain.records.match import Match
from domain.records.result import Absence, Result, Species, Survey, Tree
from survey.allometry import choose_models
from survey.estimate import Estimate
from survey.records.field import CrewSurvey, NothingTold, survey_day
from survey.records.field_day import FieldDay, name_zone, outline_day
from survey.records.field_join import FieldKnown
from survey.records.field_trees import SPECIES_PPM, mean_of
from tests.ingest.devices import INGEST_KEY
from tests.survey.field.readings import MINUTE_MS, caliper, enter, observe, shots, stop
from tests.survey.records.crew_days import (
    SECRET,
    SURVEY,
    know_forest,
    know_tree,
    make_context,
    name_code,
    name_record,
    remember,
    tell,
)

RING = (0, 0, 1_000, 0, 1_000, 1_000, 0, 0)
STOP = 10 * MINUTE_MS
"""From one tree to the next."""


def visit(
    seq: int,
    *,
    east_m: float = 0.0,
    height_mm: int = 20_000,
    diameter_mm: int = 300,
    tree: str | None = None,
    device: str = "rover-1",
    **entered: Any,  # noqa: ANN401  # fields of a visit
) -> tuple[Cid, Observation]:
    """Return one tree's readings as a record: a stop beside it, a shot, the caliper crosswise, what was entered."""
    at = seq * STOP + MINUTE_MS
    said = replace(enter(at + 90_000, tree), **entered)
    readings: tuple[Reading, ...] = (
        stop(at, east_m=east_m),
        shots(at + 20_000, height_mm, height_mm),
        *caliper(at + 60_000, diameter_mm, diameter_mm),
        said,
    )
    return observe(seq, *readings, device=device)


def row(count: int, *, apart_m: float = 9.0) -> list[Tree]:
    """Return known trees in a row to the east, each of its own height."""
    return [know_tree(number, east_m=apart_m * number, height_m=12.0 + 3.0 * number) for number in range(count)]


def walk_row(count: int, **first: Any) -> list[tuple[Cid, Observation]]:  # noqa: ANN401  # as `visit` takes them
    """Return a crew's visits to the trees of `row`; the first may differ."""
    return [
        visit(number, east_m=9.0 * number, height_mm=12_000 + 3_000 * number, **(first if number == 0 else {}))
        for number in range(count)
    ]


def by_code(told: CrewSurvey) -> dict[str, Tree]:
    return {tree.code: tree for tree in told.trees}


def test_a_tree_that_nobody_knew_has_its_code_from_its_first_reading() -> None:
    record, body = visit(0)
    told = tell([(record, body)])
    (tree,) = told.trees
    assert tree.code == mint_reading_code(SECRET, record, 0)
    assert (tree.prev, tree.position.of, tree.readings) == (None, "stem", (record,))
    assert tree.species == Species("Picea abies", SPECIES_PPM, "crew")
    assert tree.height_mm is not None
    assert tree.height_mm.value == 20_000
    assert tree.stems is not None
    assert tree.stems[0].diameter_mm.value == 300
    assert told.matches == ()
    assert (told.survey.clouds, told.survey.inputs) == (None, (record,))


def test_all_bodies_are_signed_and_read_back() -> None:
    told = tell([visit(0), *walk_row(4)[1:]], know_forest(row(4)))
    bodies: list[Survey | Tree | Match | Result] = [told.survey, *told.trees, *told.matches, told.closing]
    for body in bodies:
        assert open_envelope(seal(body, INGEST_KEY).raw).body == body


def test_known_trees_keep_their_codes_and_what_a_cloud_saw_of_them() -> None:
    known = row(5)
    told = tell(walk_row(5), know_forest(known))
    assert by_code(told).keys() == {tree.code for tree in known}
    for number, before in enumerate(known):
        tree = by_code(told)[before.code]
        assert tree.prev == name_record(number)
        assert tree.crown == before.crown
        assert tree.position == before.position
        assert tree.stems is not None
        assert tree.stems[0].diameter_mm.model == "caliper-mean"
    (match,) = told.matches
    assert match.counts is not None
    assert (match.counts.same, match.counts.new, match.earlier) == (5, 0, (SURVEY,))


@given(st.floats(1.0, 60.0), st.floats(1.0, 60.0), st.floats(0.05, 3.0), st.floats(0.05, 3.0))
def test_the_mean_of_two_measurements_lies_between_them_and_is_surer(
    one_m: float, other_m: float, one_error: float, other_error: float
) -> None:
    mean = mean_of(Estimate(one_m, one_error, 0.0, "a"), Estimate(other_m, other_error, 0.0, "b"))
    assert min(one_m, other_m) - 1e-9 <= mean.value <= max(one_m, other_m) + 1e-9
    # Of the inverse variances' sum, the closed form.
    assert mean.own_error == pytest.approx((one_error**-2 + other_error**-2) ** -0.5)


def test_heights_of_one_season_that_agree_are_told_as_their_mean() -> None:
    before = know_tree(0, east_m=0.0, height_m=20.6)
    told = tell([visit(0, tree=before.code)], know_forest([before]))
    height = told.trees[0].height_mm
    assert height is not None
    # Crew: 2 shots of 0.3 m and 2 % of the tip, half a percent shared; cloud: 0.40 and 0.15 m.
    crew = 0.3**2 / 2.0 + 0.4**2 + 0.1**2
    cloud = 0.4**2 + 0.15**2
    assert height.value == pytest.approx(1e3 * (20.0 / crew + 20.6 / cloud) / (1.0 / crew + 1.0 / cloud), abs=1.0)
    assert height.model == "hypsometer-mean+apex-return"


def test_where_heights_disagree_the_surer_is_told_and_both_are_named() -> None:
    before = know_tree(0, east_m=0.0, height_m=26.0)
    told = tell([visit(0, tree=before.code)], know_forest([before]))
    assert told.trees[0].height_mm is not None
    assert told.trees[0].height_mm.value == 26_000
    (words,) = [one for one in told.survey.warnings or () if "height" in one]
    assert words.startswith(format_code(before.code))
    assert "20.0 m by the crew and 26.0 by the record before" in words


@pytest.mark.parametrize("entered", [{"damage_agent": "wind"}, {"status": "standing-dead"}])
def test_of_a_tree_that_was_damaged_the_crews_height_is_told(entered: dict[str, Any]) -> None:
    before = know_tree(0, east_m=0.0, height_m=26.0)
    told = tell([visit(0, tree=before.code, **entered)], know_forest([before]))
    assert told.trees[0].height_mm is not None
    assert told.trees[0].height_mm.value == 20_000


def test_a_height_of_years_ago_is_no_second_measurement() -> None:
    before = know_tree(0, east_m=0.0, height_m=19.0)
    told = tell([visit(0, tree=before.code)], know_forest([before], years=3.0))
    assert told.trees[0].height_mm is not None
    assert (told.trees[0].height_mm.value, told.trees[0].height_mm.model) == (20_000, "hypsometer-mean")
    assert told.matches[0].days == 1_096


def test_a_height_that_was_not_measured_again_is_told_with_less_certainty() -> None:
    before = know_tree(0, east_m=0.0, height_m=19.0)
    label = Visit(MINUTE_MS, tree=before.code, species="Picea abies")
    told = tell([observe(0, label)], know_forest([before], years=3.0))
    height = told.trees[0].height_mm
    assert height is not None
    assert height.value == 19_000
    assert height.own_error == pytest.approx(math.hypot(400.0, 3_000.0 * math.hypot(0.3, 0.25)), rel=0.01)
    # Without a new diameter the modelled one stays, and says which model it is of.
    assert told.trees[0].stems == before.stems


def test_a_diameter_far_from_the_modelled_one_is_told_with_both_figures() -> None:
    before = know_tree(0, east_m=0.0)
    told = tell([visit(0, tree=before.code, diameter_mm=520)], know_forest([before]))
    (words,) = [one for one in told.survey.warnings or () if "diameter" in one]
    assert "52.0 cm by the crew and 28.0 by the record before" in words
    assert told.trees[0].stems is not None
    assert told.trees[0].stems[0].diameter_mm.value == 520


def test_a_label_wins_over_place_and_height() -> None:
    known = row(5)
    # The crew stands at the first tree and reads the label of the last one.
    told = tell(walk_row(4, tree=known[4].code), know_forest(known))
    tree = by_code(told)[known[4].code]
    assert tree.readings == (walk_row(1, tree=known[4].code)[0][0],)
    assert any("place" in one and format_code(known[4].code) in one for one in told.survey.warnings or ())


def test_a_label_that_is_not_known_here_is_told_and_the_place_counts() -> None:
    strange = name_code(77)
    told = tell(walk_row(5, tree=strange), know_forest(row(5)))
    assert strange not in by_code(told)
    assert name_code(0) in by_code(told)
    assert any(format_code(strange) in one for one in told.survey.warnings or ())


def test_a_tree_of_one_label_that_two_devices_measured_has_one_record() -> None:
    before = know_tree(0, east_m=0.0)
    days = [visit(0, tree=before.code), visit(0, tree=before.code, device="rover-2", diameter_mm=380)]
    told = tell(days, know_forest([before]))
    (tree,) = told.trees
    assert set(tree.readings or ()) == {record for record, _ in days}
    assert any("measured twice, diameter 30.0 and 38.0 cm" in one for one in told.survey.warnings or ())


def test_trees_without_place_or_label_are_told_in_words_and_make_no_record() -> None:
    lost = observe(1, *caliper(STOP * 2, 245), enter(STOP * 2 + 5_000))
    told = tell([visit(0), lost])
    assert len(told.trees) == 1
    assert (told.visited, told.unplaced) == (2, 1)
    assert any("Picea abies 24.5 cm" in one for one in told.survey.warnings or ())
    nothing = survey_day(FieldDay((lost,)), know_forest([]), make_context())
    assert nothing == NothingTold(visited=1, unplaced=1)


def test_the_same_readings_told_again_say_nothing() -> None:
    days = walk_row(4)
    known = know_forest(row(3))
    first = tell(days, known)
    told = frozenset(record for record, _ in days)
    again = survey_day(FieldDay(tuple(days), told, **remember(first)), known, make_context())
    assert again == NothingTold(visited=4, unplaced=0)


def test_late_readings_tell_the_trees_that_they_change_and_no_others() -> None:
    days = walk_row(4)
    first = tell(days[:3])
    late = observe(9, StemDiameter(MINUTE_MS + 30_000, 340, 300), device="rover-1")
    # The same clock, so that the reading falls to the first tree; and a fourth tree.
    second = tell(
        [*days, late],
        know_first(first),
        told=frozenset(record for record, _ in days[:3]),
        **remember(first),
    )
    assert len(second.trees) == 2
    changed = by_code(second)[first.trees[0].code]
    assert changed.prev == name_record(0)
    assert [stem.at_height_mm for stem in changed.stems or ()] == [300, 1_300]
    (new,) = [tree for tree in second.trees if tree.code != first.trees[0].code]
    assert new.prev is None


def know_first(told: CrewSurvey) -> FieldKnown:
    """Return a day that was told as the register has it."""
    return know_forest([replace(tree, survey=SURVEY) for tree in told.trees])


def test_a_height_that_the_day_has_told_is_not_counted_twice() -> None:
    before = know_tree(0, east_m=0.0, height_m=20.6)
    days = [visit(0, tree=before.code)]
    first = tell(days, know_forest([before]))
    later = replace(first.trees[0], survey=SURVEY, prev=name_record(50))
    late = observe(9, StemDiameter(MINUTE_MS + 30_000, 340, 300))
    known = know_forest([later], before={name_record(50): before})
    told = frozenset(record for record, _ in days)
    second = tell([*days, late], known, told=told, **remember(first))
    assert second.trees[0].height_mm == first.trees[0].height_mm
    assert second.trees[0].prev == name_record(0)


@pytest.mark.parametrize("status", ["fallen", "stump", "standing-dead", "gone"])
def test_only_living_trees_have_stocks_and_what_lies_has_no_crown(status: str) -> None:
    before = know_tree(0, east_m=0.0)
    told = tell([visit(0, tree=before.code, status=status)], know_forest([before]))
    (tree,) = told.trees
    assert (tree.status, tree.volume_dm3, tree.biomass_g, tree.carbon_g) == (status, None, None, None)
    assert (tree.crown is not None) == (status == "standing-dead")
    assert (tree.stems is None) == (status == "gone")


def test_a_tree_that_came_back_to_life_by_its_label_has_no_absence() -> None:
    gone = know_tree(0, east_m=0.0, status="gone", absence=Absence(is_covered=True, gone_ppm=800_000))
    told = tell([visit(0, tree=gone.code)], know_forest([gone]))
    assert (told.trees[0].status, told.trees[0].absence) == ("alive", None)


def test_stocks_follow_from_the_measured_diameter_and_the_named_species() -> None:
    days = [visit(0, species="Fagus sylvatica", diameter_mm=412)]
    told = survey_day(FieldDay(tuple(days)), know_forest([]), make_context(region="europe"))
    assert isinstance(told, CrewSurvey)
    (tree,) = told.trees
    assert tree.stems is not None
    assert tree.height_mm is not None
    dbh = tree.stems[0].diameter_mm
    models = choose_models("Fagus sylvatica", "unknown", "europe")
    stocks = models.estimate(
        Estimate(tree.height_mm.value / 1e3, tree.height_mm.own_error / 1e3, tree.height_mm.shared_error / 1e3, "h"),
        None,
        Estimate(dbh.value / 10.0, dbh.own_error / 10.0, dbh.shared_error / 10.0, "caliper-mean"),
    )
    assert stocks.biomass_kg is not None
    assert stocks.volume_m3 is not None
    assert tree.biomass_g is not None
    assert tree.volume_dm3 is not None
    # Records round to whole millimetres of the diameter: half of one in 412 is 0.3 % of biomass.
    assert tree.biomass_g.value == pytest.approx(1e3 * stocks.biomass_kg.value, rel=0.004)
    assert tree.volume_dm3.value == pytest.approx(1e3 * stocks.volume_m3.value, rel=0.004)
    assert tree.biomass_g.model == stocks.biomass_kg.model


def test_a_name_that_is_no_taxon_gives_no_stocks_and_says_so() -> None:
    told = tell([visit(0, species="the tall one")])
    assert told.trees[0].biomass_g is None
    assert any("the tall one" in one for one in told.survey.warnings or ())


def test_only_the_ground_around_visited_trees_counts_as_looked_at() -> None:
    told = tell([visit(0), visit(1, east_m=500.0)])
    # Beside a receiver of 1 m, doubled under canopy: sqrt(2) m each axis, and half a metre to the stem.
    radius = 2.0 * math.hypot(2.0 / math.sqrt(2.0), 0.5)
    # A disc of 16 corners.
    disc = 8.0 * radius**2 * math.sin(2.0 * math.pi / 16.0)
    assert told.closing.area_cm2 == pytest.approx(2e4 * disc, rel=0.002)
    assert len(told.closing.covered) == 2
    assert told.closing.detection is None


def test_outlines_of_many_scattered_trees_fit_into_a_record() -> None:
    days = [visit(number, east_m=40.0 * number) for number in range(140)]
    told = tell(days)
    assert len(told.trees) == 140
    assert 1 <= len(told.closing.covered) <= 100
    corners = np.array(told.closing.covered[0]).reshape(-1, 2)
    assert (corners[0] == corners[-1]).all()


def test_what_must_be_known_lies_around_the_trees_and_names_their_codes() -> None:
    label = name_code(3)
    days = [visit(0), visit(1, east_m=3_000.0, tree=label)]
    outline = outline_day(FieldDay(tuple(days)), SECRET)
    assert len(outline.boxes) == 2
    assert {label, mint_reading_code(SECRET, days[0][0], 0)} <= set(outline.codes)
    for box in outline.boxes:
        # 30 m each way.
        assert box[3] - box[1] == pytest.approx(2 * 30.0 / 111_000.0 * 1e9, rel=0.01)


@pytest.mark.parametrize(
    ("lon_deg", "lat_deg", "zone"),
    [
        (13.4, 49.0, "EPSG:32633"),
        (-123.1, 49.3, "EPSG:32610"),
        (145.0, -37.8, "EPSG:32755"),
        (179.99, 0.0, "EPSG:32660"),
        (20.0, 85.0, "EPSG:32661"),
    ],
)
def test_a_day_stands_in_the_zone_of_its_first_position(lon_deg: float, lat_deg: float, zone: str) -> None:
    place = replace(stop(MINUTE_MS), lon_nd=round(lon_deg * 1e9), lat_nd=round(lat_deg * 1e9))
    assert name_zone(FieldDay((observe(0, place),))) == zone


def test_a_tree_that_may_be_one_of_two_is_left_open_and_has_a_code_of_its_own() -> None:
    known = [know_tree(0, east_m=-1.2), know_tree(1, east_m=1.2)]
    record, body = visit(0)
    told = tell([(record, body)], know_forest(known))
    (tree,) = told.trees
    assert tree.code == mint_reading_code(SECRET, record, 0)
    (match,) = told.matches
    assert match.counts is not None
    assert (match.counts.same, match.counts.new, match.counts.undecided) == (0, 0, 1)
    doubtful = {one.code: one for one in match.doubtful or ()}
    assert doubtful.keys() == {name_code(0), name_code(1)}
    for one in doubtful.values():
        (choice,) = one.choices or ()
        assert choice.code == tree.code
        assert choice.probability_ppm + one.alone_ppm == 1_000_000
    assert any("cannot be told which" in words for words in told.survey.warnings or ())


def test_known_trees_of_another_zone_are_told_in_the_days_own() -> None:
    known = row(5)
    position = known[0].position
    moved = replace(position, crs="EPSG:32632", x_mm=(position.x_mm or 0) - 1, y_mm=position.y_mm)
    crown = known[0].crown
    assert crown is not None
    foreign = [replace(known[0], position=moved, crown=replace(crown, outline=RING)), *known[1:]]
    told = tell(walk_row(5), know_forest(foreign))
    assert {tree.position.crs for tree in told.trees} == {told.survey.crs} == {"EPSG:32633"}
    tree = by_code(told)[known[0].code]
    assert abs((tree.position.x_mm or 0) - (position.x_mm or 0)) <= 2
    assert tree.crown is not None
    assert tree.crown.outline is None
