"""A grown stand keeps the promises that its truth makes."""

import itertools
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from domain.quantities import Status
from domain.schema import OneOf
from sample_data.errors import InvalidParameter
from sample_data.forest.planting import Rows
from sample_data.forest.species import MOUNTAIN_SPECIES
from sample_data.forest.stand import LayerParameters, Stand, StandParameters, grow_stand
from sample_data.forest.terrain import TerrainParameters, elevation_m
from sample_data.forest.tree import TreeStatus

PLANTED = LayerParameters(9.0, 9.0, 2.0, 1.0, 0.0, (1.0,), ("Picea abies",), Rows(3.0, 2.0))


@pytest.fixture(scope="module")
def stands() -> tuple[Stand, ...]:
    return tuple(grow_stand(seed) for seed in range(3100, 3108))


def test_same_seed_grows_the_same_stand() -> None:
    parameters = StandParameters(side_m=40.0)
    assert grow_stand(5, parameters=parameters) == grow_stand(5, parameters=parameters)


def test_other_seed_grows_another_stand() -> None:
    assert grow_stand(5).trees[0] != grow_stand(6).trees[0]


def test_feet_stand_on_the_terrain(stands: tuple[Stand, ...]) -> None:
    for stand in stands:
        x, y = np.array([tree.x_m for tree in stand.trees]), np.array([tree.y_m for tree in stand.trees])
        assert elevation_m(stand.terrain, x, y) == pytest.approx([tree.ground_m for tree in stand.trees], abs=1e-9)


def test_feet_lie_within_the_bounds(stands: tuple[Stand, ...]) -> None:
    for stand in stands:
        west, south, east, north = stand.bounds
        assert all(west <= tree.x_m <= east and south <= tree.y_m <= north for tree in stand.trees)


def test_no_two_stems_share_a_place(stands: tuple[Stand, ...]) -> None:
    for stand in stands:
        feet = np.array([(tree.x_m, tree.y_m) for tree in stand.trees])
        apart = np.hypot(*(feet[:, None, :] - feet[None, :, :]).transpose(2, 0, 1))
        np.fill_diagonal(apart, np.inf)
        assert apart.min() > 0.25


def test_trees_have_possible_sizes(stands: tuple[Stand, ...]) -> None:
    for tree in (tree for stand in stands for tree in stand.trees):
        assert 1.3 < tree.height_m < 50.0
        assert 0.0 < tree.crown_base_m < tree.height_m
        assert 1.0 < tree.dbh_cm < 110.0
        assert 0.1 < tree.crown_diameter_m < 16.0
        assert np.hypot(tree.apex_x_m - tree.x_m, tree.apex_y_m - tree.y_m) < 0.5 * tree.crown_diameter_m + 2.0


def test_stem_number_lies_in_the_range_of_alpine_benchmark_plots(stands: tuple[Stand, ...]) -> None:
    # Eysn et al. 2015 (doi 10.3390/f6051721): plots of a few hundred to about 1,100 stems a hectare.
    for stand in stands:
        assert 250 <= sum(tree.dbh_cm >= 7.0 for tree in stand.trees) <= 1_100


def test_storeys_are_layered_and_overlap_in_height(stands: tuple[Stand, ...]) -> None:
    by_layer = [[tree.height_m for stand in stands for tree in stand.trees if tree.layer == n] for n in range(4)]
    means = [float(np.mean(heights)) for heights in by_layer]
    assert means == sorted(means, reverse=True)
    assert all(max(lower) > min(upper) for upper, lower in itertools.pairwise(by_layer))


def test_crowns_overlap(stands: tuple[Stand, ...]) -> None:
    for stand in stands:
        tall = [tree for tree in stand.trees if tree.layer == 0]
        apex = np.array([(tree.apex_x_m, tree.apex_y_m) for tree in tall])
        radius = np.array([tree.crown_diameter_m / 2 for tree in tall])
        apart = np.hypot(*(apex[:, None, :] - apex[None, :, :]).transpose(2, 0, 1))
        touching = apart < radius[:, None] + radius[None, :]
        assert (touching.sum(axis=1) > 1).mean() > 0.3


def test_all_species_of_the_mixture_grow(stands: tuple[Stand, ...]) -> None:
    assert {tree.species for stand in stands for tree in stand.trees} == {one.name for one in MOUNTAIN_SPECIES}


@pytest.mark.parametrize(("seed", "trees", "dbh_cm"), [(1, 651, 13_643.468_320_75), (1000, 744, 15_907.628_429_2)])
def test_default_stands_stay_those_on_which_figures_were_measured(seed: int, trees: int, dbh_cm: float) -> None:
    stand = grow_stand(seed)
    assert len(stand.trees) == trees
    assert sum(tree.dbh_cm for tree in stand.trees) == pytest.approx(dbh_cm)


def test_trees_are_numbered_upright_and_alive_unless_asked_otherwise(stands: tuple[Stand, ...]) -> None:
    for stand in stands:
        assert [tree.number for tree in stand.trees] == list(range(len(stand.trees)))
        assert {(tree.status, tree.lean_deg) for tree in stand.trees} == {("alive", 0.0)}


def test_status_is_told_in_the_words_of_records() -> None:
    words = next(one.words for one in get_args(Status) if isinstance(one, OneOf))
    assert set(get_args(TreeStatus)) <= set(words)


def test_dead_and_leaning_trees_are_the_shares_asked_for() -> None:
    trees = grow_stand(3, parameters=StandParameters(dead_share=0.2, leaning_share=0.1)).trees
    # Binomial of about 540 trees: standard deviations of 1.7 and 1.3 %.
    assert np.mean([tree.status == "standing-dead" for tree in trees]) == pytest.approx(0.2, abs=0.06)
    assert np.mean([tree.lean_deg >= 5.0 for tree in trees]) == pytest.approx(0.1, abs=0.045)


def test_planted_stems_stand_in_rows() -> None:
    layer = LayerParameters(5_000.0, 20.0, 4.0, 1.0, 0.0, (1.0,), ("Picea abies",), Rows(3.0, 2.0, jitter_m=0.0))
    stand = grow_stand(4, parameters=StandParameters(side_m=60.0, layers=(layer,), gaps_per_ha=0.0))
    feet = np.array([(tree.x_m, tree.y_m) for tree in stand.trees])
    apart = np.hypot(*(feet[:, None, :] - feet[None, :, :]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    # But for corners cut off from their row.
    assert np.mean(np.abs(apart.min(axis=1) - 2.0) < 1e-6) > 0.98
    assert apart.min() > 2.0 - 1e-6
    assert len(feet) / 60.0**2 == pytest.approx(1.0 / 6.0, rel=0.05)


@pytest.mark.parametrize(
    ("seed", "parameters"),
    [
        (-1, StandParameters()),
        (1, StandParameters(side_m=5.0)),
        (1, StandParameters(side_m=float("nan"))),
        (1, StandParameters(side_m=10_000.0)),
        (1, StandParameters(terrain=TerrainParameters(max_slope=2.0))),
        (1, StandParameters(terrain=TerrainParameters(least_share=1.1))),
        (1, StandParameters(dead_share=-0.1)),
        (1, StandParameters(leaning_share=2.0)),
        (1, StandParameters(layers=(LayerParameters(9.0, 9.0, 2.0, 1.0, 0.0, (1.0,), ("Arbor arbor",)),))),
        (1, StandParameters(layers=(LayerParameters(9.0, 9.0, 2.0, 1.0, 0.0, (1.0,)),))),
        (1, StandParameters(layers=(replace(PLANTED, rows=Rows(0.1, 2.0)),))),
    ],
)
def test_impossible_stand_is_refused(seed: int, parameters: StandParameters) -> None:
    with pytest.raises(InvalidParameter):
        grow_stand(seed, parameters=parameters)


def test_fallen_trees_and_vigour_change_nothing_else_of_a_stand() -> None:
    plain = StandParameters(side_m=60.0, dead_share=0.1, leaning_share=0.1)
    before = grow_stand(3, parameters=plain).trees
    thrown = grow_stand(3, parameters=replace(plain, fallen_share=0.2)).trees
    assert {tree.status for tree in thrown} == {"alive", "standing-dead", "fallen"}
    assert all(after == tree for tree, after in zip(before, thrown, strict=True) if after.status != "fallen")
    varied = grow_stand(3, parameters=replace(plain, vigour_scatter=0.2)).trees
    assert [replace(tree, vigour=1.0) for tree in varied] == list(before)
    spread = np.log([tree.vigour for tree in varied])
    assert spread.std() == pytest.approx(0.2, rel=0.25)


@pytest.mark.parametrize("name", ["fallen_share", "vigour_scatter"])
@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_shares_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(InvalidParameter, match=name):
        grow_stand(1, parameters=replace(StandParameters(side_m=20.0), **{name: value}))  # type: ignore[arg-type]
