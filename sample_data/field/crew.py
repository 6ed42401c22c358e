"""A crew that walks through a stand and measures trees: position, height, stem diameter.

Errors are those of good practice under canopy: GNSS in differential mode wanders by half a metre or more while a
hypsometer's height scatters by 0.3 m and a caliper by 3 mm.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from sample_data.errors import LARGEST_SEED, check_range
from sample_data.field.sentences import CaliperReading, GnssFix, HeightSight
from sample_data.forest.species import BREAST_HEIGHT_M
from sample_data.forest.stand import Stand, TreeTruth
from sample_data.forest.terrain import elevation_m

Floats = NDArray[np.float64]

ToGeographic = Callable[[float, float], tuple[float, float]]
"""Easting and northing to longitude and latitude, degrees: the stand's CRS to WGS 84."""

DEFAULT_START = datetime(2024, 6, 12, 7, 30, tzinfo=UTC)
"""When a crew's day begins unless it is told otherwise."""

HEIGHT_NOISE_M = 0.3
"""Standard deviation of a hypsometer's height."""
DIAMETER_NOISE_MM = 3.0
"""Standard deviation of a caliper's diameter."""

# Calipers begin at 7 cm in most inventories; smaller trees are counted, not measured.
_SMALLEST_DBH_CM = 7.0
_MOST_TREES = 500
_FIXES_PER_STOP = 5
# The receiver's error at one tree (multipath, canopy), and its jitter from second to second.
_WANDER_M, _JITTER_M = 0.55, 0.08
# Heights from satellites are about 1.5 times worse.
_UP_FACTOR = 1.5
_ANTENNA_M, _EYE_M = 1.9, 1.6
_WALK_M_PER_S = 0.7
# The device must be ready again before the next button is pressed.
_HANDLING_S = 9.0


@dataclass(frozen=True, slots=True)
class CrewStop:
    """What the crew measures at one tree."""

    tree: int
    """Index in ``stand.trees``."""
    fixes: tuple[GnssFix, ...]
    """Positions beside the stem, one a second."""
    sight: HeightSight
    """The tree's height."""
    caliper: CaliperReading
    """Its diameter at 1.3 m."""


@dataclass(frozen=True, slots=True)
class CrewParameters:
    """When and where a crew works."""

    begins_at: datetime = DEFAULT_START
    """First fix, UTC."""
    geoid_m: float = 46.6
    """Geoid above the ellipsoid at the stand; the default is the Bavarian Forest's."""


def walk_plot(
    stand: Stand,
    *,
    seed: int,
    to_geographic: ToGeographic,
    trees: int = 12,
    parameters: CrewParameters | None = None,
) -> tuple[CrewStop, ...]:
    """Return what a crew measures on a walk from tree to tree.

    Parameters
    ----------
    stand
        Where it walks.
    seed
        Source of all chance of the crew.
    to_geographic
        Easting and northing in the stand's CRS to longitude and latitude, degrees.
    trees
        How many trees of at least 7 cm are wanted; fewer come where the stand has fewer.
    parameters
        Start and geoid.

    Returns
    -------
    Stops in order of time, from the tree nearest to the south-west corner to the next nearest.

    Raises
    ------
    InvalidParameter
        A negative seed, or a number of trees outside 1 to 500.
    """
    check_range("seed", seed, 0, LARGEST_SEED)
    check_range("trees", trees, 1, _MOST_TREES)
    chosen = parameters or CrewParameters()
    rng = np.random.default_rng([0xC4E3, seed])
    frame = _Frame(to_geographic, chosen.geoid_m)
    now = chosen.begins_at
    stops: list[CrewStop] = []
    for index in _route(rng, stand, trees):
        if stops:
            walked = _apart(stand.trees[stops[-1].tree], stand.trees[index])
            now = stops[-1].caliper.at + timedelta(seconds=_HANDLING_S + round(walked / _WALK_M_PER_S))
        stops.append(_measure(rng, stand, index, frame, now=now))
    return tuple(stops)


@dataclass(frozen=True, slots=True)
class _Frame:
    """How places become what a receiver says."""

    to_geographic: ToGeographic
    geoid_m: float


def _route(rng: np.random.Generator, stand: Stand, trees: int) -> list[int]:
    """Return the trees to visit, each the nearest of those left."""
    able = [i for i, tree in enumerate(stand.trees) if tree.dbh_cm >= _SMALLEST_DBH_CM]
    left = [int(i) for i in rng.choice(able, size=min(trees, len(able)), replace=False)] if able else []
    feet = {i: (stand.trees[i].x_m, stand.trees[i].y_m) for i in left}
    here = stand.bounds[:2]
    route: list[int] = []
    while feet:
        nearest = min(feet, key=lambda i, here=here: math.dist(here, feet[i]))  # type: ignore[misc]
        here = feet.pop(nearest)
        route.append(nearest)
    return route


def _apart(one: TreeTruth, other: TreeTruth) -> float:
    return math.dist((one.x_m, one.y_m), (other.x_m, other.y_m))


def _measure(rng: np.random.Generator, stand: Stand, index: int, frame: _Frame, *, now: datetime) -> CrewStop:
    """Return a stop: fixes while the rod stands, then the walk back for the height, then the caliper."""
    tree = stand.trees[index]
    fixes = _stand_still(rng, tree, frame, now)
    aimed = fixes[-1].at + timedelta(seconds=_HANDLING_S + round(tree.height_m / _WALK_M_PER_S))
    sight = _shoot(rng, stand, tree, aimed)
    clamped = sight.at + timedelta(seconds=_HANDLING_S + round(sight.distance_m / _WALK_M_PER_S))
    diameter = round(10.0 * tree.dbh_cm + rng.normal(0.0, DIAMETER_NOISE_MM))
    return CrewStop(index, fixes, sight, CaliperReading(clamped, max(diameter, 1)))


def _stand_still(rng: np.random.Generator, tree: TreeTruth, frame: _Frame, now: datetime) -> tuple[GnssFix, ...]:
    """Return one fix a second, all off by the same wander and each by its own jitter."""
    wander = rng.normal(0.0, _WANDER_M, 3)
    satellites, hdop = int(rng.integers(9, 19)), float(rng.uniform(0.8, 1.9))
    fixes = []
    for second in range(_FIXES_PER_STOP):
        east, north, up = wander + rng.normal(0.0, _JITTER_M, 3)
        longitude, latitude = frame.to_geographic(tree.x_m + east, tree.y_m + north)
        fix = GnssFix(
            at=now + timedelta(seconds=second),
            longitude_deg=longitude,
            latitude_deg=latitude,
            altitude_m=tree.ground_m + _ANTENNA_M + _UP_FACTOR * up,
            geoid_m=frame.geoid_m,
            quality=2,
            satellites=satellites,
            hdop=hdop,
            error_m=(_WANDER_M, _WANDER_M, _UP_FACTOR * _WANDER_M),
        )
        fixes.append(fix)
    return tuple(fixes)


def _shoot(rng: np.random.Generator, stand: Stand, tree: TreeTruth, at: datetime) -> HeightSight:
    """Return a height shot from about one tree height away; the noise is in the angle to the apex."""
    distance = max(5.0, tree.height_m * float(rng.uniform(0.8, 1.2)))
    azimuth = float(rng.uniform(0.0, 360.0))
    bearing = math.radians(azimuth)
    eye_x, eye_y = tree.x_m - distance * math.sin(bearing), tree.y_m - distance * math.cos(bearing)
    eye = float(elevation_m(stand.terrain, np.array([eye_x]), np.array([eye_y]))[0]) + _EYE_M
    foot = tree.ground_m - eye
    top = foot + tree.height_m + float(rng.normal(0.0, HEIGHT_NOISE_M))
    return HeightSight(
        at=at,
        distance_m=distance,
        azimuth_deg=azimuth,
        level_deg=_incline(foot + BREAST_HEIGHT_M, distance),
        foot_deg=_incline(foot, distance),
        top_deg=_incline(top, distance),
        height_m=top - foot,
    )


def _incline(rise_m: float, distance_m: float) -> float:
    return math.degrees(math.atan2(rise_m, distance_m))
