"""Trees that do not stand upright: leaning ones cut into slices, fallen ones laid along the ground.

Bodies have upright axes; a slanting stem or crown is a stack of short ones, each moved aside, and a lying one a row.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sample_data.forest.bodies import FOLIAGE, LEVELS, STEM, Body, equal_area_radius
from sample_data.forest.damage import lying_crown_length_m, stem_length_m
from sample_data.forest.terrain import Terrain, elevation_m
from sample_data.forest.tree import TreeTruth

# Thickness of a slice: at 25 degrees its neighbour lies half a metre aside, less than a crown's edge is sharp.
_SLICE_M = 1.0
_MOST_SLICES = 40
# Lengths of a lying stem are upright cylinders: nearer to one another than they are wide, so that no gap shows.
_LOG_STEP = 1.4
_MOST_LOGS = 150
_LYING_LOBES = 7
# A root plate is a row of upright columns across the stem, the tallest three quarters as high as the plate is wide: the
# rest stays in the ground.
_PLATE_COLUMNS = 5
_PLATE_RISE = 0.75
# A crown that the area's grid can no longer see.
_LEAST_RADIUS_M = 0.02

Optics = tuple[float, float, float]


def tilt(tree: TreeTruth, upright: Sequence[Body]) -> list[Body]:
    """Return the bodies of a leaning tree.

    Parameters
    ----------
    tree
        Foot, apex and crown diameter are met.
    upright
        Its bodies as though the stem stood below its apex; a stem's axis is at the foot.

    Returns
    -------
    Slices of each body, moved along the line from foot to apex.
    """
    slices = [piece for body in upright for piece in _slice(body)]
    return _fit_area(tree, [_move(tree, piece) for piece in slices])


def lay_down(index: int, tree: TreeTruth, terrain: Terrain, *, optics: tuple[Optics, Optics]) -> list[Body]:
    """Return the bodies of a fallen tree.

    Parameters
    ----------
    index
        The tree's index in its stand.
    tree
        Lies from foot to apex.
    terrain
        What it lies on.
    optics
        Of its leaves and of its stem.
    """
    length = stem_length_m(tree)
    crown = lying_crown_length_m(tree)
    lobes = length - crown * (np.arange(_LYING_LOBES) + 0.5) / _LYING_LOBES
    # The crown narrows towards the apex and a little towards its base.
    widths = np.interp(length - lobes, [0.0, 0.7 * crown, crown], [0.25, 1.0, 0.7])
    heights = tree.height_m * widths / widths.max()
    rows = [
        _lying_body(index, tree, terrain, along=along, size=(0.5 * tree.crown_diameter_m * width, height))
        for along, width, height in zip(lobes, widths, heights, strict=True)
    ]
    leaves = [replace(row, optics=optics[0]) for row in rows]
    radius = 0.5 * tree.dbh_cm / 100.0
    count = min(_MOST_LOGS, math.ceil(0.9 * length / (_LOG_STEP * radius)))
    logs = [
        _lying_body(index, tree, terrain, along=along, size=(thick, 2.0 * thick))
        for along in (np.arange(count) + 0.5) / count * 0.9 * length
        for thick in [radius * (1.0 - 0.8 * along / length)]
    ]
    level = np.ones(len(LEVELS))
    stems = [replace(row, kind=STEM, optics=optics[1], table_m=level * row.table_m.max()) for row in logs]
    return _fit_area(tree, [*leaves, *stems, *_raise_roots(index, tree, terrain, stem=optics[1])])


def _raise_roots(index: int, tree: TreeTruth, terrain: Terrain, *, stem: Optics) -> list[Body]:
    """Return the bodies of the root plate that an uprooted tree has."""
    if tree.root_plate_m == 0.0:
        return []
    length = stem_length_m(tree)
    way = (tree.apex_x_m - tree.x_m) / length, (tree.apex_y_m - tree.y_m) / length
    across = (np.arange(_PLATE_COLUMNS) + 0.5) / _PLATE_COLUMNS - 0.5
    heights = _PLATE_RISE * tree.root_plate_m * np.sqrt(1.0 - (2.0 * across) ** 2)
    radius = 0.5 * tree.root_plate_m / _PLATE_COLUMNS
    columns = [
        (_lying_body(index, tree, terrain, along=0.0, size=(radius, height)), aside * tree.root_plate_m)
        for aside, height in zip(across.tolist(), heights.tolist(), strict=True)
    ]
    return [
        replace(
            body,
            kind=STEM,
            centre=(body.centre[0] - aside * way[1], body.centre[1] + aside * way[0], body.centre[2]),
            table_m=np.full(len(LEVELS), radius),
            optics=stem,
        )
        for body, aside in columns
    ]


def _slice(body: Body) -> list[Body]:
    count = min(_MOST_SLICES, max(1, math.ceil(body.length_m / _SLICE_M)))
    levels = np.array(LEVELS)
    thickness = body.length_m / count
    x, y, top = body.centre
    return [
        replace(
            body,
            centre=(x, y, top - number * thickness),
            length_m=thickness,
            table_m=np.interp((number + levels) / count, levels, body.table_m),
        )
        for number in range(count)
    ]


def _move(tree: TreeTruth, piece: Body) -> Body:
    """Return a slice moved to the line from foot to apex; the topmost ends at the apex."""
    x, y, top = piece.centre
    middle = top - 0.5 * piece.length_m if top < tree.ground_m + tree.height_m - 1e-6 else top
    up = (middle - tree.ground_m) / tree.height_m
    # Leaves stand about the apex, the stem about the foot.
    share = up if piece.kind == STEM else up - 1.0
    return replace(piece, centre=(x + share * (tree.apex_x_m - tree.x_m), y + share * (tree.apex_y_m - tree.y_m), top))


def _lying_body(index: int, tree: TreeTruth, terrain: Terrain, *, along: float, size: tuple[float, float]) -> Body:
    """Return a round body on the ground, so far along the stem, of a radius and a height."""
    radius, height = size
    share = along / stem_length_m(tree)
    x = tree.x_m + share * (tree.apex_x_m - tree.x_m)
    y = tree.y_m + share * (tree.apex_y_m - tree.y_m)
    ground = float(elevation_m(terrain, np.array([x]), np.array([y]))[0])
    depth = np.array(LEVELS)
    return Body(
        tree=index,
        kind=FOLIAGE,
        centre=(x, y, ground + height),
        length_m=height,
        table_m=radius * np.sqrt(np.maximum(1.0 - (2.0 * depth - 1.0) ** 2, 0.0)),
        optics=(0.0, 0.0, 0.0),
    )


def _fit_area(tree: TreeTruth, rows: list[Body]) -> list[Body]:
    """Return bodies whose leaves, made wider or narrower, cover the tree's crown area."""
    leaves = [row for row in rows if row.kind == FOLIAGE]
    others = [row for row in rows if row.kind != FOLIAGE]
    offsets = np.array([row.centre[:2] for row in leaves])
    offsets = offsets - offsets.mean(axis=0)
    radii = np.array([row.table_m.max() for row in leaves])
    factor = 1.0
    for _ in range(6):  # Converges to a per cent in two or three; the area's grid is no finer.
        factor *= 0.5 * tree.crown_diameter_m / max(equal_area_radius(offsets, factor * radii), _LEAST_RADIUS_M)
    return [*(replace(row, table_m=factor * row.table_m) for row in leaves), *others]
