"""Tops, crowns and hidden trees in scenes of known shape, and prominence against a second implementation."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from survey.airborne.canopy import rasterize_canopy
from survey.airborne.crowns import crown_metrics, equal_area_diameter
from survey.airborne.locate import Chazal2013, locate_trees
from survey.airborne.outlines import outline_labels
from survey.airborne.segment import segment_trees
from survey.airborne.understory import Understory, locate_hidden_trees
from survey.cloud import Floats, Points
from survey.errors import TooFewPoints
from tests.survey.scenes import make_canopy, make_points

EVERY_PEAK = Chazal2013(
    min_height_m=1.0, prominence_m=0.0, window_share=0.0, saddle_reach_m=50.0, clear_share=2.0, climb_m=50.0
)


def make_cones(*cones: tuple[float, float, float], rows: int = 60, columns: int = 80) -> Floats:
    """Return the upper surface of cones (row, column, height) that fall 1 m a cell."""
    row, column = np.mgrid[:rows, :columns]
    surface = np.zeros((rows, columns))
    for at_row, at_column, height in cones:
        surface = np.maximum(surface, height - np.hypot(row - at_row, column - at_column))
    return surface


def prominence_by_flooding(surface: Floats, cell: int) -> float:
    """Return a peak's prominence by its definition: the highest water at which it is cut off from all higher cells."""
    height = surface.ravel()[cell]
    if height == surface.max():
        # Cut off at any water: it is as prominent as what is seen of it is deep.
        return float(height - surface.min())
    for level in np.unique(surface)[::-1]:
        islands, _ = ndimage.label(surface >= level, structure=np.ones((3, 3)))
        own = islands.ravel()[cell]
        if own and surface[islands == own].max() > height:
            return float(height - level)
    raise AssertionError("all cells join at the lowest level")


def test_each_cone_is_one_tree_at_its_apex() -> None:
    tops = locate_trees(make_canopy(make_cones((20, 20, 18.0), (40, 60, 12.0))))
    assert tops.cell.tolist() == [20 * 80 + 20, 40 * 80 + 60]
    assert tops.height_m.tolist() == [18.0, 12.0]


def test_a_bump_on_a_crown_is_no_tree() -> None:
    surface = make_cones((20, 20, 18.0))
    surface[20, 24] += 1.1  # 15.1 m, 0.1 m above the slope around it
    assert locate_trees(make_canopy(surface)).cell.size == 1
    assert locate_trees(make_canopy(surface), EVERY_PEAK).cell.size == 2


@given(arrays(np.float64, (7, 9), elements=st.floats(1.0, 30.0, width=16), unique=True))
def test_prominence_is_that_of_its_definition(surface: Floats) -> None:
    tops = locate_trees(make_canopy(surface), EVERY_PEAK)
    highest = ndimage.maximum_filter(surface, size=3, mode="nearest") == surface
    assert sorted(tops.cell.tolist()) == np.flatnonzero(highest).tolist()
    for cell, prominence in zip(tops.cell.tolist(), tops.prominence_m.tolist(), strict=True):
        assert prominence == pytest.approx(prominence_by_flooding(surface, cell), abs=1e-12)


@given(arrays(np.float64, (12, 12), elements=st.floats(0.0, 30.0, width=16)))
def test_every_crown_is_one_piece_that_holds_its_top(surface: Floats) -> None:
    canopy = make_canopy(surface)
    tops = locate_trees(canopy)
    labels = segment_trees(canopy, tops)
    assert labels.ravel()[tops.cell].tolist() == list(range(tops.cell.size))
    for tree in range(tops.cell.size):
        assert ndimage.label(labels == tree)[1] == 1


def test_crowns_meet_half_way_between_equal_cones() -> None:
    canopy = make_canopy(make_cones((30, 20, 16.0), (30, 40, 16.0)))
    labels = segment_trees(canopy, locate_trees(canopy))
    assert (labels[:, :20] != 1).all()
    assert (labels[:, 41:] != 0).all()
    assert (labels == 0).sum() == pytest.approx((labels == 1).sum(), rel=0.15)


def test_outlines_are_valid_and_do_not_overlap_and_areas_are_those_of_cells() -> None:
    canopy = make_canopy(make_cones((20, 20, 16.0), (24, 32, 14.0), (40, 25, 15.0)))
    labels = segment_trees(canopy, locate_trees(canopy))
    row, column = np.mgrid[:60, :80]
    points = make_points((column.ravel() + 0.5) * 0.5, (row.ravel() + 0.5) * 0.5, canopy.height_m.ravel())
    crowns = crown_metrics(points, points.z_m, canopy, labels, min_height_m=3.0)
    outlines = outline_labels(canopy.grid, labels, crowns.top)
    assert crowns.apex.size == 3
    assert shapely.is_valid(outlines).all()
    assert crowns.area_m2.tolist() == [(labels == tree).sum() * 0.25 for tree in range(3)]
    for one in range(3):
        for two in range(one):
            assert outlines[one].intersection(outlines[two]).area == pytest.approx(0.0, abs=1e-9)


def test_the_diameter_of_equal_area_of_a_disc_is_its_own() -> None:
    assert equal_area_diameter(np.array([np.pi * 9.0]))[0] == pytest.approx(6.0)


def make_two_layers(lower_m: float) -> tuple[Floats, Floats, Floats]:
    """Return a wide flat crown at 20 m and a small cone of points below it whose tip has a given height."""
    rng = np.random.default_rng(3)
    x, y = rng.uniform(0.0, 12.0, (2, 6_000))
    distance = np.hypot(x - 6.0, y - 6.0)
    below = (distance < 1.5) & (np.arange(6_000) % 2 == 0)
    z = np.where(below, lower_m - 2.0 * distance, 20.0 - 0.2 * distance)
    return x, y, z


def look_below(points: Points, top_m: float) -> Understory:
    """Return what hidden trees are looked for with when the canopy's only top stands at (`top_m`, `top_m`)."""
    canopy = rasterize_canopy(points, points.z_m, cell_m=0.5)
    return Understory(canopy, np.array([[top_m, top_m]]), len(points) / 144.0, 3.0)


@pytest.mark.parametrize(("lower_m", "found"), [(12.0, 1), (19.0, 0)])
def test_a_tree_below_the_canopy_is_found_where_a_gap_parts_them(lower_m: float, found: int) -> None:
    points = make_points(*make_two_layers(lower_m))
    hidden = locate_hidden_trees(points, points.z_m, look_below(points, 2.0))
    assert hidden.point.size == found
    if found:
        assert np.hypot(points.x_m[hidden.point[0]] - 6.0, points.y_m[hidden.point[0]] - 6.0) < 0.3
        assert points.z_m[hidden.point[0]] == pytest.approx(lower_m, abs=0.5)


def test_points_below_a_top_are_its_stem_and_no_tree() -> None:
    points = make_points(*make_two_layers(12.0))
    hidden = locate_hidden_trees(points, points.z_m, look_below(points, 6.0))
    apart = np.hypot(points.x_m[hidden.point] - 6.0, points.y_m[hidden.point] - 6.0)
    assert (apart >= 0.7).all()


def test_a_handful_of_points_shows_no_canopy() -> None:
    few = make_points(np.arange(5.0), np.arange(5.0), np.arange(5.0))
    with pytest.raises(TooFewPoints):
        rasterize_canopy(few, few.z_m, cell_m=1.0)
