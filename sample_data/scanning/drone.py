"""A drone's scanner low over a plot: many pulses, wide angles, narrow beams that reach stems."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sample_data.errors import LARGEST_SEED, InvalidParameter, check_range
from sample_data.forest.stand import Stand
from sample_data.scanning.cloud import Scan
from sample_data.scanning.echoes import Beams, shoot
from sample_data.scanning.recording import Recorded, Shots, join_recorded, record
from sample_data.scanning.scene import Plot, PlotParameters, build_plot

Floats = NDArray[np.float64]

_STRIP_APART_S = 60.0
_PULSES_PER_S = 240_000.0
_JITTER = 0.35
_POSITIONS = 50
# Beyond this a plot's pulses and their echoes fill gigabytes.
_MOST_PULSES = 20_000_000
# Rays that meet a crown within the plot pass the ground no farther outside than this.
_MARGIN_M = 12.0


@dataclass(frozen=True, slots=True)
class DroneParameters:
    """A drone's scanner and how it is flown."""

    plot: PlotParameters = field(default_factory=PlotParameters)
    """What is scanned."""
    pulses_per_m2: float = 300.0
    """On level ground, of all strips together."""
    height_m: float = 70.0
    """Of the flight above the plot's centre."""
    strips: int = 4
    """Parallel strips; every other set of them flies east instead of north."""
    strip_spacing_m: float = 25.0
    """Between neighbouring parallel strips."""
    widest_deg: float = 40.0
    """Pulses farther from nadir are not used."""
    exit_m: float = 0.01
    """Diameter of the beam where it leaves."""
    divergence_mrad: float = 0.5
    """Growth of the beam's diameter, millimetres a metre."""
    resolution_m: float = 0.4
    """Echoes of a pulse that lie closer merge into one between them."""
    range_noise_m: float = 0.015
    """Standard deviation of a range."""
    position_noise_m: float = 0.015
    """Standard deviation of a pulse's place, each axis."""
    strip_shift_m: float = 0.02
    """Standard deviation of each strip's shift against the others, each axis."""
    truth_classes: bool = False
    """Write ground and vegetation as classes; else all points are unclassified."""


def scan_drone(stand: Stand, *, seed: int, parameters: DroneParameters | None = None) -> Scan:
    """Return the cloud of a drone's scanner over a plot.

    Parameters
    ----------
    stand
        Trees and terrain.
    seed
        Source of all chance of the flight; the stand, its stems and its undergrowth keep their own.
    parameters
        Scanner, flight and plot; by default a plot of 30 m diameter in the stand's middle.

    Raises
    ------
    InvalidParameter
        A parameter is out of range, or the drone would fly into the trees.
    """
    chosen = parameters or DroneParameters()
    check_range("seed", seed, 0, LARGEST_SEED)
    _check(chosen)
    rng = np.random.default_rng([0xD407, seed])
    plot = build_plot(stand, chosen.plot, margin_m=_MARGIN_M, cleared=np.empty((0, 3)))
    top = float(plot.voxels.corner_m[2]) + plot.height_m
    if chosen.height_m < top:
        raise InvalidParameter("height_m", chosen.height_m, f"it must be above all trees and ground: {top:.0f} m here")
    strips = [_fly_strip(rng, plot, number, chosen) for number in range(chosen.strips)]
    whole = join_recorded([strip for strip, _ in strips])
    positions = np.vstack([way for _, way in strips]) + plot.origin_m
    centre = (float(plot.origin_m[0]), float(plot.origin_m[1]))
    return Scan(whole.cloud, positions, whole.tree, centre, plot.radius_m)


def _check(parameters: DroneParameters) -> None:
    check_range("pulses_per_m2", parameters.pulses_per_m2, 1.0, 5_000.0)
    check_range("height_m", parameters.height_m, 10.0, 300.0)
    check_range("strips", parameters.strips, 1, 20)
    check_range("strip_spacing_m", parameters.strip_spacing_m, 0.0, 200.0)
    check_range("widest_deg", parameters.widest_deg, 1.0, 60.0)
    check_range("resolution_m", parameters.resolution_m, 0.0, 10.0)
    check_range("range_noise_m", parameters.range_noise_m, 0.0, 1.0)
    pulses = parameters.pulses_per_m2 * (2.0 * (parameters.plot.radius_m + _MARGIN_M)) ** 2
    check_range("pulses over the plot", pulses, 1.0, _MOST_PULSES)


def _fly_strip(
    rng: np.random.Generator, plot: Plot, number: int, parameters: DroneParameters
) -> tuple[Recorded, Floats]:
    """Return what one strip records, and the drone's way along it."""
    places, feet = _aim(rng, plot, number, parameters)
    ways = feet - places
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    angle = np.degrees(np.arctan2(np.hypot(ways[:, 0], ways[:, 1]), -ways[:, 2]))
    seen = np.flatnonzero((angle <= parameters.widest_deg) & _may_meet(plot, places, ways))
    places, ways, angle = places[seen], ways[seen], angle[seen]
    spread = parameters.divergence_mrad / 1000.0
    beams = Beams(places, ways, 0.0, 4.0 * parameters.height_m, parameters.exit_m, spread)
    echoes = shoot(plot, beams, resolution_m=parameters.resolution_m, every_rim=True)
    noise = rng.normal(0.0, parameters.position_noise_m, places.shape) + rng.normal(0.0, parameters.strip_shift_m, 3)
    away = echoes.range_m + rng.normal(0.0, parameters.range_noise_m, echoes.pulse.size)
    told = (places + noise)[echoes.pulse] + away[:, None] * ways[echoes.pulse]
    shots = Shots(
        number * _STRIP_APART_S + np.arange(len(ways)) / _PULSES_PER_S,
        np.where(_is_left(ways, number), -angle, angle),
        np.full(len(ways), number + 1),
    )
    where = (float(plot.origin_m[0]), float(plot.origin_m[1]), plot.radius_m)
    kept = record(rng, told + plot.origin_m, echoes, shots, plot=where, truth_classes=parameters.truth_classes)
    return kept, places[:: max(1, len(places) // _POSITIONS)]


def _may_meet(plot: Plot, places: Floats, ways: Floats) -> NDArray[np.bool_]:
    """Tell which pulses come within the plot's circle between its highest and its lowest place."""
    bottom = float(plot.voxels.corner_m[2])
    ends = [
        places[:, :2] + ((level - places[:, 2]) / ways[:, 2])[:, None] * ways[:, :2]
        for level in (bottom, bottom + plot.height_m)
    ]
    along = ends[1] - ends[0]
    square = np.maximum((along**2).sum(axis=1), 1e-9)
    share = np.clip(-(ends[0] * along).sum(axis=1) / square, 0.0, 1.0)
    nearest = ends[0] + share[:, None] * along
    within: NDArray[np.bool_] = np.hypot(nearest[:, 0], nearest[:, 1]) <= plot.radius_m
    return within


def _is_left(ways: Floats, number: int) -> NDArray[np.bool_]:
    """Tell which pulses go to the left of a strip: flown north if its number is even, else east."""
    left: NDArray[np.bool_] = ways[:, 0] < 0.0 if number % 2 == 0 else ways[:, 1] > 0.0
    return left


def _aim(rng: np.random.Generator, plot: Plot, number: int, parameters: DroneParameters) -> tuple[Floats, Floats]:
    """Return from where each pulse of a strip leaves and where it would meet level ground, each of shape (n, 3)."""
    reach = plot.radius_m + _MARGIN_M
    spacing = math.sqrt(parameters.strips / parameters.pulses_per_m2)
    ticks = np.arange(-reach, reach, spacing)
    along, across = (grid.ravel() for grid in np.meshgrid(ticks, ticks, indexing="ij"))
    along = along + rng.normal(0.0, _JITTER * spacing, along.size)
    across = across + rng.normal(0.0, _JITTER * spacing, across.size)
    lines = (parameters.strips + 1 - number % 2) // 2
    track = (number // 2 - 0.5 * (lines - 1)) * parameters.strip_spacing_m
    # The drone nods and the mirror sweeps before and behind: no plane of pulses is exactly across the flight.
    ahead = along + rng.normal(0.0, 0.05 * parameters.height_m, along.size)
    level = np.zeros_like(along)
    places = (np.full_like(along, track), ahead, level + parameters.height_m)
    feet = (across, along, level)
    order = (0, 1, 2) if number % 2 == 0 else (1, 0, 2)
    return np.column_stack([places[axis] for axis in order]), np.column_stack([feet[axis] for axis in order])
