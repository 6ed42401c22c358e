"""Storms follow the law of Canham et al. (2001) and the wind."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sample_data.errors import InvalidParameter
from sample_data.forest.stand import Stand, grow_stand
from sample_data.forest.storm import StormParameters, choose_damaged, damage, damage_chance
from sample_data.forest.tree_table import TreeTable, tabulate_trees
from tests.sample_data.trees import spruce


@pytest.fixture(scope="module")
def stand() -> Stand:
    return grow_stand(3700)


@pytest.fixture(scope="module")
def trees(stand: Stand) -> TreeTable:
    return tabulate_trees(stand.trees)


def test_log_odds_rise_linearly_with_severity_and_more_for_thick_trees() -> None:
    trees = tabulate_trees([spruce(dbh_cm=10.0), spruce(dbh_cm=40.0)])
    odds = [np.log(chance / (1 - chance)) for s in (0.2, 0.4, 0.6) for chance in [damage_chance(trees, np.full(2, s))]]
    assert odds[2] - odds[1] == pytest.approx(odds[1] - odds[0])
    thin, thick = odds[1] - odds[0]
    assert thick / thin == pytest.approx(4.0**0.31)


def test_severe_swath_takes_what_its_docstring_says() -> None:
    trees = tabulate_trees([spruce(dbh_cm=40.0), spruce(dbh_cm=10.0)])
    assert damage_chance(trees, np.ones(2)) == pytest.approx([0.8, 0.3], abs=0.05)


def test_broad_leaved_trees_stand_firmer() -> None:
    trees = tabulate_trees([spruce(), replace(spruce(), species="Fagus sylvatica")])
    conifer, broad = damage_chance(trees, np.full(2, 0.9))
    assert broad < 0.7 * conifer


@pytest.mark.parametrize("calm", [StormParameters(severity=0.0), StormParameters(swaths=0)])
def test_calm_harms_nobody(stand: Stand, trees: TreeTable, calm: StormParameters) -> None:
    assert not choose_damaged(np.random.default_rng(1), trees, stand.bounds, calm)[0].any()


def test_damage_lies_in_a_swath_along_the_wind(stand: Stand, trees: TreeTable) -> None:
    across_share, along_share = [], []
    for seed in range(20):
        damaged, towards = choose_damaged(
            np.random.default_rng(seed), trees, stand.bounds, StormParameters(half_width_m=6.0)
        )
        across = trees.y_m * math.cos(towards) - trees.x_m * math.sin(towards)
        along = trees.x_m * math.cos(towards) + trees.y_m * math.sin(towards)
        # Middle halves: a few trees fall outside the swath.
        across_share.append(_middle_half(across[damaged]) / _middle_half(across))
        along_share.append(_middle_half(along[damaged]) / _middle_half(along))
    assert np.median(across_share) < 0.4
    assert np.median(along_share) > 0.7


def _middle_half(values: NDArray[np.float64]) -> float:
    low, high = np.quantile(values, [0.25, 0.75])
    return float(high - low)


def test_four_in_five_damaged_trees_are_uprooted_and_lie_along_the_wind() -> None:
    rng = np.random.default_rng(4)
    hurt = [damage(rng, spruce(), math.pi / 3) for _ in range(1_000)]
    # Roberts et al. (2007); the binomial's standard deviation is 1.3 %.
    kinds = Counter("leaning" if tree.status == "alive" else tree.status for tree in hurt)
    assert kinds["fallen"] / 1_000 == pytest.approx(0.80, abs=0.04)
    assert set(kinds) == {"fallen", "standing-dead", "leaning"}
    ways = np.array([math.atan2(tree.apex_y_m, tree.apex_x_m) for tree in hurt if tree.status == "fallen"])
    assert np.mean(ways) == pytest.approx(math.pi / 3, abs=0.05)
    assert np.std(ways) == pytest.approx(math.radians(20.0), rel=0.1)


@pytest.mark.parametrize("storm", [StormParameters(severity=2.0), StormParameters(half_width_m=0.0)])
def test_impossible_storm_is_refused(stand: Stand, trees: TreeTable, storm: StormParameters) -> None:
    with pytest.raises(InvalidParameter):
        choose_damaged(np.random.default_rng(1), trees, stand.bounds, storm)
