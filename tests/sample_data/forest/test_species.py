"""Curves keep the linear forms that their papers give."""

import numpy as np
import pytest

from sample_data.forest.species import SPECIES, Species, crown_radius_of_diameter, height_of_diameter, species_named


@pytest.mark.parametrize("species", SPECIES, ids=lambda species: species.name)
def test_height_curve_is_linear_in_naslunds_transform(species: Species) -> None:
    dbh = np.linspace(2.0, 90.0, 40)
    transform = dbh / np.sqrt(height_of_diameter(species, dbh) - 1.3)
    slope, intercept = np.polyfit(dbh, transform, 1)
    assert (intercept, slope) == pytest.approx((species.height_a, species.height_b))


@pytest.mark.parametrize("species", SPECIES, ids=lambda species: species.name)
def test_crown_radius_is_a_power_of_diameter(species: Species) -> None:
    dbh = np.geomspace(2.0, 90.0, 40)
    slope, intercept = np.polyfit(np.log(dbh), np.log(crown_radius_of_diameter(species, dbh)), 1)
    assert (slope, np.exp(intercept)) == pytest.approx((species.radius_exponent, species.radius_a_m))


def test_every_species_is_found_by_its_name() -> None:
    assert [species_named(species.name) for species in SPECIES] == list(SPECIES)
