"""A job: which points of a tile's core are noise and which are ground.

This comes before the search for trees and apart from it, because ground needs to see farther than crowns do: each of
the two then carries less around its tiles than both together would.
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from survey.airborne.settings import TileSettings
from survey.airborne.tile import LEAST_POINTS
from survey.catalogue.store import values_path, write_arrays, write_values
from survey.catalogue.window import (
    TileJob,
    Window,
    WindowBuilder,
    count_points,
    is_of_tile,
    is_within,
    iterate_runs,
    open_spools,
)
from survey.cloud import Points
from survey.errors import NoGround
from survey.ground.buckets import bucket_points, select_sorted, sort_points
from survey.ground.classify import GROUND, VendorClass, classify_ground
from survey.ground.noise import LOW_NOISE, find_noise

OTHER, IS_GROUND, IS_NOISE = 0, 1, 2
"""What a point can be."""
CLASS_OF: Final = np.array([1, GROUND, LOW_NOISE], dtype=np.uint8)
"""The class that a search for trees is given for each: unclassified, ground, noise."""
Codes = NDArray[np.uint8]


def ground_reach(settings: TileSettings) -> float:
    """Return how far around a tile points decide about its ground, metres."""
    return settings.noise.reach_m + (0.0 if settings.is_normalized else settings.ground.reach_m)


def classify_tile(job: TileJob) -> None:
    """Tell the ground of a tile, and keep it."""
    window = _read(job)
    codes, note = tell_ground(window.points, job.settings)
    write_values(values_path(job.outcome), codes[window.is_core])
    write_arrays(
        job.outcome,
        {
            "files": np.array([path.stem for path in job.spools]),
            "runs": window.core_runs,
            "note": np.array(note),
        },
    )


def tell_ground(points: Points, settings: TileSettings) -> tuple[Codes, str]:
    """Return what each point is, shape (n,), and why no ground was found, if none was."""
    codes = np.full(len(points), OTHER, dtype=np.uint8)
    if len(points) < LEAST_POINTS:
        return codes, ""
    if settings.is_normalized or isinstance(settings.ground, VendorClass):
        return codes, _take_ground(points, settings, codes)
    return codes, _find_ground(points, settings, codes)


def _take_ground(points: Points, settings: TileSettings, codes: Codes) -> str:
    """Write which points are noise, and which of the others the vendor says are ground; return why there are none."""
    noise = find_noise(points, settings.noise, buckets=bucket_points(points, settings.terrain_cell_m))
    codes[noise] = IS_NOISE
    if settings.is_normalized or noise.size - noise.sum() < LEAST_POINTS:
        return ""
    clean = replace(points, classification=np.where(noise, np.uint8(LOW_NOISE), points.classification))
    try:
        codes[classify_ground(clean, settings.ground)] = IS_GROUND
    except NoGround as error:
        return str(error)
    return ""


def _find_ground(points: Points, settings: TileSettings, codes: Codes) -> str:
    """Write which points are noise and which are ground, and return why there are none."""
    in_order, at, buckets = sort_points(points, settings.terrain_cell_m)
    noise = find_noise(in_order, settings.noise, buckets=buckets)
    codes[at[noise]] = IS_NOISE
    at = at[~noise]
    if at.size < LEAST_POINTS:
        return ""
    clean, buckets = select_sorted(in_order, buckets, ~noise)
    try:
        codes[at[classify_ground(clean, settings.ground, buckets=buckets)]] = IS_GROUND
    except NoGround as error:
        return str(error)
    return ""


def _read(job: TileJob) -> Window:
    reach_m = ground_reach(job.settings)
    spools = open_spools(job)
    builder = WindowBuilder(count_points(spools, job.tile, reach_m))
    for run in iterate_runs(spools, job.tile, reach_m):
        keep = is_within(run, job.tile.core, reach_m)
        builder.add(run, keep, run.points["classification"], is_core=is_of_tile(run, job.tile))
    return builder.build()
