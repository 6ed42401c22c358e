"""One tile to trees: what lies in its core, found with what lies around it.

Every step reaches a bounded distance and works on cells that are fixed in the world; ties are decided by position. So
trees, their figures and the points that they own are the same, to the last bit, wherever borders of tiles lie and
however points are ordered, as long as a tile's points cover its core and `TileSettings.reach_m` around it.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from survey.airborne.canopy import MAX_TREE_HEIGHT_M, CanopyModel, rasterize_canopy
from survey.airborne.crowns import Crowns, crown_metrics, label_points
from survey.airborne.detection import canopy_confidence, hidden_confidence
from survey.airborne.forms import FallenStem, Forms, FormTrees, Signal, TreeForm, judge_forms
from survey.airborne.heights import estimate_crowns, estimate_heights
from survey.airborne.locate import Tops, locate_trees
from survey.airborne.outlines import outline_labels
from survey.airborne.owners import assign_points
from survey.airborne.segment import segment_trees
from survey.airborne.settings import CloudFacts, TileSettings, choose_settings, tell_form_facts
from survey.airborne.understory import HiddenTops, Understory, locate_hidden_trees
from survey.cloud import Bools, Floats, Labels, Points
from survey.errors import TooFewPoints
from survey.grid import Grid
from survey.ground.buckets import Buckets, select_sorted, sort_points
from survey.ground.classify import classify_ground
from survey.ground.noise import LOW_NOISE, find_noise
from survey.ground.terrain import TerrainModel, normalize_height, rasterize_terrain

__all__ = [
    "LEAST_POINTS",
    "Box",
    "CloudFacts",
    "TileCounts",
    "TileSettings",
    "TileTrees",
    "choose_settings",
    "find_tile_trees",
    "is_in_core",
]

LEAST_POINTS: Final = 100
"""Fewer points show no tree."""


@dataclass(frozen=True, slots=True)
class Box:
    """A tile's core: west and south edges belong to it, east and north edges to its neighbours.

    Attributes
    ----------
    west_m, south_m, east_m, north_m
        Edges; multiples of the cell sides, so that rasters of neighbouring cores meet.
    """

    west_m: float
    south_m: float
    east_m: float
    north_m: float


@dataclass(frozen=True, slots=True)
class TileCounts:
    """What became of the points in a core.

    Attributes
    ----------
    points, noise, ground
        In the core; left out as noise; found to be ground, 0 where the cloud is normalised.
    unmeasured
        Without known ground below them.
    """

    points: int
    noise: int
    ground: int
    unmeasured: int


@dataclass(frozen=True, slots=True, eq=False)
class TileTrees:
    """The trees whose apexes lie in a tile's core, highest apex above ground first, canopy trees before hidden ones.

    Attributes
    ----------
    apex
        Index of each tree's apex among the tile's points, shape (n,).
    x_m, y_m, z_m
        Of the apex return, shape (n,).
    ground_m
        Elevation of the ground below; NaN where the cloud is normalised; shape (n,).
    above_m
        Apex return above the ground, shape (n,).
    height_m, height_error_m
        The tree's height, and its own standard error, shape (n,).
    crown_diameter_m, crown_error_m
        Of the circle with the crown's area, and its own standard error; NaN for hidden trees; shape (n,).
    outlines
        Polygons of which no two overlap, None for hidden trees; shape (n,).
    confidence
        Probability of being one tree, shape (n,).
    is_hidden
        Whether the top lies below the canopy, shape (n,).
    owner
        For each of the tile's points the index of the apex of the tree that it belongs to, -1 for none and outside of
        the core; a tree's apex may lie outside of the core. Shape (points,).
    is_ground
        Points of the core that are ground, shape (points,).
    terrain, canopy
        Elevation of the ground and height of the canopy in the core's cells, NaN where unknown.
    counts
        What became of the core's points.
    forms
        Each tree's form, none of hidden ones; empty where no signal was given.
    fallen
        Stems on the ground whose middles lie in the core, the surest first.
    """

    apex: NDArray[np.int64]
    x_m: Floats
    y_m: Floats
    z_m: Floats
    ground_m: Floats
    above_m: Floats
    height_m: Floats
    height_error_m: Floats
    crown_diameter_m: Floats
    crown_error_m: Floats
    outlines: NDArray[np.object_]
    confidence: Floats
    is_hidden: Bools
    owner: NDArray[np.int64]
    is_ground: Bools
    terrain: tuple[Grid, Floats]
    canopy: tuple[Grid, Floats]
    counts: TileCounts
    forms: tuple[TreeForm | None, ...] = ()
    fallen: tuple[FallenStem, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    """A tile's points that are used, in their own order, and what is known of the ground.

    Attributes
    ----------
    points, at
        Points, and the index of each among the tile's.
    above_m
        Heights above ground.
    buckets
        The points by cells of the terrain.
    terrain
        Elevation of the ground; none where the cloud is normalised.
    is_noise, is_ground, is_unmeasured
        Of all the tile's points.
    """

    points: Points
    at: NDArray[np.int64]
    above_m: Floats
    buckets: Buckets
    terrain: TerrainModel | None
    is_noise: Bools
    is_ground: Bools
    is_unmeasured: Bools


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """What was found in a scene; indices are those of its points."""

    canopy: CanopyModel
    tops: Tops
    labels: Labels
    crowns: Crowns
    hidden: HiddenTops


def find_tile_trees(
    points: Points, settings: TileSettings, core: Box, *, is_clean: bool = False, signal: Signal | None = None
) -> TileTrees:
    """Return the trees of one tile.

    Parameters
    ----------
    points
        Points in metres, covering the core and `settings.reach_m` around it as far as there are any.
    settings
        The same for all tiles of a catalogue.
    core
        What the tile answers for.
    is_clean
        Whether noise was told before: it is what has class 7, and no other is looked for.
    signal
        What the scanner wrote of each point beside its place; without it no forms are judged.

    Raises
    ------
    TooFewPoints
        When fewer than 100 points are left of the tile.
    NoGround
        When no ground can be made out in it.
    ExtentTooLarge
        When its rasters would have too many cells.
    """
    if len(points) < LEAST_POINTS:
        raise TooFewPoints(len(points), LEAST_POINTS)
    scene = _prepare(points, settings, is_clean=is_clean)
    found = _search(scene, settings)
    trees = _report(points, scene, found, (settings, core))
    if signal is None:
        return trees
    forms = _judge_forms(scene, found, settings, signal)
    return _add_forms(trees, forms, _apexes_in_core(scene, found.crowns.apex, core), core)


def is_in_core(x_m: Floats, y_m: Floats, core: Box) -> Bools:
    """Return which places lie in a core, shape (n,)."""
    inside: Bools = (x_m >= core.west_m) & (x_m < core.east_m) & (y_m >= core.south_m) & (y_m < core.north_m)
    return inside


def _prepare(points: Points, settings: TileSettings, *, is_clean: bool) -> _Scene:
    """Return the points in an order of their own, without noise, with heights."""
    is_noise, is_ground, is_unmeasured = (np.zeros(len(points), dtype=np.bool_) for _ in range(3))
    in_order, at, buckets = _sort_clean(points, settings, is_noise, is_clean=is_clean)
    if at.size < LEAST_POINTS:
        raise TooFewPoints(int(at.size), LEAST_POINTS)
    terrain, above = None, in_order.z_m
    if not settings.is_normalized:
        ground = classify_ground(in_order, settings.ground, buckets=buckets)
        is_ground[at[ground]] = True
        terrain = rasterize_terrain(in_order, ground, settings.terrain, buckets=buckets)
        above = normalize_height(in_order, terrain)
    # Not a number compares as false: what has no height is left out as well.
    kept = above <= MAX_TREE_HEIGHT_M
    if not kept.all():
        is_unmeasured[at[np.isnan(above)]] = True
        is_noise[at[above > MAX_TREE_HEIGHT_M]] = True
        at, above = at[kept], above[kept]
        in_order, buckets = select_sorted(in_order, buckets, kept)
    return _Scene(in_order, at, above, buckets, terrain, is_noise, is_ground, is_unmeasured)


def _sort_clean(
    points: Points, settings: TileSettings, is_noise: Bools, *, is_clean: bool
) -> tuple[Points, NDArray[np.int64], Buckets]:
    """Return the points without noise by cells, and the index that each had; mark the noise."""
    if is_clean:
        is_noise |= points.classification == LOW_NOISE
        return sort_points(points, settings.terrain_cell_m, ~is_noise)
    in_order, at, buckets = sort_points(points, settings.terrain_cell_m)
    noise = find_noise(in_order, settings.noise, buckets=buckets)
    if not noise.any():
        return in_order, at, buckets
    is_noise[at[noise]] = True
    in_order, buckets = select_sorted(in_order, buckets, ~noise)
    return in_order, at[~noise], buckets


def _search(scene: _Scene, settings: TileSettings) -> _Found:
    points, above = scene.points, scene.above_m
    canopy = rasterize_canopy(points, above, cell_m=settings.canopy_cell_m, algorithm=settings.canopy)
    tops = locate_trees(canopy, settings.tops)
    labels = segment_trees(canopy, tops, settings.crowns)
    crowns = crown_metrics(points, above, canopy, labels, min_height_m=settings.min_height_m)
    tops_xy = np.column_stack([points.x_m[crowns.apex], points.y_m[crowns.apex]])
    below = Understory(canopy, tops_xy, settings.density, settings.min_height_m)
    hidden = locate_hidden_trees(points, above, below, algorithm=settings.hidden, buckets=scene.buckets)
    return _Found(canopy, tops, labels, crowns, hidden)


def _report(points: Points, scene: _Scene, found: _Found, of: tuple[TileSettings, Box]) -> TileTrees:
    settings, core = of
    crowns = found.crowns
    inside_crowns = np.flatnonzero(_apexes_in_core(scene, crowns.apex, core))
    inside_hidden = np.flatnonzero(_apexes_in_core(scene, found.hidden.point, core))
    local = np.concatenate([crowns.apex[inside_crowns], found.hidden.point[inside_hidden]])
    is_hidden = np.arange(local.size) >= inside_crowns.size
    above = scene.above_m[local]
    height, height_error = estimate_heights(
        above, is_hidden, first_density=settings.first_density, algorithm=settings.heights
    )
    free = height[: inside_crowns.size]
    diameter, crown_error = estimate_crowns(crowns.diameter_m[inside_crowns], free, settings.first_density)
    unknown = np.full(inside_hidden.size, np.nan)
    outlines = np.full(local.size, None, dtype=np.object_)
    outlines[: inside_crowns.size] = outline_labels(found.canopy.grid, found.labels, crowns.top[inside_crowns])
    place = scene.points.x_m[local], scene.points.y_m[local], scene.points.z_m[local]
    inside = is_in_core(points.x_m, points.y_m, core)
    return TileTrees(
        apex=scene.at[local],
        x_m=place[0],
        y_m=place[1],
        z_m=place[2],
        ground_m=place[2] - above if scene.terrain else np.full(local.size, np.nan),
        above_m=above,
        height_m=height,
        height_error_m=height_error,
        crown_diameter_m=np.concatenate([diameter, unknown]),
        crown_error_m=np.concatenate([crown_error, unknown]),
        outlines=outlines,
        confidence=_judge(found, inside_crowns, inside_hidden, settings.first_density),
        is_hidden=is_hidden,
        owner=_own(scene, found, settings, inside),
        is_ground=scene.is_ground & inside,
        terrain=_clip(scene.terrain.grid, scene.terrain.elevation_m, core) if scene.terrain else _no_cells(settings),
        canopy=_clip(found.canopy.grid, _show_canopy(found.canopy), core),
        counts=_count(scene, inside),
    )


def _judge_forms(scene: _Scene, found: _Found, settings: TileSettings, signal: Signal) -> Forms:
    """Return the forms of all canopy trees of a scene, and all fallen stems."""
    crowns, points = found.crowns, scene.points
    crown_of_label = np.full(int(found.labels.max(initial=-1)) + 2, -1, dtype=np.int64)
    crown_of_label[crowns.top] = np.arange(crowns.apex.size)
    # The last element answers for cells without a crown, whose label is -1.
    crown = crown_of_label[label_points(points, found.canopy, found.labels)]
    apex = crowns.apex
    trees = FormTrees(points.x_m[apex], points.y_m[apex], scene.above_m[apex], crown)
    facts = tell_form_facts(settings)
    at = scene.at
    seen = Signal(signal.intensity[at], signal.number_of_returns[at])
    return judge_forms(points, scene.above_m, seen, trees, facts=facts, algorithms=settings.forms)


def _add_forms(trees: TileTrees, forms: Forms, inside: Bools, core: Box) -> TileTrees:
    own = [form for form, is_own in zip(forms.trees, inside.tolist(), strict=True) if is_own]
    middle_x, middle_y = (
        np.array([0.5 * (getattr(stem, f"foot_{axis}_m") + getattr(stem, f"top_{axis}_m")) for stem in forms.fallen])
        for axis in "xy"
    )
    fallen = [stem for stem, is_own in zip(forms.fallen, is_in_core(middle_x, middle_y, core), strict=True) if is_own]
    hidden: list[TreeForm | None] = [None] * (trees.apex.size - len(own))
    return replace(trees, forms=(*own, *hidden), fallen=tuple(fallen))


def _apexes_in_core(scene: _Scene, apex: NDArray[np.int64], core: Box) -> Bools:
    return is_in_core(scene.points.x_m[apex], scene.points.y_m[apex], core)


def _judge(
    found: _Found, inside_crowns: NDArray[np.int64], inside_hidden: NDArray[np.int64], first_density: float
) -> Floats:
    top = found.crowns.top[inside_crowns]
    share = found.tops.prominence_m[top] / found.tops.height_m[top]
    support = found.hidden.support[inside_hidden]
    return np.concatenate([canopy_confidence(share, first_density), hidden_confidence(support, first_density)])


def _own(scene: _Scene, found: _Found, settings: TileSettings, inside: Bools) -> NDArray[np.int64]:
    trees = found.crowns, found.hidden, settings.hidden
    local = assign_points(scene.points, scene.above_m, found.canopy, found.labels, trees)
    owner = np.full(inside.size, -1, dtype=np.int64)
    owner[scene.at] = np.where(local >= 0, scene.at[local], -1)
    owner[~inside] = -1
    return owner


def _clip(grid: Grid, raster: Floats, core: Box) -> tuple[Grid, Floats]:
    """Return the cells of a raster whose centres lie in a core."""
    west, south = (np.ceil(edge / grid.cell_m - 0.5) for edge in (core.west_m, core.south_m))
    east, north = (np.ceil(edge / grid.cell_m - 0.5) for edge in (core.east_m, core.north_m))
    first_column, first_row = round(grid.west_m / grid.cell_m), round(grid.south_m / grid.cell_m)
    left, right = (int(np.clip(edge - first_column, 0, grid.columns)) for edge in (west, east))
    low, high = (int(np.clip(edge - first_row, 0, grid.rows)) for edge in (south, north))
    inner = np.ascontiguousarray(raster[low:high, left:right])
    corner = (first_column + left) * grid.cell_m, (first_row + low) * grid.cell_m
    return Grid(*corner, grid.cell_m, max(0, high - low), max(0, right - left)), inner


def _show_canopy(canopy: CanopyModel) -> Floats:
    """Return the canopy with NaN where it neither was seen nor follows from cells around."""
    return np.where(canopy.is_seen | (canopy.height_m > 0.0), canopy.height_m, np.nan)


def _no_cells(settings: TileSettings) -> tuple[Grid, Floats]:
    return Grid(0.0, 0.0, settings.terrain_cell_m, 0, 0), np.empty((0, 0))


def _count(scene: _Scene, inside: Bools) -> TileCounts:
    return TileCounts(
        int(inside.sum()),
        int((scene.is_noise & inside).sum()),
        int((scene.is_ground & inside).sum()),
        int((scene.is_unmeasured & inside).sum()),
    )
