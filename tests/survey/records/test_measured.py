"""Whose stems were measured: each record says it by the names of its models, whoever reads it."""

import pytest

from domain.readings import HeightShot
from domain.records.measured import is_stem_measured
from domain.records.result import Estimate, Result, Stem, Tree
from portal.figures import make_earlier
from survey.allometry.choose import choose_models
from survey.allometry.equation import ForestType
from survey.allometry.predict import join_ids
from survey.allometry.registry import REALMS, find_equations, load_equations
from survey.field.join import breast_diameter
from survey.field.trees import FieldTree
from survey.records.campaigns import place_known
from survey.records.field_day import FieldDay, build_day
from survey.records.stems_stocks import DIAMETER_MODEL
from survey.report.records import read_records
from tests.domain.samples import BODIES
from tests.survey.field.readings import MINUTE_MS, caliper, enter, observe, shots
from tests.survey.records.crew_days import CRS, know_forest, know_tree, name_record, tell

FORESTS: tuple[ForestType, ...] = ("gymnosperm", "angiosperm", "unknown")


def crew_tree(model: str) -> Tree:
    """Return a crew's record of a tree that a cloud has placed, its stem of a model."""
    return know_tree(0, east_m=0.0, readings=(name_record(9),), stems=(Stem(Estimate(280, 60, 20, model), 1_300),))


def measure() -> FieldTree:
    (tree,) = build_day(FieldDay((observe(0, *caliper(MINUTE_MS, 300, 304), enter(MINUTE_MS + 9_000)),)), CRS).trees
    return tree


def test_each_equation_of_diameter_names_itself_as_one_and_no_measurement_does() -> None:
    for one in load_equations():
        if one.quantity == "dbh_cm":
            assert not is_stem_measured(crew_tree(one.id))
    diameter = breast_diameter(measure())
    assert diameter is not None
    assert is_stem_measured(crew_tree(diameter.model))
    assert is_stem_measured(crew_tree(DIAMETER_MODEL))


@pytest.mark.parametrize("region", [None, *REALMS])
@pytest.mark.parametrize("forest", FORESTS)
def test_a_mean_of_equations_of_diameter_names_itself_as_one(region: str | None, forest: ForestType) -> None:
    assert not is_stem_measured(crew_tree(join_ids(choose_models(None, forest, region).dbh)))
    assert not is_stem_measured(crew_tree(join_ids(find_equations("dbh_cm"))))


@pytest.mark.parametrize("measured", [(), (shots(MINUTE_MS, 20_000, 20_000),)])
def test_a_crew_that_measures_no_stem_leaves_a_modelled_one_modelled(measured: tuple[HeightShot, ...]) -> None:
    before = know_tree(0, east_m=0.0)
    said = enter(MINUTE_MS + 5_000, before.code)
    (tree,) = tell([observe(0, *measured, said)], know_forest([before])).trees
    assert tree.readings
    assert tree.stems == before.stems
    assert not is_stem_measured(tree)
    # Stocks follow from height and crown, as the cloud's own did.
    assert tree.volume_dm3 is not None
    assert tree.biomass_g is not None
    assert tree.biomass_g.model.startswith("jucker2017-agb")
    assert place_known({name_record(0): tree}, CRS)[name_record(0)].dbh_cm is None
    closing = BODIES["result"]
    assert isinstance(closing, Result)
    assert not read_records([tree], closing, CRS).is_dbh_measured
    taped = crew_tree("caliper-mean")
    assert [one.name for one in make_earlier(tree, [(1, taped)])] == ["Stem diameter"]
    assert place_known({name_record(0): taped}, CRS)[name_record(0)].dbh_cm is not None
