"""Which rays may meet which bodies: a grid over the reference plane, and a rectangle of it for each body."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample_data.forest.crown import Bodies
from sample_data.scanning.flight import PITCH_SLOPE, FlightPlan, Pulses, track_x_m

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_CELL_M = 1.0
# Rays of a beam lie this close to its centre line.
_BEAM_MARGIN_M = 0.4


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pulses and bodies that may meet, n pairs, body after body."""

    pulse: Ints
    """Index of the pulse."""
    body: Ints
    """Index of the body."""


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """Pulses sorted by strip, row and column of their place on the reference plane."""

    order: Ints
    first: Ints
    west_m: float
    south_m: float
    columns: int
    rows: int


@dataclass(frozen=True, slots=True, eq=False)
class _Rectangles:
    """Cells in which a body's rays lie, columns and rows inclusive, one for each strip and body."""

    strip: Ints
    body: Ints
    left: Ints
    right: Ints
    bottom: Ints
    top: Ints


def pair_up(pulses: Pulses, bodies: Bodies, plan: FlightPlan) -> Pairs:
    """Return the pulses that pass each body's axis within its largest radius.

    Parameters
    ----------
    pulses
        Rays.
    bodies
        What they may meet.
    plan
        The flight, for its tracks and reference plane.

    Returns
    -------
    Pairs; none that meet is missing, most of those given meet.
    """
    grid = _sort_pulses(pulses, plan.strips)
    pairs = _list_pairs(grid, _rectangles(grid, bodies, plan))
    return _drop_distant(pairs, pulses, bodies, plan)


def expand_ranges(starts: Ints, stops: Ints) -> tuple[Ints, Ints]:
    """Return every integer of many half-open ranges, and which range each is from.

    Parameters
    ----------
    starts, stops
        Shape (n,), starts not beyond stops.

    Examples
    --------
    >>> [part.tolist() for part in expand_ranges(np.array([3, 9]), np.array([5, 10]))]
    [[3, 4, 9], [0, 0, 1]]
    """
    lengths = stops - starts
    owner = np.repeat(np.arange(starts.size), lengths)
    before = np.cumsum(lengths) - lengths
    return np.arange(owner.size) - before[owner] + starts[owner], owner


def _sort_pulses(pulses: Pulses, strips: int) -> _Grid:
    west, south = float(pulses.x_m.min()), float(pulses.y_m.min())
    column = ((pulses.x_m - west) / _CELL_M).astype(np.int64)
    row = ((pulses.y_m - south) / _CELL_M).astype(np.int64)
    columns, rows = int(column.max()) + 1, int(row.max()) + 1
    cell = (pulses.strip * rows + row) * columns + column
    counts = np.bincount(cell, minlength=strips * rows * columns)
    first = np.concatenate([[0], np.cumsum(counts)])
    return _Grid(np.argsort(cell, kind="stable"), first, west, south, columns, rows)


def _rectangles(grid: _Grid, bodies: Bodies, plan: FlightPlan) -> _Rectangles:
    """Return the cells from which a ray of each strip can reach each body."""
    strip = np.repeat(np.arange(plan.strips), bodies.x_m.size)
    body = np.tile(np.arange(bodies.x_m.size), plan.strips)
    track = track_x_m(plan, strip)
    climb_top = bodies.top_m[body] - plan.reference_m
    climbs = np.stack([climb_top, climb_top - bodies.length_m[body]])
    # A ray over (x, climb) left the plane at x0 with x = x0 + climb * (track - x0) / height.
    share = climbs / plan.height_m
    feet_x = (bodies.x_m[body] - share * track) / (1.0 - share)
    feet_y = bodies.y_m[body] - climbs * PITCH_SLOPE
    reach = bodies.radius_m[body] * 1.1 + _BEAM_MARGIN_M
    return _Rectangles(
        strip=strip,
        body=body,
        left=_cells(feet_x.min(axis=0) - reach - grid.west_m, grid.columns),
        right=_cells(feet_x.max(axis=0) + reach - grid.west_m, grid.columns),
        bottom=_cells(feet_y.min(axis=0) - reach - grid.south_m, grid.rows),
        top=_cells(feet_y.max(axis=0) + reach - grid.south_m, grid.rows),
    )


def _cells(distance_m: Floats, count: int) -> Ints:
    return np.clip(np.floor(distance_m / _CELL_M), 0, count - 1).astype(np.int64)


def _list_pairs(grid: _Grid, rectangles: _Rectangles) -> Pairs:
    row, owner = expand_ranges(rectangles.bottom, rectangles.top + 1)
    line = (rectangles.strip[owner] * grid.rows + row) * grid.columns
    starts = grid.first[line + rectangles.left[owner]]
    stops = grid.first[line + rectangles.right[owner] + 1]
    position, span = expand_ranges(starts, stops)
    return Pairs(pulse=grid.order[position], body=rectangles.body[owner[span]])


def _drop_distant(pairs: Pairs, pulses: Pulses, bodies: Bodies, plan: FlightPlan) -> Pairs:
    """Return the pairs whose nearest distance, within the body's height, is below its radius."""
    pulse, body = pairs.pulse, pairs.body
    east, north = pulses.east_slope[pulse], pulses.north_slope[pulse]
    climb = bodies.top_m[body] - plan.reference_m
    dx = pulses.x_m[pulse] + climb * east - bodies.x_m[body]
    dy = pulses.y_m[pulse] + climb * north - bodies.y_m[body]
    depth = np.clip((dx * east + dy * north) / (east * east + north * north), 0.0, bodies.length_m[body])
    nearest = np.hypot(dx - depth * east, dy - depth * north)
    near = nearest <= bodies.radius_m[body] + _BEAM_MARGIN_M
    return Pairs(pulse[near], body[near])
