"""How a ray meets a cone: a round one in closed form, a stem's by stepping to its outline and bark, compiled."""

from typing import TypeAlias

import numpy as np

from sample_data.scanning.kernel import Array, compiled, draw_at

Vector: TypeAlias = tuple[float, float, float]

AXIS, LENGTH, RADIUS, FALL, SWELL, LOW, HIGH = 3, 6, 7, 8, 9, 10, 11
"""Columns of a cone: its start is first; then the unit axis, length, radius at the start, growth of the radius a metre,
swell (what bounds its outline over the radius), height above the foot at start and end."""
CONE_COLUMNS = 12
STEM_SWELL = 1.4
"""Flares of at most 0.3 and harmonics of some hundredths, by construction of stems."""

_FAR = 1e9
_TINY = 1e-9
_MARCH, _HALVINGS = 12, 14
# Furrows of bark: about 1.5 cm apart around the stem, 8 cm long.
_FURROW_M, _FURROW_LENGTH_M = 0.015, 0.08
# A beam brushes an edge where outlines may still be this share of the radius away.
_OUT_OF_ROUND = 0.03
# An axis that points more to the east than this takes north as its first side.
_EASTWARD = 0.9


@compiled
def _dot(one: Vector, two: Vector) -> float:
    return one[0] * two[0] + one[1] * two[1] + one[2] * two[2]


@compiled
def _add(one: Vector, times: float, two: Vector) -> Vector:
    return (one[0] + times * two[0], one[1] + times * two[1], one[2] + times * two[2])


@compiled
def pass_by(  # noqa: PLR0917 - compiled loops take no keywords
    origin: Vector, way: Vector, ray: tuple[float, float], cone: Array, beam: tuple[float, float]
) -> tuple[Vector, Vector, Vector, bool, int]:
    """Return how a ray passes a cone.

    Returns
    -------
    The ray's distance from the axis at its origin and its change a metre; its place along the axis at its origin,
    the change a metre, and the axis's length; whether it surely misses; and 1 if the beam may brush an edge.
    """
    axis = (cone[AXIS], cone[AXIS + 1], cone[AXIS + 2])
    rest = (origin[0] - cone[0], origin[1] - cone[1], origin[2] - cone[2])
    along, slope = _dot(rest, axis), _dot(way, axis)
    aside, drift = _add(rest, -along, axis), _add(way, -slope, axis)
    run = (along, slope, cone[LENGTH])
    closest = -_dot(aside, drift) / max(_dot(drift, drift), _TINY)
    middle = along + closest * slope
    radius = cone[RADIUS] + cone[FALL] * min(max(middle, 0.0), cone[LENGTH])
    away = _add(aside, closest, drift)
    gap = np.sqrt(_dot(away, away)) - radius
    width = beam[0] + beam[1] * max(closest, 0.0)
    # Beside the cone's ends the widest radius still counts, for rays nearly along the axis.
    widest = max(cone[RADIUS], cone[RADIUS] + cone[FALL] * cone[LENGTH])
    if np.sqrt(_dot(away, away)) > widest * cone[SWELL] + width:
        return aside, drift, run, True, 0
    beside = 0.0 <= middle <= cone[LENGTH] and ray[0] - 0.1 <= closest <= ray[1] + 0.1
    brushed = 1 if beside and abs(gap) < width + _OUT_OF_ROUND * radius else 0
    return aside, drift, run, False, brushed


@compiled
def find_span(aside: Vector, drift: Vector, run: Vector, cone: Array) -> tuple[float, float]:
    """Return between which distances a ray is within a cone's bound and between its ends; none if they cross."""
    edge, widen = cone[RADIUS] * cone[SWELL], cone[FALL] * cone[SWELL]
    edge, widen = edge + widen * run[0], widen * run[1]
    square = _dot(drift, drift) - widen * widen
    half = _dot(aside, drift) - edge * widen
    root = half * half - square * (_dot(aside, aside) - edge * edge)
    if root <= 0.0 or square < _TINY:
        return _FAR, -_FAR
    low, high = (-half - np.sqrt(root)) / square, (-half + np.sqrt(root)) / square
    if abs(run[1]) > _TINY:
        one, two = -run[0] / run[1], (run[2] - run[0]) / run[1]
        return max(low, min(one, two)), min(high, max(one, two))
    return (low, high) if 0.0 <= run[0] <= run[2] else (_FAR, -_FAR)


@compiled
def march(  # noqa: PLR0917 - compiled loops take no keywords
    aside: Vector, drift: Vector, run: Vector, span: tuple[float, float], cone: Array, outline: Array
) -> float:
    """Return where a ray goes below a stem's bark: even steps through the span, then halvings."""
    frame = _across((cone[AXIS], cone[AXIS + 1], cone[AXIS + 2]))
    last = span[0]
    if _clearance(_add(aside, last, drift), (run[0] + last * run[1]) / run[2], frame, cone, outline) <= 0.0:
        return last
    for step in range(1, _MARCH + 1):
        here = span[0] + (span[1] - span[0]) * step / _MARCH
        if _clearance(_add(aside, here, drift), (run[0] + here * run[1]) / run[2], frame, cone, outline) <= 0.0:
            for _ in range(_HALVINGS):
                middle = 0.5 * (last + here)
                share = (run[0] + middle * run[1]) / run[2]
                if _clearance(_add(aside, middle, drift), share, frame, cone, outline) <= 0.0:
                    here = middle
                else:
                    last = middle
            return here
        last = here
    return _FAR


@compiled
def _across(axis: Vector) -> tuple[Vector, Vector]:
    """Return two directions across an axis: the first to the east, or to the north if the axis lies so."""
    side = (1.0, 0.0, 0.0) if abs(axis[0]) < _EASTWARD else (0.0, 1.0, 0.0)
    side = _add(side, -_dot(side, axis), axis)
    length = np.sqrt(_dot(side, side))
    side = (side[0] / length, side[1] / length, side[2] / length)
    other = (
        axis[1] * side[2] - axis[2] * side[1],
        axis[2] * side[0] - axis[0] * side[2],
        axis[0] * side[1] - axis[1] * side[0],
    )
    return side, other


@compiled
def _clearance(place: Vector, share: float, frame: tuple[Vector, Vector], cone: Array, outline: Array) -> float:  # noqa: PLR0917 - compiled loops take no keywords
    """Return how far outside a stem's bark a place beside the axis is; negative within."""
    radius = cone[RADIUS] + share * cone[FALL] * cone[LENGTH]
    height = cone[LOW] + share * (cone[HIGH] - cone[LOW])
    angle = np.arctan2(_dot(place, frame[1]), _dot(place, frame[0]))
    # Furrows go on from piece to piece: their number around the stem is that of the piece's start.
    bark = outline[12] * 2.0 * _furrow(angle, cone[RADIUS], height, int(outline[13]))
    return float(np.sqrt(_dot(place, place)) - radius * shape_outline(outline, angle, height) + bark)


@compiled
def shape_outline(outline: Array, angle: float, height: float) -> float:
    """Return the radius of a section over the radius by taper, as :mod:`sample_data.scanning.stems` describes it."""
    radius = 1.0
    for order in range(4):
        radius += outline[order] * np.cos((order + 2) * angle - outline[4 + order])
    radius *= outline[8]
    if height < 1.0:
        rise = 1.0 - max(height, 0.0)
        radius += outline[9] * rise * rise * (0.5 + 0.5 * np.cos(outline[10] * angle - outline[11]))
    return float(radius)


@compiled
def _furrow(angle: float, radius: float, height: float, seed: int) -> float:
    """Return how deep the bark is furrowed: 0 at crests, 1 at the deepest, 1/2 on average."""
    around = max(int(2.0 * np.pi * radius / _FURROW_M), 3)
    turn = (angle / (2.0 * np.pi) + 0.5) * around
    level = height / _FURROW_LENGTH_M
    i, k = int(np.floor(turn)), int(np.floor(level))
    x, z = turn - i, level - k
    low = (1.0 - x) * draw_at(i % around, k, 7, seed) + x * draw_at((i + 1) % around, k, 7, seed)
    high = (1.0 - x) * draw_at(i % around, k + 1, 7, seed) + x * draw_at((i + 1) % around, k + 1, 7, seed)
    return float((1.0 - z) * low + z * high)
