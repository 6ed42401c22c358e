"""Crowns as cells: grown from each top over the surface that leads up to it."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from survey.airborne.canopy import CanopyModel
from survey.airborne.locate import Tops
from survey.cloud import Labels
from survey.kernel import Array, compiled, find_neighbour, measure_steps


@dataclass(frozen=True, slots=True)
class Dalponte2016:
    """Growth from the top within limits of height and distance.

    After Dalponte and Coomes (2016): a cell joins a neighbour's crown while it is high enough beside the top and the
    crown's mean, and near enough. Growth stays within the top's own slopes (watershed by steepest ascent), so that
    crowns meet in the valleys between them.
    """

    NAME: ClassVar[str] = "dalponte2016"
    DOI: ClassVar[str | None] = "10.1111/2041-210X.12575"

    seed_share: float = 0.45
    """Least height of a cell over the top's."""
    crown_share: float = 0.55
    """Least height of a cell over the mean of the crown so far."""
    reach_m: float = 2.5
    """Greatest distance from the top at height zero."""
    reach_share: float = 0.18
    """The same, a metre of height more."""


def segment_trees(canopy: CanopyModel, tops: Tops, algorithm: Dalponte2016 | None = None) -> Labels:
    """Return which top's crown each cell belongs to.

    Parameters
    ----------
    canopy
        Its surface.
    tops
        Where crowns begin.
    algorithm
        How far they grow.

    Returns
    -------
    Shape (rows, columns), -1 outside of crowns. Each crown is one piece, connected along cell sides.
    """
    chosen = algorithm or Dalponte2016()
    limits = np.array(
        [
            chosen.seed_share,
            chosen.crown_share,
            chosen.reach_m / canopy.grid.cell_m,
            chosen.reach_share / canopy.grid.cell_m,
        ]
    )
    labels: Labels = _grow(tops.cell, np.ascontiguousarray(canopy.height_m), tops.basins, limits)
    return labels


@compiled
def _grow(seeds: Array, raster: Array, basins: Array, limits: Array) -> Array:
    """Return each cell's crown; crowns grow breadth first, each in its own basin, so their order does not matter."""
    rows, columns = raster.shape
    surface, home = raster.ravel(), basins.ravel()
    labels = np.full(surface.size, -1, np.int32)
    queue = np.empty(surface.size, np.int64)
    for tree in range(seeds.size):
        top = seeds[tree]
        labels[top], queue[0] = tree, top
        head, tail, total = 0, 1, surface[top]
        reach = limits[2] + limits[3] * surface[top]
        while head < tail:
            cell = queue[head]
            head += 1
            for turn in range(1, 9, 2):
                near = find_neighbour(cell, turn, rows, columns)
                if near < 0 or labels[near] >= 0 or home[near] != tree:
                    continue
                least = max(limits[0] * surface[top], limits[1] * total / tail)
                if surface[near] >= least and measure_steps(near, top, columns) <= reach:
                    labels[near], queue[tail] = tree, near
                    total += surface[near]
                    tail += 1
    return labels.reshape(raster.shape)
