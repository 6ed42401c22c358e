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
    crowns meet in the valleys between them. Small holes within one crown are filled.
    """

    NAME: ClassVar[str] = "dalponte2016"
    DOI: ClassVar[str | None] = "10.1111/2041-210X.12575"

    seed_share: float = 0.65
    """Least height of a cell over the top's."""
    crown_share: float = 0.55
    """Least height of a cell over the mean of the crown so far."""
    distance_m: float = 2.5
    """Greatest distance from the top at height zero."""
    distance_share: float = 0.18
    """The same, a metre of height more."""
    most_distance_m: float = 12.0
    """No crown reaches farther."""
    hole_cells: int = 8
    """Largest hole that is filled."""

    def reach_m(self, cell_m: float) -> float:
        """Cells farther from a crown's cell never decide about the crown: across it, and holes beside."""
        return 2.0 * self.most_distance_m + self.hole_cells * cell_m


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
    cell_m = canopy.grid.cell_m
    limits = (
        chosen.seed_share,
        chosen.crown_share,
        chosen.distance_m / cell_m,
        chosen.distance_share / cell_m,
        chosen.most_distance_m / cell_m,
    )
    labels: Labels = _grow(tops.cell, np.ascontiguousarray(canopy.height_m), tops.basins, limits)
    _fill_holes(labels.ravel(), canopy.grid.shape, chosen.hole_cells)
    return labels


@compiled
def _grow(seeds: Array, raster: Array, basins: Array, limits: tuple[float, float, float, float, float]) -> Array:
    """Return each cell's crown; crowns grow breadth first, each in its own basin, so their order does not matter."""
    rows, columns = raster.shape
    surface, home = raster.ravel(), basins.ravel()
    labels = np.full(surface.size, -1, np.int32)
    queue = np.empty(surface.size, np.int64)
    for tree in range(seeds.size):
        top = seeds[tree]
        labels[top], queue[0] = tree, top
        head, tail, total = 0, 1, surface[top]
        reach = min(limits[4], limits[2] + limits[3] * surface[top])
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


@compiled
def _fill_holes(labels: Array, shape: tuple[int, int], most: int) -> None:
    """Give small patches without a crown to the crown that surrounds them, if it is one alone."""
    hole = np.empty(most + 5, np.int64)
    stamps = np.full(labels.size, -1, np.int64)
    for cell in range(labels.size):
        # A patch that was explored and is still without a crown stays so, from whichever of its cells it is explored.
        if labels[cell] >= 0 or stamps[cell] >= 0:
            continue
        around, size = _explore_hole(cell, labels, shape, (hole, stamps), most)
        if around >= 0:
            for one in hole[:size]:
                labels[one] = around


@compiled
def _explore_hole(
    start: int, labels: Array, shape: tuple[int, int], memory: tuple[Array, Array], most: int
) -> tuple[int, int]:
    """Return the one crown around a patch and the patch's size; -1 when it is large, open or between crowns."""
    hole, stamps = memory
    hole[0], stamps[start] = start, start
    head, size, around = 0, 1, -1
    while head < size:
        for turn in range(1, 9, 2):
            near = find_neighbour(hole[head], turn, shape[0], shape[1])
            if near < 0:
                return -1, 0
            if labels[near] < 0 and stamps[near] != start:
                hole[size], stamps[near] = near, start
                size += 1
            elif labels[near] >= 0:
                if around >= 0 and labels[near] != around:
                    return -1, 0
                around = labels[near]
        head += 1
        if size > most:
            return -1, 0
    return around, size
