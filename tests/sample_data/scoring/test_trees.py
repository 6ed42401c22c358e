"""Scores follow from counting."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sample_data.errors import InvalidFoundTrees, InvalidParameter
from sample_data.forest.crown_class import classify_crowns
from sample_data.forest.damage import fall
from sample_data.forest.stand import Stand, StandParameters, grow_stand
from sample_data.scoring.trees import MatchRule, cover_share, match_one_to_one, score_by_class, score_trees

PLACES = st.lists(st.tuples(st.floats(0, 40), st.floats(0, 40), st.floats(5, 35)), max_size=25)


@pytest.fixture(scope="module")
def stand() -> Stand:
    return grow_stand(3400, parameters=StandParameters(side_m=50.0))


def truth_of(stand: Stand) -> NDArray[np.float64]:
    return np.array([(tree.x_m, tree.y_m, tree.height_m) for tree in stand.trees])


def test_truth_scores_one_against_itself(stand: Stand) -> None:
    score = score_trees(truth_of(stand), stand)
    assert (score.precision, score.recall, score.f1) == (1.0, 1.0, 1.0)
    assert all(found == true for found, true in score.matches)


def test_nothing_found_scores_zero(stand: Stand) -> None:
    score = score_trees(np.empty((0, 3)), stand)
    assert (score.precision, score.recall, score.f1, score.matches) == (0.0, 0.0, 0.0, ())


def test_trees_found_beyond_the_gate_do_not_match(stand: Stand) -> None:
    away = truth_of(stand) + np.array([1_000.0, 0.0, 0.0])
    assert score_trees(away, stand).matches == ()


def test_every_tree_found_twice_halves_precision(stand: Stand) -> None:
    score = score_trees(np.vstack([truth_of(stand), truth_of(stand)]), stand)
    assert (score.precision, score.recall) == (0.5, 1.0)
    assert score.f1 == pytest.approx(2.0 / 3.0)


def test_low_trees_do_not_count_found_or_true(stand: Stand) -> None:
    tall = truth_of(stand)[truth_of(stand)[:, 2] >= 15.0]
    assert score_trees(tall, stand, min_height_m=15.0).f1 == 1.0
    assert score_trees(truth_of(stand), stand, min_height_m=15.0).f1 == 1.0
    assert score_trees(tall, stand).recall < 1.0


def test_false_trees_at_the_edge_do_not_count(stand: Stand) -> None:
    west, south, *_ = stand.bounds
    false = np.column_stack([np.full(30, west + 1.0), south + np.arange(30.0), np.full(30, 150.0)])
    score = score_trees(np.vstack([truth_of(stand), false]), stand)
    assert score.precision == 1.0
    assert score_trees(np.vstack([truth_of(stand), false]), stand, rule=MatchRule(edge_m=0.0)).precision < 1.0


def test_gate_grows_with_the_true_height() -> None:
    found, near, far = np.array([[0.0, 0.0, 30.0]]), np.array([[6.2, 0.0, 30.0]]), np.array([[6.4, 0.0, 30.0]])
    # 2.1 m + 0.14 x 30 m = 6.3 m
    assert match_one_to_one(found, near, MatchRule()) == ((0, 0),)
    assert match_one_to_one(found, far, MatchRule()) == ()


def test_truth_scores_one_in_every_crown_class_that_stands(stand: Stand) -> None:
    by_class = score_by_class(truth_of(stand), stand)
    assert list(by_class) == ["dominant", "codominant", "intermediate", "suppressed"]
    assert all((one.precision, one.recall, one.f1) == (1.0, 1.0, 1.0) for one in by_class.values() if one.trees)


def test_classes_add_up_to_the_whole(stand: Stand) -> None:
    found = truth_of(stand)[::2] + np.array([0.4, 0.0, 0.0])
    by_class, whole = score_by_class(found, stand), score_trees(found, stand)
    trees = sum(one.trees for one in by_class.values())
    assert sum(one.recall * one.trees for one in by_class.values()) / trees == pytest.approx(whole.recall)


def test_trees_missed_in_one_class_lower_no_other(stand: Stand) -> None:
    classes = classify_crowns(stand.trees)
    kept = truth_of(stand)[[one != "suppressed" for one in classes]]
    by_class = score_by_class(kept, stand)
    assert by_class["dominant"].f1 == by_class["codominant"].f1 == 1.0
    assert by_class["suppressed"].recall == 0.0


def test_false_tree_counts_against_the_class_of_its_height(stand: Stand) -> None:
    west, south, east, north = stand.bounds
    middle = ((west + east) / 2, (south + north) / 2)
    by_class = score_by_class(np.vstack([truth_of(stand), [[*middle, 60.0]]]), stand)
    assert by_class["dominant"].precision < 1.0
    assert by_class["suppressed"].precision == 1.0


def test_fallen_trees_are_neither_found_nor_missed(stand: Stand) -> None:
    tallest = max(stand.trees, key=lambda tree: tree.height_m)
    lying = replace(stand, trees=tuple(fall(tree, 0.0) if tree is tallest else tree for tree in stand.trees))
    found = truth_of(stand)[[tree is not tallest for tree in stand.trees]]
    assert score_trees(found, lying).f1 == 1.0


def test_interval_that_holds_the_truth_covers_it_bounds_included() -> None:
    truth, low, high = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.5, 2.0, 3.0]), np.array([1.5, 3.0, 3.0, 5.0])
    assert cover_share(truth, low, high) == 0.75
    assert cover_share(np.empty(0), np.empty(0), np.empty(0)) == 0.0


@given(PLACES, PLACES)
def test_matching_is_one_to_one_and_leaves_no_free_pair_within_the_gate(
    found: list[tuple[float, float, float]], truth: list[tuple[float, float, float]]
) -> None:
    found_at, truth_at = np.array(found).reshape(-1, 3), np.array(truth).reshape(-1, 3)
    pairs = match_one_to_one(found_at, truth_at, MatchRule())
    left, right = [i for i, _ in pairs], [j for _, j in pairs]
    assert len(set(left)) == len(left)
    assert len(set(right)) == len(right)
    gate = 2.1 + 0.14 * truth_at[:, 2]
    for i in range(len(found)):
        for j in range(len(truth)):
            within = float(np.linalg.norm(found_at[i] - truth_at[j])) <= gate[j] - 1e-9
            assert not within or i in left or j in right


@pytest.mark.parametrize(
    "found",
    [
        np.ones((4, 2)),
        np.ones(3),
        np.array([[0.0, np.nan, 10.0]]),
        np.array([[0.0, 0.0, np.inf]]),
        np.ones((20_001, 3)),
    ],
)
def test_unusable_found_trees_are_refused(stand: Stand, found: NDArray[np.float64]) -> None:
    with pytest.raises(InvalidFoundTrees):
        score_trees(found, stand)


def test_negative_gate_is_refused(stand: Stand) -> None:
    with pytest.raises(InvalidParameter):
        score_trees(np.empty((0, 3)), stand, rule=MatchRule(gate_m=-1.0))
