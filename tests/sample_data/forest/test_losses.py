"""Trees are felled as asked and die at published rates."""

import numpy as np
import pytest

from sample_data.errors import InvalidParameter
from sample_data.forest.competition import crowd
from sample_data.forest.losses import FellingParameters, MortalityParameters, choose_dead, choose_felled
from sample_data.forest.stand import Stand, grow_stand
from sample_data.forest.tree_table import TreeTable, tabulate_trees


@pytest.fixture(scope="module")
def stand() -> Stand:
    return grow_stand(3600)


@pytest.fixture(scope="module")
def trees(stand: Stand) -> TreeTable:
    return tabulate_trees(stand.trees)


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_nothing_is_felled_unless_asked(stand: Stand, trees: TreeTable) -> None:
    assert not choose_felled(rng(), trees, stand.bounds, FellingParameters()).any()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 1.0])
def test_thinning_takes_the_share_of_thick_stems_asked_for(stand: Stand, trees: TreeTable, share: float) -> None:
    felled = choose_felled(rng(), trees, stand.bounds, FellingParameters("above", share))
    assert felled.sum() == round(share * (trees.dbh_cm >= 7.0).sum())
    assert (trees.dbh_cm[felled] >= 7.0).all()


def test_thinning_from_below_takes_the_low_and_from_above_the_tall(stand: Stand, trees: TreeTable) -> None:
    thick = trees.height_m[trees.dbh_cm >= 7.0].mean()
    below = choose_felled(rng(), trees, stand.bounds, FellingParameters("below", 0.2))
    above = choose_felled(rng(), trees, stand.bounds, FellingParameters("above", 0.2))
    assert trees.height_m[below].mean() < thick - 2.0
    assert trees.height_m[above].mean() > thick + 2.0


def test_clear_cut_leaves_no_tree_in_one_square_of_the_size_asked_for(stand: Stand, trees: TreeTable) -> None:
    felled = choose_felled(rng(), trees, stand.bounds, FellingParameters(clear_cut_share=0.25))
    x, y = trees.x_m[felled], trees.y_m[felled]
    inside = (trees.x_m >= x.min()) & (trees.x_m <= x.max()) & (trees.y_m >= y.min()) & (trees.y_m <= y.max())
    assert np.array_equal(felled, inside)
    assert 45.0 < np.ptp(x) <= 50.0
    assert 45.0 < np.ptp(y) <= 50.0


def test_mortality_lies_between_published_rates() -> None:
    # 0.4 % a year in European inventories (Schelhaas et al. 2018), 1.5 % in Swiss stands over a century (Etzold et al.
    # 2019).
    rates = []
    for seed in range(3600, 3606):
        trees = tabulate_trees(grow_stand(seed).trees)
        pressure = crowd(trees.x_m, trees.y_m, trees.height_m).pressure
        dies, _ = choose_dead(rng(seed), trees, pressure, years=1.0, parameters=MortalityParameters())
        rates.append(dies[trees.dbh_cm >= 7.0].mean())
    assert 0.004 <= np.mean(rates) <= 0.02


def test_crowded_trees_die_more_often_than_free_ones(trees: TreeTable) -> None:
    free, crowded = np.zeros(len(trees)), np.full(len(trees), 4.0)
    parameters = MortalityParameters()
    alone, pressed = (
        choose_dead(rng(), trees, pressure, years=10.0, parameters=parameters)[0].mean() for pressure in (free, crowded)
    )
    # 1 - exp(-0.035) and 1 - exp(-0.035 e^2.4); standard deviations below 2 %.
    assert alone == pytest.approx(0.034, abs=0.03)
    assert pressed == pytest.approx(0.320, abs=0.06)


def test_no_time_kills_nobody(trees: TreeTable) -> None:
    dies, falls = choose_dead(rng(), trees, np.full(len(trees), 4.0), years=0.0, parameters=MortalityParameters())
    assert not dies.any()
    assert not falls.any()


def test_living_trees_fall_only_when_they_die(trees: TreeTable) -> None:
    dies, falls = choose_dead(rng(), trees, np.full(len(trees), 4.0), years=10.0, parameters=MortalityParameters())
    assert (dies | ~falls).all()
    assert 0 < falls.sum() < dies.sum()


@pytest.mark.parametrize("felling", [FellingParameters("above", -0.1), FellingParameters(clear_cut_share=1.5)])
def test_impossible_felling_is_refused(stand: Stand, trees: TreeTable, felling: FellingParameters) -> None:
    with pytest.raises(InvalidParameter):
        choose_felled(rng(), trees, stand.bounds, felling)
