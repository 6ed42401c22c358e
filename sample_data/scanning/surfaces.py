"""A scene of plain surfaces that rays meet at places known in closed form: ground, stems, a wall, a thin curtain.

Local frame of :mod:`sample_data.scanning.carrier`: metres east, north, up.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ground:
    """A plane without end: up = at_m + east * slope_east + north * slope_north."""

    at_m: float = 0.0
    slope_east: float = 0.03
    slope_north: float = -0.02


@dataclass(frozen=True, slots=True)
class Stem:
    """A vertical cylinder of endless height."""

    east_m: float
    north_m: float
    radius_m: float


@dataclass(frozen=True, slots=True)
class Screen:
    """A vertical plane across a direction, between two places along it: a wall, or a thin curtain of leaves."""

    distance_m: float
    """Of the plane from the origin, along its normal."""
    azimuth_deg: float
    """Of its normal, clockwise from north."""
    half_width_m: float
    """To either side of the foot of the normal."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Surfaces that stop a ray, and a curtain that lets it through."""

    ground: Ground = Ground()
    stems: tuple[Stem, ...] = (
        Stem(3.0, 2.0, 0.18),
        Stem(-5.0, 4.0, 0.25),
        Stem(1.5, -8.0, 0.12),
        Stem(9.0, 7.0, 0.40),
        Stem(-7.5, -9.0, 0.30),
    )
    wall: Screen = Screen(22.0, 70.0, 15.0)
    curtain: Screen = Screen(8.0, 250.0, 6.0)


@dataclass(frozen=True, slots=True, eq=False)
class Met:
    """How far rays go; every array has shape (n,), infinite where they meet nothing."""

    solid_m: Floats
    """To the first surface that stops them."""
    curtain_m: Floats
    """To the curtain, where it lies before that."""


def meet(scene: Scene, origins: Floats, directions: Floats) -> Met:
    """Return where rays from origins along unit directions, both of shape (n, 3), meet the scene."""
    solid = np.minimum(_meet_ground(scene.ground, origins, directions), _meet_screen(scene.wall, origins, directions))
    for stem in scene.stems:
        solid = np.minimum(solid, _meet_stem(stem, origins, directions))
    curtain = _meet_screen(scene.curtain, origins, directions)
    return Met(solid, np.where(curtain < solid, curtain, np.inf))


def measure_distance(scene: Scene, points: Floats) -> Floats:
    """Return how far points, shape (n, 3), lie from the nearest surface."""
    ground = scene.ground
    plane = points[:, 2] - ground.at_m - ground.slope_east * points[:, 0] - ground.slope_north * points[:, 1]
    nearest = np.abs(plane) / np.sqrt(1 + ground.slope_east**2 + ground.slope_north**2)
    for stem in scene.stems:
        axis = np.hypot(points[:, 0] - stem.east_m, points[:, 1] - stem.north_m)
        nearest = np.minimum(nearest, np.abs(axis - stem.radius_m))
    for screen in (scene.wall, scene.curtain):
        normal, along = _axes(screen)
        beside = np.maximum(np.abs(points @ along) - screen.half_width_m, 0.0)
        nearest = np.minimum(nearest, np.hypot(points @ normal - screen.distance_m, beside))
    return np.asarray(nearest, dtype=np.float64)


def _meet_ground(ground: Ground, origins: Floats, directions: Floats) -> Floats:
    slope = np.array([-ground.slope_east, -ground.slope_north, 1.0])
    return _forward(ground.at_m - origins @ slope, directions @ slope)


def _meet_screen(screen: Screen, origins: Floats, directions: Floats) -> Floats:
    normal, along = _axes(screen)
    far = _forward(screen.distance_m - origins @ normal, directions @ normal)
    beside = np.abs(origins @ along + np.where(np.isfinite(far), far, 0.0) * (directions @ along))
    return np.where(beside <= screen.half_width_m, far, np.inf)


def _meet_stem(stem: Stem, origins: Floats, directions: Floats) -> Floats:
    """Return the nearer root of the circle's equation; no ray starts inside a stem."""
    east, north = origins[:, 0] - stem.east_m, origins[:, 1] - stem.north_m
    square = directions[:, 0] ** 2 + directions[:, 1] ** 2
    half = east * directions[:, 0] + north * directions[:, 1]
    rest = half**2 - square * (east**2 + north**2 - stem.radius_m**2)
    return _forward(-half - np.sqrt(np.maximum(rest, 0.0)), np.where(rest > 0, square, 0.0))


def _axes(screen: Screen) -> tuple[Floats, Floats]:
    angle = np.radians(screen.azimuth_deg)
    return np.array([np.sin(angle), np.cos(angle), 0.0]), np.array([np.cos(angle), -np.sin(angle), 0.0])


def _forward(above: Floats, below: Floats) -> Floats:
    """Return quotients that are ahead, infinite for those behind or without end."""
    with np.errstate(divide="ignore", invalid="ignore"):
        far: Floats = above / below
    return np.where(np.isfinite(far) & (far > 0), far, np.inf)
