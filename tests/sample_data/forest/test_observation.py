"""Reports are off by what was asked, and by no more."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sample_data.errors import InvalidParameter
from sample_data.forest.campaign import observe_campaign
from sample_data.forest.crown_class import classify_crowns
from sample_data.forest.damage import die, fall
from sample_data.forest.observation import ObservedTrees, detection_chance
from sample_data.forest.stand import Stand, grow_stand
from sample_data.forest.tree import TreeTruth
from sample_data.forest.tree_table import tabulate_trees
from tests.sample_data.trees import flat_stand, spruce

SEEDS = range(4000, 4006)


@pytest.fixture(scope="module")
def stands() -> tuple[Stand, ...]:
    return tuple(grow_stand(seed) for seed in SEEDS)


def perfect(stand: Stand, **off: float) -> ObservedTrees:
    exact = {"noise_m": 0.0, "height_noise_m": 0.0, "detection": 1.0, "false_share": 0.0}
    return observe_campaign(stand, seed=3, **(exact | off))


def truth_of(stand: Stand, seen: ObservedTrees) -> list[TreeTruth]:
    by_number = {tree.number: tree for tree in stand.trees}
    return [by_number[number] for number in seen.number.tolist()]


def test_perfect_detector_reports_every_standing_tree_over_five_metres_at_its_apex(stands: tuple[Stand, ...]) -> None:
    seen = perfect(stands[0])
    assert len(seen) == sum(tree.height_m >= 5.0 for tree in stands[0].trees)
    for i, tree in enumerate(truth_of(stands[0], seen)):
        assert (seen.x_m[i], seen.y_m[i], seen.height_m[i]) == (tree.apex_x_m, tree.apex_y_m, tree.height_m)


def test_shift_is_common_and_as_long_as_asked(stands: tuple[Stand, ...]) -> None:
    seen, still = perfect(stands[0], shift_m=2.0), perfect(stands[0])
    assert math.hypot(*seen.shift_xy_m) == pytest.approx(2.0)
    assert seen.x_m - still.x_m == pytest.approx(seen.shift_xy_m[0])
    assert seen.y_m - still.y_m == pytest.approx(seen.shift_xy_m[1])


def test_positions_and_heights_scatter_as_asked(stands: tuple[Stand, ...]) -> None:
    east, north, up = [], [], []
    for stand in stands:
        seen = perfect(stand, noise_m=0.5, height_noise_m=0.8)
        for i, tree in enumerate(truth_of(stand, seen)):
            east.append(seen.x_m[i] - tree.apex_x_m)
            north.append(seen.y_m[i] - tree.apex_y_m)
            up.append(seen.height_m[i] - tree.height_m)
    # About 3,000 trees: standard deviations are known within 1.3 %.
    assert np.std(east) == pytest.approx(0.5, rel=0.05)
    assert np.std(north) == pytest.approx(0.5, rel=0.05)
    assert np.std(up) == pytest.approx(0.8, rel=0.05)


@pytest.mark.parametrize("detection", [0.5, 0.85, 0.95])
def test_as_many_are_seen_as_asked(stands: tuple[Stand, ...], detection: float) -> None:
    seen = sum(len(perfect(stand, detection=detection)) for stand in stands)
    could = sum(tree.height_m >= 5.0 for stand in stands for tree in stand.trees)
    assert seen / could == pytest.approx(detection, abs=0.02)


@given(st.floats(0.0, 1.0), st.lists(st.floats(5.0, 40.0), min_size=1, max_size=30))
def test_chances_have_the_mean_asked_for(mean: float, heights: list[float]) -> None:
    trees = tabulate_trees([spruce(3.0 * i, height_m=height) for i, height in enumerate(heights)])
    chance = detection_chance(trees, mean)
    assert chance.mean() == pytest.approx(mean, abs=1e-6)
    assert ((chance >= 0.0) & (chance <= 1.0)).all()


def test_dominant_trees_are_seen_more_often_than_the_suppressed(stands: tuple[Stand, ...]) -> None:
    seen: dict[str, list[bool]] = {"dominant": [], "suppressed": []}
    for stand in stands:
        numbers = set(perfect(stand, detection=0.85).number.tolist())
        for tree, crown_class in zip(stand.trees, classify_crowns(stand.trees), strict=True):
            if tree.height_m >= 5.0 and crown_class in seen:
                seen[crown_class].append(tree.number in numbers)
    assert np.mean(seen["dominant"]) > 0.95
    assert np.mean(seen["suppressed"]) < 0.75


def test_false_reports_are_the_share_asked_for_and_lie_in_crowns(stands: tuple[Stand, ...]) -> None:
    false, all_of_them = 0, 0
    for stand in stands:
        seen = perfect(stand, false_share=0.2)
        trees = tabulate_trees(stand.trees)
        for i in np.flatnonzero(seen.number == -1):
            apart = np.hypot(seen.x_m[i] - trees.apex_x_m, seen.y_m[i] - trees.apex_y_m)
            assert ((apart < 0.5 * trees.crown_diameter_m) & (seen.height_m[i] < trees.height_m)).any()
        false += int((seen.number == -1).sum())
        all_of_them += len(seen)
    assert false / all_of_them == pytest.approx(0.2, abs=0.03)


def test_the_dead_are_seen_and_the_fallen_are_not() -> None:
    dead = die(spruce(10.0, 10.0), np.random.default_rng(1))
    assert len(perfect(flat_stand((dead,)))) == 1
    assert len(perfect(flat_stand((fall(spruce(10.0, 10.0), 0.0),)))) == 0


def test_order_of_reports_is_not_that_of_the_trees(stands: tuple[Stand, ...]) -> None:
    numbers = perfect(stands[0]).number
    assert abs(np.corrcoef(np.arange(numbers.size), numbers)[0, 1]) < 0.2


def test_stand_without_trees_gives_no_reports() -> None:
    assert len(observe_campaign(flat_stand(()), seed=1)) == 0


@pytest.mark.parametrize(
    "off",
    [
        {"detection": 1.2},
        {"detection": float("nan")},
        {"noise_m": -1.0},
        {"shift_m": 100.0},
        {"false_share": 0.9},
        {"height_noise_m": -0.1},
    ],
)
def test_impossible_observer_is_refused(off: dict[str, float]) -> None:
    with pytest.raises(InvalidParameter):
        observe_campaign(flat_stand(()), seed=1, **off)
