"""The four functions on single trees against the printed equations."""

import math

import numpy as np
import pytest

from survey.allometry import (
    ForestType,
    check_forest_type,
    estimate_biomass,
    estimate_carbon,
    estimate_dbh,
    estimate_volume,
)
from survey.errors import InvalidParameter
from survey.estimate import Estimate, sum_estimates


def exact(value: float) -> Estimate:
    return Estimate(value, 0.0, 0.0, "exact")


@pytest.mark.parametrize(("height", "crown"), [(5.0, 2.0), (25.0, 6.0), (40.0, 11.0)])
def test_diameter_and_biomass_are_those_of_the_printed_equations(height: float, crown: float) -> None:
    # Jucker et al. (2017), equations for D and AGB; written here as powers of ten to be a second way of computing.
    log = math.log10(height) + math.log10(crown)
    dbh = 10.0 ** (math.log10(0.557) + 0.809 * log) * math.exp(0.056**2 / 2)
    gymnosperm = 10.0 ** (math.log10(0.109) + 1.790 * log) * math.exp(0.204**2 / 2)
    angiosperm = 10.0 ** (math.log10(0.016) + 2.013 * log) * math.exp(0.204**2 / 2)
    assert estimate_dbh(exact(height), exact(crown)).value == pytest.approx(dbh, rel=1e-9)
    assert estimate_biomass(exact(height), exact(crown), "gymnosperm").value == pytest.approx(gymnosperm, rel=1e-9)
    assert estimate_biomass(exact(height), exact(crown), "angiosperm").value == pytest.approx(angiosperm, rel=1e-9)


def test_errors_of_inputs_are_carried_as_monte_carlo_carries_them() -> None:
    rng = np.random.default_rng(7)
    height, crown = Estimate(25.0, 0.5, 0.0, "h"), Estimate(6.0, 0.3, 0.0, "c")
    draws = rng.normal(25.0, 0.5, 400_000) * rng.normal(6.0, 0.3, 400_000)
    carried = math.sqrt(
        estimate_dbh(height, crown).own_share ** 2 - estimate_dbh(exact(25.0), exact(6.0)).own_share ** 2
    )
    drawn = np.std(draws**0.809) / np.mean(draws**0.809)
    assert carried == pytest.approx(drawn, rel=0.02)


@pytest.mark.parametrize(
    ("forest", "tonnes_ha", "ratio", "fraction"),
    [
        ("gymnosperm", 30.0, 0.40, 0.51),
        ("gymnosperm", 100.0, 0.29, 0.51),
        ("gymnosperm", 300.0, 0.20, 0.51),
        ("angiosperm", 50.0, 0.46, 0.48),
        ("angiosperm", 100.0, 0.23, 0.48),
        ("angiosperm", 200.0, 0.24, 0.48),
    ],
)
def test_carbon_counts_roots_by_the_density_of_the_stand(
    forest: ForestType, tonnes_ha: float, ratio: float, fraction: float
) -> None:
    # IPCC 2006 Guidelines, volume 4, tables 4.3 and 4.4, temperate domain.
    carbon = estimate_carbon(exact(1000.0), forest, density_kg_m2=tonnes_ha / 10.0)
    assert carbon.value == pytest.approx(1000.0 * (1.0 + ratio) * fraction)
    assert carbon.own_error == 0.0
    assert carbon.shared_error > 0.0


def test_volume_lies_between_a_cone_and_a_paraboloid() -> None:
    cylinder = math.pi / 4.0 * 0.3**2 * 25.0
    for forest in ("gymnosperm", "angiosperm", "unknown"):
        volume = estimate_volume(exact(25.0), exact(30.0), forest).value
        assert cylinder / 3.0 < volume < cylinder / 2.0


def test_an_unknown_type_lies_between_both_and_says_so_in_its_shared_error() -> None:
    one = estimate_biomass(exact(25.0), exact(6.0), "gymnosperm")
    two = estimate_biomass(exact(25.0), exact(6.0), "angiosperm")
    between = estimate_biomass(exact(25.0), exact(6.0), "unknown")
    assert between.value == pytest.approx((one.value + two.value) / 2.0)
    assert between.shared_error >= abs(one.value - two.value) / 2.0


def test_own_errors_of_a_sum_shrink_beside_it_and_shared_ones_do_not() -> None:
    trees = [Estimate(100.0, 40.0, 10.0, "m")] * 400
    total = sum_estimates(trees, "m")
    assert total.own_share == pytest.approx(0.4 / 20.0)
    assert total.shared_share == pytest.approx(0.1)


def test_a_type_without_equations_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="gymnosperm"):
        check_forest_type("bamboo")
