"""Trees do not depend on where the borders of tiles lie, nor on the order of points."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from sample_data.scoring.plain_filter import normalize_by_truth
from survey.airborne.plot import enclose, to_points
from survey.airborne.tile import (
    Box,
    CloudFacts,
    TileSettings,
    TileTrees,
    choose_settings,
    find_tile_trees,
    is_in_core,
)
from survey.cloud import Points
from survey.errors import NoGround, TooFewPoints
from survey.files.crs import resolve_crs
from survey.files.las import read_las
from survey.ground.buckets import pick_points
from survey.parameters import PlotParameters
from tests.survey.scenes import make_points, scan_hectare, take_points

FACTS = CloudFacts(is_normalized=False, density=18.0, first_density=10.0)
Row = tuple[Any, ...]


def list_trees(points: Points, found: TileTrees) -> set[Row]:
    """Return every figure of every tree, apexes by their coordinates."""
    apex = zip(points.x_m[found.apex], points.y_m[found.apex], points.z_m[found.apex], strict=True)
    figures = (found.ground_m, found.height_m, found.crown_diameter_m, found.confidence, found.is_hidden)
    shown = (np.nan_to_num(one, nan=-1.0).tolist() for one in figures)
    outlines = [None if one is None else shapely.to_wkb(one) for one in found.outlines]
    return {(*place, *row) for place, *row in zip(apex, *shown, outlines, strict=True)}


def cut(points: Points, settings: TileSettings, side_m: float) -> Iterator[tuple[Box, NDArray[np.int64]]]:
    """Return cores and the points that their tiles need, in an order of chance."""
    rng = np.random.default_rng(7)
    all_over, reach = enclose(points), settings.reach_m
    for west in np.arange(np.floor(all_over.west_m / side_m) * side_m, all_over.east_m, side_m):
        for south in np.arange(np.floor(all_over.south_m / side_m) * side_m, all_over.north_m, side_m):
            core = Box(west, south, west + side_m, south + side_m)
            wide = Box(west - reach, south - reach, core.east_m + reach, core.north_m + reach)
            yield core, rng.permutation(np.flatnonzero(is_in_core(points.x_m, points.y_m, wide)))


def is_in(tree: Row, core: Box) -> bool:
    return bool(core.west_m <= tree[0] < core.east_m and core.south_m <= tree[1] < core.north_m)


def check_tiles(points: Points, settings: TileSettings, side_m: float, most_tiles: int = 1_000) -> None:
    """Compare tiles with the whole: trees with all their figures, owners of points, rasters."""
    whole = find_tile_trees(points, settings, enclose(points))
    every = list_trees(points, whole)
    tiles = list(cut(points, settings, side_m))
    seen: set[Row] = set()
    for core, at in tiles[:: max(1, len(tiles) // most_tiles)]:
        tile = pick_points(points, at)
        found = find_tile_trees(tile, settings, core)
        mine = list_trees(tile, found)
        assert mine == {tree for tree in every if is_in(tree, core)}
        inside = is_in_core(tile.x_m, tile.y_m, core)
        assert np.array_equal(np.where(found.owner >= 0, at[found.owner], -1)[inside], whole.owner[at[inside]])
        assert (found.owner[~inside] == -1).all()
        assert np.array_equal(found.is_ground[inside], whole.is_ground[at[inside]])
        seen |= mine
    if len(tiles) <= most_tiles:
        assert seen == every


@pytest.mark.parametrize("side_m", [50.0, 100.0])
def test_tiles_of_any_side_hold_the_same_trees_as_the_whole(side_m: float) -> None:
    _, cloud = scan_hectare(1000)
    # With a shorter reach the tiles of a hectare do not all hold all of it.
    settings = choose_settings(PlotParameters(is_normalized=True), FACTS)
    stand, _ = scan_hectare(1000)
    heights = normalize_by_truth(cloud, stand.terrain)
    points = make_points(heights[:, 0].copy(), heights[:, 1].copy(), heights[:, 2].copy())
    assert settings.reach_m < 75.0
    check_tiles(points, settings, side_m)


def test_the_order_of_points_changes_nothing() -> None:
    _, cloud = scan_hectare(1002)
    points = take_points(cloud)
    settings = choose_settings(PlotParameters(), FACTS)
    core = enclose(points)
    shuffled = pick_points(points, np.random.default_rng(1).permutation(len(points)))
    one, other = find_tile_trees(points, settings, core), find_tile_trees(shuffled, settings, core)
    assert list_trees(points, one) == list_trees(shuffled, other)
    assert np.array_equal(one.terrain[1], other.terrain[1], equal_nan=True)
    assert np.array_equal(one.canopy[1], other.canopy[1], equal_nan=True)


def test_a_cloud_moved_by_whole_cells_has_the_same_trees() -> None:
    _, cloud = scan_hectare(1002)
    # Millimetre units of a power of two, so that moving them rounds nothing.
    x, y, z = (np.round(axis * 1024.0) / 1024.0 for axis in (cloud.x_m, cloud.y_m, cloud.z_m))
    settings = choose_settings(PlotParameters(), FACTS)
    here, there = make_points(x, y, z), make_points(x - 383_000.0, y - 5_428_000.0, z)
    one, other = (find_tile_trees(points, settings, enclose(points)) for points in (here, there))
    assert np.array_equal(one.apex, other.apex)
    assert np.allclose(one.height_m, other.height_m, rtol=0.0, atol=1e-9)


def test_points_of_a_tree_lie_under_its_crown_and_not_above_its_apex() -> None:
    stand, cloud = scan_hectare(1000)
    points = take_points(cloud)
    found = find_tile_trees(points, choose_settings(PlotParameters(), FACTS), enclose(points))
    owned = np.flatnonzero(found.owner >= 0)
    apart = np.hypot(
        *(points.x_m[owned] - points.x_m[found.owner[owned]], points.y_m[owned] - points.y_m[found.owner[owned]])
    )
    assert set(np.unique(found.owner[owned])) == set(found.apex)
    assert np.array_equal(found.owner[found.apex], found.apex)
    assert apart.max() < 24.0
    # Nothing of the bare ground is a tree's.
    bare = np.abs(normalize_by_truth(cloud, stand.terrain)[:, 2]) < 0.2
    assert (found.owner[bare] >= 0).mean() < 0.01


def test_rasters_hold_the_cells_of_the_core() -> None:
    _, cloud = scan_hectare(1000)
    points = take_points(cloud)
    core = Box(383_030.0, 5_428_020.0, 383_070.0, 5_428_050.0)
    found = find_tile_trees(points, choose_settings(PlotParameters(), FACTS), core)
    terrain, canopy = found.terrain[0], found.canopy[0]
    assert (terrain.west_m, terrain.south_m, terrain.rows, terrain.columns) == (383_030.0, 5_428_020.0, 30, 40)
    assert (canopy.west_m, canopy.south_m, canopy.rows, canopy.columns) == (383_030.0, 5_428_020.0, 60, 80)
    assert found.terrain[1].shape == terrain.shape
    assert found.canopy[1].shape == canopy.shape
    assert np.isfinite(found.terrain[1]).all()


def test_a_tile_without_points_or_ground_is_refused_by_name() -> None:
    rng = np.random.default_rng(1)
    settings = choose_settings(PlotParameters(), FACTS)
    few = make_points(*rng.random((3, 50)))
    with pytest.raises(TooFewPoints):
        find_tile_trees(few, settings, enclose(few))
    along = np.linspace(0.0, 30.0, 400)
    line = make_points(along, along, np.zeros(400))
    with pytest.raises(NoGround):
        find_tile_trees(line, settings, enclose(line))


def test_the_reach_grows_with_the_steps_that_are_taken() -> None:
    chosen = [PlotParameters(is_normalized=True), PlotParameters(use_vendor_ground=True), PlotParameters()]
    normalized, given, own = (choose_settings(one, FACTS).reach_m for one in chosen)
    assert normalized < given < own < 200.0


def read_tiles(folder: Path) -> Points:
    parts = []
    for path in sorted(folder.glob("bcts_*.laz")):
        file = read_las(path)
        parts.append(to_points(file.cloud, resolve_crs(file.header, None)))
    columns = [np.concatenate([getattr(one, name) for one in parts]) for name in Points.__slots__]
    joined = Points(*columns)
    return replace(joined, source=np.arange(len(joined)))


@pytest.mark.slow
@pytest.mark.parametrize("side_m", [50.0, 100.0, 250.0])
@pytest.mark.parametrize("use_vendor_ground", [True, False])
def test_real_tiles_of_any_side_hold_the_same_trees(
    shared_data: Path, side_m: float, *, use_vendor_ground: bool
) -> None:
    points = read_tiles(shared_data / "als" / "bcts")
    facts = CloudFacts(is_normalized=False, density=14.0, first_density=9.8)
    check_tiles(points, choose_settings(PlotParameters(use_vendor_ground=use_vendor_ground), facts), side_m, 6)
