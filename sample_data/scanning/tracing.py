"""Where single rays end among wood, leaves and ground: a walk through voxels, compiled.

A walk steps from voxel to voxel (Amanatides & Woo 1987, A fast voxel traversal algorithm for ray tracing,
Eurographics) and stops in the first that holds a hit. Vectors are tuples: a compiled loop keeps them in registers.
"""

from typing import TypeAlias

import numpy as np

from sample_data.scanning.cones import find_span, march, pass_by
from sample_data.scanning.kernel import Array, compiled, draw_at
from sample_data.scanning.voxels import LATTICE_M, NODE_M, VOXEL_M, Voxels

Vector: TypeAlias = tuple[float, float, float]
Cell: TypeAlias = tuple[int, int, int]

NOTHING, ON_GROUND, ON_WOOD, ON_LEAF = 0, 1, 2, 3
"""What a ray met."""

_FAR = 1e9
_TINY = 1e-9
_HALVINGS = 14


@compiled
def trace(origins: Array, directions: Array, bounds: Array, beam: Array, voxels: Voxels) -> tuple[Array, Array]:  # noqa: PLR0917 - compiled loops take no keywords
    """Return where rays end.

    Parameters
    ----------
    origins, directions
        Shape (n, 3), local frame, directions of unit length.
    bounds
        Nearest and farthest distance that each ray may end at, shape (n, 2), metres.
    beam
        Radius of the beam where it leaves, metres, and by how much it grows a metre.
    voxels
        What they meet.

    Returns
    -------
    Distances, infinite where nothing is met, shape (n,); and what is met as (kind, tree, near), shape (n, 3), where
    near is 1 if a stem's edge lies within the beam.
    """
    distance = np.full(len(origins), np.inf)
    met = np.zeros((len(origins), 3), np.int32)
    widths = (beam[0], beam[1])
    for ray in range(len(origins)):
        origin = (origins[ray, 0], origins[ray, 1], origins[ray, 2])
        way = (directions[ray, 0], directions[ray, 1], directions[ray, 2])
        found, kind, tree, near = trace_one(origin, way, (bounds[ray, 0], bounds[ray, 1]), widths, voxels)
        met[ray, 0], met[ray, 1], met[ray, 2] = kind, tree, near
        if kind != NOTHING:
            distance[ray] = found
    return distance, met


@compiled
def trace_one(  # noqa: PLR0917 - compiled loops take no keywords
    origin: Vector, way: Vector, bound: tuple[float, float], beam: tuple[float, float], voxels: Voxels
) -> tuple[float, int, int, int]:
    """Return distance, kind, tree and nearness of an edge for one ray."""
    corner, is_busy = voxels.corner_m, voxels.is_busy
    shape = is_busy.shape
    place = (origin[0] - corner[0], origin[1] - corner[1], origin[2] - corner[2])
    at, end = _clip(place, way, bound, (shape[0] * VOXEL_M, shape[1] * VOXEL_M, shape[2] * VOXEL_M))
    cell, step, turn, gain = _set_out(place, way, at, VOXEL_M)
    near = 0
    while at < end and _is_within(cell, shape):
        leave = min(turn[0], turn[1], turn[2], end)
        if is_busy[cell[0], cell[1], cell[2]]:
            best, kind, tree, brushed = _meet_any(origin, way, (at, leave), cell, beam, voxels)
            near |= brushed
            if kind != NOTHING:
                return best, kind, tree, near
        at = leave
        cell, turn = _advance(cell, step, turn, gain)
    return _FAR, NOTHING, -1, near


@compiled
def _meet_any(  # noqa: PLR0917 - compiled loops take no keywords
    origin: Vector, way: Vector, ray: tuple[float, float], cell: Cell, beam: tuple[float, float], voxels: Voxels
) -> tuple[float, int, int, int]:
    """Return the nearest hit in a voxel: distance, kind, tree and nearness of an edge."""
    corner, shape = voxels.corner_m, voxels.leaves_per_m.shape
    place = (origin[0] - corner[0], origin[1] - corner[1], origin[2] - corner[2])
    best, kind, tree, near = _FAR, NOTHING, -1, 0
    flat = (cell[0] * shape[1] + cell[1]) * shape[2] + cell[2]
    if voxels.first[flat] < voxels.first[flat + 1]:
        best, tree, near = _meet_wood(origin, way, ray, flat, beam, voxels)
        kind = ON_WOOD if best < _FAR else NOTHING
    if cell[2] * VOXEL_M < voxels.crest_m[cell[0], cell[1]]:
        ground = _meet_ground(place, way, (ray[0], min(best, ray[1])), corner[2], voxels.ground_m)
        if ground < best:
            best, kind, tree = ground, ON_GROUND, -1
    per_m = voxels.leaves_per_m[cell[0], cell[1], cell[2]]
    if per_m > 0.0:
        leaf = _meet_leaf(place, way, (ray[0], min(best, ray[1])), per_m, voxels.seed)
        if leaf < best:
            best, kind, tree = leaf, ON_LEAF, voxels.owner[cell[0], cell[1], cell[2]]
    return best, kind, tree, near


@compiled
def _is_within(cell: Cell, shape: Cell) -> bool:
    return 0 <= cell[0] < shape[0] and 0 <= cell[1] < shape[1] and 0 <= cell[2] < shape[2]


@compiled
def _clip(place: Vector, way: Vector, bound: tuple[float, float], size: Vector) -> tuple[float, float]:
    """Return where a ray enters and leaves the box of all voxels, within its bounds."""
    at, end = bound
    for axis in range(3):
        if abs(way[axis]) < _TINY:
            if not 0.0 <= place[axis] <= size[axis]:
                end = -1.0
        else:
            one, two = -place[axis] / way[axis], (size[axis] - place[axis]) / way[axis]
            at, end = max(at, min(one, two)), min(end, max(one, two))
    # A hair inside, so that the first cell is one of the box.
    return at + _TINY, end - _TINY


@compiled
def _set_out(place: Vector, way: Vector, at: float, side_m: float) -> tuple[Cell, Cell, Vector, Vector]:
    """Return the first cell, steps, distances of the next borders and distances between borders."""
    one = _set_out_along(place[0], way[0], at, side_m)
    two = _set_out_along(place[1], way[1], at, side_m)
    three = _set_out_along(place[2], way[2], at, side_m)
    return (
        (one[0], two[0], three[0]),
        (one[1], two[1], three[1]),
        (one[2], two[2], three[2]),
        (one[3], two[3], three[3]),
    )


@compiled
def _set_out_along(place: float, way: float, at: float, side_m: float) -> tuple[int, int, float, float]:
    here = (place + at * way) / side_m
    cell = int(np.floor(here))
    if way > _TINY:
        return cell, 1, at + (cell + 1 - here) * side_m / way, side_m / way
    if way < -_TINY:
        return cell, -1, at + (cell - here) * side_m / way, -side_m / way
    return cell, 0, _FAR, _FAR


@compiled
def _advance(cell: Cell, step: Cell, turn: Vector, gain: Vector) -> tuple[Cell, Vector]:
    """Return the next cell and borders: the nearest border is crossed."""
    if turn[0] <= turn[1] and turn[0] <= turn[2]:
        return (cell[0] + step[0], cell[1], cell[2]), (turn[0] + gain[0], turn[1], turn[2])
    if turn[1] <= turn[2]:
        return (cell[0], cell[1] + step[1], cell[2]), (turn[0], turn[1] + gain[1], turn[2])
    return (cell[0], cell[1], cell[2] + step[2]), (turn[0], turn[1], turn[2] + gain[2])


@compiled
def _meet_leaf(place: Vector, way: Vector, ray: tuple[float, float], per_m: float, seed: int) -> float:  # noqa: PLR0917 - compiled loops take no keywords
    """Return where a ray meets a filled cell of the lattice; the same cells for every ray."""
    at = ray[0] + _TINY
    cell, step, turn, gain = _set_out(place, way, at, LATTICE_M)
    borders = (abs(way[0]) + abs(way[1]) + abs(way[2])) / LATTICE_M
    filled = 1.0 - np.exp(-per_m / borders)
    # A border reached within rounding is the end: what lies beyond is the next voxel's.
    while at < ray[1] - _TINY:
        leave = min(turn[0], turn[1], turn[2], ray[1])
        if draw_at(cell[0], cell[1], cell[2], seed) < filled:
            # Leaves lie anyhow in their cell.
            return at + (leave - at) * draw_at(int(at * 1e6), cell[1], cell[2], seed + 1)
        at = leave
        cell, turn = _advance(cell, step, turn, gain)
    return _FAR


@compiled
def _meet_ground(place: Vector, way: Vector, ray: tuple[float, float], bottom: float, ground: Array) -> float:  # noqa: PLR0917 - compiled loops take no keywords
    """Return where a ray goes below the ground within a voxel; places are relative to the corner at the bottom."""
    if _rise(place, way, ray[1], bottom, ground) > 0.0:
        return _FAR
    low, high = ray
    if _rise(place, way, low, bottom, ground) <= 0.0:
        return low
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if _rise(place, way, middle, bottom, ground) > 0.0:
            low = middle
        else:
            high = middle
    return high


@compiled
def _rise(place: Vector, way: Vector, at: float, bottom: float, ground: Array) -> float:  # noqa: PLR0917 - compiled loops take no keywords
    """Return how far a place on a ray lies above the ground between its nodes."""
    east, north = (place[0] + at * way[0]) / NODE_M, (place[1] + at * way[1]) / NODE_M
    i = min(max(int(east), 0), ground.shape[0] - 2)
    j = min(max(int(north), 0), ground.shape[1] - 2)
    x, y = east - i, north - j
    south = (1.0 - x) * ground[i, j] + x * ground[i + 1, j]
    other = (1.0 - x) * ground[i, j + 1] + x * ground[i + 1, j + 1]
    return float(place[2] + at * way[2] + bottom - (1.0 - y) * south - y * other)


@compiled
def _meet_wood(  # noqa: PLR0917 - compiled loops take no keywords
    origin: Vector, way: Vector, ray: tuple[float, float], flat: int, beam: tuple[float, float], voxels: Voxels
) -> tuple[float, int, int]:
    """Return the nearest wood of a voxel, its tree, and whether the beam brushes an edge."""
    best, tree, near = _FAR, -1, 0
    for place in range(voxels.first[flat], voxels.first[flat + 1]):
        row = voxels.listed[place]
        cone = voxels.cones[row]
        aside, drift, run, miss, brushed = pass_by(origin, way, ray, cone, beam)
        near |= brushed
        if miss:
            continue
        low, high = find_span(aside, drift, run, cone)
        if low >= high or high < ray[0] or low > ray[1]:
            continue
        if voxels.outline[row] >= 0:
            outline = voxels.outlines[voxels.outline[row]]
            low = march(aside, drift, run, (max(low, ray[0]), high), cone, outline)
        if ray[0] - _TINY <= low <= ray[1] and low < best:
            best, tree = low, voxels.tree[row]
    return best, tree, near
