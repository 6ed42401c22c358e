"""Where rays end: the first leaf, branch, stem or ground that each part of a beam meets.

A beam is a handful of parallel rays spread over its footprint. Within one body a ray's free path is exponential
(Beer-Lambert law), shorter in the outer leaf shell; bodies are independent, so the first hit of all bodies is the
nearest of their hits even where crowns overlap.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample_data.forest.crown import LEVELS, Bodies
from sample_data.forest.terrain import Terrain, elevation_m, gradient
from sample_data.scanning.candidates import Pairs, pair_up
from sample_data.scanning.flight import FlightPlan, Pulses

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

RAYS_PER_BEAM = 5
"""Rays that stand for one beam, and so the most returns of one pulse."""

GROUND_BODY = -1
"""What :attr:`Hits.body` says where a ray reached the ground."""

_SHELL_M = 1.0
# Slopes below 45 degrees under rays below 20 degrees: each step shrinks the error at least threefold.
_GROUND_STEPS = 6


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Where the rays of each pulse end; arrays of shape (pulses, rays)."""

    z_m: Floats
    """Elevation of the hit."""
    body: NDArray[np.int64]
    """What was hit, or :data:`GROUND_BODY`."""


@dataclass(frozen=True, slots=True, eq=False)
class _Approach:
    """Rays over bodies: place relative to the axis at the apex's elevation, and slopes."""

    east_m: Singles
    north_m: Singles
    east_slope: Singles
    north_slope: Singles


def cast(
    rng: np.random.Generator, plan: FlightPlan, pulses: Pulses, bodies: Bodies, *, terrain: Terrain, beam_m: float
) -> Hits:
    """Return where every ray of every pulse ends.

    Parameters
    ----------
    rng
        Source of all chance.
    plan
        The flight.
    pulses
        Beams, n of them.
    bodies
        Crowns and stems.
    terrain
        The ground.
    beam_m
        Diameter of the footprint (four standard deviations of the beam's profile), metres.

    Returns
    -------
    Hits of shape (n, :data:`RAYS_PER_BEAM`).
    """
    offsets = rng.normal(0.0, beam_m / 4.0, (2, RAYS_PER_BEAM, pulses.x_m.size)).astype(np.float32)
    ground = _meet_ground(plan, pulses, terrain, offsets)
    pairs = pair_up(pulses, bodies, plan)
    approach = _approach(plan, pulses, bodies, pairs)
    z = np.empty((pulses.x_m.size, RAYS_PER_BEAM))
    body = np.empty((pulses.x_m.size, RAYS_PER_BEAM), dtype=np.int64)
    for ray in range(RAYS_PER_BEAM):
        depth = _meet_bodies(rng, _move(approach, offsets[:, ray], pairs), bodies, pairs)
        z[:, ray], body[:, ray] = _first_hit(depth, pairs, bodies, ground[ray])
    return Hits(z, body)


def _meet_ground(plan: FlightPlan, pulses: Pulses, terrain: Terrain, offsets: Singles) -> Floats:
    """Return the elevation at which each ray meets the ground, shape (rays, pulses).

    Within a footprint the ground is taken as its tangent plane.
    """
    x, y = pulses.x_m, pulses.y_m
    climb = elevation_m(terrain, x, y) - plan.reference_m
    for _ in range(_GROUND_STEPS):
        x, y = pulses.x_m + climb * pulses.east_slope, pulses.y_m + climb * pulses.north_slope
        climb = elevation_m(terrain, x, y) - plan.reference_m
    rise_east, rise_north = gradient(terrain, x, y)
    sideways = offsets[0] * rise_east + offsets[1] * rise_north
    meets: Floats = plan.reference_m + climb + sideways
    return meets


def _approach(plan: FlightPlan, pulses: Pulses, bodies: Bodies, pairs: Pairs) -> _Approach:
    """Return beams relative to bodies; differences are taken in double precision first."""
    pulse, body = pairs.pulse, pairs.body
    climb = bodies.top_m[body] - plan.reference_m
    east, north = pulses.east_slope[pulse], pulses.north_slope[pulse]
    return _Approach(
        (pulses.x_m[pulse] + climb * east - bodies.x_m[body]).astype(np.float32),
        (pulses.y_m[pulse] + climb * north - bodies.y_m[body]).astype(np.float32),
        east.astype(np.float32),
        north.astype(np.float32),
    )


def _move(approach: _Approach, offset: Singles, pairs: Pairs) -> _Approach:
    """Return one ray of each beam, parallel to its centre line."""
    return _Approach(
        approach.east_m + offset[0, pairs.pulse],
        approach.north_m + offset[1, pairs.pulse],
        approach.east_slope,
        approach.north_slope,
    )


def _meet_bodies(rng: np.random.Generator, rays: _Approach, bodies: Bodies, pairs: Pairs) -> Singles:
    """Return the depth below each body's apex at which one ray a pair is stopped; infinite where it is not."""
    enters, leaves = _chords(rays, bodies, pairs)
    thickness = rng.standard_exponential(pairs.body.size, dtype=np.float32)
    shell = bodies.shell_per_m.astype(np.float32)[pairs.body]
    core = bodies.core_per_m.astype(np.float32)[pairs.body]
    within_shell = thickness <= shell * np.float32(_SHELL_M)
    path = np.where(within_shell, thickness / shell, _SHELL_M + (thickness - shell * np.float32(_SHELL_M)) / core)
    depth = enters + path
    return np.where(depth <= leaves, depth, np.float32(np.inf)).astype(np.float32)


def _chords(rays: _Approach, bodies: Bodies, pairs: Pairs) -> tuple[Singles, Singles]:
    """Return the depths at which rays enter and leave bodies; entry is infinite where they miss.

    A body is convex, so the ray's distance from the axis less the body's radius is a convex function of depth:
    it is below zero on one interval, whose ends are interpolated between the tabled levels.
    """
    length = bodies.length_m.astype(np.float32)[pairs.body]
    leaves = length.copy()
    last_depth = np.zeros(length.size, dtype=np.float32)
    last_gap = np.hypot(rays.east_m, rays.north_m) - bodies.table_m[pairs.body, 0]
    # A flat top is entered at once.
    enters = np.where(last_gap > 0.0, np.float32(np.inf), np.float32(0.0))
    for level in range(1, len(LEVELS)):
        depth = length * np.float32(LEVELS[level])
        away = np.hypot(rays.east_m - depth * rays.east_slope, rays.north_m - depth * rays.north_slope)
        gap = away - bodies.table_m[pairs.body, level]
        crossing = (last_gap > 0.0) != (gap > 0.0)
        where = np.flatnonzero(crossing)
        root = last_depth[where] + (depth[where] - last_depth[where]) * last_gap[where] / (last_gap[where] - gap[where])
        inward = last_gap[where] > 0.0
        enters[where[inward]] = root[inward]
        leaves[where[~inward]] = root[~inward]
        last_depth, last_gap = depth, gap
    return enters, leaves


def _first_hit(depth: Singles, pairs: Pairs, bodies: Bodies, ground_m: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Return the highest hit of one ray a pulse, and its body."""
    stopped = np.flatnonzero(np.isfinite(depth))
    pulse, body = pairs.pulse[stopped], pairs.body[stopped]
    z = bodies.top_m[body] - depth[stopped]
    highest = ground_m.copy()
    np.maximum.at(highest, pulse, z)
    what = np.full(ground_m.size, GROUND_BODY, dtype=np.int64)
    first = z == highest[pulse]
    what[pulse[first]] = body[first]
    return highest, what
