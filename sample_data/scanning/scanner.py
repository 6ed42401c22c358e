"""An airborne laser scanner over a known stand: several returns a pulse, noise, plausible intensity."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample_data.errors import LARGEST_SEED, check_range
from sample_data.forest.crown import Bodies, build_bodies
from sample_data.forest.stand import Stand
from sample_data.forest.terrain import elevation_m
from sample_data.scanning.cloud import PointCloud
from sample_data.scanning.flight import FlightPlan, Pulses, aim_pulses
from sample_data.scanning.noise import add_noise_points
from sample_data.scanning.rays import GROUND_BODY, Hits, cast

Floats = NDArray[np.float64]

UNCLASSIFIED, GROUND, LOW_VEGETATION, HIGH_VEGETATION = 1, 2, 3, 5
"""ASPRS classes that the scanner may write (LAS 1.4 R15, table 17)."""

_GROUND_REFLECTANCE = 0.30
_LOW_REFLECTANCE = 0.42
# An intensity of a white target that fills the beam; leaves room for speckle below 65,535.
_FULL_SCALE = 40_000.0
_SPECKLE = 0.12
_LOWEST_VEGETATION_M = 0.05
_TALLEST_LOW_VEGETATION_M = 1.8


@dataclass(frozen=True, slots=True)
class ScannerParameters:
    """A scanner and how it is flown; the defaults are those of a common regional survey."""

    pulses_per_m2: float = 10.0
    """Of all strips together."""
    strips: int = 3
    """Parallel strips, all of which cover the stand."""
    strip_spacing_m: float = 60.0
    """Between neighbouring strips."""
    height_m: float = 500.0
    """Above the ground's mean elevation."""
    beam_m: float = 0.25
    """Diameter of the footprint: 0.5 mrad from 500 m."""
    resolution_m: float = 0.7
    """Echoes closer than this merge: a pulse of about 4.5 ns."""
    range_noise_m: float = 0.025
    """Standard deviation along the ray, of a pulse."""
    position_noise_m: float = 0.08
    """Standard deviation of easting and northing, of a pulse."""
    strip_shift_m: float = 0.04
    """Standard deviation of each strip's shift against the others, each axis."""
    low_vegetation_share: float = 0.25
    """Share of ground hits that end in grass, herbs or shrubs above it."""
    noise_share: float = 0.0003
    """Isolated false points over pulses: birds and haze above, echoes of echoes below."""
    start_s: float = 4.0e8
    """Adjusted standard GPS time at which the flight begins."""
    truth_classes: bool = False
    """Write ground, low and high vegetation and noise as classes; else all points are unclassified."""


def scan_airborne(stand: Stand, *, seed: int, parameters: ScannerParameters | None = None) -> PointCloud:
    """Return the cloud that an airborne scanner writes over a stand.

    Parameters
    ----------
    stand
        Trees and terrain.
    seed
        Source of all chance of the flight; the stand keeps its own.
    parameters
        Scanner and flight.

    Returns
    -------
    Points within the stand's bounds; all returns of a pulse or none.

    Raises
    ------
    InvalidParameter
        A parameter is out of range.
    """
    chosen = parameters or ScannerParameters()
    check_range("seed", seed, 0, LARGEST_SEED)
    _check(chosen)
    rng = np.random.default_rng([0x5CA4, seed])
    plan = _plan(stand, chosen)
    pulses = aim_pulses(rng, plan)
    bodies = build_bodies(stand)
    hits = cast(rng, plan, pulses, bodies, terrain=stand.terrain, beam_m=chosen.beam_m)
    echoes = _merge(_lift_ground_hits(rng, hits, chosen), bodies, chosen.resolution_m)
    cloud = _write_points(rng, plan, pulses, echoes, parameters=chosen)
    return add_noise_points(rng, cloud, stand, chosen.noise_share, truth_classes=chosen.truth_classes)


@dataclass(frozen=True, slots=True, eq=False)
class _Ends:
    """Where rays end, shape (pulses, rays), by elevation: highest first."""

    z_m: Floats
    body: NDArray[np.int64]
    low: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class _Echoes:
    """Returns, by pulse and then from the highest down."""

    pulse: NDArray[np.int64]
    number: NDArray[np.int64]
    z_m: Floats
    brightness: Floats
    kind: NDArray[np.uint8]


def _check(parameters: ScannerParameters) -> None:
    check_range("pulses_per_m2", parameters.pulses_per_m2, 0.1, 100.0)
    check_range("strips", parameters.strips, 1, 12)
    check_range("height_m", parameters.height_m, 100.0, 5_000.0)
    check_range("beam_m", parameters.beam_m, 0.0, 0.5)
    check_range("resolution_m", parameters.resolution_m, 0.0, 10.0)
    check_range("low_vegetation_share", parameters.low_vegetation_share, 0.0, 1.0)
    check_range("noise_share", parameters.noise_share, 0.0, 0.1)


def _plan(stand: Stand, parameters: ScannerParameters) -> FlightPlan:
    west, south, east, north = stand.bounds
    ticks = np.linspace(0.0, 1.0, 9)
    x, y = np.meshgrid(west + ticks * (east - west), south + ticks * (north - south))
    return FlightPlan(
        bounds=stand.bounds,
        reference_m=float(elevation_m(stand.terrain, x, y).mean()),
        height_m=parameters.height_m,
        strips=parameters.strips,
        strip_spacing_m=parameters.strip_spacing_m,
        pulses_per_m2=parameters.pulses_per_m2,
        start_s=parameters.start_s,
    )


def _lift_ground_hits(rng: np.random.Generator, hits: Hits, parameters: ScannerParameters) -> _Ends:
    """Return ray ends sorted downward, some beams' ground hits lifted into low vegetation."""
    pulses = hits.z_m.shape[0]
    cover = rng.random((pulses, 1)) < parameters.low_vegetation_share
    lift = rng.exponential(0.3, hits.z_m.shape)
    lift = np.minimum(_LOWEST_VEGETATION_M + lift, _TALLEST_LOW_VEGETATION_M)
    low = cover & (hits.body == GROUND_BODY)
    z = hits.z_m + np.where(low, lift, 0.0)
    order = np.argsort(-z, axis=1)
    return _Ends(
        np.take_along_axis(z, order, axis=1),
        np.take_along_axis(hits.body, order, axis=1),
        np.take_along_axis(low, order, axis=1),
    )


def _merge(ends: _Ends, bodies: Bodies, resolution_m: float) -> _Echoes:
    """Return echoes: ray ends of a pulse that lie closer than its length become one."""
    pulses, rays = ends.z_m.shape
    number = np.zeros((pulses, rays), dtype=np.int64)
    start = ends.z_m[:, 0]
    for ray in range(1, rays):
        apart = start - ends.z_m[:, ray] > resolution_m
        number[:, ray] = number[:, ray - 1] + apart
        start = np.where(apart, ends.z_m[:, ray], start)
    slot = (np.arange(pulses)[:, None] * rays + number).ravel()
    size = pulses * rays
    count = np.bincount(slot, minlength=size)
    used = np.flatnonzero(count)
    z = np.bincount(slot, weights=ends.z_m.ravel(), minlength=size)[used] / count[used]
    light = np.bincount(slot, weights=_reflectances(ends, bodies).ravel(), minlength=size)[used] / rays
    kind = np.empty(size, dtype=np.uint8)
    kind[slot] = _kinds(ends).ravel()
    return _Echoes(used // rays, used % rays, z, light, kind[used])


def _reflectances(ends: _Ends, bodies: Bodies) -> Floats:
    grounds = np.where(ends.low, _LOW_REFLECTANCE, _GROUND_REFLECTANCE)
    return np.where(ends.body == GROUND_BODY, grounds, np.append(bodies.reflectance, 0.0)[ends.body])


def _kinds(ends: _Ends) -> NDArray[np.uint8]:
    grounds = np.where(ends.low, LOW_VEGETATION, GROUND)
    return np.where(ends.body == GROUND_BODY, grounds, HIGH_VEGETATION).astype(np.uint8)


def _write_points(
    rng: np.random.Generator, plan: FlightPlan, pulses: Pulses, echoes: _Echoes, *, parameters: ScannerParameters
) -> PointCloud:
    """Return echoes as points: noise of pulse and strip, and only pulses that lie within the bounds."""
    count = pulses.x_m.size
    shift = rng.normal(0.0, parameters.strip_shift_m, (3, plan.strips))[:, pulses.strip]
    noise = shift + rng.normal(0.0, 1.0, (3, count)) * _noise_scale(parameters)
    climb = echoes.z_m - plan.reference_m
    pulse = echoes.pulse
    x = pulses.x_m[pulse] + climb * pulses.east_slope[pulse] + noise[0, pulse]
    y = pulses.y_m[pulse] + climb * pulses.north_slope[pulse] + noise[1, pulse]
    returns = np.bincount(pulse, minlength=count)
    speckle = np.exp(rng.normal(0.0, _SPECKLE, pulse.size))
    intensity = np.clip(_FULL_SCALE * echoes.brightness * speckle, 1, np.iinfo(np.uint16).max)
    west, south, east, north = plan.bounds
    outside = (x < west) | (x > east) | (y < south) | (y > north)
    keep = ~(np.bincount(pulse, weights=outside, minlength=count) > 0)[pulse]
    classes = echoes.kind if parameters.truth_classes else np.full(pulse.size, UNCLASSIFIED, dtype=np.uint8)
    return PointCloud(
        x_m=x[keep],
        y_m=y[keep],
        z_m=(echoes.z_m + noise[2, pulse])[keep],
        intensity=intensity[keep].astype(np.uint16),
        return_number=(echoes.number[keep] + 1).astype(np.uint8),
        number_of_returns=returns[pulse][keep].astype(np.uint8),
        classification=classes[keep],
        scan_angle=pulses.scan_angle[pulse][keep],
        gps_time=pulses.gps_time[pulse][keep],
        point_source_id=(pulses.strip[pulse][keep] + 1).astype(np.uint16),
    )


def _noise_scale(parameters: ScannerParameters) -> Floats:
    return np.array([[parameters.position_noise_m], [parameters.position_noise_m], [parameters.range_noise_m]])
