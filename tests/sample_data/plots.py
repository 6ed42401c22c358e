"""Plots of known bodies for tests of rays: nothing grows but what a test puts there."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sample_data.forest.stand import Stand, StandParameters, grow_stand
from sample_data.forest.terrain import Terrain
from sample_data.forest.tree import TreeTruth
from sample_data.scanning.scene import Plot, PlotParameters, pack_voxels
from sample_data.scanning.undergrowth import UndergrowthParameters
from sample_data.scanning.voxels import NODE_M, VOXEL_M
from sample_data.scanning.wood import Wood, join_wood, make_rods

Floats = NDArray[np.float64]

BARE = UndergrowthParameters(shrubs_per_ha=0.0, hazels_per_ha=0.0, herb_cover=0.0)
"""No undergrowth."""


def make_rod(start: tuple[float, float, float], end: tuple[float, float, float], radius_m: float) -> Wood:
    """Return a round cylinder."""
    return make_rods(np.array([start]), np.array([end]), np.full((1, 2), radius_m), 0)


def make_plot(
    wood: list[Wood], *, slope: tuple[float, float] = (0.0, 0.0), leaves_per_m: float = 0.0, reach_m: float = 12.0
) -> Plot:
    """Return a plot with a plane through the origin for ground, and leaves everywhere above 1 m, or none."""
    corner = np.array([-reach_m, -reach_m, -reach_m])
    side = round(2.0 * reach_m / VOXEL_M)
    leaves = np.zeros((side, side, side), dtype=np.float32)
    leaves[:, :, round((reach_m + 1.0) / VOXEL_M) :] = leaves_per_m
    ticks = np.arange(round(2.0 * reach_m / NODE_M) + 1) * NODE_M - reach_m
    ground = slope[0] * ticks[:, None] + slope[1] * ticks[None, :]
    owner = np.full(leaves.shape, -1, dtype=np.int32)
    voxels = pack_voxels(leaves, owner, corner, ground, wood=join_wood(wood), seed=3)
    return Plot(voxels, np.zeros(3), reach_m, 2.0 * reach_m)


def make_stand(*trees: TreeTruth, slope: float = 0.0) -> Stand:
    """Return a stand of given trees, 40 m wide about the origin, on a plane that rises to the east."""
    plane = Terrain(0.0, 0.0, 0.0, slope, 0.0, ())
    empty = grow_stand(1, parameters=StandParameters(side_m=20.0))
    return replace(empty, trees=trees, bounds=(-20.0, -20.0, 20.0, 20.0), terrain=plane)


def make_tree(x_m: float, y_m: float, *, dbh_cm: float = 40.0, number: int = 0) -> TreeTruth:
    """Return an upright beech on level ground whose crown begins at 20 m."""
    return TreeTruth(x_m, y_m, 0.0, 30.0, 4.0, 20.0, dbh_cm, "Fagus sylvatica", 0, x_m, y_m, number=number)


def bare_plot(radius_m: float) -> PlotParameters:
    """Return a plot about the origin without undergrowth or roughness."""
    return PlotParameters(centre=(0.0, 0.0), radius_m=radius_m, undergrowth=BARE, roughness_m=0.0)
