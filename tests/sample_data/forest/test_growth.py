"""Trees grow by the laws of their curves, and the crowded less."""

import numpy as np
import pytest

from sample_data.forest.growth import GrowthParameters, grow_trees, increment_mm, recruit
from sample_data.forest.species import height_of_diameter, species_named
from sample_data.forest.stand import Stand, StandParameters, grow_stand
from sample_data.forest.tree_table import tabulate_trees
from tests.sample_data.trees import flat_stand, spruce

STEADY = GrowthParameters(scatter=0.0, rise_per_year=0.0)


@pytest.fixture(scope="module")
def stand() -> Stand:
    return grow_stand(3800)


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_no_time_grows_nothing(stand: Stand) -> None:
    grown = grow_trees(rng(), stand.trees, stand.trees, years=0.0, parameters=GrowthParameters())
    for before, after in zip(stand.trees, grown, strict=True):
        assert after.dbh_cm == before.dbh_cm
        assert after.height_m == pytest.approx(before.height_m)
        assert after.crown_diameter_m == pytest.approx(before.crown_diameter_m)


def test_free_tree_of_the_best_size_grows_by_its_species_peak() -> None:
    best = tabulate_trees([spruce(dbh_cm=35.0)])
    assert increment_mm(best, np.zeros(1), STEADY)[0] == pytest.approx(species_named("Picea abies").peak_increment_mm)


def test_increment_rises_to_its_peak_and_falls_beyond() -> None:
    sizes = np.array([5.0, 15.0, 35.0, 60.0, 100.0])
    growth = increment_mm(tabulate_trees([spruce(dbh_cm=dbh) for dbh in sizes]), np.zeros(5), STEADY)
    assert int(np.argmax(growth)) == 2
    assert (np.diff(growth)[:2] > 0).all()
    assert (np.diff(growth)[2:] < 0).all()


def test_mean_increment_is_that_of_european_forests() -> None:
    # Inventories of ten countries give some 2 to 4 mm a year (Schelhaas et al. 2018, doi 10.1186/s40663-018-0133-3).
    growth = []
    for seed in range(3800, 3805):
        trees = grow_stand(seed).trees
        grown = grow_trees(rng(seed), trees, trees, years=5.0, parameters=GrowthParameters())
        growth += [
            2.0 * (after.dbh_cm - before.dbh_cm)
            for before, after in zip(trees, grown, strict=True)
            if before.dbh_cm >= 7.0
        ]
    assert 2.0 <= np.mean(growth) <= 4.0


def test_tall_trees_outgrow_the_suppressed(stand: Stand) -> None:
    grown = grow_trees(rng(), stand.trees, stand.trees, years=5.0, parameters=GrowthParameters())
    by_layer = [
        np.mean(
            [
                after.dbh_cm - before.dbh_cm
                for before, after in zip(stand.trees, grown, strict=True)
                if before.layer == layer
            ]
        )
        for layer in range(4)
    ]
    assert by_layer == sorted(by_layer, reverse=True)


def test_height_follows_the_species_curve() -> None:
    curve = species_named("Picea abies")
    tree = spruce(height_m=float(height_of_diameter(curve, np.array([30.0]))[0]))
    lifts = []
    for seed in range(2_000):
        (grown,) = grow_trees(rng(seed), (tree,), (tree,), years=5.0, parameters=STEADY)
        on_curve = float(height_of_diameter(curve, np.array([grown.dbh_cm]))[0])
        lifts.append((grown.height_m - tree.height_m) / (on_curve - tree.height_m))
    # A lognormal scatter of 0.25 has the median 1.
    assert np.median(lifts) == pytest.approx(1.0, abs=0.03)
    assert np.std(np.log(lifts)) == pytest.approx(0.25, rel=0.1)


def test_no_tree_that_lives_gets_lower_or_thinner(stand: Stand) -> None:
    grown = grow_trees(rng(), stand.trees, stand.trees, years=10.0, parameters=GrowthParameters())
    for before, after in zip(stand.trees, grown, strict=True):
        assert after.height_m > before.height_m
        assert after.dbh_cm > before.dbh_cm
        assert after.crown_base_m < after.height_m


def test_crowns_widen_when_their_neighbours_go() -> None:
    crowd = tuple(spruce(x, y) for x, y in [(0.0, 0.0), (2.0, 0.0), (-2.0, 0.0), (0.0, 2.0), (0.0, -2.0)])
    (freed,) = grow_trees(rng(), crowd, crowd[:1], years=10.0, parameters=STEADY)
    kept = grow_trees(rng(), crowd, crowd, years=10.0, parameters=STEADY)[0]
    assert freed.crown_diameter_m > 1.05 * kept.crown_diameter_m


def test_new_stems_come_at_the_rate_asked_for_with_numbers_of_their_own(stand: Stand) -> None:
    new = recruit(rng(), stand, 5_000, years=5.0, parameters=GrowthParameters(ingrowth_per_ha_year=30.0))
    # Poisson of 150 and a standard deviation of 12.
    assert 110 <= len(new) <= 190
    assert [tree.number for tree in new] == list(range(5_000, 5_000 + len(new)))
    assert all(1.3 < tree.height_m < 6.0 for tree in new)


def test_new_stems_stand_clear_of_all_others(stand: Stand) -> None:
    new = recruit(rng(), stand, 5_000, years=5.0, parameters=GrowthParameters())
    feet = np.array([(tree.x_m, tree.y_m) for tree in (*stand.trees, *new)])
    apart = np.hypot(*(feet[:, None, :] - feet[None, :, :]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    assert apart[len(stand.trees) :].min() >= 0.6


def test_stems_come_up_on_bare_ground_too() -> None:
    assert recruit(rng(), flat_stand(()), 0, years=5.0, parameters=GrowthParameters())


def test_no_ingrowth_where_none_is_asked_for() -> None:
    small = grow_stand(1, parameters=StandParameters(side_m=30.0))
    assert recruit(rng(), small, 9, years=5.0, parameters=GrowthParameters(ingrowth_per_ha_year=0.0)) == ()
