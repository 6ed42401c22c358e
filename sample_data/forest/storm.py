"""Storm damage in swaths: uprooted, snapped and leaning trees.

The chance of damage is logistic in severity times a power of stem diameter (Canham et al. 2001, doi 10.1139/x00-154);
its values here were chosen so that a severe swath takes four in five of trees of 40 cm and three in ten of those of 10
cm, broad-leaved ones less, as in winter. Of damaged trees four in five are uprooted, others broken or leaning (Roberts
et al. 2007, Western Journal of Applied Forestry 22, 285).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample_data.errors import check_range
from sample_data.forest.damage import fall, lean, snap
from sample_data.forest.species import species_named
from sample_data.forest.tree import TreeTruth
from sample_data.forest.tree_table import Floats, TreeTable

_INTERCEPT = -5.0
_POWER = 0.31
_CONIFER, _BROADLEAVED = 2.05, 1.45
_UPROOTED, _SNAPPED = 0.80, 0.12
# Trees fall along the wind, give or take.
_FALL_SPREAD_RAD = math.radians(20.0)


@dataclass(frozen=True, slots=True)
class StormParameters:
    """One storm."""

    severity: float = 0.9
    """At the middle of a swath, 0 (a breeze) to 1."""
    swaths: int = 1
    """Parallel lanes of gusts through the stand."""
    half_width_m: float = 12.0
    """Distance from a swath's middle at which severity has fallen to three fifths."""


def damage_chance(trees: TreeTable, severity: Floats) -> Floats:
    """Return each tree's chance to be damaged, shape (n,).

    Parameters
    ----------
    trees
        n trees.
    severity
        Of the gusts at each, shape (n,), 0 to 1.
    """
    firmness = np.array([_CONIFER if species_named(name).conifer else _BROADLEAVED for name in trees.species])
    logit = _INTERCEPT + firmness * severity * trees.dbh_cm**_POWER
    chance: Floats = np.where(severity > 0.0, 1.0 / (1.0 + np.exp(-logit)), 0.0)
    return chance


def choose_damaged(
    rng: np.random.Generator,
    trees: TreeTable,
    bounds: tuple[float, float, float, float],
    parameters: StormParameters,
) -> tuple[NDArray[np.bool_], float]:
    """Return which trees are damaged, shape (n,), and the way of the wind, radians counter-clockwise from east.

    Parameters
    ----------
    rng
        Source of all chance.
    trees
        n standing trees.
    bounds
        Of the stand: least easting and northing, greatest easting and northing.
    parameters
        The storm.
    """
    check_range("severity", parameters.severity, 0.0, 1.0)
    check_range("swaths", parameters.swaths, 0, 100)
    check_range("half_width_m", parameters.half_width_m, 0.1, 1_000.0)
    west, south, east, north = bounds
    towards = float(rng.uniform(0.0, 2.0 * math.pi))
    across = (trees.y_m * math.cos(towards) - trees.x_m * math.sin(towards))[:, None]
    middle_x, middle_y = rng.uniform(west, east, parameters.swaths), rng.uniform(south, north, parameters.swaths)
    middles = middle_y * math.cos(towards) - middle_x * math.sin(towards)
    near = np.exp(-0.5 * ((across - middles) / parameters.half_width_m) ** 2)
    chance = damage_chance(trees, parameters.severity * near.max(axis=1, initial=0.0))
    return rng.random(len(trees)) < chance, towards


def damage(rng: np.random.Generator, tree: TreeTruth, towards_rad: float) -> TreeTruth:
    """Return a tree after the storm threw, snapped or bent it.

    Parameters
    ----------
    rng
        Source of all chance.
    tree
        A standing tree.
    towards_rad
        Way of the wind.
    """
    draw = rng.random()
    way = towards_rad + float(rng.normal(0.0, _FALL_SPREAD_RAD))
    if draw < _UPROOTED:
        return fall(tree, way)
    if draw < _UPROOTED + _SNAPPED or tree.status != "alive" or tree.lean_deg > 0.0:
        return snap(tree, float(rng.uniform(0.15, 0.60)))
    return lean(tree, float(rng.uniform(10.0, 40.0)), way)
