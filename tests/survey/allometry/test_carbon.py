"""Carbon and roots against the printed tables."""

import pytest

from survey.allometry.carbon import compute_carbon_factor, find_carbon_fraction
from survey.allometry.choose import choose_models
from tests.survey.allometry.samples import exact


def test_a_species_own_carbon_fraction_is_the_report_s() -> None:
    # GTR-WO-104, table S10a: red maple 48.57 %, Douglas-fir 51.56 %, white oak 49.57 %.
    assert find_carbon_fraction("Acer rubrum") == pytest.approx(0.4857333333)
    assert find_carbon_fraction("Pseudotsuga menziesii") == pytest.approx(0.5155958333)
    assert find_carbon_fraction("Quercus alba") == pytest.approx(0.4957)
    assert find_carbon_fraction("Fagus sylvatica") is None
    assert find_carbon_fraction(None) is None


def test_carbon_of_the_worked_example_without_roots() -> None:
    # GTR-WO-104, example 2: 528.135964525863 pounds hold 256.533242502186 pounds of carbon.
    fraction = find_carbon_fraction("Acer rubrum")
    assert fraction is not None
    factor = compute_carbon_factor("angiosperm", density_kg_m2=10.0, fraction=fraction)
    assert 528.135964525863 * factor.factor / 1.23 == pytest.approx(256.533242502186, rel=1e-8)


def test_without_a_density_roots_are_between_all_classes_and_less_sure() -> None:
    known, guessed = (compute_carbon_factor("gymnosperm", density_kg_m2=density) for density in (20.0, None))
    assert known.factor == pytest.approx(0.51 * 1.20)
    assert guessed.factor == pytest.approx(0.51 * (1.0 + (0.40 + 0.29 + 0.20) / 3.0))
    assert guessed.shared_share > known.shared_share


def test_an_unknown_type_lies_between_both() -> None:
    one, two, both = (
        compute_carbon_factor(forest, density_kg_m2=10.0) for forest in ("gymnosperm", "angiosperm", "unknown")
    )
    assert both.factor == pytest.approx((one.factor + two.factor) / 2.0)
    assert both.shared_share * both.factor >= abs(one.factor - two.factor) / 2.0


def test_carbon_says_whose_fraction_it_holds() -> None:
    stocks = choose_models("Acer rubrum", "unknown", "united-states").estimate(exact(20.0), None, exact(30.0))
    assert stocks.carbon_kg is not None
    assert stocks.carbon_kg.model == "ipcc2006-nsvb2024-carbon-angiosperm"


def test_the_error_of_carbon_is_that_of_roots_and_fraction() -> None:
    # Conifers of 50 to 150 t/ha: roots 0.29, their range 0.24 to 0.50 read as four standard errors; 0.51 +- 0.02.
    factor = compute_carbon_factor("gymnosperm", density_kg_m2=10.0)
    assert factor.shared_share == pytest.approx(((0.26 / 4.0 / 1.29) ** 2 + (0.02 / 0.51) ** 2) ** 0.5)
