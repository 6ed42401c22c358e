"""A campaign's tree list as a detector would give it: trees missed, misplaced, mismeasured, and some that are none."""

from dataclasses import dataclass

import numpy as np

from sample_data.errors import LARGEST_SEED, check_range
from sample_data.forest.competition import crowd
from sample_data.forest.stand import Stand
from sample_data.forest.tree_table import Floats, Ints, TreeTable, tabulate_trees

LOWEST_SEEN_M = 5.0
"""Detectors do not look for lower trees, and scores do not count them."""

# How far a tree's chance to be seen follows its height beside the stand's top height, and falls with competition:
# airborne methods find nearly all dominant trees and fewer than half of the suppressed (Eysn et al. 2015, doi
# 10.3390/f6051721).
_LOGIT_PER_RELATIVE_HEIGHT = 5.0
_LOGIT_PER_PRESSURE = -0.9
# Scatter of measured crown diameters, of the logarithm.
_CROWN_NOISE = 0.12
# Halvings of an interval of 80 logits: 1e-13 is left.
_HALVINGS = 50


@dataclass(frozen=True, slots=True, eq=False)
class ObservedTrees:
    """Trees that a detector reports, n of them, in no order that would tell which they are."""

    x_m: Floats
    """Easting of the apex as seen."""
    y_m: Floats
    """Northing of the apex as seen."""
    height_m: Floats
    """Height as measured."""
    crown_diameter_m: Floats
    """Crown diameter as measured."""
    number: Ints
    """True number of the tree; -1 where there is none."""
    shift_xy_m: tuple[float, float]
    """What was added to all positions alike, east and north."""

    def __len__(self) -> int:
        return int(self.x_m.size)


def observe_campaign(  # noqa: PLR0913 - one word for each thing a campaign can be off by; all but the stand are named
    stand: Stand,
    *,
    seed: int,
    shift_m: float = 0.0,
    noise_m: float = 0.5,
    detection: float = 0.85,
    height_noise_m: float = 0.5,
    false_share: float = 0.05,
) -> ObservedTrees:
    """Return a stand's trees over 5 m, standing, as a detector would report them.

    Parameters
    ----------
    stand
        One campaign's truth.
    seed
        Each campaign takes its own.
    shift_m
        Length of a shift common to all trees, in a direction that the seed draws, 0 to 50.
    noise_m
        Standard deviation of a position about the apex, each axis, 0 to 10.
    detection
        Mean chance to be seen, over all trees that could be, 0 to 1. The tall and free are seen more often than the
        low and crowded.
    height_noise_m
        Standard deviation of a height, 0 to 10.
    false_share
        Reports that are no tree (a second top in a wide crown), over all reports, 0 to 0.5.

    Returns
    -------
    ObservedTrees

    Raises
    ------
    InvalidParameter
        A number out of range.

    Examples
    --------
    >>> from sample_data.forest.stand import StandParameters, grow_stand
    >>> stand = grow_stand(7, parameters=StandParameters(side_m=30.0))
    >>> seen = observe_campaign(stand, seed=1, noise_m=0.0, detection=1.0, false_share=0.0)
    >>> len(seen) == sum(tree.height_m >= 5.0 for tree in stand.trees)
    True
    """
    check_range("seed", seed, 0, LARGEST_SEED)
    check_range("shift_m", shift_m, 0.0, 50.0)
    check_range("noise_m", noise_m, 0.0, 10.0)
    check_range("height_noise_m", height_noise_m, 0.0, 10.0)
    check_range("false_share", false_share, 0.0, 0.5)
    rng = np.random.default_rng([0x0B5E, stand.seed, seed])
    trees = tabulate_trees([tree for tree in stand.trees if tree.status != "fallen" and tree.height_m >= LOWEST_SEEN_M])
    seen = np.flatnonzero(rng.random(len(trees)) < detection_chance(trees, detection))
    false = _choose_hosts(rng, trees, seen, false_share)
    towards = float(rng.uniform(0.0, 2.0 * np.pi))
    shift = (shift_m * float(np.cos(towards)), shift_m * float(np.sin(towards)))
    reports = [_report(rng, trees, seen), _imagine(rng, trees, false)]
    place, height, crown = (np.concatenate(column) for column in zip(*reports, strict=True))
    place = place + shift + rng.normal(0.0, noise_m, place.shape)
    number = np.concatenate([trees.number[seen], np.full(false.size, -1)])
    order = rng.permutation(number.size)
    return ObservedTrees(
        x_m=place[order, 0],
        y_m=place[order, 1],
        height_m=np.maximum(height + rng.normal(0.0, height_noise_m, height.size), 1.3)[order],
        crown_diameter_m=crown[order],
        number=number[order],
        shift_xy_m=shift,
    )


def detection_chance(trees: TreeTable, mean: float) -> Floats:
    """Return each tree's chance to be seen, shape (n,): logistic in relative height and competition.

    Parameters
    ----------
    trees
        n standing trees.
    mean
        Of all chances, 0 to 1.

    Raises
    ------
    InvalidParameter
        A mean that is no chance.
    """
    check_range("detection", mean, 0.0, 1.0)
    if len(trees) == 0 or mean in {0.0, 1.0}:
        return np.full(len(trees), mean)
    top = float(np.quantile(trees.height_m, 0.9))
    pressure = crowd(trees.x_m, trees.y_m, trees.height_m).pressure
    score = _LOGIT_PER_RELATIVE_HEIGHT * trees.height_m / top + _LOGIT_PER_PRESSURE * pressure
    low, high = -40.0, 40.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _logistic(score + middle).mean() < mean else (low, middle)
    return _logistic(score + 0.5 * (low + high))


def _logistic(logit: Floats) -> Floats:
    chance: Floats = 1.0 / (1.0 + np.exp(-np.clip(logit, -60.0, 60.0)))
    return chance


def _choose_hosts(rng: np.random.Generator, trees: TreeTable, seen: Ints, false_share: float) -> Ints:
    """Return the trees in whose crowns a second top is reported; the wide are chosen more often."""
    count = int(rng.poisson(seen.size * false_share / (1.0 - false_share)))
    area = trees.crown_diameter_m[seen] ** 2
    return rng.choice(seen, size=count, p=area / area.sum()) if seen.size else seen


def _report(rng: np.random.Generator, trees: TreeTable, seen: Ints) -> tuple[Floats, Floats, Floats]:
    """Return place, height and crown diameter of trees that are seen."""
    place = np.column_stack([trees.apex_x_m[seen], trees.apex_y_m[seen]])
    crown = trees.crown_diameter_m[seen] * np.exp(rng.normal(0.0, _CROWN_NOISE, seen.size))
    return place, trees.height_m[seen], crown


def _imagine(rng: np.random.Generator, trees: TreeTable, hosts: Ints) -> tuple[Floats, Floats, Floats]:
    """Return place, height and crown diameter of tops that are none, each within the crown of a tree."""
    towards = rng.uniform(0.0, 2.0 * np.pi, hosts.size)
    out = 0.5 * trees.crown_diameter_m[hosts] * rng.uniform(0.5, 0.9, hosts.size)
    place = np.column_stack(
        [trees.apex_x_m[hosts] + out * np.cos(towards), trees.apex_y_m[hosts] + out * np.sin(towards)]
    )
    height = trees.height_m[hosts] * rng.uniform(0.7, 0.97, hosts.size)
    return place, height, trees.crown_diameter_m[hosts] * rng.uniform(0.3, 0.6, hosts.size)
