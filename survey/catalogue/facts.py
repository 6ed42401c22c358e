"""What is measured over the whole area before any tile: densities from all points, normalised or not from samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from survey.airborne.settings import CloudFacts
from survey.catalogue.plan import BlockCounts
from survey.catalogue.spool import CELL_M, SpoolIndex, count_covered, read_run
from survey.cloud import Points, select_points
from survey.ground.classify import is_normalized
from survey.ground.noise import find_noise

_SAMPLE_POINTS: Final = 200_000
"""Enough for some tens of blocks, evenly over the area; a floor at zero shows in each."""


@dataclass(frozen=True, slots=True)
class AreaFacts:
    """What was measured.

    Attributes
    ----------
    points, area_m2
        Points that are used, and ground that they cover in cells of 5 m.
    cloud
        Densities, and whether elevations are heights above ground.
    """

    points: int
    area_m2: float
    cloud: CloudFacts


def measure_facts(blocks: BlockCounts, spools: Sequence[tuple[Path, SpoolIndex]], *, stated: bool | None) -> AreaFacts:
    """Return what holds for the whole area.

    Parameters
    ----------
    blocks
        Points of each block.
    spools
        Files, with their indexes.
    stated
        Whether the user says that elevations are heights; nothing where he does not.
    """
    points = int(blocks.count.sum())
    area_m2 = count_covered(blocks.covered) * CELL_M**2
    looks = is_normalized(sample_points(spools, points)) if stated is None else stated
    # Crowns are compared with those around, so a file without intensity would make its neighbours' look alive.
    has_intensity = all(index.intensity[0] < index.intensity[1] for _, index in spools)
    first_density = int(blocks.first_count.sum()) / area_m2
    return AreaFacts(points, area_m2, CloudFacts(looks, points / area_m2, first_density, has_intensity))


def sample_points(spools: Sequence[tuple[Path, SpoolIndex]], points: int) -> Points:
    """Return whole runs of points, evenly over the files, without noise."""
    every = max(1, points // _SAMPLE_POINTS)
    parts: list[tuple[SpoolIndex, np.ndarray]] = []
    for path, index in spools:
        parts += [
            (index, read_run(path, int(index.start[run]), int(index.count[run])))
            for run in range(0, index.start.size, every)
        ]
    x_m, y_m, z_m = (
        np.concatenate([index.units.metres(part[name], axis) for index, part in parts])
        for axis, name in enumerate("xyz")
    )
    first = np.concatenate([part["return_number"] for _, part in parts]) <= 1
    kinds = np.concatenate([part["classification"] for _, part in parts])
    found = Points(x_m, y_m, z_m, first, kinds, np.arange(kinds.size))
    return select_points(found, ~find_noise(found))
