"""Outlines of labelled cells: valid, apart from one another, around their own cells and no others."""

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from scipy import ndimage

from survey.airborne.outlines import outline_labels
from survey.cloud import Labels
from survey.grid import Grid

CELL_M = 0.5


def part(raw: NDArray[np.int8]) -> Labels:
    """Return labels of which each is connected along its sides."""
    labels = np.full(raw.shape, -1, dtype=np.int32)
    count = 0
    for value in range(int(raw.max()) + 1):
        pieces, number = ndimage.label(raw == value)
        labels[pieces > 0] = pieces[pieces > 0] - 1 + count
        count += number
    return labels


@given(arrays(np.int8, array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.integers(-1, 4)))
def test_outlines_are_valid_apart_and_hold_the_centres_of_their_own_cells_alone(raw: NDArray[np.int8]) -> None:
    labels = part(raw)
    wanted = np.unique(labels[labels >= 0]).astype(np.int64)
    polygons = outline_labels(Grid(100.0, 200.0, CELL_M, *labels.shape), labels, wanted)
    assert shapely.is_valid(polygons).all()
    assert shapely.area(polygons).sum() - shapely.area(shapely.union_all(polygons)) < 1e-9
    row, column = np.mgrid[: labels.shape[0], : labels.shape[1]]
    x, y = 100.0 + (column + 0.5) * CELL_M, 200.0 + (row + 0.5) * CELL_M
    for label, polygon in zip(wanted, polygons, strict=True):
        assert np.array_equal(shapely.contains_xy(polygon, x, y), labels == label)


def test_an_outline_that_is_not_wanted_is_left_out() -> None:
    labels = np.array([[0, 1, 2]], dtype=np.int32)
    polygons = outline_labels(Grid(0.0, 0.0, 1.0, 1, 3), labels, np.array([2, 0]))
    assert shapely.contains_xy(polygons, [2.5, 0.5], 0.5).tolist() == [True, True]
    assert shapely.area(shapely.intersection_all(polygons)) == 0.0


def test_a_crown_within_another_is_a_hole_of_it() -> None:
    labels = np.zeros((5, 5), dtype=np.int32)
    labels[2, 2] = 1
    outer, inner = outline_labels(Grid(0.0, 0.0, 1.0, 5, 5), labels, np.array([0, 1]))
    assert len(outer.interiors) == 1
    assert outer.intersection(inner).area == 0.0
    assert outer.union(inner).area == outer.area + inner.area == shapely.Polygon(outer.exterior).area


def test_a_square_loses_its_four_corners() -> None:
    labels = np.zeros((4, 4), dtype=np.int32)
    square = outline_labels(Grid(0.0, 0.0, 1.0, 4, 4), labels, np.array([0]))[0]
    assert square.area == 16.0 - 4 * 0.125
