"""Shrubs, hazels and herbs that no tree list has, and that hide the feet of stems.

Cover of herbs and shrubs in mountain forests varies between none and all; the defaults are middling.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample_data.errors import check_range
from sample_data.forest.terrain import Terrain, elevation_m
from sample_data.scanning.wood import Wood, join_wood, make_rods

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class UndergrowthParameters:
    """What grows below the trees."""

    shrubs_per_ha: float = 250.0
    """Leafy mounds, 0.4 to 2 m high."""
    hazels_per_ha: float = 60.0
    """Clumps of rods 1.5 to 4 m high and up to 3 cm thick, leafy at the top: they look like stems."""
    herb_cover: float = 0.3
    """Share of the ground under herbs and grass, up to 0.4 m high."""


@dataclass(frozen=True, slots=True, eq=False)
class Mounds:
    """Leafy half-ellipsoids, n of them."""

    centre_m: Floats
    """Easting, northing, elevation, shape (n, 3)."""
    radius_m: Floats
    """Horizontal, vertical, shape (n, 2)."""
    leaves_per_m: Floats
    """Chance of interception a metre."""


@dataclass(frozen=True, slots=True, eq=False)
class Undergrowth:
    """Shrubs and hazels of a place."""

    mounds: Mounds
    """Leaves."""
    rods: Wood
    """Wood of hazels."""


def check_undergrowth(parameters: UndergrowthParameters) -> None:
    """Raise :class:`sample_data.errors.InvalidParameter` unless all numbers are possible."""
    check_range("shrubs_per_ha", parameters.shrubs_per_ha, 0.0, 20_000.0)
    check_range("hazels_per_ha", parameters.hazels_per_ha, 0.0, 5_000.0)
    check_range("herb_cover", parameters.herb_cover, 0.0, 1.0)


def grow_undergrowth(
    rng: np.random.Generator,
    terrain: Terrain,
    parameters: UndergrowthParameters,
    *,
    centre: tuple[float, float],
    reach_m: float,
) -> Undergrowth:
    """Return what grows in the square of a place.

    Parameters
    ----------
    rng
        Source of all chance.
    terrain
        What it stands on.
    parameters
        How much grows.
    centre
        Easting and northing of the square's middle.
    reach_m
        Half of its side.
    """
    hectares = (2.0 * reach_m) ** 2 / 10_000.0
    shrubs = _stand_anywhere(rng, terrain, parameters.shrubs_per_ha * hectares, centre, reach_m=reach_m)
    wide = rng.uniform(0.3, 1.0, len(shrubs))
    tall = rng.uniform(0.4, 2.0, len(shrubs))
    hazels = _stand_anywhere(rng, terrain, parameters.hazels_per_ha * hectares, centre, reach_m=reach_m)
    rods, tops = _grow_hazels(rng, hazels)
    crown = np.column_stack([rng.uniform(0.4, 0.9, len(tops)), rng.uniform(0.4, 0.9, len(tops))])
    mounds = Mounds(
        centre_m=np.vstack([shrubs, tops]),
        radius_m=np.vstack([np.column_stack([wide, tall]), crown]),
        leaves_per_m=np.concatenate([rng.uniform(0.5, 2.0, len(shrubs)), rng.uniform(0.4, 1.0, len(tops))]),
    )
    return Undergrowth(mounds, rods)


def _stand_anywhere(
    rng: np.random.Generator, terrain: Terrain, mean: float, centre: tuple[float, float], *, reach_m: float
) -> Floats:
    count = int(rng.poisson(mean))
    x, y = np.array(centre)[:, None] + rng.uniform(-reach_m, reach_m, (2, count))
    return np.column_stack([x, y, elevation_m(terrain, x, y)])


def _grow_hazels(rng: np.random.Generator, feet: Floats) -> tuple[Wood, Floats]:
    """Return clumps of leaning rods and their leafy tops."""
    parts = []
    tops = []
    for foot in feet:
        count = int(rng.integers(2, 7))
        start = foot + np.column_stack([rng.normal(0.0, 0.12, (count, 2)), np.full(count, -0.1)])
        height = rng.uniform(1.5, 4.0) * rng.uniform(0.6, 1.0, count)
        lean = rng.normal(0.0, 0.18, (count, 2))
        end = start + np.column_stack([lean[:, 0] * height, lean[:, 1] * height, height])
        base = rng.uniform(0.005, 0.015, count)
        parts.append(make_rods(start, end, np.column_stack([base, 0.4 * base]), -1))
        tops.append(end.mean(axis=0) - (0.0, 0.0, 0.5))
    return join_wood(parts), np.array(tops).reshape(-1, 3)
