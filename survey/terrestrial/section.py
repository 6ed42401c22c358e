"""A piece of stem through scattered points: its axis, radius, taper and how it is out of round, with their errors.

The piece is a cone about a leaning axis whose section is a circle with harmonics of order 2 and 3. The fit is
geometric (least squares of the distance to the surface, Gauss and Newton's steps), robust and Bayesian:

- Tukey's biweight (Beaton and Tukey 1974, doi 10.1080/00401706.1974.10489171) with a scale that shrinks to the
  residuals': leaves, branches and the points of mixed edges lose their weight.
- Points of a sector and a part of the height share a bounded weight. A wall near a scanner has many points whose
  errors are one: registration, bark, drift. They count as few.
- Each pass of the scanner has a shift of its own, with a prior (see `passes`).
- Normal priors. Stems are 1 to 4 % longer than wide in section, so where only an arc is seen its curvature does not
  tell the radius exactly; with the prior of the harmonics the standard error of the radius says so.

A geometric fit is too wide by the variance of noise along the surface over 2 r (Al-Sharadqah and Chernov 2009, doi
10.1214/09-EJS419, section 6): points beside the surface are farther from the centre than it. A scanner's noise lies
along its beam; over a stem lit from one side, a third of its variance falls along the surface and two thirds across,
where it is seen as s^2. So s^2 / (4 r) is taken off.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from survey.cloud import Floats
from survey.kernel import Array, compiled

PARAMETERS: Final = 10
"""Centre east and north, run east and north a metre upward, radius, its change a metre upward, and cosine and sine of
orders 2 and 3, metres."""
SECTORS: Final = 36
_LEVELS: Final = 4
"""Parts of the height whose points are taken for independent."""
_ROUNDS: Final = 14
_TUKEY: Final = 4.0
_FIRST_SCALE: Final = 4.0
"""How many times wider the first round's scale is than the cloud's noise."""
_LAST_SCALE: Final = 1.5
"""How many times wider than the cloud's noise the last may stay: what scatters more is no bark."""
_FEWEST: Final = 8
_SETTLED_M: Final = 2e-5
"""A step this small ends the fit."""


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """What is known before a fit.

    Attributes
    ----------
    mean, error
        Of the parameters, shape (10,).
    """

    mean: Floats
    error: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """A fitted piece of stem.

    Attributes
    ----------
    values, errors
        Of the parameters, shape (10,); the radius is corrected for noise.
    noise_m
        Root of the mean square of distances of the points on it.
    points
        On it.
    within
        Points inside it, over those on it.
    coverage
        Share of its circumference that has points, 0 to 1.
    shift_m
        Root of the mean square of shifts between passes, with their errors; where there is one pass, what was expected.
    """

    values: Floats
    errors: Floats
    noise_m: float
    points: int
    within: float
    coverage: float
    shift_m: float

    @property
    def radius_m(self) -> float:
        """Of the circle, the harmonics aside."""
        return float(self.values[4])

    @property
    def radius_error_m(self) -> float:
        """Standard error of it."""
        return float(self.errors[4])


def expect_section(axis: Floats, radius_m: float, *, aside_m: float, lean: float, radius_share: float) -> Prior:
    """Return a prior around an axis.

    Parameters
    ----------
    axis
        Centre east and north, run east and north; shape (4,).
    radius_m
        Expected.
    aside_m, lean
        Errors of centre and run.
    radius_share
        Error of the radius over it.
    """
    mean = np.zeros(PARAMETERS)
    mean[:4], mean[4], mean[5] = axis, radius_m, _TAPER
    order = radius_m * np.array([_OUT_OF_ROUND, _OUT_OF_ROUND, _TRIANGLE, _TRIANGLE])
    error = np.concatenate([[aside_m, aside_m, lean, lean, radius_share * radius_m, _TAPER_ERROR], order])
    return Prior(mean, error)


_TAPER, _TAPER_ERROR = -0.005, 0.005
"""Boles lose about a centimetre of diameter a metre."""
_OUT_OF_ROUND: Final = 0.011
"""Amplitude of order 2 over the radius, each of cosine and sine: a section 3 % longer than wide is ordinary."""
_TRIANGLE: Final = 0.005


@dataclass(frozen=True, slots=True)
class Scatter:
    """How points scatter about a stem.

    Attributes
    ----------
    noise_m
        Of points of one pass: the scale of distances never shrinks below half of it.
    shift_m
        Standard error of a pass's shift against the others, each axis.
    """

    noise_m: float
    shift_m: float


def fit_section(
    points: Floats, passes: Array, prior: Prior, scatter: Scatter, *, starts: tuple[float, ...] = (1.0,)
) -> Section:
    """Return the piece of stem that points show.

    Parameters
    ----------
    points
        Easting, northing, and elevation less that at which the radius is wanted; shape (n, 3).
    passes
        Which pass each is from, from 0, shape (n,); those of -1 are left out.
    prior
        What is known; the fit starts at its mean.
    scatter
        How points scatter.
    starts
        Radii to start from, over the prior's: an arc seen from one side may look like a wider stem.

    Returns
    -------
    A section; where fewer than 8 points lie on it, its values are the prior's and points and coverage are 0.
    """
    known = passes >= 0
    points, passes = np.ascontiguousarray(points[known]), passes[known]
    nothing = Section(prior.mean, prior.error, scatter.noise_m, 0, 1.0, 0.0, scatter.shift_m)
    if len(points) < _FEWEST:
        return nothing
    shifts = int(passes.max()) + 1
    shifts = 0 if shifts == 1 else shifts
    settings = np.array([scatter.noise_m, scatter.shift_m])
    fits = [
        _fit((points, passes), _start_at(points, prior, factor), (prior.mean, prior.error), settings, shifts)
        for factor in starts
    ]
    values, errors, facts = max(fits, key=lambda fit: float(fit[2][4]))
    if facts[1] < _FEWEST:
        return nothing
    wide = facts[0] ** 2 / (4.0 * max(float(values[4]), facts[0]))
    values[4] -= wide
    seen = float(np.sqrt(facts[5])) if shifts else scatter.shift_m
    return Section(
        values[:PARAMETERS],
        errors[:PARAMETERS],
        float(facts[0]),
        int(facts[1]),
        float(facts[2] / facts[1]),
        float(facts[3]),
        seen,
    )


def _start_at(points: Floats, prior: Prior, factor: float) -> Floats:
    """Return parameters with another radius that keep the surface where the points are."""
    start = prior.mean.copy()
    away = points[:, :2] - start[:2]
    toward = (away / np.maximum(1e-6, np.hypot(away[:, :1], away[:, 1:]))).mean(axis=0)
    start[:2] += (1.0 - factor) * start[4] * toward
    start[4] *= factor
    return start


@compiled
def _fit(
    seen: tuple[Array, Array], start: Array, prior: tuple[Array, Array], settings: Array, shifts: int
) -> tuple[Array, Array, Array]:
    points, passes = seen
    size = 10 + 2 * shifts
    mean, error = np.zeros(size), np.full(size, settings[1])
    mean[:10], error[:10] = prior
    values = mean.copy()
    values[:10] = start
    noise = settings[0]
    scale = _FIRST_SCALE * noise
    covariance = np.eye(size)
    off, slope, weight = np.empty(len(points)), np.empty((len(points), 10)), np.zeros(len(points))
    facts = np.zeros(6)
    for turn in range(_ROUNDS):
        _measure(seen, values, off, slope)
        on = _weigh(seen, (off, slope), scale, weight, shifts)
        if on < _FEWEST:
            return mean, error, np.zeros(6)
        spread = np.sqrt((weight * off * off).sum() / weight.sum())
        matrix = np.diag(1.0 / (error * error))
        pull = (mean - values) / (error * error)
        _add_up(slope, off, weight / max(spread, 0.5 * noise) ** 2, (matrix, pull), passes if shifts else passes[:0])
        covariance = np.linalg.inv(matrix)
        step = covariance @ pull
        values += step
        values[4] = max(values[4], 0.01)
        if turn > _ROUNDS // 2 and np.abs(step[:5]).max() < _SETTLED_M:
            break
        scale = max(0.7 * scale, min(max(1.3 * spread, 0.5 * noise), _LAST_SCALE * noise))
    _measure(seen, values, off, slope)
    _tell(off, slope, (scale, values[4], noise), facts)
    errors = np.sqrt(np.diag(covariance))
    facts[4] -= 0.5 * (((values - mean) / error) ** 2).sum()
    if shifts:
        facts[5] = (values[10:] ** 2 + errors[10:] ** 2).mean()
    return values, errors, facts


@compiled
def _measure(seen: tuple[Array, Array], values: Array, off: Array, slope: Array) -> None:
    """Set the distances outward of the surface and their derivatives by the parameters, signs turned."""
    points, passes = seen
    lean = 1.0 + values[2] * values[2] + values[3] * values[3]
    for row in range(len(points)):
        up = points[row, 2]
        east, north = points[row, 0] - values[0] - values[2] * up, points[row, 1] - values[1] - values[3] * up
        if values.size > 10:  # noqa: PLR2004 - passes have shifts
            place = 10 + 2 * passes[row]
            east, north = east - values[place], north - values[place + 1]
        along = (east * values[2] + north * values[3]) / lean
        # Across the axis, not level.
        east, north = east - along * values[2], north - along * values[3]
        away = max(1e-6, np.sqrt(east * east + north * north + along * along))
        c, s = east / away, north / away
        c2, s2 = c * c - s * s, 2.0 * c * s
        c3, s3 = c * c2 - s * s2, s * c2 + c * s2
        model = values[4] + values[5] * up + values[6] * c2 + values[7] * s2 + values[8] * c3 + values[9] * s3
        off[row] = away - model
        slope[row, 0], slope[row, 1], slope[row, 2], slope[row, 3] = c, s, c * up, s * up
        slope[row, 4], slope[row, 5] = 1.0, up
        slope[row, 6], slope[row, 7], slope[row, 8], slope[row, 9] = c2, s2, c3, s3


@compiled
def _locate_sector(slope: Array, row: int) -> int:
    return int((np.arctan2(slope[row, 1], slope[row, 0]) / (2.0 * np.pi) + 0.5) * SECTORS) % SECTORS


@compiled
def _weigh(seen: tuple[Array, Array], fitted: tuple[Array, Array], scale: float, weight: Array, shifts: int) -> float:
    """Set the weights: the biweight, shared among points of one sector, level and pass; return how many have one."""
    points, passes = seen
    off, slope = fitted
    low, high = points[:, 2].min(), points[:, 2].max()
    full = np.zeros((max(1, shifts), SECTORS, _LEVELS))
    on = 0
    for row in range(len(points)):
        share = off[row] / (_TUKEY * scale)
        weight[row] = (1.0 - share * share) ** 2 if abs(share) < 1.0 else 0.0
        on += int(weight[row] > 0.0)
        level = min(_LEVELS - 1, int((points[row, 2] - low) / max(1e-9, high - low) * _LEVELS))
        full[passes[row] if shifts else 0, _locate_sector(slope, row), level] += weight[row]
    for row in range(len(points)):
        level = min(_LEVELS - 1, int((points[row, 2] - low) / max(1e-9, high - low) * _LEVELS))
        weight[row] /= max(1.0, full[passes[row] if shifts else 0, _locate_sector(slope, row), level])
    return float(on)


@compiled
def _add_up(slope: Array, off: Array, weight: Array, sums: tuple[Array, Array], passes: Array) -> None:
    """Add the points' normal equations; without passes there are no shifts."""
    matrix, pull = sums
    place, value = np.arange(12), np.empty(12)
    size = 12 if passes.size else 10
    for row in range(len(off)):
        w = weight[row]
        if w <= 0.0:
            continue
        value[:10] = slope[row]
        if passes.size:
            place[10], place[11] = 10 + 2 * passes[row], 11 + 2 * passes[row]
            value[10], value[11] = slope[row, 0], slope[row, 1]
        for one in range(size):
            pull[place[one]] += w * value[one] * off[row]
            for two in range(size):
                matrix[place[one], place[two]] += w * value[one] * value[two]


@compiled
def _tell(off: Array, slope: Array, scales: tuple[float, float, float], facts: Array) -> None:
    """Set noise, points on and within the surface, share of sectors with points, and how well all points fit."""
    scale, radius, noise = scales
    seen = np.zeros(SECTORS)
    total, worth = 0.0, 0.0
    for row in range(off.size):
        if abs(off[row]) < 3.0 * scale:
            facts[1] += 1.0
            total += off[row] * off[row]
            seen[_locate_sector(slope, row)] = 1.0
        elif off[row] < -min(4.0 * scale, 0.3 * radius + scale):
            facts[2] += 1.0
            worth -= 1.0
        share = off[row] / (_TUKEY * _LAST_SCALE * noise)
        worth += (1.0 - share * share) ** 2 if abs(share) < 1.0 else 0.0
    facts[0] = np.sqrt(total / max(1.0, facts[1]))
    facts[3] = seen.sum() / SECTORS
    facts[4] = worth
