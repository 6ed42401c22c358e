"""Which equations are chosen, and what is said where there are none."""

import pytest

from survey.allometry.choose import check_forest_type, choose_models
from survey.allometry.equation import ForestType
from survey.allometry.errors import InvalidRegion, InvalidTaxon
from survey.allometry.registry import Region, known_regions, parse_region
from survey.errors import InvalidParameter
from tests.survey.allometry.samples import exact


@pytest.mark.parametrize(
    ("species", "region", "model"),
    [
        ("Picea abies", "europe", "forrester2017-picea-abies"),
        ("Picea abies", "united-states", "nsvb2024-picea-abies"),
        ("Picea glauca", "canada", "ung2008-picea-glauca"),
        ("Abies balsamea", "canada", "lambert2005-abies-balsamea"),
        ("Carya", "canada", "lambert2005-carya"),
        ("Picea crassifolia", "china", "luo2002-picea-crassifolia"),
        ("  Fagus   sylvatica ", "europe/temperate-mixed", "forrester2017-fagus-sylvatica"),
        ("spruce", "united-states", "jenkins2003-spruce"),
    ],
)
def test_a_species_takes_the_equation_of_its_place(species: str, region: str, model: str) -> None:
    models = choose_models(species, "unknown", region)
    assert [one.id for one in models.biomass_by_dbh] == [model]
    assert models.notes == ()
    assert models.forest in {"gymnosperm", "angiosperm"}


def test_a_species_has_its_own_volume_where_there_is_one_and_a_form_factor_elsewhere() -> None:
    assert choose_models("Picea abies", "unknown", "united-states").volume[0].id == "nsvb2024-volume-picea-abies"
    assert choose_models("Picea abies", "unknown", "europe").volume[0].id == "form-factor-gymnosperm"


def test_a_species_without_equations_is_not_available_and_the_note_names_what_would_be() -> None:
    models = choose_models("Pinus massoniana", "unknown", "china")
    stocks = models.estimate(exact(25.0), exact(6.0), exact(34.0))
    assert (stocks.volume_m3, stocks.biomass_kg, stocks.carbon_kg) == (None, None, None)
    assert stocks.dbh_cm == exact(34.0)
    assert "not available: Pinus massoniana" in stocks.notes[0]
    assert "Pinus densata" in stocks.notes[0]
    assert "gymnosperm" in stocks.notes[0]


def test_a_species_of_other_places_is_sent_there() -> None:
    (note,) = choose_models("Fagus sylvatica", "unknown", "canada").notes
    assert "europe" in note


def test_a_species_of_several_places_needs_a_region() -> None:
    models = choose_models("Picea abies", "unknown", None)
    assert models.biomass_by_dbh == ()
    assert "europe" in models.notes[0]
    assert "united-states" in models.notes[0]


def test_a_species_of_one_place_is_taken_from_there_and_that_is_said() -> None:
    models = choose_models("Abies alba", "unknown", None)
    assert models.biomass_by_dbh[0].id == "forrester2017-abies-alba"
    assert "europe" in models.notes[0]


@pytest.mark.parametrize(
    ("forest", "region", "count", "first"),
    [
        ("unknown", None, 1, "jucker2017-dbh-global"),
        ("unknown", "europe", 1, "jucker2017-dbh-global"),
        ("gymnosperm", "europe", 3, "jucker2017-dbh-palearctic-boreal-gymnosperm"),
        ("gymnosperm", "canada/boreal", 1, "jucker2017-dbh-nearctic-boreal-gymnosperm"),
        ("unknown", "canada/boreal", 2, "jucker2017-dbh-nearctic-boreal-angiosperm"),
        ("angiosperm", "neotropic", 1, "jucker2017-dbh-neotropic-tropical-angiosperm"),
        ("gymnosperm", "palearctic/tropical", 1, "jucker2017-dbh-global"),
        ("angiosperm", "palearctic/woodland", 1, "jucker2017-dbh-palearctic-woodland-angiosperm"),
    ],
)
def test_stem_diameters_come_from_the_nearest_equations(
    forest: ForestType, region: str | None, count: int, first: str
) -> None:
    models = choose_models(None, forest, region)
    assert len(models.dbh) == count
    assert models.dbh[0].id == first


def test_a_type_takes_biomass_by_crown_and_by_a_measured_stem_where_its_place_has_equations() -> None:
    models = choose_models(None, "gymnosperm", "europe")
    by_crown = models.estimate(exact(25.0), exact(6.0), None).biomass_kg
    by_stem = models.estimate(exact(25.0), exact(6.0), exact(34.0)).biomass_kg
    assert by_crown is not None
    assert by_stem is not None
    assert by_crown.model == "jucker2017-agb-gymnosperm"
    assert by_stem.model == "forrester2017-conifers"


def test_where_no_type_is_known_models_are_means_that_say_so() -> None:
    stocks = choose_models(None, "unknown", "united-states").estimate(exact(25.0), exact(6.0), None)
    assert stocks.biomass_kg is not None
    assert stocks.volume_m3 is not None
    assert stocks.carbon_kg is not None
    assert stocks.biomass_kg.model == "jucker2017-agb-unknown"
    assert stocks.volume_m3.model == "form-factor-unknown"
    assert stocks.carbon_kg.model == "ipcc2006-carbon-unknown"


@pytest.mark.parametrize("region", known_regions())
def test_every_region_that_is_listed_can_be_named(region: str) -> None:
    models = choose_models(None, "unknown", region)
    assert models.estimate(exact(20.0), exact(5.0), None).biomass_kg is not None
    assert isinstance(parse_region(region), Region)


@pytest.mark.parametrize(
    "region", ["", "moon", "europe/", "europe/tropical-swamp", "/boreal", "Europe", "afrotropic/boreal"]
)
def test_other_regions_are_refused_with_those_that_exist(region: str) -> None:
    with pytest.raises(InvalidRegion, match="temperate-mixed") as caught:
        choose_models(None, "unknown", region)
    assert caught.value.region == region


@pytest.mark.parametrize(
    "species", ["", "fir", "picea abies", "Picea abies (L.) Karst.", "P", "Picea\x00abies", "A" * 500]
)
def test_names_that_are_none_are_refused(species: str) -> None:
    with pytest.raises(InvalidTaxon):
        choose_models(species, "unknown", "europe")


def test_a_species_of_the_other_type_is_refused() -> None:
    with pytest.raises(InvalidTaxon, match="gymnosperm, not angiosperm"):
        choose_models("Picea abies", "angiosperm", "europe")


def test_a_species_never_heard_of_keeps_the_type_that_was_given() -> None:
    assert choose_models("Dacrydium cupressinum", "gymnosperm", None).forest == "gymnosperm"


def test_a_type_without_equations_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="gymnosperm"):
        check_forest_type("bamboo")
