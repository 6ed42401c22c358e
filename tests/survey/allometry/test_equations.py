"""Equations against published examples, against other publications on the same species, and against laws."""

import math
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.allometry.equation import Equation, Response, solve_equation
from survey.allometry.errors import InvalidEquation
from survey.allometry.registry import find_equations, get_equation, load_equations
from survey.allometry.sources import JUCKER_GLOBAL
from survey.allometry.tables import parse_rows, read_rows

INCH_CM, FOOT_M, POUND_KG = 2.54, 0.3048, 0.45359237


def solve(equation: Equation, dbh_cm: float, height_m: float, crown_m: float = math.nan) -> Response:
    return solve_equation(
        equation, dbh_cm=np.array([dbh_cm]), height_m=np.array([height_m]), crown_m=np.array([crown_m])
    )


def test_red_maple_weighs_what_the_worked_example_of_the_report_says() -> None:
    # GTR-WO-104, example 2: 11.1 inches, 38 feet, an ecological division without coefficients of its own.
    weight = solve(get_equation("nsvb2024-acer-rubrum"), 11.1 * INCH_CM, 38.0 * FOOT_M).value[0]
    assert weight / POUND_KG == pytest.approx(532.584798820042, rel=1e-7)


def test_a_species_without_equation_takes_its_group_s_with_its_wood_density() -> None:
    # GTR-WO-104, example 3: tanoak of group 8 and density 0.58, 11.3 inches, 28 feet, 492.621457718427 pounds. Tanoak
    # itself is not in the table; another species of the group differs from it by its density alone.
    row = next(row for row in read_rows("nsvb2024") if row["form"] == "5" and row["group"] == "8")
    equation = get_equation(f"nsvb2024-{row['taxon'].lower().replace(' ', '-')}")
    weight = solve(equation, 11.3 * INCH_CM, 28.0 * FOOT_M).value[0] / float(row["density"]) * 0.58
    assert weight / POUND_KG == pytest.approx(492.621457718427, rel=1e-7)


SHARED = sorted(
    {one.taxon for one in find_equations("biomass_kg", place="canada")}
    & {one.taxon for one in find_equations("biomass_kg", place="united-states")}
)


def test_canada_and_the_united_states_share_many_species() -> None:
    assert len(SHARED) > 30


@pytest.mark.parametrize("taxon", [one for one in SHARED if one not in {"Juniperus virginiana", "Ostrya virginiana"}])
def test_two_countries_weigh_a_tree_of_one_species_alike(taxon: str) -> None:
    # Two independent publications and two transcriptions; a misplaced digit would show. Red cedar, of many stems, and
    # ironwood, small and bushy, are known to differ by a third.
    (north,) = find_equations("biomass_kg", taxon=taxon, place="canada")
    (south,) = find_equations("biomass_kg", taxon=taxon, place="united-states")
    ratio = solve(north, 28.0, 20.0).value[0] / solve(south, 28.0, 20.0).value[0]
    assert 0.72 < ratio < 1.3


@pytest.mark.parametrize(
    "equation", [one for one in load_equations() if one.quantity == "biomass_kg"], ids=lambda one: one.id
)
def test_a_middling_tree_weighs_as_middling_trees_do(equation: Equation) -> None:
    # General knowledge of temperate trees of 30 cm and 21 m: 0.2 to 0.9 t, and most of it is not air: less than a solid
    # cylinder of the densest wood.
    weight = solve(equation, 30.0, 21.0, 6.0).value[0]
    assert 180.0 < weight < 900.0


@pytest.mark.parametrize("equation", [one for one in load_equations() if one.rank != "group"], ids=lambda one: one.id)
def test_thicker_trees_hold_more_within_the_range_of_an_equation(equation: Equation) -> None:
    least, most = equation.range_cm or (8.0, 60.0)
    dbh = np.linspace(least, most, 60)
    height = 1.3 + 30.0 * (1.0 - np.exp(-0.03 * dbh))
    value = solve_equation(equation, dbh_cm=dbh, height_m=height, crown_m=np.full(60, np.nan)).value
    assert (np.diff(value) > 0.0).all()


@pytest.mark.parametrize(
    "equation",
    [one for one in load_equations() if len(one.terms) == 2 and one.terms[0].to_cm < 100.0],
    ids=lambda o: o.id,
)
def test_segmented_equations_do_not_jump_where_their_power_changes(equation: Equation) -> None:
    knot = equation.terms[1].from_cm
    assert equation.terms[0].to_cm == knot
    below, above = solve(equation, knot - 1e-9, 20.0).value[0], solve(equation, knot, 20.0).value[0]
    assert below == pytest.approx(above, rel=1e-8)


@given(
    st.sampled_from([one for one in load_equations() if "dbh_cm" in one.inputs]),
    st.floats(6.0, 60.0),
    st.floats(4.0, 40.0),
)
def test_elasticities_are_the_slopes_of_the_logarithms(equation: Equation, dbh: float, height: float) -> None:
    step = 1e-6
    if any(abs(dbh - term.from_cm) < 1e-3 or abs(dbh - term.to_cm) < 1e-3 for term in equation.terms):
        return
    here = solve(equation, dbh, height)
    thick, tall = solve(equation, dbh * math.exp(step), height), solve(equation, dbh, height * math.exp(step))
    assert here.by_dbh[0] == pytest.approx(math.log(thick.value[0] / here.value[0]) / step, abs=1e-4)
    assert here.by_height[0] == pytest.approx(math.log(tall.value[0] / here.value[0]) / step, abs=1e-4)


def test_form_factors_are_the_means_of_the_species_they_are_taken_from() -> None:
    cylinder = math.pi / 4.0 * 0.30**2 * 22.0
    for forest, factor in (("gymnosperm", 0.49), ("angiosperm", 0.46)):
        species = [one for one in find_equations("volume_m3", place="united-states") if one.forest == forest]
        assert fmean(solve(one, 30.0, 22.0).value[0] / cylinder for one in species) == pytest.approx(factor, abs=0.005)
        assert solve(get_equation(f"form-factor-{forest}"), 30.0, 22.0).value[0] / cylinder == pytest.approx(factor)


def test_the_global_diameter_is_off_in_its_regions_by_what_it_claims() -> None:
    # Root mean square over the regional equations at H x CD = 25 m x 6 m.
    regional = [one for one in find_equations("dbh_cm") if one.biome is not None]
    globe = get_equation("jucker2017-dbh-global")
    apart = [
        math.log(solve(one, math.nan, 25.0, 6.0).value[0] / solve(globe, math.nan, 25.0, 6.0).value[0])
        for one in regional
    ]
    assert len(regional) == 24
    assert math.sqrt(fmean(one * one for one in apart)) == pytest.approx(globe.shared_share, abs=0.02)


def test_biomass_by_crown_is_off_from_the_way_by_diameter_by_what_it_claims() -> None:
    height, crown = np.array([12.0, 18.0, 25.0, 32.0]), np.array([3.0, 4.5, 6.0, 8.0])
    for forest, alone in (("gymnosperm", 0.40), ("angiosperm", 0.50)):
        straight = get_equation(f"jucker2017-agb-{forest}")
        direct = solve_equation(straight, dbh_cm=height, height_m=height, crown_m=crown).value
        apart = []
        for region in find_equations("dbh_cm"):
            if region.forest != forest or region.biome == "woodland":
                continue
            dbh = solve_equation(region, dbh_cm=height, height_m=height, crown_m=crown).value
            for place in ("canada", "united-states"):
                for species in find_equations("biomass_kg", place=place):
                    if species.forest == forest and species.rank == "species":
                        there = solve_equation(species, dbh_cm=dbh, height_m=height, crown_m=crown)
                        raised = np.exp(there.by_dbh * (there.by_dbh - 1.0) * region.own_share**2 / 2.0)
                        apart.append(np.log(there.value * raised / direct))
        assert np.sqrt(np.mean(np.square(apart))) == pytest.approx(alone, abs=0.02)
        departure = 2.2 * get_equation("jucker2017-dbh-palearctic-boreal-gymnosperm").shared_share
        assert straight.shared_share == pytest.approx(math.hypot(alone, departure), abs=0.01)


def test_every_equation_says_where_it_is_printed_and_how_far_it_may_be_off() -> None:
    for one in load_equations():
        assert one.source.citation
        assert one.source.table
        assert one.source.doi is None or one.source.doi.startswith("10.")
        assert 0.0 < one.own_share < 0.6
        assert 0.0 < one.shared_share < 0.6
        assert one.errors_from
        assert one.inputs
    assert {one.source for one in load_equations()} >= {JUCKER_GLOBAL}


def test_an_id_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidEquation, match="no equation"):
        get_equation("jucker2017-dbh-moon")


@pytest.mark.parametrize("row", ["Picea", "Picea,9,8"])
def test_a_row_with_other_cells_than_names_is_refused(row: str) -> None:
    with pytest.raises(InvalidEquation, match="as many cells"):
        list(parse_rows("few", f"taxon,trees\n{row}\n"))


def test_a_table_that_never_ends_is_refused() -> None:
    with pytest.raises(InvalidEquation, match="at most"):
        list(parse_rows("many", "taxon\n" + "Picea\n" * 20_000))
