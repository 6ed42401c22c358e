"""Where an airborne scanner's pulses go: parallel strips flown north, scan lines across them.

A pulse is a straight ray. It is described by the place where it would meet a horizontal reference plane and by how
far it moves sideways a metre of climb.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Pulses are also aimed this far outside the stand, since a slanted ray may meet a crown inside it.
AIM_MARGIN_M = 6.0
_SPEED_M_PER_S = 55.0
# The aircraft turns between strips.
_TURN_S = 180.0
# The nose is a little up, so that no plane is scanned exactly vertically.
PITCH_SLOPE = 0.02
# Pulses scatter about the ideal pattern by this share of their spacing (vibration, attitude).
_PATTERN_JITTER = 0.25


@dataclass(frozen=True, slots=True)
class FlightPlan:
    """How a stand is flown."""

    bounds: tuple[float, float, float, float]
    """Least easting and northing, greatest easting and northing of the stand."""
    reference_m: float
    """Elevation of the reference plane."""
    height_m: float
    """Of the aircraft above the reference plane."""
    strips: int
    """Number of strips."""
    strip_spacing_m: float
    """Between neighbouring strips."""
    pulses_per_m2: float
    """Of all strips together."""
    start_s: float
    """Adjusted standard GPS time of the first strip."""


@dataclass(frozen=True, slots=True, eq=False)
class Pulses:
    """Rays of all strips, n of them, by time."""

    x_m: Floats
    """Easting on the reference plane."""
    y_m: Floats
    """Northing on the reference plane."""
    east_slope: Floats
    """Metres eastward a metre of climb."""
    north_slope: Floats
    """Metres northward a metre of climb."""
    strip: NDArray[np.int64]
    """Number of the strip, from 0."""
    gps_time: Floats
    """Seconds."""
    scan_angle: Floats
    """Degrees from nadir, negative to the left of the flight."""


def aim_pulses(rng: np.random.Generator, plan: FlightPlan) -> Pulses:
    """Return the pulses of a flight.

    Parameters
    ----------
    rng
        Source of jitter.
    plan
        What is flown.

    Returns
    -------
    Pulses, strip after strip.
    """
    strips = [_aim_strip(rng, plan, number) for number in range(plan.strips)]
    return Pulses(
        x_m=np.concatenate([strip.x_m for strip in strips]),
        y_m=np.concatenate([strip.y_m for strip in strips]),
        east_slope=np.concatenate([strip.east_slope for strip in strips]),
        north_slope=np.concatenate([strip.north_slope for strip in strips]),
        strip=np.concatenate([strip.strip for strip in strips]),
        gps_time=np.concatenate([strip.gps_time for strip in strips]),
        scan_angle=np.concatenate([strip.scan_angle for strip in strips]),
    )


def track_x_m(plan: FlightPlan, strip: NDArray[np.int64]) -> Floats:
    """Return the easting of strips' tracks.

    Parameters
    ----------
    plan
        What is flown.
    strip
        Numbers of strips, from 0, any shape.
    """
    centre = 0.5 * (plan.bounds[0] + plan.bounds[2])
    return centre + (strip.astype(np.float64) - 0.5 * (plan.strips - 1)) * plan.strip_spacing_m


def _aim_strip(rng: np.random.Generator, plan: FlightPlan, number: int) -> Pulses:
    west, south, east, north = plan.bounds
    track = float(track_x_m(plan, np.array([number]))[0])
    spacing = math.sqrt(plan.strips / plan.pulses_per_m2)
    across = np.arange(west - AIM_MARGIN_M, east + AIM_MARGIN_M, spacing)
    along = np.arange(south - AIM_MARGIN_M, north + AIM_MARGIN_M, spacing)
    # Rotating-mirror scanners shift successive lines; half a step keeps the pattern from lining up.
    grid_x = across[None, :] + 0.5 * spacing * (np.arange(along.size) % 2)[:, None]
    grid_y = np.broadcast_to(along[:, None], grid_x.shape)
    x = (grid_x + rng.normal(0.0, _PATTERN_JITTER * spacing, grid_x.shape)).ravel()
    y = (grid_y + rng.normal(0.0, _PATTERN_JITTER * spacing, grid_x.shape)).ravel()
    line_rate = spacing / _SPEED_M_PER_S / across.size
    slope = (track - x) / plan.height_m
    return Pulses(
        x_m=x,
        y_m=y,
        east_slope=slope,
        north_slope=np.full(x.size, PITCH_SLOPE),
        strip=np.full(x.size, number, dtype=np.int64),
        gps_time=plan.start_s + number * _TURN_S + line_rate * np.arange(x.size, dtype=np.float64),
        scan_angle=-np.degrees(np.arctan(slope)),
    )
