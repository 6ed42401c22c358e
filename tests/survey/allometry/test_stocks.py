"""What stands in trees: values, errors against Monte Carlo, one tree against thousands."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.allometry.choose import choose_models
from survey.allometry.columns import Sizes, TreeColumns, gather_sizes
from survey.allometry.equation import ForestType, solve_equation
from survey.allometry.errors import InvalidSizes
from survey.allometry.generic import estimate_biomass, estimate_carbon, estimate_dbh, estimate_volume
from survey.allometry.models import StockModels, estimate_stocks
from survey.cloud import Floats
from survey.estimate import Estimate
from tests.survey.allometry.samples import exact, known, plot, unknown

DRAWS = 100_000
HEIGHT = Estimate(24.0, 0.6, 0.3, "h")
CROWN = Estimate(5.5, 0.4, 0.2, "c")


def check_same(one: Estimate | None, other: Estimate | None) -> None:
    if one is None or other is None:
        assert one is other
        return
    assert one.model == other.model
    assert (one.value, one.own_error, one.shared_error) == pytest.approx(
        (other.value, other.own_error, other.shared_error), rel=1e-9
    )


def draw(rng: np.random.Generator, share: float) -> Floats:
    """Return log-normal factors with mean one."""
    factors: Floats = np.exp(rng.normal(-(share**2) / 2.0, share, DRAWS))
    return factors


def draw_biomass(models: StockModels, rng: np.random.Generator, *, which: str) -> Floats:
    """Return biomass of trees whose inputs and equations are drawn with one kind of errors."""
    height_error, crown_error = (getattr(one, f"{which}_error") for one in (HEIGHT, CROWN))
    height = HEIGHT.value + rng.normal(0.0, height_error, DRAWS)
    crown = CROWN.value + rng.normal(0.0, crown_error, DRAWS)
    (stem,), (mass,) = models.dbh, models.biomass_by_dbh
    stem_share, mass_share = (getattr(one, f"{which}_share") for one in (stem, mass))
    dbh = solve_equation(stem, dbh_cm=height, height_m=height, crown_m=crown).value * draw(rng, stem_share)
    return solve_equation(mass, dbh_cm=dbh, height_m=height, crown_m=crown).value * draw(rng, mass_share)


MODELS = [
    choose_models("Picea abies", "unknown", "europe/temperate-mixed"),
    choose_models("Pinus strobus", "unknown", "canada/temperate-mixed"),
    choose_models("Quercus alba", "unknown", "united-states/temperate-mixed"),
]


@pytest.mark.parametrize("models", MODELS, ids=lambda one: str(one.species))
def test_own_errors_with_height_entering_twice_are_those_of_monte_carlo(models: StockModels) -> None:
    # The delta method on logarithms: the standard deviation of the drawn logarithms, to 2 % (100,000 draws know it to
    # 0.3 %; the rest is the curvature of additive errors of height and crown).
    drawn = draw_biomass(models, np.random.default_rng(11), which="own")
    stocks = models.estimate(HEIGHT, CROWN, None)
    assert stocks.biomass_kg is not None
    assert stocks.biomass_kg.own_share == pytest.approx(float(np.std(np.log(drawn))), rel=0.02)


@pytest.mark.parametrize("models", MODELS, ids=lambda one: str(one.species))
def test_shared_errors_are_those_of_monte_carlo(models: StockModels) -> None:
    drawn = draw_biomass(models, np.random.default_rng(12), which="shared")
    stocks = models.estimate(HEIGHT, CROWN, None)
    assert stocks.biomass_kg is not None
    assert stocks.biomass_kg.shared_share == pytest.approx(float(np.std(np.log(drawn))), rel=0.02)


@pytest.mark.parametrize("models", MODELS, ids=lambda one: str(one.species))
def test_the_mean_biomass_of_trees_of_one_height_and_crown_is_met(models: StockModels) -> None:
    # Diameters scatter about their equation; biomass by the mean diameter alone would be some 8 % too low.
    rng = np.random.default_rng(13)
    (stem,), (mass,) = models.dbh, models.biomass_by_dbh
    height, crown = np.full(DRAWS, 24.0), np.full(DRAWS, 5.5)
    dbh = solve_equation(stem, dbh_cm=height, height_m=height, crown_m=crown).value * draw(rng, stem.own_share)
    drawn = solve_equation(mass, dbh_cm=dbh, height_m=height, crown_m=crown).value
    stocks = models.estimate(exact(24.0), exact(5.5), None)
    assert stocks.biomass_kg is not None
    assert stocks.biomass_kg.value == pytest.approx(float(np.mean(drawn)), rel=0.01)


def test_the_mean_section_and_volume_of_trees_of_one_height_and_crown_are_met() -> None:
    models = choose_models(None, "gymnosperm", "canada/boreal")
    rng = np.random.default_rng(14)
    (stem,), (body,) = models.dbh, models.volume
    height, crown = np.full(DRAWS, 18.0), np.full(DRAWS, 4.0)
    dbh = solve_equation(stem, dbh_cm=height, height_m=height, crown_m=crown).value * draw(rng, stem.own_share)
    trees = TreeColumns(known(height[:1]), known(crown[:1]), unknown(1))
    stocks = models.estimate_columns(trees)
    assert stocks.basal_area_m2.value[0] == pytest.approx(float(np.mean(math.pi / 4.0 * (dbh / 100.0) ** 2)), rel=0.01)
    drawn = solve_equation(body, dbh_cm=dbh, height_m=height, crown_m=crown).value
    assert stocks.volume_m3.value[0] == pytest.approx(float(np.mean(drawn)), rel=0.01)


def test_a_measured_stem_is_taken_before_a_modelled_one_and_narrows_what_follows() -> None:
    models = choose_models("Acer rubrum", "unknown", "united-states")
    caliper = Estimate(31.0, 0.3, 0.0, "caliper")
    modelled, measured = models.estimate(HEIGHT, CROWN, None), models.estimate(HEIGHT, CROWN, caliper)
    assert measured.dbh_cm == caliper
    assert modelled.dbh_cm is not None
    assert modelled.dbh_cm.model.startswith("jucker2017-dbh")
    for name in ("volume_m3", "biomass_kg", "carbon_kg"):
        wide, narrow = getattr(modelled, name), getattr(measured, name)
        assert narrow.own_share < 0.6 * wide.own_share
        assert narrow.shared_share < wide.shared_share


def test_a_measured_stem_needs_no_crown() -> None:
    stocks = choose_models("Fagus sylvatica", "unknown", "europe").estimate(exact(25.0), None, exact(30.0))
    assert stocks.biomass_kg is not None
    # Forrester et al. (2017), beech, written as a power of ten.
    expected = 10.0 ** (math.log10(0.190253097721444) + 2.3589 * math.log10(30.0)) * 0.996923865219428
    assert stocks.biomass_kg.value == pytest.approx(expected, rel=1e-6)
    assert stocks.notes == ()


def test_a_tree_without_crown_and_stem_has_nothing_and_says_why() -> None:
    stocks = choose_models("Fagus sylvatica", "unknown", "europe").estimate(exact(25.0), None, None)
    assert (stocks.dbh_cm, stocks.volume_m3, stocks.biomass_kg, stocks.carbon_kg) == (None, None, None, None)
    assert "neither crown nor stem diameter" in stocks.notes[0]


def test_a_stem_outside_the_range_is_flagged_and_its_error_wider_the_further_it_lies() -> None:
    models = choose_models("Acer rubrum", "unknown", "united-states")
    assert models.biomass_by_dbh[0].range_cm is not None
    most = models.biomass_by_dbh[0].range_cm[1]
    dbh = np.array([0.5 * most, most, 1.2 * most, 2.0 * most])
    trees = TreeColumns(known(np.full(4, 30.0)), unknown(4), known(dbh))
    stocks = models.estimate_columns(trees)
    assert stocks.is_outside.tolist() == [False, False, True, True]
    share = stocks.biomass_kg.shared_error / stocks.biomass_kg.value
    assert share[0] == pytest.approx(share[1])
    assert share[1] < share[2] < share[3]
    assert "2 of 4 stem diameters lie outside" in stocks.notes[-1]


def test_one_tree_and_thousands_get_the_same() -> None:
    models = choose_models(None, "unknown", "united-states")
    trees = plot(3, 50)
    dbh = np.where(np.arange(50) % 3 == 0, 20.0, np.nan)
    crown = np.where(np.arange(50) % 7 == 0, np.nan, trees.crown_m.value)
    mixed = TreeColumns(
        trees.height_m,
        Sizes(crown, trees.crown_m.own_error, trees.crown_m.shared_error),
        Sizes(dbh, np.full(50, 0.2), np.zeros(50)),
    )
    many = models.estimate_columns(mixed, density_kg_m2=12.0)
    for number in range(50):
        height, across, stem = (
            None
            if np.isnan(one.value[number])
            else Estimate(
                float(one.value[number]), float(one.own_error[number]), float(one.shared_error[number]), "measured"
            )
            for one in (mixed.height_m, mixed.crown_m, mixed.dbh_cm)
        )
        assert height is not None
        single = models.estimate(height, across, stem, density_kg_m2=12.0)
        row = many.at(number)
        for name in ("dbh_cm", "volume_m3", "biomass_kg", "carbon_kg"):
            check_same(getattr(single, name), getattr(row, name))
    assert many.biomass_kg.to_list() == [many.biomass_kg.at(number) for number in range(50)]


FORESTS: list[ForestType] = ["gymnosperm", "angiosperm", "unknown"]


@given(st.floats(4.0, 50.0), st.floats(1.0, 14.0), st.sampled_from(FORESTS))
def test_the_functions_on_single_trees_agree_with_the_columns(height: float, crown: float, forest: ForestType) -> None:
    tall, wide = Estimate(height, 0.02 * height, 0.01 * height, "h"), Estimate(crown, 0.1 * crown, 0.05 * crown, "c")
    # The type decides the columns' equations for the stem; the single function knows the global one alone.
    models = replace(choose_models(None, forest, None), dbh=choose_models(None, "unknown", None).dbh)
    stocks = models.estimate(tall, wide, None, density_kg_m2=8.0)
    dbh, biomass = estimate_dbh(tall, wide), estimate_biomass(tall, wide, forest)
    check_same(dbh, stocks.dbh_cm)
    check_same(estimate_volume(tall, dbh, forest), stocks.volume_m3)
    check_same(biomass, stocks.biomass_kg)
    check_same(estimate_carbon(biomass, forest, density_kg_m2=8.0), stocks.carbon_kg)


def test_the_density_of_a_stand_follows_from_its_area() -> None:
    models, trees = choose_models(None, "gymnosperm", None), plot(6, 200)
    first = models.estimate_columns(trees, area_m2=5_000.0)
    density = float(first.biomass_kg.value.sum()) / 5_000.0
    second = models.estimate_columns(trees, density_kg_m2=density)
    assert first.carbon_kg.value == pytest.approx(second.carbon_kg.value)


@pytest.mark.parametrize("height", [0.0, -1.0, math.inf])
def test_sizes_that_are_none_are_refused(height: float) -> None:
    with pytest.raises(InvalidSizes, match="height_m"):
        choose_models(None, "unknown", None).estimate(exact(height), exact(5.0), None)


def test_errors_below_zero_and_columns_of_other_lengths_are_refused() -> None:
    models, trees = choose_models(None, "unknown", None), plot(1, 4)
    with pytest.raises(InvalidSizes, match="error of crown_m"):
        estimate_stocks(models, TreeColumns(trees.height_m, known(np.ones(4), own=-0.1), trees.dbh_cm))
    with pytest.raises(InvalidSizes, match="shape"):
        estimate_stocks(models, TreeColumns(trees.height_m, trees.crown_m, unknown(3)))


def test_no_trees_are_no_trouble() -> None:
    nothing = gather_sizes([])
    stocks = choose_models(None, "unknown", None).estimate_columns(
        TreeColumns(nothing, nothing, nothing), area_m2=100.0
    )
    assert stocks.biomass_kg.to_list() == []


def test_a_mean_of_equations_shares_their_errors_and_their_differences() -> None:
    models = choose_models(None, "gymnosperm", "europe")
    stocks = models.estimate(exact(24.0), exact(5.5), None)
    height, crown = np.array([24.0]), np.array([5.5])
    ways = [solve_equation(one, dbh_cm=height, height_m=height, crown_m=crown).value[0] for one in models.dbh]
    assert stocks.dbh_cm is not None
    assert stocks.dbh_cm.value == pytest.approx(sum(ways) / len(ways))
    spread = float(np.std(ways)) / stocks.dbh_cm.value
    assert stocks.dbh_cm.shared_share == pytest.approx(math.hypot(models.dbh[0].shared_share, spread))
    assert stocks.dbh_cm.own_share == pytest.approx(models.dbh[0].own_share)
