"""A job: which points of a tile's core are noise and which are ground.

This comes before the search for trees and apart from it, because ground needs to see farther than crowns do: each of
the two then carries less around its tiles than both together would.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from survey.airborne.settings import TileSettings
from survey.airborne.tile import LEAST_POINTS
from survey.catalogue.store import values_path, write_arrays, write_values
from survey.catalogue.window import TileJob, Window, WindowBuilder, count_points, is_of_tile, is_within, iterate_runs
from survey.cloud import Points
from survey.errors import NoGround
from survey.ground.buckets import pick_points
from survey.ground.classify import GROUND, classify_ground
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
    noise = find_noise(points, settings.noise)
    codes[noise] = IS_NOISE
    clean = np.flatnonzero(~noise)
    if settings.is_normalized or clean.size < LEAST_POINTS:
        return codes, ""
    used = pick_points(points, clean)
    try:
        codes[clean[classify_ground(used, settings.ground)]] = IS_GROUND
    except NoGround as error:
        return codes, str(error)
    return codes, ""


def _read(job: TileJob) -> Window:
    reach_m = ground_reach(job.settings)
    builder = WindowBuilder(count_points(job.spools, job.tile, reach_m))
    for run in iterate_runs(job.spools, job.tile, reach_m):
        keep = is_within(run, job.tile.core, reach_m)
        builder.add(run, keep, run.points["classification"], is_core=is_of_tile(run, job.tile))
    return builder.build()
