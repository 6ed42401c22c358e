"""Circles in a thin layer of points, found by trying triples of them: stems are round, and hollow to a scanner.

Random sample consensus (Fischler and Bolles 1981, doi 10.1145/358669.358692). A circle's worth is the arc on which it
has points, less what lies within it: leaves fill the circles that go through them, bark does not.
"""

from typing import Final

import numpy as np

from survey.kernel import Array, compiled

SECTORS: Final = 24
"""Parts of a circle that may have points."""
_SECTOR_POINTS: Final = 4
"""More points in a sector say no more."""
_FEWEST: Final = 7
_TRIES_MIN, _TRIES_MAX = 60, 400
_MOST_CIRCLES: Final = 4
"""Of one window: it is little wider than a stem."""
_MOST_SCORED: Final = 400
"""Points that a circle is judged by: more cost time and tell no more."""
_LEAST_SECTORS: Final = 5
"""Of 24: 75 degrees of a circle, seen well, still tell its radius."""
_COLUMNS: Final = 6


@compiled
def _draw(state: int) -> int:
    """Return the next of a sequence that looks random: multiplier and modulus of Park and Miller (1988)."""
    return state * 48_271 % 2_147_483_647


@compiled
def _through(points: Array, one: int, two: int, three: int) -> tuple[float, float, float]:
    """Return centre and radius of the circle through three points; radius -1 if they lie in a line."""
    ax, ay = points[two, 0] - points[one, 0], points[two, 1] - points[one, 1]
    bx, by = points[three, 0] - points[one, 0], points[three, 1] - points[one, 1]
    twice = 2.0 * (ax * by - ay * bx)
    if abs(twice) < 1e-7:  # noqa: PLR2004 - square metres
        return 0.0, 0.0, -1.0
    a, b = ax * ax + ay * ay, bx * bx + by * by
    east, north = (by * a - ay * b) / twice, (ax * b - bx * a) / twice
    return points[one, 0] + east, points[one, 1] + north, np.hypot(east, north)


@compiled
def judge_circle(points: Array, circle: tuple[float, float, float], near_m: float) -> tuple[float, int, int, int]:
    """Return worth of a circle, points on it, points within it, and sectors with points on it."""
    counts = np.zeros(SECTORS, np.int64)
    on, within = 0, 0
    near = min(near_m, 0.25 * circle[2] + 0.004)
    for row in range(len(points)):
        east, north = points[row, 0] - circle[0], points[row, 1] - circle[1]
        off = np.hypot(east, north) - circle[2]
        if off > near:
            continue
        if off < -near:
            within += int(off < -2.0 * near)
            continue
        sector = int((np.arctan2(north, east) / (2.0 * np.pi) + 0.5) * SECTORS) % SECTORS
        counts[sector] += 1
        on += 1
    worth = float(np.minimum(counts, _SECTOR_POINTS).sum()) - within
    return worth, on, within, int((counts > 0).sum())


@compiled
def _search(points: Array, bounds: tuple[float, float], near_m: float, seed: int) -> tuple[float, float, float, float]:
    """Return the best circle, and its worth; -1 when there is none."""
    size = len(points)
    state = seed
    best = (0.0, 0.0, 0.0, -1.0)
    for _ in range(min(_TRIES_MAX, max(_TRIES_MIN, 4 * size))):
        state = _draw(state)
        one = state % size
        state = _draw(state)
        two = state % size
        state = _draw(state)
        three = state % size
        if one in (two, three) or two == three:
            continue
        east, north, radius = _through(points, one, two, three)
        if radius < bounds[0] or radius > bounds[1]:
            continue
        worth, _, _, _ = judge_circle(points, (east, north, radius), near_m)
        if worth > best[3]:
            best = (east, north, radius, worth)
    return best


@compiled
def find_circles(points: Array, bounds: tuple[float, float], near_m: float, seed: int) -> Array:
    """Return circles in a window, best first.

    Parameters
    ----------
    points
        Easting and northing, shape (n, 2).
    bounds
        Least and greatest radius.
    near_m
        How near to a circle its points lie.
    seed
        Of the triples, from 1.

    Returns
    -------
    Shape (k, 6): easting, northing, radius, worth, points on it, share of the circle with points.
    """
    found = np.empty((_MOST_CIRCLES, _COLUMNS))
    count = 0
    left = points
    for turn in range(_MOST_CIRCLES):
        if len(left) < _FEWEST:
            break
        thinned = left[:: 1 + len(left) // _MOST_SCORED]
        east, north, radius, worth = _search(thinned, bounds, near_m, seed + turn)
        if worth < _FEWEST:
            break
        _, on, within, covered = judge_circle(left, (east, north, radius), near_m)
        off = np.hypot(left[:, 0] - east, left[:, 1] - north) - radius
        left = left[off > near_m]
        if covered >= _LEAST_SECTORS and 2 * within <= on:
            found[count] = np.array([east, north, radius, worth, float(on), covered / SECTORS])
            count += 1
    return found[:count]
