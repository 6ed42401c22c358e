"""Crown classes follow from heights beside neighbours."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from sample_data.forest.crown_class import CROWN_CLASSES, classify_crowns, classify_heights
from sample_data.forest.damage import fall
from sample_data.forest.stand import Stand, grow_stand
from tests.sample_data.trees import spruce


@pytest.fixture(scope="module")
def stand() -> Stand:
    return grow_stand(4100)


@pytest.mark.parametrize(
    ("height", "crown_class"),
    [(20.0, "dominant"), (18.9, "codominant"), (15.9, "intermediate"), (10.9, "suppressed")],
)
def test_class_follows_from_the_share_of_the_local_top_height(height: float, crown_class: str) -> None:
    neighbours = np.array([[1.0, 0.0, 20.0], [0.0, 2.0, 20.0], [3.0, 0.0, 20.0], [9.0, 0.0, 5.0]])
    assert classify_heights(np.array([[0.0, 0.0, height]]), neighbours) == (crown_class,)


def test_trees_farther_than_ten_metres_do_not_count() -> None:
    assert classify_heights(np.array([[0.0, 0.0, 10.0]]), np.array([[10.1, 0.0, 30.0]])) == ("dominant",)
    assert classify_heights(np.array([[0.0, 0.0, 10.0]]), np.array([[9.9, 0.0, 30.0]])) == ("suppressed",)


def test_every_tree_has_a_class_and_a_layered_stand_has_all(stand: Stand) -> None:
    classes = classify_crowns(stand.trees)
    assert len(classes) == len(stand.trees)
    assert set(classes) == set(CROWN_CLASSES)


def test_classes_do_not_depend_on_the_unit_of_height(stand: Stand) -> None:
    taller = [replace(tree, height_m=1.5 * tree.height_m) for tree in stand.trees]
    assert Counter(classify_crowns(taller)) == Counter(classify_crowns(stand.trees))


def test_lower_storeys_are_in_lower_classes(stand: Stand) -> None:
    classes = classify_crowns(stand.trees)
    ranks = [
        np.mean([CROWN_CLASSES.index(one) for one, tree in zip(classes, stand.trees, strict=True) if tree.layer == n])
        for n in range(4)
    ]
    assert ranks == sorted(ranks)


def test_fallen_trees_press_on_nobody() -> None:
    assert classify_crowns([fall(spruce(height_m=30.0), 0.0), spruce(3.0, height_m=10.0)])[1] == "dominant"


def test_no_places_have_no_classes() -> None:
    assert classify_heights(np.empty((0, 3)), np.array([[0.0, 0.0, 9.0]])) == ()
