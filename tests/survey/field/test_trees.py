"""A crew's day becomes trees."""

import pytest

from domain.cid import RAW, Cid
from domain.readings import HeightShot, Photo, Visit
from survey.errors import InvalidParameter
from survey.field.place import PlaceSettings
from survey.field.trees import FieldSettings, build_field_trees
from tests.survey.field.readings import caliper, enter, observe, shots, stop
from tests.survey.field.test_place import to_plane

SETTINGS = FieldSettings(PlaceSettings(to_plane))
LABEL = "0" * 17


def test_what_was_read_at_one_tree_becomes_one_value() -> None:
    photo = Cid.of(RAW, b"a photo")
    records = [
        observe(0, stop(30_000)),
        observe(1, shots(50_000, 24_000, 24_400)),
        observe(2, *caliper(70_000, 300, 310)),
        observe(3, Photo(80_000, photo)),
        observe(
            4,
            Visit(
                90_000, LABEL, "plot-7", "Picea abies", "FI", "standing-dead", damage_agent="bark beetle",
                damage_ppm=400_000, remark="two forks",
            ),
        ),
    ]  # fmt: skip
    (tree,) = build_field_trees(records, SETTINGS).trees
    assert (tree.label, tree.plot, tree.species, tree.species_code) == (LABEL, "plot-7", "Picea abies", "FI")
    assert (tree.status, tree.damage_agent, tree.damage_ppm) == ("standing-dead", "bark beetle", 400_000)
    assert (tree.photos, tree.remarks) == ((photo,), ("two forks",))
    assert tree.height is not None
    assert tree.height.height_m.value == pytest.approx(24.2)
    assert tree.stems[0].diameter_cm.value == pytest.approx(30.5)
    assert tree.place is not None
    # Its first evidence is the stop at the stem.
    assert tree.evidence[0] == (records[0][0], 0)
    assert len(tree.evidence) == 6


def test_the_calipers_species_counts_where_nothing_was_entered() -> None:
    (reading,) = caliper(1_000, 300)
    (tree,) = build_field_trees([observe(0, type(reading)(1_000, 300, 1_300, species_code="BU"))], SETTINGS).trees
    assert (tree.species, tree.species_code) == (None, "BU")


def test_of_two_entries_the_later_counts() -> None:
    records = [observe(0, enter(1_000, LABEL, "Abies alba")), observe(1, enter(9_000, LABEL, "Picea abies"))]
    (tree,) = build_field_trees(records, SETTINGS).trees
    assert tree.species == "Picea abies"


def test_a_tree_without_a_place_says_so() -> None:
    (tree,) = build_field_trees([observe(0, enter(1_000, LABEL))], SETTINGS).trees
    assert tree.place is None
    assert "no reading tells where it stands" in tree.warnings


def test_warnings_of_all_measurements_stand_together() -> None:
    records = [observe(0, *caliper(1_000, 300, at_height_mm=None), stop(30_000, error_mm=None), enter(40_000))]
    (tree,) = build_field_trees(records, SETTINGS).trees
    assert {warning.split(",", maxsplit=1)[0] for warning in tree.warnings} == {
        "the diameter's height was not said",
        "the receiver told no accuracy under canopy; its error is assumed",
    }


def test_a_distance_shot_alone_is_a_stray() -> None:
    found = build_field_trees([observe(0, HeightShot(1_000, horizontal_mm=9_000))], SETTINGS)
    assert found.trees == ()
    assert len(found.strays) == 1


def test_a_height_of_diameters_that_no_method_uses_is_refused() -> None:
    with pytest.raises(InvalidParameter):
        build_field_trees([], FieldSettings(PlaceSettings(to_plane), breast_height_mm=2_000))
