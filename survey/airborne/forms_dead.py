"""Which standing trees are dead: their bare crowns send back less light than the canopy around them.

Leaves reflect the near infrared and bark does not, so that echoes of dead crowns are weak: Kim et al. (2009), doi
10.1016/j.rse.2009.07.010; Wing et al. (2015), doi 10.1016/j.rse.2015.03.013, compare with the neighbourhood, as is
done here, since strength also depends on range, angle and the scanner's gain. Bare crowns also let more pulses pass.

Where most trees die at once, or lose their leaves in winter, there is no contrast, and none is called dead.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from survey.airborne.forms_records import FormTrees, Signal
from survey.cloud import Floats, Points
from survey.grid import Grid
from survey.ground.buckets import cover_widely, find_cells
from survey.kernel import Array, compiled

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
    """Of the share of echoes that are the ground's: below the crown over its first echoes, around over all echoes."""

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
    land, crowns = _sum_up(
        (cells, trees.crown),
        (above_m, points.is_first, signal.intensity, signal.number_of_returns),
        (trees.above_m, grid.rows * grid.columns),
        (algorithm.upper_share, algorithm.top_share),
    )
    around, open_share = (_average(grid, land[at], land[at + 1])[apexes] for at in (0, 2))
    upper, top = (crowns[at] / np.maximum(crowns[at + 1], 1.0) for at in (0, 2))
    upper_count, top_count = crowns[1], crowns[3]
    top = np.where(top_count < _FEW, upper, top)
    passed = crowns[5] / np.maximum(crowns[4], 1.0) - open_share
    damped = (upper - around) * np.sqrt(upper_count / (upper_count + _DAMPED_AT))
    chosen = algorithm
    odds = chosen.intercept + chosen.per_upper * damped + chosen.per_top * (top - around) + chosen.per_passed * passed
    probability: Floats = np.where(upper_count < chosen.least_echoes, np.nan, 1.0 / (1.0 + np.exp(-odds)))
    return probability


@compiled
def _sum_up(
    where: tuple[Array, Array],
    echoes: tuple[Array, Array, Array, Array],
    size: tuple[Array, int],
    shares: tuple[float, float],
) -> tuple[Array, Array]:
    """Return sums of each cell and of each crown; of a whole tile's echoes, arrays for each step would take much room.

    Of cells: strength and count of the canopy's first echoes, echoes of the ground and all. Of crowns: strength and
    count of first echoes in the upper crown, the same in the top, first echoes, echoes of the ground.
    """
    cells, crown = where
    above_m, is_first, intensity, returns = echoes
    tops_m, count = size
    land, crowns = np.zeros((4, count)), np.zeros((6, tops_m.size))
    for echo in range(above_m.size):
        cell, tree, above = cells[echo], crown[echo], above_m[echo]
        land[2, cell] += above < _GROUND_M
        land[3, cell] += 1.0
        if tree >= 0:
            crowns[4, tree] += is_first[echo]
            crowns[5, tree] += above < _GROUND_M
        if not is_first[echo] or (tree < 0 and above < _CANOPY_M):
            continue
        # What a pulse sent back in all, as though its echoes were alike.
        strength = np.log(max(float(intensity[echo]) * returns[echo], 1.0))
        if above >= _CANOPY_M:
            land[0, cell] += strength
            land[1, cell] += 1.0
        if tree >= 0:
            share = above / tops_m[tree]
            if share > shares[0]:
                crowns[0, tree] += strength
                crowns[1, tree] += 1.0
            if share > shares[1]:
                crowns[2, tree] += strength
                crowns[3, tree] += 1.0
    return land, crowns


def _average(grid: Grid, total: Floats, count: Floats) -> Floats:
    """Return total over count of each cell and those around it, zero where there are none; shape (cells,)."""
    total, count = (_add_around(values.reshape(grid.shape)) for values in (total, count))
    mean: Floats = (total / np.maximum(count, 1.0)).ravel()
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
