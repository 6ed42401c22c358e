"""A laser scanner on tripods within a plot, its scans registered to one another."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sample_data.errors import LARGEST_SEED, InvalidParameter, check_range
from sample_data.forest.stand import Stand
from sample_data.forest.terrain import elevation_m
from sample_data.scanning.cloud import Scan
from sample_data.scanning.echoes import Beams, shoot
from sample_data.scanning.recording import Recorded, Shots, join_recorded, record
from sample_data.scanning.scene import Plot, PlotParameters, build_plot, locate_centre

Floats = NDArray[np.float64]

_SCANS_APART_S = 300.0
_PULSES_PER_S = 500_000.0
_MOST_PULSES = 60_000_000
_CLEAR_OF_STEM_M = 0.7
_TURNS, _RINGS = 12, 8


@dataclass(frozen=True, slots=True)
class TerrestrialParameters:
    """A scanner, its tripods and how well its scans are registered."""

    plot: PlotParameters = field(default_factory=PlotParameters)
    """What is scanned."""
    positions: tuple[tuple[float, float], ...] = ()
    """Metres east and north of the plot's centre; by default its centre and, for more, a ring around it."""
    scans: int = 4
    """Number of positions where none are given."""
    ring_share: float = 0.7
    """Radius of that ring over the plot's."""
    tripod_m: float = 1.6
    """Height of the scanner above the ground."""
    step_deg: float = 0.18
    """Between neighbouring pulses in both directions. Surveys use 0.036 and some twenty-five times the points."""
    lowest_deg: float = -60.0
    """Elevation of the lowest pulses: below it the tripod is in the way."""
    highest_deg: float = 88.0
    """Elevation of the highest."""
    nearest_m: float = 0.6
    """Nothing nearer is seen."""
    farthest_m: float = 120.0
    """Nothing farther is seen."""
    exit_m: float = 0.006
    """Diameter of the beam where it leaves."""
    divergence_mrad: float = 0.3
    """Growth of the beam's diameter, millimetres a metre."""
    resolution_m: float = 0.3
    """Echoes of a pulse that lie closer merge into one between them."""
    range_noise_m: float = 0.002
    """Standard deviation of a range at no distance."""
    range_noise_per_m: float = 0.0001
    """What a metre of range adds, as variances add."""
    angle_noise_deg: float = 0.002
    """Standard deviation of a pulse's direction, each way."""
    registration_m: float = 0.003
    """Standard deviation of each scan's shift against the first, each axis."""
    registration_deg: float = 0.01
    """Standard deviation of each scan's turn against the first, about each axis."""
    truth_classes: bool = False
    """Write ground and vegetation as classes; else all points are unclassified."""


def scan_terrestrial(stand: Stand, *, seed: int, parameters: TerrestrialParameters | None = None) -> Scan:
    """Return the registered cloud of tripod scans of a plot.

    Parameters
    ----------
    stand
        Trees and terrain.
    seed
        Source of all chance of the scan; the stand, its stems and its undergrowth keep their own.
    parameters
        Scanner, positions and plot; by default four positions in a plot of 30 m diameter in the stand's middle.

    Raises
    ------
    InvalidParameter
        A parameter is out of range.

    Examples
    --------
    A plot of 30 m diameter scanned from 4 positions, one million points or more, as coordinates:

    >>> from sample_data.forest.stand import grow_stand
    >>> scan = scan_terrestrial(grow_stand(7), seed=7)  # doctest: +SKIP
    >>> xyz = np.column_stack([scan.cloud.x_m, scan.cloud.y_m, scan.cloud.z_m])  # doctest: +SKIP

    Which trees of the stand lie in it, and how thick the first is at 1.3 m and at 5 m:

    >>> from sample_data.scanning.stems import diameter_at
    >>> stand = grow_stand(7)
    >>> trees = [
    ...     index
    ...     for index, tree in enumerate(stand.trees)
    ...     if np.hypot(tree.x_m - scan.centre[0], tree.y_m - scan.centre[1]) < scan.radius_m
    ... ]  # doctest: +SKIP
    >>> diameter_at(stand, 0, 1.3) > diameter_at(stand, 0, 5.0)
    True
    """
    chosen = parameters or TerrestrialParameters()
    check_range("seed", seed, 0, LARGEST_SEED)
    _check(chosen)
    rng = np.random.default_rng([0x7E55, seed])
    places = _set_up(rng, stand, chosen)
    plot = build_plot(stand, chosen.plot, margin_m=_beyond(places, chosen), cleared=places)
    scans = [_scan_once(rng, plot, places, number, parameters=chosen) for number in range(len(places))]
    whole = join_recorded(scans)
    centre = (float(plot.origin_m[0]), float(plot.origin_m[1]))
    return Scan(whole.cloud, places + plot.origin_m, whole.tree, centre, plot.radius_m)


def _check(parameters: TerrestrialParameters) -> None:
    check_range("scans", parameters.scans, 1, 50)
    check_range("tripod_m", parameters.tripod_m, 0.3, 5.0)
    check_range("step_deg", parameters.step_deg, 0.01, 5.0)
    check_range("lowest_deg", parameters.lowest_deg, -90.0, parameters.highest_deg)
    check_range("highest_deg", parameters.highest_deg, parameters.lowest_deg, 90.0)
    check_range("nearest_m", parameters.nearest_m, 0.0, parameters.farthest_m)
    check_range("range_noise_m", parameters.range_noise_m, 0.0, 1.0)
    check_range("resolution_m", parameters.resolution_m, 0.0, 10.0)
    pulses = 4.0 * np.pi / np.radians(parameters.step_deg) ** 2
    if pulses > _MOST_PULSES:
        raise InvalidParameter("step_deg", parameters.step_deg, f"a scan must have at most {_MOST_PULSES:,} pulses")
    for place in parameters.positions:
        check_range("positions", float(np.hypot(*place)), 0.0, parameters.plot.radius_m + 10.0)


def _beyond(places: Floats, parameters: TerrestrialParameters) -> float:
    """Return how far a tripod stands outside the plot: what is between it and the plot matters too."""
    return float(max(0.0, np.abs(places[:, :2]).max() - parameters.plot.radius_m) + 1.0)


def _set_up(rng: np.random.Generator, stand: Stand, parameters: TerrestrialParameters) -> Floats:
    """Return where the scanner stands, local frame, shape (k, 3): at the places wanted or the nearest clear ones."""
    turn = rng.uniform(0.0, 2.0 * np.pi)
    ring = turn + 2.0 * np.pi * np.arange(parameters.scans - 1) / max(parameters.scans - 1, 1)
    reach = parameters.ring_share * parameters.plot.radius_m
    circle = np.vstack([np.zeros((1, 2)), reach * np.column_stack([np.cos(ring), np.sin(ring)])])
    centre = np.array(locate_centre(stand, parameters.plot))
    wanted = np.array(parameters.positions) if parameters.positions else circle
    feet = np.array([(tree.x_m, tree.y_m, tree.dbh_cm) for tree in stand.trees]).reshape(-1, 3)
    clear = np.array([step_clear(place + centre, feet) for place in wanted])
    ground = elevation_m(stand.terrain, *np.vstack([clear, centre]).T)
    return np.column_stack([clear - centre, ground[:-1] - ground[-1] + parameters.tripod_m])


def step_clear(place: Floats, feet: Floats) -> Floats:
    """Return the nearest of some places around one that is an arm's length from every stem.

    Parameters
    ----------
    place
        Easting and northing, shape (2,).
    feet
        Easting, northing and diameter in centimetres of stems, shape (n, 3).

    Examples
    --------
    >>> step_clear(np.zeros(2), np.array([[5.0, 0.0, 30.0]])).tolist()
    [0.0, 0.0]
    """
    turns = 2.0 * np.pi * np.arange(_TURNS) / _TURNS
    rings = 0.4 * np.arange(1, _RINGS + 1)
    around = np.stack([np.outer(rings, np.cos(turns)), np.outer(rings, np.sin(turns))], axis=-1).reshape(-1, 2)
    tried = place + np.vstack([np.zeros((1, 2)), around])
    room = np.hypot(tried[:, :1] - feet[:, 0], tried[:, 1:] - feet[:, 1]) - feet[:, 2] / 200.0
    clear = (room > _CLEAR_OF_STEM_M).all(axis=1)
    best: Floats = tried[np.argmax(clear)]
    return best


def _scan_once(
    rng: np.random.Generator, plot: Plot, places: Floats, number: int, *, parameters: TerrestrialParameters
) -> Recorded:
    ways = aim_around(parameters)
    beams = Beams(
        np.broadcast_to(places[number], ways.shape),
        ways,
        parameters.nearest_m,
        parameters.farthest_m,
        parameters.exit_m,
        parameters.divergence_mrad / 1000.0,
    )
    echoes = shoot(plot, beams, resolution_m=parameters.resolution_m)
    count = echoes.pulse.size
    spread = np.hypot(parameters.range_noise_m, parameters.range_noise_per_m * echoes.range_m)
    away = echoes.range_m + spread * rng.normal(0.0, 1.0, count)
    told = ways[echoes.pulse] + np.radians(parameters.angle_noise_deg) * rng.normal(0.0, 1.0, (count, 3))
    points = _register(rng, places[number] + away[:, None] * told, number, parameters)
    shots = Shots(
        number * _SCANS_APART_S + np.arange(len(ways)) / _PULSES_PER_S,
        90.0 + np.degrees(np.arcsin(np.clip(ways[:, 2], -1.0, 1.0))),
        np.full(len(ways), number + 1),
    )
    where = (float(plot.origin_m[0]), float(plot.origin_m[1]), plot.radius_m)
    return record(rng, points + plot.origin_m, echoes, shots, plot=where, truth_classes=parameters.truth_classes)


def aim_around(parameters: TerrestrialParameters) -> Floats:
    """Return directions of pulses, ring above ring, equally dense in all directions, shape (n, 3).

    A rotating scanner's pulses crowd about the zenith; its software thins them to about this.
    """
    rings = np.radians(np.arange(parameters.lowest_deg, parameters.highest_deg, parameters.step_deg))
    counts = np.maximum(np.round(360.0 * np.cos(rings) / parameters.step_deg), 1).astype(np.int64)
    ring = np.repeat(np.arange(rings.size), counts)
    place = np.arange(ring.size) - np.repeat(np.cumsum(counts) - counts, counts)
    turn = 2.0 * np.pi * place / counts[ring]
    up = rings[ring]
    return np.column_stack([np.cos(turn) * np.cos(up), np.sin(turn) * np.cos(up), np.sin(up)])


def _register(rng: np.random.Generator, points: Floats, number: int, parameters: TerrestrialParameters) -> Floats:
    """Return points as the registration leaves them: the first scan is the frame, others are a little off."""
    shift = rng.normal(0.0, parameters.registration_m, 3)
    turn = np.radians(rng.normal(0.0, parameters.registration_deg, 3))
    if number == 0:
        return points
    # Turns of a hundredth of a degree commute to a part in a million.
    return points + shift + np.cross(turn, points)
