"""Which standing trees are dead: their bare crowns send back less light than the canopy around them.

Leaves reflect the near infrared and bark does not, so that echoes of dead crowns are weak: Kim et al. (2009), doi
10.1016/j.rse.2009.07.010; Wing et al. (2015), doi 10.1016/j.rse.2015.03.013, compare with the neighbourhood, as is
done here, since strength also depends on range, angle and the scanner's gain. Bare crowns also let more pulses pass.

Where most trees die at once, or lose their leaves in winter, there is no contrast, and none is called dead.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from survey.airborne.forms_records import FormTrees, Signal
from survey.cloud import Bools, Floats, Points
from survey.grid import Grid
from survey.ground.buckets import cover_widely, find_cells

_GROUND_M: Final = 0.5
"""Lower echoes passed the crown."""
_CANOPY_M: Final = 3.0
"""Higher first echoes are the canopy's."""
_DAMPED_AT: Final = 8.0
"""First echoes of an upper crown at which its contrast counts by its root of a half: few echoes are chance."""
_FEW: Final = 2.0
"""First echoes of a crown's top below which the whole upper crown answers for it."""


@dataclass(frozen=True, slots=True)
class Kim2009:
    """Contrast of strength and share of pulses that pass, against the canopy around; logistic regression.

    Weights were fitted on simulated stands of seeds 1000 to 1011 (mountain, boreal, beech, plantation; 5 to 20 pulses
    a square metre; 8 percent of trees dead; every tree's reflectance its own by 15 percent).
    """

    NAME: ClassVar[str] = "kim2009"
    DOI: ClassVar[str | None] = "10.1016/j.rse.2009.07.010"

    cell_m: float = 16.0
    """Side of the cells over which the canopy's own strength is averaged, three by three of them."""
    upper_share: float = 0.5
    """Of the tree's height; the crown is higher."""
    top_share: float = 0.8
    """Of the tree's height; its top is higher."""
    least_echoes: float = 5.0
    """First echoes of an upper crown; with fewer nothing is told."""
    least_density: float = 4.0
    """First echoes a square metre of the cloud; below, nothing is told."""
    intercept: float = -5.54
    per_upper: float = -2.14
    """Of the logarithm of strength, upper crown less canopy, damped for few echoes."""
    per_top: float = -7.34
    """The same of the top, not damped."""
    per_passed: float = 2.63
    """Of the pulses that reached the ground, over first echoes, crown less canopy."""

    @property
    def reach_m(self) -> float:
        """Echoes farther from an apex play no part, its own crown's apart."""
        return 2.0 * 1.4143 * self.cell_m


def estimate_dead(points: Points, above_m: Floats, signal: Signal, trees: FormTrees, algorithm: Kim2009) -> Floats:
    """Return the probability that each tree is dead, NaN where its crown has too few echoes; shape (n,).

    Parameters
    ----------
    points
        Points in metres, in an order that their positions decide.
    above_m
        Their heights above ground, shape (m,).
    signal
        Strength of the echoes, not all the same.
    trees
        Apexes, and each point's crown.
    algorithm
        Weights.
    """
    if trees.x_m.size == 0:
        return np.empty(0)
    grid = cover_widely(points.x_m, points.y_m, algorithm.cell_m, 2)
    cells, apexes = find_cells(grid, points.x_m, points.y_m), find_cells(grid, trees.x_m, trees.y_m)
    # What a pulse sent back in all, as though its echoes were alike.
    strength = np.log(np.maximum(signal.intensity.astype(np.float64) * signal.number_of_returns, 1.0))
    is_canopy = points.is_first & (above_m >= _CANOPY_M)
    around = _average(grid, cells[is_canopy], strength[is_canopy])[apexes]
    share = np.zeros(len(points))
    in_crown = np.flatnonzero(trees.crown >= 0)
    share[in_crown] = above_m[in_crown] / trees.above_m[trees.crown[in_crown]]
    upper, upper_count = _average_crowns(trees, strength, points.is_first & (share > algorithm.upper_share))
    top, top_count = _average_crowns(trees, strength, points.is_first & (share > algorithm.top_share))
    top = np.where(top_count < _FEW, upper, top)
    passed = _tell_passed(points, above_m, trees) - _average(grid, cells, (above_m < _GROUND_M).astype(float))[apexes]
    damped = (upper - around) * np.sqrt(upper_count / (upper_count + _DAMPED_AT))
    chosen = algorithm
    odds = chosen.intercept + chosen.per_upper * damped + chosen.per_top * (top - around) + chosen.per_passed * passed
    probability: Floats = np.where(upper_count < chosen.least_echoes, np.nan, 1.0 / (1.0 + np.exp(-odds)))
    return probability


def _average(grid: Grid, cells: NDArray[np.int64], values: Floats) -> Floats:
    """Return the mean of values over each cell and those around it, zero where there are none; shape (cells,)."""
    size = grid.rows * grid.columns
    total = np.bincount(cells, weights=values, minlength=size).astype(np.float64).reshape(grid.shape)
    count = np.bincount(cells, minlength=size).astype(np.float64).reshape(grid.shape)
    mean: Floats = (_add_around(total) / np.maximum(_add_around(count), 1.0)).ravel()
    return mean


def _add_around(raster: Floats) -> Floats:
    """Return the sum of each cell and the eight around it."""
    rows, columns = raster.shape
    wide = np.pad(raster, 1)
    total = np.zeros(raster.shape)
    for north in range(3):
        for east in range(3):
            total += wide[north : north + rows, east : east + columns]
    return total


def _average_crowns(trees: FormTrees, values: Floats, chosen: Bools) -> tuple[Floats, Floats]:
    """Return the mean of the chosen points' values in each crown, zero where there are none, and how many they are."""
    at = np.flatnonzero(chosen & (trees.crown >= 0))
    count = np.bincount(trees.crown[at], minlength=trees.x_m.size).astype(np.float64)
    total = np.bincount(trees.crown[at], weights=values[at], minlength=trees.x_m.size)
    return total / np.maximum(count, 1.0), count


def _tell_passed(points: Points, above_m: Floats, trees: FormTrees) -> Floats:
    """Return the echoes of the ground below each crown, over the first echoes there; shape (n,)."""
    in_crown = trees.crown >= 0
    first = np.bincount(trees.crown[in_crown & points.is_first], minlength=trees.x_m.size)
    ground = np.bincount(trees.crown[in_crown & (above_m < _GROUND_M)], minlength=trees.x_m.size)
    passed: Floats = ground / np.maximum(first, 1)
    return passed
