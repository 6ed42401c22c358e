"""A round plot of a stand made ready for rays."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sample_data.errors import InvalidParameter, check_range
from sample_data.forest.bodies import FOLIAGE, LEVELS, Bodies
from sample_data.forest.crown import build_bodies
from sample_data.forest.stand import Stand
from sample_data.forest.terrain import elevation_m
from sample_data.scanning.cones import STEM_SWELL
from sample_data.scanning.undergrowth import UndergrowthParameters, check_undergrowth, grow_undergrowth
from sample_data.scanning.voxels import (
    NODE_M,
    VOXEL_M,
    Voxels,
    clear_place,
    fill_body,
    fill_herbs,
    fill_mound,
    list_wood,
)
from sample_data.scanning.wood import OUTLINE_COLUMNS, ROUND, Wood, build_wood, join_wood

Floats = NDArray[np.float64]

LARGEST_RADIUS_M = 30.0
"""Of a plot."""

# Some 15 bytes each: over half a gigabyte.
_MOST_VOXELS = 40_000_000
_MARGIN_M = 1.0
_CLEARED_M = 0.8
_HERBS_PER_M = 2.5
_TALLEST_HERBS_M = 0.4
_HERB_PATCH_M = 1.0
# Wavelengths over which litter, stones and roots raise the ground, and their shares of its variance.
_BUMPS = ((0.25, 0.35), (1.0, 0.65))


@dataclass(frozen=True, slots=True)
class PlotParameters:
    """Which part of a stand is scanned, and what lies below its trees."""

    centre: tuple[float, float] | None = None
    """Easting and northing; by default the middle of the stand."""
    radius_m: float = 15.0
    """Points beyond it are cut away."""
    undergrowth: UndergrowthParameters = field(default_factory=UndergrowthParameters)
    """Shrubs and herbs."""
    roughness_m: float = 0.02
    """Standard deviation of the ground about the terrain: litter, stones, roots."""


@dataclass(frozen=True, slots=True, eq=False)
class Plot:
    """A plot's voxels and where its local frame lies."""

    voxels: Voxels
    """What rays meet, in the local frame."""
    origin_m: Floats
    """Easting, northing and elevation of the frame's origin: the plot's centre on the terrain."""
    radius_m: float
    """Of the plot."""
    height_m: float
    """From the lowest ground to the highest apex."""


def build_plot(stand: Stand, parameters: PlotParameters, *, margin_m: float, cleared: Floats) -> Plot:
    """Return a plot of a stand.

    Parameters
    ----------
    stand
        The stand.
    parameters
        Which part of it.
    margin_m
        How far beyond the plot trees still matter, as they do for rays from above.
    cleared
        Places around which undergrowth is cut, local frame, shape (n, 3).

    Raises
    ------
    InvalidParameter
        A parameter is out of range, the centre lies outside the stand, or a steep plot is too large.
    """
    _check(stand, parameters)
    centre = locate_centre(stand, parameters)
    origin = np.array([*centre, float(elevation_m(stand.terrain, *(np.array([part]) for part in centre))[0])])
    rng = np.random.default_rng([0x9107, stand.seed])
    reach = float(np.ceil((parameters.radius_m + margin_m + _MARGIN_M) / VOXEL_M) * VOXEL_M)
    ground = _lay_ground(rng, stand, origin, reach, roughness_m=parameters.roughness_m)
    near = _near_trees(stand, origin, reach)
    tops = [stand.trees[index].ground_m + stand.trees[index].height_m - origin[2] for index in near.tolist()]
    bottom, top = float(ground.min()) - _MARGIN_M, max([float(ground.max()) + 5.0, *tops]) + _MARGIN_M
    corner = np.array([-reach, -reach, bottom])
    leaves = np.zeros(_count_voxels(parameters, reach, top - bottom), dtype=np.float32)
    owner = np.full(leaves.shape, -1, dtype=np.int32)
    _leaf_out(leaves, owner, corner, build_bodies(stand), origin=origin)
    growth = grow_undergrowth(
        rng, stand.terrain, parameters.undergrowth, centre=centre, reach_m=min(reach, parameters.radius_m + 5.0)
    )
    for place, radius, per_m in zip(
        growth.mounds.centre_m - origin, growth.mounds.radius_m, growth.mounds.leaves_per_m, strict=True
    ):
        fill_mound(leaves, corner, place, radius, float(per_m))
    herbs = _plant_herbs(rng, ground.shape[0], parameters.undergrowth.herb_cover)
    fill_herbs(leaves, corner, ground, herbs, _HERBS_PER_M)
    for place in cleared:
        clear_place(leaves, corner, place, _CLEARED_M)
    wood = join_wood([build_wood(stand, near), growth.rods])
    voxels = pack_voxels(leaves, owner, corner, ground, wood=_move(wood, origin), seed=stand.seed)
    return Plot(voxels, origin, parameters.radius_m, top - bottom)


def locate_centre(stand: Stand, parameters: PlotParameters) -> tuple[float, float]:
    """Return easting and northing of a plot's centre."""
    west, south, east, north = stand.bounds
    return parameters.centre or (0.5 * (west + east), 0.5 * (south + north))


def _check(stand: Stand, parameters: PlotParameters) -> None:
    check_range("radius_m", parameters.radius_m, 2.0, LARGEST_RADIUS_M)
    check_range("roughness_m", parameters.roughness_m, 0.0, 0.2)
    check_undergrowth(parameters.undergrowth)
    west, south, east, north = stand.bounds
    x, y = locate_centre(stand, parameters)
    if not (west <= x <= east and south <= y <= north):
        raise InvalidParameter("centre", (x, y), "it must lie within the stand's bounds")


def _count_voxels(parameters: PlotParameters, reach_m: float, height_m: float) -> tuple[int, int, int]:
    side, levels = round(2.0 * reach_m / VOXEL_M), int(np.ceil(height_m / VOXEL_M))
    if side * side * levels > _MOST_VOXELS:
        rule = f"a plot {height_m:.0f} m from its lowest ground to its highest apex must be smaller"
        raise InvalidParameter("radius_m", parameters.radius_m, rule)
    return side, side, levels


def _near_trees(stand: Stand, origin: Floats, reach_m: float) -> NDArray[np.int64]:
    """Return the trees of which anything may be within the square: stems lean and branches reach."""
    near = [
        index
        for index, tree in enumerate(stand.trees)
        if max(abs(tree.x_m - origin[0]), abs(tree.y_m - origin[1]))
        < reach_m + tree.crown_diameter_m + np.hypot(tree.apex_x_m - tree.x_m, tree.apex_y_m - tree.y_m)
    ]
    return np.array(near, dtype=np.int64)


def _lay_ground(
    rng: np.random.Generator, stand: Stand, origin: Floats, reach_m: float, *, roughness_m: float
) -> Floats:
    """Return elevations over the origin at the nodes."""
    ticks = np.arange(round(2.0 * reach_m / NODE_M) + 1) * NODE_M - reach_m
    east, north = np.meshgrid(ticks, ticks, indexing="ij")
    smooth: Floats = elevation_m(stand.terrain, east + origin[0], north + origin[1]) - origin[2]
    for wavelength, share in _BUMPS:
        smooth = smooth + roughness_m * np.sqrt(share) * _draw_bumps(rng, ticks.size, wavelength)
    return smooth


def _draw_bumps(rng: np.random.Generator, nodes: int, wavelength_m: float) -> Floats:
    """Return normal bumps at nodes, shape (nodes, nodes): bilinear between independent ones, of unit variance."""
    every = round(wavelength_m / NODE_M)
    coarse = rng.normal(0.0, 1.0, (nodes // every + 2, nodes // every + 2))
    place, share = np.divmod(np.arange(nodes), every)
    share = share / every
    across = (1.0 - share)[:, None] * coarse[place] + share[:, None] * coarse[place + 1]
    bumps: Floats = (1.0 - share) * across[:, place] + share * across[:, place + 1]
    # Between nodes a mean of two varies less: by 2/3 on average along each axis.
    return bumps * 1.5


def _plant_herbs(rng: np.random.Generator, nodes: int, cover: float) -> Floats:
    """Return heights of herbs at nodes, zero where none grow."""
    patches = _draw_bumps(rng, nodes, _HERB_PATCH_M)
    tall = np.clip(0.25 + 0.1 * _draw_bumps(rng, nodes, _HERB_PATCH_M), 0.05, _TALLEST_HERBS_M)
    return np.where(patches > np.quantile(patches, 1.0 - cover), tall, 0.0) if cover > 0.0 else np.zeros_like(tall)


def _leaf_out(
    leaves: NDArray[np.float32], owner: NDArray[np.int32], corner: Floats, bodies: Bodies, *, origin: Floats
) -> None:
    """Fill crowns that reach into the voxels."""
    east, north = bodies.x_m - origin[0], bodies.y_m - origin[1]
    touches = np.maximum(np.abs(east), np.abs(north)) < -corner[0] + bodies.radius_m
    levels = np.array(LEVELS)
    for row in np.flatnonzero(touches & (bodies.kind == FOLIAGE)).tolist():
        numbers = (
            float(bodies.tree[row]),
            float(east[row]),
            float(north[row]),
            float(bodies.top_m[row] - origin[2]),
            float(bodies.length_m[row]),
            float(bodies.shell_per_m[row]),
            float(bodies.core_per_m[row]),
        )
        fill_body(leaves, owner, corner, np.array([*numbers, *bodies.table_m[row].tolist()]), levels)


def _move(wood: Wood, origin: Floats) -> Wood:
    return Wood(
        wood.start_m - origin,
        wood.end_m - origin,
        wood.radius_m,
        wood.height_m,
        wood.outline,
        wood.tree,
        wood.outlines,
    )


def _find_crests(ground: Floats) -> Floats:
    """Return the highest node of each column of voxels, its borders included."""
    every = round(VOXEL_M / NODE_M)
    windows = np.lib.stride_tricks.sliding_window_view(ground, (every + 1, every + 1))
    crests: Floats = windows[::every, ::every].max(axis=(2, 3))
    return crests


def _write_cones(wood: Wood, swell: Floats) -> Floats:
    """Return wood as rows of :mod:`sample_data.scanning.cones`."""
    axis = wood.end_m - wood.start_m
    length = np.linalg.norm(axis, axis=1)
    growth = (wood.radius_m[:, 1] - wood.radius_m[:, 0]) / length
    return np.column_stack(
        [wood.start_m, axis / length[:, None], length, wood.radius_m[:, 0], growth, swell, wood.height_m]
    )


def pack_voxels(
    leaves: NDArray[np.float32], owner: NDArray[np.int32], corner: Floats, ground: Floats, *, wood: Wood, seed: int
) -> Voxels:
    """Return voxels of leaves, ground and wood in one local frame.

    Parameters
    ----------
    leaves, owner, corner, ground
        As in :class:`sample_data.scanning.voxels.Voxels`.
    wood
        Cones in the local frame.
    seed
        Of leaves.
    """
    shape = (leaves.shape[0], leaves.shape[1], leaves.shape[2])
    swell = np.where(wood.outline == ROUND, 1.0, STEM_SWELL)
    widest = wood.radius_m.max(axis=1) * swell
    pairs = list_wood(shape, corner, wood.start_m, wood.end_m, widest)
    order = np.argsort(pairs[:, 0], kind="stable")
    first = np.zeros(leaves.size + 1, dtype=np.int32)
    np.cumsum(np.bincount(pairs[:, 0], minlength=leaves.size), out=first[1:])
    crest = _find_crests(ground) - corner[2]
    is_busy = (leaves > 0.0) | (np.diff(first).reshape(shape) > 0)
    is_busy |= np.arange(shape[2]) * VOXEL_M < crest[:, :, None]
    outlines = wood.outlines if len(wood.outlines) else np.zeros((1, OUTLINE_COLUMNS))
    return Voxels(
        corner_m=corner,
        is_busy=is_busy,
        leaves_per_m=leaves,
        owner=owner,
        first=first,
        listed=pairs[order, 1].astype(np.int32),
        ground_m=np.ascontiguousarray(ground),
        crest_m=crest,
        cones=_write_cones(wood, swell),
        outline=wood.outline,
        tree=wood.tree,
        outlines=np.ascontiguousarray(outlines),
        # Leaves of another stand stand elsewhere; the walk's hash takes 31 bits.
        seed=int(seed % (2**31 - 1)),
    )
