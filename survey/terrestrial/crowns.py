"""Which points above belong to which tree: whatever its stem reaches first, from voxel to voxel."""

import heapq
from dataclasses import dataclass
from itertools import product
from typing import ClassVar, Final

import numpy as np
import shapely
from scipy import sparse
from scipy.spatial import cKDTree

from survey.cloud import Floats
from survey.coverage import Ring
from survey.kernel import Array, compiled

_MOST_VOXELS: Final = 4_000_000
"""Occupied ones; each has some twenty links of 12 bytes: a gigabyte."""


@dataclass(frozen=True, slots=True)
class Tao2015:
    """Shortest paths over occupied voxels from the stems up, shorter for thicker stems: Tao et al. (2015).

    A path's length is divided by a power of the stem's diameter. Gaps cost their square.
    """

    NAME: ClassVar[str] = "tao2015"
    DOI: ClassVar[str | None] = "10.1016/j.isprsjprs.2015.10.007"

    voxel_m: float = 0.3
    """Side of a voxel."""
    reach: int = 2
    """Voxels across which a gap is bridged."""
    lowest_m: float = 1.5
    """Below this height no path goes: the ground would join all trees."""
    crown_voxels: int = 30
    """Fewest columns of a crown that is outlined."""
    power: float = 0.33
    """Of the diameter; half of the authors', chosen on simulated plots of seeds 1000 to 1003."""
    island_m: float = 2.5
    """What no path reaches, for leaves hide it, belongs to the nearest tree within this distance."""
    upright: float = 0.5
    """A metre upward counts for this much there: trees grow upward."""


@dataclass(frozen=True, slots=True, eq=False)
class Crown:
    """What is seen of one tree above.

    Attributes
    ----------
    top_m
        Elevation of its highest point, in the local frame.
    outline
        Closed ring of easting and northing, local frame; empty where little is seen.
    area_m2
        Of the outline.
    """

    top_m: float
    outline: Ring
    area_m2: float


@dataclass(frozen=True, slots=True, eq=False)
class AxisPlaces:
    """Where the stems of one tree are.

    Attributes
    ----------
    xyz_m
        Places on their axes and surfaces, shape (k, 3).
    radius_m
        Of the thickest at breast height.
    """

    xyz_m: Floats
    radius_m: float


def segment_crowns(
    xyz_m: Floats, height_m: Floats, stems: list[AxisPlaces], algorithm: Tao2015 | None = None
) -> list[Crown]:
    """Return the crown of each tree.

    Parameters
    ----------
    xyz_m
        Points, local frame, shape (n, 3).
    height_m
        Their heights above ground, shape (n,).
    stems
        The stems of each tree.
    algorithm
        How points are shared among trees.
    """
    chosen = algorithm or Tao2015()
    above = xyz_m[height_m >= chosen.lowest_m]
    origin = xyz_m.min(axis=0) - chosen.voxel_m
    voxels, member = _fill_voxels(above, origin, chosen.voxel_m)
    owner = _share(voxels, stems, origin, chosen)
    point_owner = owner[member]
    order = np.argsort(point_owner, kind="stable")
    bounds = np.searchsorted(point_owner[order], np.arange(len(stems) + 1))
    return [
        _measure_crown(above[order[bounds[tree] : bounds[tree + 1]]], stems[tree].xyz_m, chosen)
        for tree in range(len(stems))
    ]


def _fill_voxels(xyz_m: Floats, origin: Floats, voxel_m: float) -> tuple[Array, Array]:
    """Return occupied voxels, shape (m, 3), and which each point lies in."""
    cells = np.floor((xyz_m - origin) / voxel_m).astype(np.int64)
    keys, member = np.unique(_encode(cells), return_inverse=True)
    return _decode(keys), member


_BITS: Final = 20
_MASK: Final = (1 << _BITS) - 1


def _encode(cells: Array) -> Array:
    keys: Array = (cells[:, 0] << (2 * _BITS)) | (cells[:, 1] << _BITS) | cells[:, 2]
    return keys


def _decode(keys: Array) -> Array:
    return np.column_stack([keys >> (2 * _BITS), (keys >> _BITS) & _MASK, keys & _MASK])


def _link(voxels: Array, reach: int) -> sparse.csr_matrix:
    """Return the distances between voxels that are near one another, gaps as their square."""
    keys = _encode(voxels)
    parts = []
    steps = [step for step in product(range(-reach, reach + 1), repeat=3) if step > (0, 0, 0)]
    for step in steps:
        length = float(np.linalg.norm(step))
        if length > reach:
            continue
        wanted = _encode(voxels + np.array(step))
        place = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
        one = np.flatnonzero(keys[place] == wanted)
        parts.append((one, place[one], np.full(one.size, length**2)))
    rows, columns, lengths = (np.concatenate(part) for part in zip(*parts, strict=True))
    return sparse.csr_matrix((lengths, (rows.astype(np.int32), columns.astype(np.int32))), shape=(keys.size, keys.size))


def _share(voxels: Array, stems: list[AxisPlaces], origin: Floats, chosen: Tao2015) -> Array:
    """Return the tree of each voxel, the number of trees where none reaches it."""
    keys = _encode(voxels)
    owner = np.full(keys.size, len(stems))
    for tree, stem in enumerate(stems):
        wanted = _encode(np.unique(np.floor((stem.xyz_m - origin) / chosen.voxel_m).astype(np.int64), axis=0))
        place = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
        owner[place[keys[place] == wanted]] = tree
    slowness = np.array([stem.radius_m**-chosen.power for stem in stems])
    one_way = _link(voxels, chosen.reach)
    links = (one_way + one_way.T).tocsr()
    return _reach_islands(voxels, _spread((links.indptr, links.indices, links.data), owner, slowness), slowness, chosen)


def _reach_islands(voxels: Array, owner: Array, slowness: Array, chosen: Tao2015) -> Array:
    """Return the tree of each voxel where those that no path reaches belong to the tree nearest below or beside."""
    lost = owner == slowness.size
    if lost.all() or not lost.any():
        return owner
    scaled = voxels * chosen.voxel_m * np.array([1.0, 1.0, chosen.upright])
    away, nearest = cKDTree(scaled[~lost]).query(scaled[lost], distance_upper_bound=chosen.island_m)
    filled = owner.copy()
    near = np.isfinite(away)
    filled[np.flatnonzero(lost)[near]] = owner[~lost][nearest[near]]
    return filled


@compiled
def _spread(links: tuple[Array, Array, Array], owner: Array, slowness: Array) -> Array:
    """Return the tree whose path reaches each voxel first (Dijkstra 1959, doi 10.1007/BF01386390)."""
    starts, ends, lengths = links
    trees = slowness.size
    found = np.full(owner.size, trees)
    heap = [(0.0, np.int64(0), np.int64(0))]
    heap.pop()
    for seed in np.flatnonzero(owner < trees):
        heap.append((0.0, np.int64(seed), np.int64(owner[seed])))  # noqa: PERF401 - compiled
    while len(heap) > 0:
        cost, voxel, tree = heapq.heappop(heap)
        if found[voxel] < trees:
            continue
        found[voxel] = tree
        for link in range(starts[voxel], starts[voxel + 1]):
            other = ends[link]
            if found[other] == trees:
                heapq.heappush(heap, (cost + lengths[link] * slowness[tree], np.int64(other), tree))
    return found


def _measure_crown(points: Floats, stem: Floats, chosen: Tao2015) -> Crown:
    if len(points) == 0:
        return Crown(float(stem[:, 2].max()), outline=(), area_m2=0.0)
    top = float(points[:, 2].max())
    cells = np.unique(np.floor(points[:, :2] / chosen.voxel_m).astype(np.int64), axis=0)
    if len(cells) < chosen.crown_voxels:
        return Crown(top, (), 0.0)
    return Crown(top, *_outline(cells.astype(np.float64) * chosen.voxel_m, chosen.voxel_m))


def _outline(corners: Floats, side_m: float) -> tuple[Ring, float]:
    """Return the ring around cells and its area: their union, small gaps closed, its largest part."""
    cells = shapely.box(corners[:, 0], corners[:, 1], corners[:, 0] + side_m, corners[:, 1] + side_m)
    union = shapely.coverage_union_all(cells)
    closed = shapely.buffer(shapely.buffer(union, side_m, join_style="mitre"), -side_m, join_style="mitre")
    largest = max(shapely.get_parts(closed), key=lambda part: float(part.area))
    ring = shapely.Polygon(largest.exterior)
    return tuple((float(x), float(y)) for x, y in ring.exterior.coords), float(ring.area)
