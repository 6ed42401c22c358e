"""A grown stand keeps the promises that its truth makes."""

import itertools

import numpy as np
import pytest

from sample_data.errors import InvalidParameter
from sample_data.species import SPECIES
from sample_data.stand import Stand, StandParameters, grow_stand
from sample_data.terrain import TerrainParameters, elevation_m


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


def test_all_species_grow(stands: tuple[Stand, ...]) -> None:
    assert {tree.species for stand in stands for tree in stand.trees} == {species.name for species in SPECIES}


@pytest.mark.parametrize(
    ("seed", "parameters"),
    [
        (-1, StandParameters()),
        (1, StandParameters(side_m=5.0)),
        (1, StandParameters(side_m=float("nan"))),
        (1, StandParameters(side_m=10_000.0)),
        (1, StandParameters(terrain=TerrainParameters(max_slope=2.0))),
    ],
)
def test_impossible_stand_is_refused(seed: int, parameters: StandParameters) -> None:
    with pytest.raises(InvalidParameter):
        grow_stand(seed, parameters=parameters)
