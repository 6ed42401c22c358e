"""Whether a tree's top is seen from within the forest, and how high the tree is at least.

From below, crowns hide their own tops and each other's: the highest point that paths along wood and leaves give to a
tree is often the neighbour's, or lies metres below a top that no beam reached. Two ways to the top must agree before it
is taken for seen: the tree's own highest point (see `crowns`), and the highest of all points close around the axis of
its stem, for apexes stand over their stems. Nothing near may rise higher, and its last metre must have been hit often
enough for an end of the tree, not of the beams.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from survey.cloud import Floats
from survey.kernel import Array
from survey.terrestrial.columns import Columns, gather_around
from survey.terrestrial.trace import TracedStem


@dataclass(frozen=True, slots=True)
class AxisTip:
    """The tip above a stem's highest section; settings were chosen on simulated plots of seeds 1000 to 1011."""

    NAME: ClassVar[str] = "axis-tip"
    DOI: ClassVar[str | None] = None

    aside_m: float = 0.6
    """How far from the axis, drawn upright from the highest section, apexes stand at most."""
    agree_m: float = 0.5
    """Difference of the two ways to the top, at most."""
    clear_m: float = 0.8
    """Within this distance of a tip no point is higher."""
    level_m: float = 0.1
    """Points this little above a tip are level with it."""
    last_m: float = 1.0
    """What of a tip must be hit, downward and to each side."""
    voxel_m: float = 0.1
    """Side of the voxels in which hits are counted, so that many from one tripod are one."""
    least_voxels: int = 7
    """Of the tip's last metre with points; fewer, and beams hardly came this far."""
    error_m: float = 0.15
    """Standard error of a top with many hits: the last decimetre of an apex is seldom hit."""
    error_voxels_m: float = 4.0
    """The same, to be divided by the voxels of the last metre with points: the fewer, the more is missing above."""
    least_slenderness: float = 25.0
    """Height over diameter of open-grown trees at the least: a stouter stem goes on above what the scan holds."""
    most_slenderness: float = 150.0
    """The same of trees in the thickest stands: a thinner stem ends below its neighbour's tip."""


@dataclass(frozen=True, slots=True)
class Top:
    """The top of a tree.

    Attributes
    ----------
    elevation_m
        Of the top, in the local frame; where it is not seen, the tree is at least that high.
    error_m
        Its standard error; absent where the top is not seen.
    """

    elevation_m: float
    error_m: float | None


_ROOM: Final = 0.05
"""Metres above the highest point of a cloud at which a search ends."""


def judge_top(columns: Columns, stems: list[TracedStem], own_top_m: float) -> Top:
    """Return the top of a tree.

    Parameters
    ----------
    columns
        All points.
    stems
        Of the tree, the thickest first.
    own_top_m
        Elevation of the highest point that is taken for the tree's.
    """
    chosen = AxisTip()
    tips = [_find_tip(columns, stem, chosen) for stem in stems]
    tip, voxels = max(tips)
    highest = max(_end(stem) for stem in stems)
    breast = stems[0].breast
    slenderness = (tip - breast.ground_m) / (2.0 * breast.radius_m)
    is_seen = (
        voxels >= chosen.least_voxels
        and abs(tip - own_top_m) <= chosen.agree_m
        and chosen.least_slenderness <= slenderness <= chosen.most_slenderness
    )
    # Seen, the tip is the top, whoever the point above it was given to; else both ways must have come this far.
    if not is_seen:
        return Top(max(highest, min(tip, own_top_m)), None)
    return Top(max(highest, tip), chosen.error_m + chosen.error_voxels_m / voxels)


def _end(stem: TracedStem) -> float:
    """Return the elevation of a stem's highest section."""
    return stem.breast.ground_m + stem.pieces[-1].height_m


def _find_tip(columns: Columns, stem: TracedStem, chosen: AxisTip) -> tuple[float, int]:
    """Return the elevation of the highest point around an axis, and its last metre's voxels; 0 where it is no tip."""
    centre, end = stem.pieces[-1].section.values[:2], _end(stem)
    axis = np.array([*centre, end, 0.0, 0.0])
    top = float(columns.xyz_m[:, 2].max()) + _ROOM
    # A stem may be followed into its tip.
    low, reach = end - chosen.last_m, chosen.aside_m + chosen.last_m
    points = columns.xyz_m[gather_around(columns, axis, low, top, reach)]
    near = points[np.hypot(*(points[:, :2] - centre).T) <= chosen.aside_m]
    if len(near) == 0:
        return end, 0
    tip = near[np.argmax(near[:, 2])]
    away = np.hypot(*(points[:, :2] - tip[:2]).T)
    if (points[away <= chosen.clear_m, 2] > tip[2] + chosen.level_m).any():
        return float(tip[2]), 0
    last = points[(away <= chosen.last_m) & (points[:, 2] > tip[2] - chosen.last_m) & (points[:, 2] <= tip[2])]
    return float(tip[2]), _count_voxels(last, chosen.voxel_m)


def _count_voxels(points: Floats, voxel_m: float) -> int:
    cells: Array = np.floor(points / voxel_m).astype(np.int64)
    return len(np.unique(cells, axis=0))
