"""Tiles hold each block once, and are as large as a worker can hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.catalogue.plan import SIDES_M, BlockCounts, choose_side, list_tiles
from survey.catalogue.spool import BLOCK_M, find_blocks
from survey.catalogue.window import block_span


def make_blocks(places: list[tuple[int, int]], count: int = 1_000) -> BlockCounts:
    """Return blocks with equal counts."""
    found = np.array(sorted(set(places)), dtype=np.int64)
    counts = np.full(len(found), count)
    return BlockCounts(found[:, 1], found[:, 0], counts, counts, counts)


def make_square(side: int, count: int) -> BlockCounts:
    """Return a square of `side` by `side` blocks around the origin."""
    return make_blocks([(row, column) for row in range(-3, side - 3) for column in range(-3, side - 3)], count)


def count_held(blocks: BlockCounts, side_m: float, reach_m: float) -> list[int]:
    """Return the points of each tile with what lies around it, block by block; reach is whole blocks."""
    many, around = int(side_m / BLOCK_M), int(reach_m / BLOCK_M)
    held = []
    for tile in list_tiles(blocks, side_m):
        columns = (blocks.column >= tile.column * many - around) & (blocks.column < (tile.column + 1) * many + around)
        rows = (blocks.row >= tile.row * many - around) & (blocks.row < (tile.row + 1) * many + around)
        held.append(int(blocks.count[columns & rows].sum()))
    return held


places = st.lists(st.tuples(st.integers(-60, 60), st.integers(-60, 60)), min_size=1, max_size=40)


@given(places, st.sampled_from(SIDES_M))
def test_each_block_is_in_the_core_of_one_tile(where: list[tuple[int, int]], side_m: int) -> None:
    blocks = make_blocks(where)
    tiles = list_tiles(blocks, float(side_m))
    for column, row in zip(blocks.column.tolist(), blocks.row.tolist(), strict=True):
        middle = (column + 0.5) * BLOCK_M, (row + 0.5) * BLOCK_M
        own = [
            tile
            for tile in tiles
            if tile.core.west_m <= middle[0] < tile.core.east_m and tile.core.south_m <= middle[1] < tile.core.north_m
        ]
        assert len(own) == 1


@given(places, st.sampled_from([25, 50, 100, 250]), st.sampled_from([0.0, 25.0, 75.0]), st.integers(2_000, 200_000))
def test_the_chosen_tiles_fit_and_no_other_that_fits_is_less_work(
    where: list[tuple[int, int]], other: int, reach_m: float, most: int
) -> None:
    blocks = make_blocks(where)
    held = count_held(blocks, choose_side(blocks, reach_m, most), reach_m)
    others = count_held(blocks, float(other), reach_m)
    if max(others) <= most:
        assert max(held) <= most
        assert sum(held) + 30_000 * len(held) <= sum(others) + 30_000 * len(others)


def test_dense_clouds_get_small_tiles_and_the_densest_the_smallest() -> None:
    sides = [choose_side(make_square(40, count), 45.0) for count in (100, 2_000, 10_000, 10_000_000)]
    assert sides == sorted(sides, reverse=True)
    assert sides[0] > sides[2]
    assert sides[3] == SIDES_M[0]


def test_files_far_apart_are_not_counted_over_the_land_between() -> None:
    assert choose_side(make_blocks([(0, 0), (10_000_000, 10_000_000)]), 45.0) == 250.0


@given(st.lists(st.floats(-1e7, 1e7), min_size=1, max_size=30))
def test_a_coordinate_lies_between_the_edges_of_its_block(where: list[float]) -> None:
    found = find_blocks(np.array(where))
    assert ((found * BLOCK_M <= where) & (where < (found + 1) * BLOCK_M)).all()


@pytest.mark.parametrize("reach_m", [0.0, 10.0, 25.0, 80.0])
def test_the_span_of_a_tile_covers_its_reach(reach_m: float) -> None:
    (tile,) = list_tiles(make_blocks([(3, -5)]), 100.0)
    west, east, south, north = block_span(tile, reach_m)
    assert west * BLOCK_M <= tile.core.west_m - reach_m
    assert (east + 1) * BLOCK_M > tile.core.east_m + reach_m
    assert south * BLOCK_M <= tile.core.south_m - reach_m
    assert (north + 1) * BLOCK_M > tile.core.north_m + reach_m
