"""The crew's trees and the cloud's: joined where both are one, and told where they disagree."""

from dataclasses import replace

import numpy as np
import pytest

from domain.cid import RAW, Cid
from survey.estimate import Estimate
from survey.field.errors import DoubledTree
from survey.field.join import CloudTree, JoinSettings, join_field
from survey.field.measure import FieldHeight, FieldStem
from survey.field.place import FieldPlace
from survey.field.trees import FieldTree
from survey.linking.shift import ShiftSearch


def make_crew_tree(number: int, x_m: float, y_m: float, height_m: float | None, *, error_m: float = 1.0) -> FieldTree:
    """Return a measured tree, 1.4 cm thick a metre of height."""
    height = None if height_m is None else FieldHeight(Estimate(height_m, 0.5, 0.1, "hypsometer-mean"), 3, ())
    thick = Estimate(1.4 * (height_m or 20.0), 0.3, 0.05, "caliper-mean")
    record = Cid.of(RAW, str(number).encode())
    return FieldTree(
        key=f"{record}:0",
        label=None,
        evidence=((record, 0),),
        plot=None,
        place=FieldPlace(x_m, y_m, error_m, "beside-stem"),
        height=height,
        stems=(FieldStem(thick, 1.3, 2, ()),),
        species="Picea abies",
        species_code=None,
        status="alive",
        damage_agent=None,
        damage_ppm=None,
        photos=(),
        remarks=(),
        warnings=(),
    )


def make_cloud_tree(key: str, x_m: float, y_m: float, height_m: float) -> CloudTree:
    """Return a tree of an airborne survey with a modelled diameter."""
    height, dbh = Estimate(height_m, 0.5, 0.2, "apex-return"), Estimate(1.4 * height_m, 0.3 * height_m, 2.0, "model")
    return CloudTree(key, x_m, y_m, 0.5, height_m=height, dbh_cm=dbh)


def make_stand(count: int = 40) -> list[tuple[float, float, float]]:
    """Return places and heights of trees some 4 m apart and more."""
    rng = np.random.default_rng(12)
    grid = [(4.5 * column, 4.5 * row) for column in range(7) for row in range(7)][:count]
    return [(x + rng.uniform(-1, 1), y + rng.uniform(-1, 1), rng.uniform(12.0, 32.0)) for x, y in grid]


def joined_keys(joined: object) -> set[tuple[str, str]]:
    return {(one.crew.key, one.cloud.key) for one in joined.trees}  # type: ignore[attr-defined]


def test_a_plot_off_by_its_centres_error_is_joined() -> None:
    stand = make_stand()
    cloud = [make_cloud_tree(str(number), *tree) for number, tree in enumerate(stand)]
    crew = [
        make_crew_tree(number, x + 3.0, y - 2.5, height + 0.3, error_m=3.0)
        for number, (x, y, height) in enumerate(stand)
        if number % 2
    ]
    joined = join_field(crew, cloud)
    assert joined_keys(joined) == {(tree.key, str(2 * number + 1)) for number, tree in enumerate(crew)}
    assert joined.unclear is None
    assert (joined.fit.shift.east_m, joined.fit.shift.north_m) == pytest.approx((-3.0, 2.5), abs=0.3)
    assert "were moved by that" in joined.warnings[0]
    assert set(joined.cloud_alone) == {str(number) for number in range(0, len(stand), 2)}


def test_a_compass_turns_a_plot_and_is_turned_back() -> None:
    stand = make_stand()
    cloud = [make_cloud_tree(str(number), *tree) for number, tree in enumerate(stand)]
    turn = np.radians(2.5)
    crew = [
        make_crew_tree(number, np.cos(turn) * x - np.sin(turn) * y, np.sin(turn) * x + np.cos(turn) * y, height)
        for number, (x, y, height) in enumerate(stand)
    ]
    joined = join_field(crew, cloud, JoinSettings(ShiftSearch(max_shift_m=5.0, with_rotation=True)))
    assert joined.fit.shift.rotation_deg == pytest.approx(-2.5, abs=0.4)
    assert joined_keys(joined) == {(tree.key, str(number)) for number, tree in enumerate(crew)}


def test_few_trees_are_joined_where_they_are_placed() -> None:
    cloud = [make_cloud_tree("a", 0.0, 0.0, 20.0), make_cloud_tree("b", 12.0, 0.0, 25.0)]
    joined = join_field([make_crew_tree(0, 0.4, 0.3, 20.2), make_crew_tree(1, 11.7, 0.2, 25.4)], cloud)
    assert [one.cloud.key for one in joined.trees] == ["a", "b"]
    assert joined.unclear is not None
    assert "cannot be told" in joined.warnings[0]


def test_a_label_joins_whatever_else_is_measured() -> None:
    cloud = [make_cloud_tree("a", 0.0, 0.0, 20.0), make_cloud_tree("b", 12.0, 0.0, 25.0)]
    crew = replace(make_crew_tree(0, 0.4, 0.3, 20.2), label="b")
    (tree,) = join_field([crew], cloud).trees
    assert (tree.cloud.key, tree.probability) == ("b", 1.0)
    assert {one.what for one in tree.disagreements} == {"height", "place"}


def test_a_height_beyond_its_errors_is_told_with_both_values() -> None:
    stand = make_stand(25)
    cloud = [make_cloud_tree(str(number), *tree) for number, tree in enumerate(stand)]
    crew = [make_crew_tree(number, *tree) for number, tree in enumerate(stand)]
    x, y, height = stand[12]
    crew[12] = make_crew_tree(12, x, y, height + 2.6)
    told = {one.cloud.key: one.disagreements for one in join_field(crew, cloud).trees if one.disagreements}
    (height_told,) = [one for one in told["12"] if one.what == "height"]
    assert height_told.crew - height_told.cloud == pytest.approx(2.6)
    assert set(told) == {"12"}


def test_a_tree_that_may_be_one_of_two_is_left_open() -> None:
    cloud = [make_cloud_tree("a", -1.0, 0.0, 20.0), make_cloud_tree("b", 1.0, 0.0, 20.0)]
    joined = join_field([make_crew_tree(0, 0.0, 0.0, 20.0)], cloud)
    assert joined.trees == ()
    (one,) = joined.doubtful
    assert {key for key, _ in one.choices} == {"a", "b"}


def test_a_tree_without_a_place_is_unplaced_and_one_far_away_alone() -> None:
    lost = replace(make_crew_tree(0, 0.0, 0.0, 20.0), place=None)
    far = make_crew_tree(1, 500.0, 0.0, 20.0)
    joined = join_field([lost, far], [make_cloud_tree("a", 0.0, 0.0, 20.0)])
    assert (joined.unplaced, joined.crew_alone, joined.cloud_alone) == ((lost,), (far,), ("a",))


def test_a_tree_without_height_is_joined_by_its_place() -> None:
    cloud = [make_cloud_tree("a", 0.0, 0.0, 20.0)]
    (tree,) = join_field([make_crew_tree(0, 0.3, 0.0, None)], cloud).trees
    assert tree.cloud.key == "a"


def test_keys_must_be_unique() -> None:
    with pytest.raises(DoubledTree):
        join_field([], [make_cloud_tree("a", 0.0, 0.0, 20.0)] * 2)


def test_labels_tell_the_common_shift_of_all_other_trees() -> None:
    # Three labels suffice where six trees alone would not: places are off by 3 m, as far as neighbours stand apart.
    stand = [(3.0 * column, 0.0, 20.0) for column in range(9)]
    cloud = [make_cloud_tree(f"{number}", x + 3.0, y, height) for number, (x, y, height) in enumerate(stand)]
    crew = [make_crew_tree(number, x, y, height, error_m=0.3) for number, (x, y, height) in enumerate(stand)]
    labelled = [replace(tree, label=f"{number}") if number in (0, 4, 8) else tree for number, tree in enumerate(crew)]
    joined = join_field(labelled, cloud)
    assert joined_keys(joined) == {(tree.key, f"{number}") for number, tree in enumerate(crew)}
    assert joined.fit.shift.east_m == pytest.approx(3.0)
    assert not any(one.what == "place" for tree in joined.trees for one in tree.disagreements)


def test_trees_of_labels_alone_are_joined_without_a_word_on_shifts() -> None:
    cloud = [make_cloud_tree("a", 0.0, 0.0, 20.0), make_cloud_tree("b", 9.0, 0.0, 25.0)]
    crew = [replace(make_crew_tree(1, 0.5, 0.0, 20.0), label="a")]
    joined = join_field(crew, cloud)
    assert joined_keys(joined) == {(crew[0].key, "a")}
    assert joined.warnings == ()
