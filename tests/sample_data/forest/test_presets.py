"""Stands of every kind look like the plots that they were drawn after."""

from dataclasses import replace

import numpy as np
import pytest

from sample_data.errors import InvalidParameter
from sample_data.forest.many_stands import StandTotals, grow_many, sum_stand
from sample_data.forest.presets import (
    BEECH,
    BOREAL,
    DENSE_YOUNG,
    MOUNTAIN,
    OPEN_WOODLAND,
    PLANTATION,
    PRESETS,
    on_slope,
    with_density,
)
from sample_data.forest.species import BOREAL_SPECIES, MOUNTAIN_SPECIES, crown_radius_of_diameter, species_named
from sample_data.forest.stand import Stand, StandParameters, grow_stand
from sample_data.forest.terrain import gradient
from sample_data.scanning.scanner import scan_airborne
from sample_data.scoring.plain_filter import fixed_window_filter, normalize_by_truth
from sample_data.scoring.trees import Score, score_trees


def means(parameters: StandParameters, *, seeds: range = range(4400, 4412), from_m: float = 0.0) -> StandTotals:
    totals = [sum_stand(stand, min_height_m=from_m) for stand in grow_many(seeds, parameters=parameters)]
    return StandTotals(*(float(np.mean([getattr(one, name) for one in totals])) for name in StandTotals.__slots__))


def regularity(stand: Stand) -> float:
    """Return the index of Clark and Evans (1954): 1 at random, above 1 the more regular."""
    feet = np.array([(tree.x_m, tree.y_m) for tree in stand.trees])
    apart = np.hypot(*(feet[:, None, :] - feet[None, :, :]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    return float(2.0 * np.sqrt(len(feet) / 100.0**2) * apart.min(axis=1).mean())


def cover(stand: Stand) -> float:
    """Return crown area over ground area, overlaps counted twice."""
    return float(sum(np.pi / 4.0 * tree.crown_diameter_m**2 for tree in stand.trees) / 100.0**2)


def test_mountain_forest_is_the_default() -> None:
    assert grow_stand(1, parameters=MOUNTAIN) == grow_stand(1)


def test_beech_forest_is_like_the_plot_at_virton() -> None:
    # 248 stems a hectare, 27.1 m2, 32.3 m dominant height.
    tall = means(BEECH, from_m=15.0)
    assert tall.stems_per_ha == pytest.approx(248.0, rel=0.15)
    assert tall.basal_area_m2_ha == pytest.approx(27.1, rel=0.15)
    assert tall.top_height_m == pytest.approx(32.3, rel=0.1)


def test_oaks_of_the_woodland_are_like_those_of_dehesas() -> None:
    # 78 % of oaks 30 to 40 cm thick (Pulido et al. 2001); crowns cover 29 to 34 % of ground.
    stands = list(grow_many(range(4400, 4430), parameters=OPEN_WOODLAND))
    oaks = [
        tree.dbh_cm for stand in stands for tree in stand.trees if tree.layer == 0 and tree.species == "Quercus ilex"
    ]
    assert np.mean([30.0 <= dbh < 40.0 for dbh in oaks]) == pytest.approx(0.78, abs=0.05)
    assert np.mean([cover(stand) for stand in stands]) == pytest.approx(0.315, abs=0.07)


def test_boreal_forest_is_as_dense_as_after_fire() -> None:
    # 1,300 to 2,150 trees a hectare (Rossi et al. 2013).
    assert 1_300.0 <= means(BOREAL, seeds=range(4400, 4402)).stems_per_ha <= 2_150.0


def test_thicket_is_thin_low_and_dense() -> None:
    totals = means(replace(DENSE_YOUNG, side_m=50.0), seeds=range(4400, 4402))
    assert 2_500.0 <= totals.stems_per_ha <= 15_000.0
    assert 5.0 <= totals.mean_dbh_cm <= 9.0


def test_plantation_is_of_one_species_and_one_age_in_rows() -> None:
    stand = grow_stand(4400, parameters=PLANTATION)
    heights = np.array([tree.height_m for tree in stand.trees])
    assert {tree.species for tree in stand.trees} == {"Picea abies"}
    assert np.std(heights) / np.mean(heights) < 0.25
    assert regularity(stand) > 1.3 > regularity(grow_stand(4400))


def test_boreal_crowns_are_thin() -> None:
    dbh = np.array([15.0])
    boreal = [float(crown_radius_of_diameter(one, dbh)[0]) for one in BOREAL_SPECIES if one.conifer]
    mountain = [float(crown_radius_of_diameter(one, dbh)[0]) for one in MOUNTAIN_SPECIES if one.conifer]
    assert max(boreal) < min(mountain)


def test_every_kind_of_crown_stands_somewhere() -> None:
    names = {name for preset in PRESETS.values() for layer in preset.layers for name in layer.species}
    assert {species_named(name).form for name in names} == {"conic", "lobed", "ellipsoid", "umbrella", "irregular"}


@pytest.mark.parametrize("slope", [0.0, 15.0, 40.0])
def test_slope_is_the_one_asked_for(slope: float) -> None:
    stand = grow_stand(4402, parameters=on_slope(with_density(MOUNTAIN, 100.0), slope))
    ticks = np.linspace(0.0, 100.0, 40)
    x, y = (grid.ravel() for grid in np.meshgrid(stand.bounds[0] + ticks, stand.bounds[1] + ticks))
    east, north = gradient(stand.terrain, x, y)
    # Hillocks average out but for waves longer than the stand.
    assert np.degrees(np.arctan(np.hypot(east.mean(), north.mean()))) == pytest.approx(slope, abs=3.5)


def test_density_is_the_one_asked_for() -> None:
    counts = [len(stand.trees) for stand in grow_many(range(4400, 4406), parameters=with_density(MOUNTAIN, 600.0))]
    # Poisson, so a standard deviation of 10; one in a hundred is dropped because it touches another.
    assert np.mean(counts) == pytest.approx(592.0, abs=30.0)


@pytest.mark.parametrize("slope", [-1.0, 41.0, float("nan")])
def test_impossible_slope_is_refused(slope: float) -> None:
    with pytest.raises(InvalidParameter):
        on_slope(MOUNTAIN, slope)


def test_impossible_density_is_refused() -> None:
    with pytest.raises(InvalidParameter):
        with_density(MOUNTAIN, 0.0)


def filter_score(parameters: StandParameters, seed: int) -> Score:
    stand = grow_stand(seed, parameters=parameters)
    cloud = scan_airborne(stand, seed=seed)
    return score_trees(fixed_window_filter(normalize_by_truth(cloud, stand.terrain)), stand)


@pytest.mark.slow
def test_plain_filter_finds_most_in_rows_and_breaks_up_wide_crowns() -> None:
    scores = {name: filter_score(parameters, 4403) for name, parameters in PRESETS.items()}
    assert scores["plantation"].f1 > scores["mountain"].f1 > scores["dense-young"].f1
    # A window of 2.5 m takes every lobe of a crown of 10 m for a tree, and sees one tree where four stand in it.
    assert scores["open-woodland"].precision < 0.5 < scores["open-woodland"].recall
    assert scores["dense-young"].recall < 0.5 < scores["dense-young"].precision
