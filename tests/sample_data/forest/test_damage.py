"""What hurts a tree leaves its name and foot and keeps to geometry."""

import math

import numpy as np
import pytest

from sample_data.forest.damage import die, fall, lean, snap, stem_length_m, throw_down
from sample_data.forest.tree import TreeTruth
from tests.sample_data.trees import spruce


def every_hurt(tree: TreeTruth) -> list[TreeTruth]:
    return [die(tree, np.random.default_rng(1)), snap(tree, 0.4), lean(tree, 20.0, 1.0), fall(tree, 2.0)]


def test_foot_diameter_and_number_stay() -> None:
    tree = spruce(3.0, 4.0)
    for hurt in every_hurt(tree):
        assert (hurt.x_m, hurt.y_m, hurt.ground_m) == (tree.x_m, tree.y_m, tree.ground_m)
        assert (hurt.dbh_cm, hurt.species, hurt.number, hurt.layer) == (tree.dbh_cm, tree.species, 0, 0)


def test_crown_never_begins_above_the_apex() -> None:
    for hurt in every_hurt(spruce()):
        assert 0.0 <= hurt.crown_base_m < hurt.height_m


@pytest.mark.parametrize("angle", [0.0, 5.0, 20.0, 45.0])
def test_leaning_keeps_the_length_of_the_stem(angle: float) -> None:
    hurt = lean(spruce(), angle, 0.7)
    assert math.hypot(hurt.height_m, math.hypot(hurt.apex_x_m, hurt.apex_y_m)) == pytest.approx(20.0)
    assert stem_length_m(hurt) == pytest.approx(20.0)
    assert hurt.status == "alive"


def test_tree_falls_to_its_length_in_the_direction_given() -> None:
    lying = fall(spruce(), math.pi / 2)
    assert lying.apex_x_m == pytest.approx(0.0, abs=1e-9)
    assert lying.apex_y_m == pytest.approx(20.0)
    assert stem_length_m(lying) == pytest.approx(20.0)
    assert lying.height_m < 3.0
    assert lying.lean_deg == 90.0


def test_leaning_tree_falls_to_the_length_of_its_stem() -> None:
    assert stem_length_m(fall(lean(spruce(), 30.0, 0.0), 1.0)) == pytest.approx(20.0)


def test_snag_below_its_crown_has_next_to_none() -> None:
    assert snap(spruce(), 0.4).crown_diameter_m <= 2 * 0.30
    assert snap(spruce(), 0.9).crown_diameter_m == pytest.approx(5.0 * math.sqrt(0.8))


def test_trees_that_died_stand_and_some_have_lost_their_top() -> None:
    rng = np.random.default_rng(2)
    dead = [die(spruce(), rng) for _ in range(400)]
    assert {tree.status for tree in dead} == {"standing-dead"}
    # One in five; the binomial's standard deviation is 2 %.
    assert np.mean([tree.height_m < 20.0 for tree in dead]) == pytest.approx(0.2, abs=0.06)


def test_most_windthrown_trees_lie_along_one_wind_and_have_root_plates() -> None:
    trees = tuple(spruce(float(at), 0.0) for at in range(2_000))
    thrown = throw_down(np.random.default_rng(3), trees, 0.5)
    lying = [tree for tree in thrown if tree.status == "fallen"]
    assert len(lying) == pytest.approx(1_000, abs=4 * math.sqrt(500))
    ways = np.array([math.atan2(tree.apex_y_m - tree.y_m, tree.apex_x_m - tree.x_m) for tree in lying])
    # Seven in ten along the wind, spread normally by 20 degrees: the mean of their unit vectors is 0.7 exp(-s^2 / 2).
    assert abs(np.exp(1j * ways).mean()) == pytest.approx(0.7 * math.exp(-0.5 * math.radians(20.0) ** 2), abs=0.06)
    uprooted = [tree.root_plate_m for tree in lying if tree.root_plate_m > 0.0]
    assert len(uprooted) / len(lying) == pytest.approx(0.7 * 0.8, abs=0.06)
    assert uprooted == pytest.approx([7.0 * 0.3] * len(uprooted))


def test_no_share_throws_no_tree() -> None:
    trees = (spruce(), spruce(5.0))
    assert throw_down(np.random.default_rng(3), trees, 0.0) is trees
