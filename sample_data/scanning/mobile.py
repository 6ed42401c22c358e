"""A handheld scanner carried through a plot: it finds its own way, and drifts.

A spinning line of pulses sweeps all directions while the carrier walks up and down the plot and back to the start.
Simultaneous localization and mapping closes the loop at the start, so the error is largest on the way: what is seen
twice, an hour's quarter apart, is written twice, some centimetres aside.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sample_data.errors import LARGEST_SEED, check_range
from sample_data.forest.stand import Stand
from sample_data.forest.terrain import elevation_m
from sample_data.scanning.cloud import Scan
from sample_data.scanning.echoes import Beams, shoot
from sample_data.scanning.recording import Shots, record
from sample_data.scanning.scene import PlotParameters, build_plot, locate_centre

Floats = NDArray[np.float64]

_LINE_HZ, _SWEEP_HZ = 50.0, 0.5
_STEP_HZ, _BOB_M = 1.8, 0.02
_CLEAR_EVERY_M = 0.25
_ARM_M, _ROUNDS = 0.7, 3
_DRIFT_WAVES = 4
_MOST_PULSES = 60_000_000


@dataclass(frozen=True, slots=True)
class MobileParameters:
    """A handheld scanner, how it is carried and how well it knows its way."""

    plot: PlotParameters = field(default_factory=PlotParameters)
    """What is scanned."""
    lane_m: float = 7.0
    """Between the lanes that are walked up and down."""
    speed_mps: float = 0.8
    """Walking speed."""
    hand_m: float = 1.4
    """Height of the scanner above the ground."""
    pulses_per_s: float = 15_000.0
    """Pulses; scanners send 43,000 to 300,000."""
    nearest_m: float = 0.5
    """Nothing nearer is seen."""
    farthest_m: float = 30.0
    """Nothing farther is seen."""
    exit_m: float = 0.008
    """Diameter of the beam where it leaves."""
    divergence_mrad: float = 2.0
    """Growth of the beam's diameter, millimetres a metre."""
    resolution_m: float = 0.5
    """Echoes of a pulse that lie closer merge into one between them."""
    range_noise_m: float = 0.015
    """Standard deviation of a range."""
    drift_m: float = 0.03
    """Standard deviation of the position's error halfway, each axis; a third of it upward."""
    drift_deg: float = 0.1
    """Standard deviation of the heading's error halfway."""
    truth_classes: bool = False
    """Write ground and vegetation as classes; else all points are unclassified."""


def scan_mobile(stand: Stand, *, seed: int, parameters: MobileParameters | None = None) -> Scan:
    """Return the cloud of a handheld scanner carried through a plot.

    Parameters
    ----------
    stand
        Trees and terrain.
    seed
        Source of all chance of the scan; the stand, its stems and its undergrowth keep their own.
    parameters
        Scanner, way and plot; by default a plot of 30 m diameter in the stand's middle.

    Returns
    -------
    Scan; its positions are the way as the scanner tells it, once a second.

    Raises
    ------
    InvalidParameter
        A parameter is out of range.
    """
    chosen = parameters or MobileParameters()
    check_range("seed", seed, 0, LARGEST_SEED)
    _check(chosen)
    rng = np.random.default_rng([0x30B1, seed])
    way = _walk(stand, chosen)
    plot = build_plot(stand, chosen.plot, margin_m=1.0, cleared=way)
    seconds, carried = _carry(way, chosen)
    beams = Beams(
        carried,
        _sweep(rng, seconds),
        chosen.nearest_m,
        chosen.farthest_m,
        chosen.exit_m,
        chosen.divergence_mrad / 1000.0,
    )
    echoes = shoot(plot, beams, resolution_m=chosen.resolution_m)
    shift, turn = _drift(rng, seconds, chosen)
    away = echoes.range_m + rng.normal(0.0, chosen.range_noise_m, echoes.pulse.size)
    sight = away[:, None] * beams.directions[echoes.pulse]
    told = _turn(sight, turn[echoes.pulse]) + carried[echoes.pulse] + shift[echoes.pulse]
    zenith = 90.0 + np.degrees(np.arcsin(np.clip(beams.directions[:, 2], -1.0, 1.0)))
    where = (float(plot.origin_m[0]), float(plot.origin_m[1]), plot.radius_m)
    shots = Shots(seconds, zenith, np.ones(seconds.size, dtype=np.int64))
    kept = record(rng, told + plot.origin_m, echoes, shots, plot=where, truth_classes=chosen.truth_classes)
    every = max(1, round(chosen.pulses_per_s))
    positions = (carried + shift)[::every] + plot.origin_m
    return Scan(kept.cloud, positions, kept.tree, (where[0], where[1]), plot.radius_m)


def _check(parameters: MobileParameters) -> None:
    check_range("lane_m", parameters.lane_m, 1.0, 60.0)
    check_range("speed_mps", parameters.speed_mps, 0.1, 5.0)
    check_range("hand_m", parameters.hand_m, 0.3, 3.0)
    check_range("nearest_m", parameters.nearest_m, 0.0, parameters.farthest_m)
    check_range("range_noise_m", parameters.range_noise_m, 0.0, 1.0)
    check_range("resolution_m", parameters.resolution_m, 0.0, 10.0)
    check_range("drift_m", parameters.drift_m, 0.0, 5.0)
    check_range("drift_deg", parameters.drift_deg, 0.0, 10.0)
    longest_s = (2.0 * parameters.plot.radius_m) ** 2 * 2.0 / parameters.lane_m / parameters.speed_mps
    check_range("pulses_per_s", parameters.pulses_per_s, 1.0, _MOST_PULSES / longest_s)


def _walk(stand: Stand, parameters: MobileParameters) -> Floats:
    """Return the way in the local frame, a place every 0.25 m, back to the start, shape (n, 3)."""
    reach = 0.9 * parameters.plot.radius_m
    lanes = np.linspace(-reach, reach, max(2, round(2.0 * reach / parameters.lane_m) + 1))
    half = np.sqrt(np.maximum(reach**2 - lanes**2, 0.0))
    up = np.where(np.arange(lanes.size) % 2 == 0, 1.0, -1.0)
    corners = np.stack([np.column_stack([lanes, -up * half]), np.column_stack([lanes, up * half])], axis=1)
    way = _densify(np.vstack([corners.reshape(-1, 2), corners[0, :1]]))
    centre = np.array(locate_centre(stand, parameters.plot))
    feet = np.array([(tree.x_m, tree.y_m, tree.dbh_cm) for tree in stand.trees]).reshape(-1, 3)
    clear = _walk_round(way + centre, feet)
    ground = elevation_m(stand.terrain, *np.vstack([clear, centre]).T)
    return np.column_stack([clear - centre, ground[:-1] - ground[-1] + parameters.hand_m])


def _walk_round(way: Floats, feet: Floats) -> Floats:
    """Return a way that goes round stems, half a circle on the nearer side, by an arm's length."""
    along = np.gradient(way, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    aside = np.column_stack([-along[:, 1], along[:, 0]])
    for foot in np.tile(feet, (_ROUNDS, 1)):
        away = way - foot[:2]
        forth, beside = (away * along).sum(axis=1), (away * aside).sum(axis=1)
        reach = foot[2] / 200.0 + _ARM_M
        needed = np.sqrt(np.maximum(reach**2 - forth**2, 0.0))
        # A stem is passed on one side, that on which the way comes nearest.
        side = 1.0 if beside[np.argmin(np.abs(away).sum(axis=1))] >= 0.0 else -1.0
        push = np.where(needed > np.abs(beside), side * needed - beside, 0.0)
        way = way + push[:, None] * aside
    return way


def _densify(corners: Floats) -> Floats:
    lengths = np.append(0.0, np.cumsum(np.hypot(*np.diff(corners, axis=0).T)))
    ticks = np.linspace(0.0, lengths[-1], int(lengths[-1] / _CLEAR_EVERY_M) + 2)
    return np.column_stack([np.interp(ticks, lengths, corners[:, 0]), np.interp(ticks, lengths, corners[:, 1])])


def _carry(way: Floats, parameters: MobileParameters) -> tuple[Floats, Floats]:
    """Return the times of all pulses and where the scanner truly is then: it bobs with each step."""
    lengths = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(way, axis=0), axis=1)))
    seconds = np.arange(int(lengths[-1] / parameters.speed_mps * parameters.pulses_per_s)) / parameters.pulses_per_s
    walked = seconds * parameters.speed_mps
    places = np.column_stack([np.interp(walked, lengths, way[:, axis]) for axis in range(3)])
    places[:, 2] += _BOB_M * np.sin(2.0 * np.pi * _STEP_HZ * seconds)
    return seconds, places


def _sweep(rng: np.random.Generator, seconds: Floats) -> Floats:
    """Return directions: a circle of pulses through the zenith that turns about the vertical."""
    around = 2.0 * np.pi * _LINE_HZ * seconds + rng.uniform(0.0, 2.0 * np.pi)
    turn = 2.0 * np.pi * _SWEEP_HZ * seconds
    flat = np.cos(around)
    return np.column_stack([flat * np.cos(turn), flat * np.sin(turn), np.sin(around)])


def _drift(rng: np.random.Generator, seconds: Floats, parameters: MobileParameters) -> tuple[Floats, Floats]:
    """Return the error of position, shape (n, 3), and of heading, shape (n,), radians.

    Sines of a Brownian bridge (Karhunen-Loeve: amplitudes fall with the wave number), scaled to the standard
    deviation asked for halfway: none at the start and none where the loop is closed.
    """
    share = seconds / max(float(seconds[-1]), 1e-9) if seconds.size else seconds
    number = np.arange(1, _DRIFT_WAVES + 1)
    waves = np.sin(np.pi * share[:, None] * number) / number
    halfway = np.sqrt((np.sin(np.pi * number / 2.0) ** 2 / number**2).sum())
    errors: Floats = waves @ rng.normal(0.0, 1.0, (_DRIFT_WAVES, 4)) / halfway
    shift = errors[:, :3] * parameters.drift_m * np.array([1.0, 1.0, 1.0 / 3.0])
    return shift, errors[:, 3] * np.radians(parameters.drift_deg)


def _turn(sights: Floats, turn: Floats) -> Floats:
    cosine, sine = np.cos(turn), np.sin(turn)
    east = cosine * sights[:, 0] - sine * sights[:, 1]
    return np.column_stack([east, sine * sights[:, 0] + cosine * sights[:, 1], sights[:, 2]])
