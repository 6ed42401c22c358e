"""Ground covered, and the chance to be seen on it."""

import numpy as np
import pytest
import shapely

from survey.resurvey.cover import UNKNOWN, covers, tell_seen, weigh_coverage
from survey.resurvey.seen import SeenShare
from tests.survey.resurvey.campaigns import SQUARE, make_earlier

HOLE = ((20.0, 20.0), (30.0, 20.0), (30.0, 30.0), (20.0, 30.0), (20.0, 20.0))


@pytest.mark.parametrize("margin_m", [0.0, 2.0, -2.0])
def test_places_are_covered_as_polygons_with_holes_say(margin_m: float) -> None:
    rng = np.random.default_rng(2)
    x, y = rng.uniform(-5.0, 65.0, (2, 2_000))
    area = shapely.Polygon(SQUARE, [HOLE]).buffer(-margin_m, quad_segs=64)
    expected = shapely.contains_xy(area, x, y)
    # Round corners of a buffer are polygons: a place or two may fall between.
    assert (covers((SQUARE, HOLE), x, y, margin_m) != expected).sum() <= 2


def test_nothing_is_covered_without_rings() -> None:
    assert not covers((), np.zeros(3), np.zeros(3), 0.0).any()


@pytest.mark.parametrize(("height_m", "share"), [(2.0, 0.0), (3.0, 0.6), (14.9, 0.6), (15.0, 0.98), (80.0, 0.98)])
def test_the_class_of_a_height_tells_the_share_seen(height_m: float, share: float) -> None:
    assert tell_seen((SeenShare(15.0, 60.0, 0.98), SeenShare(3.0, 15.0, 0.6)), height_m) == share


def test_without_classes_the_share_is_unknown() -> None:
    assert tell_seen((), 20.0) == UNKNOWN


def test_trees_outside_are_not_seen_and_those_inside_by_their_height() -> None:
    x, y = np.array([30.0, 30.0, 61.0, 90.0]), np.full(4, 30.0)
    weights = weigh_coverage(make_earlier(), x, y, [20.0, 10.0, 20.0, 20.0], outside_m=2.0)
    assert weights.tolist() == pytest.approx([0.99, 0.8, 0.99, 0.0])
