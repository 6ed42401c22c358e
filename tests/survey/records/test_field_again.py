"""Days that come after other days: names stay short, codes stay unique, and nothing is said that nobody measured."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from domain.cid import DAG_CBOR, Cid
from domain.codes import mint_reading_code
from domain.envelope import open_envelope, seal
from domain.readings import Visit
from domain.records.result import Estimate
from survey.estimate import Estimate as Size
from survey.field.join import CloudTree, JoinedTree, OpenTree
from survey.field.trees import FieldTree
from survey.records.campaigns import KnownForest
from survey.records.field_day import FieldDay, build_day
from survey.records.field_join import FieldKnown, KnownTree, join_day
from survey.records.field_matches import Comparison, build_matches
from survey.records.field_trees import BuiltTree, mean_of
from tests.ingest.devices import INGEST_KEY
from tests.survey.field.readings import MINUTE_MS, observe, shots
from tests.survey.records.crew_days import (
    CRS,
    SECRET,
    SURVEY,
    TAKEN_MS,
    UNSIGNED,
    know_forest,
    know_tree,
    name_code,
    name_record,
    remember,
    tell,
)
from tests.survey.records.test_field import by_code, row, visit, walk_row


@pytest.mark.parametrize("years", [0.0, 3.0])
@pytest.mark.parametrize("is_height_measured", [True, False])
def test_forty_crew_days_leave_a_heights_model_as_short_as_a_record_holds(
    years: float, *, is_height_measured: bool
) -> None:
    tree = know_tree(0, east_m=0.0)
    for day in range(40):
        label = Visit(MINUTE_MS, tree=tree.code, species="Picea abies")
        readings = (shots(MINUTE_MS - 9_000, 20_000, 20_000), label) if is_height_measured else (label,)
        (told,) = tell([observe(day, *readings)], know_forest([tree], years=years)).trees
        assert open_envelope(seal(told, INGEST_KEY).raw).body == told
        tree = replace(told, survey=SURVEY)
    assert tree.height_mm is not None
    parts = tree.height_mm.model.replace(", ", "+").split("+")
    assert len(parts) == len(set(parts)) <= 2


def test_a_mean_of_two_long_names_fits_into_a_record() -> None:
    one, other = (Size(20.0, 0.5, 0.0, letter * 150) for letter in "ab")
    assert mean_of(one, other).model == "a" * 150


def test_a_lower_bound_that_was_not_measured_again_has_no_error_of_growth() -> None:
    before = know_tree(0, east_m=0.0, is_top_hidden=True, height_mm=Estimate(18_000, 0, 0, "highest-point-from-below"))
    label = Visit(MINUTE_MS, tree=before.code, species="Picea abies")
    (told,) = tell([observe(0, label)], know_forest([before], years=3.0)).trees
    assert (told.height_mm, told.is_top_hidden) == (before.height_mm, True)


def test_a_label_on_another_tree_takes_the_code_from_the_one_that_was_told_by_it() -> None:
    known = know_forest([know_tree(0, east_m=0.0)])
    mistaken = visit(0, east_m=0.3)
    first = tell([mistaken], known)
    assert [tree.code for tree in first.trees] == [name_code(0)]
    labelled = visit(3, east_m=8.3, tree=name_code(0))
    second = tell([mistaken, labelled], known, told=frozenset({mistaken[0]}), **remember(first))
    assert len(second.evidence) == len({code for code, _ in second.evidence}) == 2
    assert by_code(second)[name_code(0)].readings == (labelled[0],)


def test_where_a_label_says_a_code_that_a_reading_made_the_readings_tree_has_another_one() -> None:
    alone = visit(0)
    first = tell([alone])
    code = first.trees[0].code
    labelled = visit(3, east_m=8.0, tree=code)
    known = know_forest([replace(first.trees[0], survey=SURVEY)])
    second = tell([alone, labelled], known, told=frozenset({alone[0]}), **remember(first))
    trees = by_code(second)
    assert trees.keys() == {code, mint_reading_code(SECRET, alone[0], 1)}
    assert (trees[code].readings, trees[code].prev) == ((labelled[0],), name_record(0))
    # Nobody is told to be another tree when the day is told once more.
    codes = remember(first)["codes"] | remember(second)["codes"]
    again = build_day(FieldDay((alone, labelled), frozenset({alone[0], labelled[0]}), codes), CRS)
    assert {tree.label for tree in again.trees} == trees.keys()
    assert again.told == {tree.key for tree in again.trees}


def test_a_tree_whose_label_is_not_known_here_is_not_told_again() -> None:
    day = visit(0, tree=name_code(77))
    first = tell([day])
    again = build_day(FieldDay((day,), frozenset({day[0]}), remember(first)["codes"]), CRS)
    assert again.told == {tree.key for tree in again.trees}


def test_a_label_that_came_to_its_own_tree_keeps_both_visits_one() -> None:
    alone = visit(0)
    first = tell([alone])
    labelled = visit(0, tree=first.trees[0].code, device="rover-2")
    known = know_forest([replace(first.trees[0], survey=SURVEY)])
    (tree,) = tell([alone, labelled], known, told=frozenset({alone[0]}), **remember(first)).trees
    assert set(tree.readings or ()) == {alone[0], labelled[0]}


def tell_shift(days: Sequence[tuple[Cid, object]], known: FieldKnown) -> tuple[bool, str]:
    """Return whether a shift was signed, and what the survey says told it."""
    told = tell(days, known)  # type: ignore[arg-type]
    (step,) = [one for one in told.survey.steps if one.task == "match_trees"]
    said = {one.name: one.value for one in step.parameters or ()}
    assert (said["max_shift_m"], said["least_odds"]) == ("10", "2")
    return told.matches[0].shift is not None, said["shift_told_by"]


@pytest.mark.parametrize("count", [1, 2])
def test_a_few_labels_and_nothing_else_tell_no_shift(count: int) -> None:
    days = [visit(number, east_m=9.0 * number, tree=name_code(number)) for number in range(count)]
    assert tell_shift(days, know_forest(row(count))) == (False, "nothing")


def test_three_labels_tell_a_shift_and_so_does_a_search_among_many_trees() -> None:
    days = [visit(number, east_m=9.0 * number, tree=name_code(number)) for number in range(3)]
    assert tell_shift(days, know_forest(row(3))) == (True, "labels")
    assert tell_shift(walk_row(8), know_forest(row(8))) == (True, "search")


def test_the_survey_says_where_diameters_were_taken() -> None:
    told = tell([visit(0)])
    (step,) = [one for one in told.survey.steps if one.task == "measure_stems"]
    assert [(one.name, one.value) for one in step.parameters or ()] == [("breast_height_mm", "1300")]


def test_a_tree_is_followed_back_so_far_and_no_further() -> None:
    """What is reached at the end may rest on the readings at hand, which would count twice."""
    record, body = visit(0)
    trees = FieldDay(((record, body),))
    chain = [know_tree(0, east_m=0.0, prev=name_record(100 + step), readings=(record,)) for step in range(30)]
    before = {name_record(100 + step): tree for step, tree in enumerate(chain[1:])}
    crew = build_day(trees, CRS).trees
    found = join_day(
        crew, know_forest([chain[0]], before=before), crs=CRS, taken_ms=TAKEN_MS, readings=frozenset({record})
    )
    assert found.known[name_code(0)].source is None
    assert found.joined == ()


def compare_doubts(linked: str | None) -> Comparison:
    """Return a day with a tree in doubt between two known ones, one of which may be linked to another tree."""
    known = [know_tree(number, east_m=3.0 * number) for number in range(2)]
    built = [_build(visit(number), name_code(50 + number)) for number in range(2)]
    forest = know_forest(known).forest
    crew = [tree for tree, _ in built]
    doubt = OpenTree(crew[0], ((name_code(0), 0.4), (name_code(1), 0.35)), 0.25)
    joined = (JoinedTree(CloudTree(linked, 0.0, 0.0, 0.5), crew[1], 0.9, 9.0, ()),) if linked else ()
    codes = {tree.code: KnownTree(name_record(number), tree, tree, 0.0) for number, tree in enumerate(known)}
    day = join_day([], know_forest([]), crs=CRS, taken_ms=TAKEN_MS, readings=())
    day = replace(day, joined=joined, alone=(crew[0],), doubtful=(doubt,), known=codes)
    return Comparison(joined, day, [one for _, one in built], 1, forest)


def _build(day: tuple[Cid, object], code: str) -> tuple[FieldTree, BuiltTree]:
    (tree,) = build_day(FieldDay((day,)), CRS).trees  # type: ignore[arg-type]
    return tree, BuiltTree(know_tree(0, east_m=0.0, code=code), None, tree.evidence, ())


def test_a_known_tree_that_is_linked_is_in_no_doubt() -> None:
    def doubts(linked: str | None) -> list[str]:
        (match,) = build_matches(
            compare_doubts(linked), org="north-forest", campaign="ridge", taken_ms=TAKEN_MS, unsigned=UNSIGNED
        )
        assert match.counts is not None
        assert match.counts.doubtful == len(match.doubtful or ())
        return [one.code for one in match.doubtful or ()]

    assert doubts(None) == [name_code(0), name_code(1)]
    assert doubts(name_code(1)) == [name_code(0)]


def test_earlier_surveys_stand_latest_first() -> None:
    names = [Cid.of(DAG_CBOR, f"survey {number}".encode()) for number in range(12)]
    trees = [replace(tree, survey=name) for tree, name in zip(row(12), names, strict=True)]
    known = know_forest(trees)
    surveys = {
        name: replace(one, survey=replace(one.survey, taken_ms=TAKEN_MS - 1_000_000 * number))
        for number, (name, one) in enumerate((name, known.forest.surveys[name]) for name in names)
    }
    (match,) = tell(walk_row(12), FieldKnown(KnownForest(known.forest.trees, surveys))).matches
    assert match.earlier == tuple(names)
