"""Which trees are felled and which die of themselves between two campaigns.

- Felling takes about 2.4 % of European trees a year, mortality 0.4 % (714,000 re-measured trees: Schelhaas et al. 2018,
  doi 10.1371/journal.pone.0207151); in Swiss stands over a century 1.5 % died (Etzold et al. 2019, doi
  10.3389/fpls.2019.00307).
- Crowded trees die first; the small die standing, the large more often fall or snap (Holzwarth et al. 2013, doi
  10.1111/1365-2745.12015).
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sample_data.errors import check_range
from sample_data.forest.tree_table import Flags, Floats, TreeTable

# Thinner stems are not worth a cut.
_LEAST_FELLED_CM = 7.0
# How much likelier the tallest is chosen than the lowest, as a logarithm: e^4 is 55 times.
_PREFERENCE = 4.0


@dataclass(frozen=True, slots=True)
class MortalityParameters:
    """How many die."""

    base_per_year: float = 0.0035
    """Chance that a tree without neighbours dies in a year."""
    per_pressure: float = 0.6
    """Rise of that chance's logarithm, a unit of :attr:`sample_data.forest.competition.Crowding.pressure`."""
    snag_falls_per_year: float = 0.05
    """Chance that a dead tree falls in a year."""


@dataclass(frozen=True, slots=True)
class FellingParameters:
    """What is cut."""

    thinning: Literal["none", "below", "above"] = "none"
    """From below the low trees are taken first, from above the tall ones."""
    share: float = 0.12
    """Share of the stems of 7 cm and more that a thinning takes."""
    clear_cut_share: float = 0.0
    """Share of the area on which every tree is cut: one square patch."""


def choose_felled(
    rng: np.random.Generator,
    trees: TreeTable,
    bounds: tuple[float, float, float, float],
    parameters: FellingParameters,
) -> Flags:
    """Return which trees are cut, shape (n,).

    Parameters
    ----------
    rng
        Source of all chance.
    trees
        n trees.
    bounds
        Of the stand: least easting and northing, greatest easting and northing.
    parameters
        What is cut.
    """
    check_range("share", parameters.share, 0.0, 1.0)
    check_range("clear_cut_share", parameters.clear_cut_share, 0.0, 1.0)
    felled = _in_patch(rng, trees, bounds, parameters.clear_cut_share)
    if parameters.thinning != "none":
        felled |= _choose_thinned(rng, trees, parameters)
    return felled


def choose_dead(
    rng: np.random.Generator, trees: TreeTable, pressure: Floats, *, years: float, parameters: MortalityParameters
) -> tuple[Flags, Flags]:
    """Return which trees die, and which trees, dead before or now, come to fall; two arrays of shape (n,).

    Parameters
    ----------
    rng
        Source of all chance.
    trees
        n trees, alive or standing dead.
    pressure
        Competition that each feels, shape (n,).
    years
        Time between the campaigns.
    parameters
        Rates.
    """
    check_range("base_per_year", parameters.base_per_year, 0.0, 1.0)
    hazard = parameters.base_per_year * np.exp(parameters.per_pressure * pressure)
    alive = trees.status == "alive"
    dies = alive & (rng.random(len(trees)) < 1.0 - np.exp(-hazard * years))
    # A large tree that dies was often thrown by the wind: one in six of the thin, two in three of the thickest.
    thrown = np.clip(trees.dbh_cm / 90.0, 1.0 / 6.0, 2.0 / 3.0)
    decayed = 1.0 - math.exp(-parameters.snag_falls_per_year * years)
    falls = rng.random(len(trees)) < np.where(dies, thrown, decayed)
    return dies, falls & (dies | (trees.status == "standing-dead"))


def _in_patch(
    rng: np.random.Generator, trees: TreeTable, bounds: tuple[float, float, float, float], share: float
) -> Flags:
    west, south, east, north = bounds
    wide, high = math.sqrt(share) * (east - west), math.sqrt(share) * (north - south)
    left, bottom = rng.uniform(west, east - wide), rng.uniform(south, north - high)
    inside: Flags = (trees.x_m >= left) & (trees.x_m < left + wide)
    return inside & (trees.y_m >= bottom) & (trees.y_m < bottom + high)


def _choose_thinned(rng: np.random.Generator, trees: TreeTable, parameters: FellingParameters) -> Flags:
    """Return the trees with the greatest weights times chance: sampling without replacement by Gumbel's trick."""
    thick = trees.dbh_cm >= _LEAST_FELLED_CM
    count = round(parameters.share * int(thick.sum()))
    rank = np.argsort(np.argsort(trees.height_m, kind="stable"), kind="stable") / max(1, len(trees) - 1)
    sign = 1.0 if parameters.thinning == "above" else -1.0
    keys = np.where(thick, sign * _PREFERENCE * rank + rng.gumbel(size=len(trees)), -np.inf)
    felled = np.zeros(len(trees), dtype=np.bool_)
    felled[np.argsort(-keys, kind="stable")[:count]] = True
    return felled
