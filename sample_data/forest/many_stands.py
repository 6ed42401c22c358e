"""Many stands without a scan: what a survey of each would measure, drawn from error models that are known.

Intervals of totals are judged by how often they cover the truth, which takes hundreds of stands; scanning each would
take hours. Here omission, false trees and the errors of height and crown are drawn directly.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from sample_data.errors import LARGEST_SEED, check_range
from sample_data.forest.stand import Stand, StandParameters, grow_stand
from sample_data.forest.tree_table import Floats, Ints, tabulate_trees


@dataclass(frozen=True, slots=True)
class SurveyModel:
    """How a survey errs; all of it is known to whoever judges an interval."""

    half_height_m: float = 7.0
    """Height at which half of the ceiling is detected."""
    height_scale_m: float = 3.0
    """Width of the logistic rise of detection over height."""
    ceiling: float = 0.97
    """Chance to detect the tallest trees."""
    height_error_m: float = 0.6
    """Standard deviation of measured heights."""
    crown_error_share: float = 0.12
    """Standard deviation of measured crown diameters, of the logarithm."""
    false_share: float = 0.0
    """Reports that are no tree, over all reports, 0 to 0.5."""
    min_height_m: float = 3.0
    """Lower trees are neither sought nor reported."""


@dataclass(frozen=True, slots=True, eq=False)
class DetectedTrees:
    """Trees as measured, n of them."""

    x_m: Floats
    """Easting of the apex."""
    y_m: Floats
    """Northing of the apex."""
    height_m: Floats
    """Height as measured."""
    height_error_m: Floats
    """Its standard error."""
    crown_diameter_m: Floats
    """Crown diameter as measured."""
    crown_error_m: Floats
    """Its standard error."""
    number: Ints
    """True number of the tree; -1 where there is none."""

    def __len__(self) -> int:
        return int(self.x_m.size)


@dataclass(frozen=True, slots=True)
class StandTotals:
    """What truly stands on a hectare, of standing trees from a height on."""

    stems_per_ha: float
    """Number of trees."""
    basal_area_m2_ha: float
    """Sum of the stems' sections at breast height."""
    mean_dbh_cm: float
    """Diameter of the stem of mean section; 0 where there is none."""
    top_height_m: float
    """Mean height of the 100 thickest a hectare; 0 where there is none."""


def grow_many(seeds: Iterable[int], *, parameters: StandParameters | None = None) -> Iterator[Stand]:
    """Yield a stand for each seed, one at a time.

    Parameters
    ----------
    seeds
        Any number; two equal ones give equal stands.
    parameters
        Of all stands.
    """
    for seed in seeds:
        yield grow_stand(seed, parameters=parameters)


def detection_probability(height_m: Floats, model: SurveyModel) -> Floats:
    """Return the chance that trees are detected, of the shape of ``height_m``.

    Parameters
    ----------
    height_m
        True heights, metres, any shape.
    model
        The survey.

    Examples
    --------
    >>> float(detection_probability(np.array([7.0]), SurveyModel(ceiling=0.9))[0])
    0.45
    """
    rise = 1.0 / (1.0 + np.exp(-(height_m - model.half_height_m) / model.height_scale_m))
    chance: Floats = np.where(height_m >= model.min_height_m, model.ceiling * rise, 0.0)
    return chance


def draw_detected(stand: Stand, *, seed: int, model: SurveyModel | None = None) -> DetectedTrees:
    """Return what a survey of a stand would report.

    Parameters
    ----------
    stand
        The truth.
    seed
        The same stand, seed and model give the same report.
    model
        How the survey errs.

    Returns
    -------
    DetectedTrees

    Raises
    ------
    InvalidParameter
        A number out of range.
    """
    chosen = model or SurveyModel()
    _check_model(chosen, seed)
    rng = np.random.default_rng([0xD37E, stand.seed, seed])
    trees = tabulate_trees([tree for tree in stand.trees if tree.status != "fallen"])
    seen = np.flatnonzero(rng.random(len(trees)) < detection_probability(trees.height_m, chosen))
    height = trees.height_m[seen] + rng.normal(0.0, chosen.height_error_m, seen.size)
    crown = trees.crown_diameter_m[seen] * np.exp(rng.normal(0.0, chosen.crown_error_share, seen.size))
    real = DetectedTrees(
        x_m=trees.apex_x_m[seen],
        y_m=trees.apex_y_m[seen],
        height_m=np.maximum(height, chosen.min_height_m),
        height_error_m=np.full(seen.size, chosen.height_error_m),
        crown_diameter_m=crown,
        crown_error_m=chosen.crown_error_share * crown,
        number=trees.number[seen],
    )
    return _add_false(rng, stand, real, chosen.false_share)


def sum_stand(stand: Stand, *, min_height_m: float = 0.0) -> StandTotals:
    """Return what truly stands, by the hectare.

    Parameters
    ----------
    stand
        The truth.
    min_height_m
        Lower trees are left out.

    Examples
    --------
    >>> stand = grow_stand(1, parameters=StandParameters(side_m=50.0))
    >>> sum_stand(stand).stems_per_ha == 4 * len(stand.trees)
    True
    """
    west, south, east, north = stand.bounds
    area_ha = (east - west) * (north - south) / 10_000.0
    trees = tabulate_trees([tree for tree in stand.trees if tree.status != "fallen" and tree.height_m >= min_height_m])
    sections = math.pi / 4.0 * (trees.dbh_cm / 100.0) ** 2
    thickest = np.argsort(-trees.dbh_cm)[: max(1, round(100 * area_ha))]
    return StandTotals(
        stems_per_ha=len(trees) / area_ha,
        basal_area_m2_ha=float(sections.sum()) / area_ha,
        mean_dbh_cm=float(np.sqrt((trees.dbh_cm**2).mean())) if len(trees) else 0.0,
        top_height_m=float(trees.height_m[thickest].mean()) if len(trees) else 0.0,
    )


def _check_model(model: SurveyModel, seed: int) -> None:
    check_range("seed", seed, 0, LARGEST_SEED)
    check_range("ceiling", model.ceiling, 0.0, 1.0)
    check_range("height_scale_m", model.height_scale_m, 0.01, 100.0)
    check_range("height_error_m", model.height_error_m, 0.0, 10.0)
    check_range("crown_error_share", model.crown_error_share, 0.0, 1.0)
    check_range("false_share", model.false_share, 0.0, 0.5)


def _add_false(rng: np.random.Generator, stand: Stand, real: DetectedTrees, share: float) -> DetectedTrees:
    """Return reports with false ones among them: sizes of real ones at other places."""
    count = int(rng.poisson(len(real) * share / (1.0 - share)))
    if count == 0:
        return real
    west, south, east, north = stand.bounds
    like = rng.integers(len(real), size=count)
    places = (rng.uniform(west, east, count), rng.uniform(south, north, count), np.full(count, -1))
    taken = np.concatenate([np.arange(len(real)), like])
    columns = {name: getattr(real, name)[taken] for name in DetectedTrees.__slots__}
    for name, values in zip(("x_m", "y_m", "number"), places, strict=True):
        columns[name][len(real) :] = values
    return DetectedTrees(**columns)
