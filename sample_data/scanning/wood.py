"""Everything woody as cones without end caps: stems in pieces, dead and living branches, stubs.

A stem's piece has the outline of :mod:`sample_data.scanning.stems`; branches are round. Branch numbers and sizes are of
the order that closed mountain forest shows and serve to hide stems and to lie beside them; nothing is scored on them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample_data.forest.species import Species, species_named
from sample_data.forest.stand import Stand
from sample_data.forest.tree import TreeTruth
from sample_data.scanning.outlines import Outline
from sample_data.scanning.stems import StemForm, axis_offsets, shape_stems, taper_cm

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ROUND = -1
"""Outline of a branch."""
OUTLINE_COLUMNS = 14
"""Four amplitudes, four phases, scale, flare, number of flares, flare phase, mean depth of furrows, their seed."""

# Ends of a stem's pieces; breast height is one, so that the diameter there is exact.
_LOW_ENDS_M = (0.0, 0.1, 0.2, 0.35, 0.55, 0.8, 1.05, 1.3, 1.7, 2.2, 3.0)
_PIECE_M = 1.0
# On a slope the downhill side of a stem begins below its foot.
_ROOT_M = 0.6
_WHORL_M = 0.35
_THINNEST_BRANCH_M = 0.003
_STUB_M, _STUB_SHARE = 0.2, 0.4


@dataclass(frozen=True, slots=True, eq=False)
class Wood:
    """Cones, n of them, and the k outlines that some have."""

    start_m: Floats
    """Easting, northing, elevation of the lower or inner end's centre, shape (n, 3)."""
    end_m: Floats
    """The other end's, shape (n, 3)."""
    radius_m: Floats
    """At start and end, shape (n, 2)."""
    height_m: Floats
    """Above the tree's foot at start and end, for flares, shape (n, 2)."""
    outline: Ints
    """Row of `outlines`, or :data:`ROUND`, shape (n,)."""
    tree: Ints
    """Index of the tree, shape (n,)."""
    outlines: Floats
    """Shape (k, :data:`OUTLINE_COLUMNS`)."""


def build_wood(stand: Stand, chosen: Ints) -> Wood:
    """Return the stems and branches of some of a stand's trees.

    Parameters
    ----------
    stand
        The stand.
    chosen
        Indices of trees.

    Returns
    -------
    Wood, tree after tree.
    """
    parts: list[Wood] = []
    rows = 0
    for index in chosen.tolist():
        tree, species = stand.trees[index], species_named(stand.trees[index].species)
        stems = shape_stems(stand, index)
        for row, form in enumerate(stems, start=rows):
            parts.append(_cut_stem(form, index, row))
        rows += len(stems)
        rng = np.random.default_rng([0xB7A7, stand.seed, tree.number])
        # The leaves of a fallen crown are what is left of its branches.
        if tree.status != "fallen":
            parts.append(_grow_branches(rng, tree, species, stems[0], index=index))
    return join_wood(parts)


def join_wood(parts: list[Wood]) -> Wood:
    """Return one wood of many; rows of outlines must already count through all of them.

    Parameters
    ----------
    parts
        May be none.
    """
    whole = [_no_wood(), *parts]
    return Wood(
        start_m=np.concatenate([part.start_m for part in whole]),
        end_m=np.concatenate([part.end_m for part in whole]),
        radius_m=np.concatenate([part.radius_m for part in whole]),
        height_m=np.concatenate([part.height_m for part in whole]),
        outline=np.concatenate([part.outline for part in whole]),
        tree=np.concatenate([part.tree for part in whole]),
        outlines=np.concatenate([part.outlines for part in whole]),
    )


def make_rods(start_m: Floats, end_m: Floats, radius_m: Floats, tree: int) -> Wood:
    """Return round cones.

    Parameters
    ----------
    start_m, end_m
        Ends, shape (n, 3).
    radius_m
        At both ends, shape (n, 2).
    tree
        Index of the tree, or -1 for what is no tree.
    """
    count = len(start_m)
    return Wood(
        start_m,
        end_m,
        np.maximum(radius_m, _THINNEST_BRANCH_M / 2.0),
        np.full((count, 2), 99.0),
        np.full(count, ROUND),
        np.full(count, tree),
        np.empty((0, OUTLINE_COLUMNS)),
    )


def write_outline(outline: Outline, bark_m: float, seed: int) -> Floats:
    """Return an outline as a row of numbers, shape (1, :data:`OUTLINE_COLUMNS`)."""
    flares = (outline.flare, float(outline.flares), outline.flare_phase_rad)
    return np.array([[*outline.amplitudes, *outline.phases_rad, outline.scale, *flares, bark_m, float(seed)]])


def _no_wood() -> Wood:
    nothing = np.empty((0, 3))
    return make_rods(nothing, nothing, np.empty((0, 2)), -1)


def _cut_stem(form: StemForm, index: int, row: int) -> Wood:
    low = [height for height in _LOW_ENDS_M if height < form.length_m - 0.05]
    high = np.arange(_LOW_ENDS_M[-1] + _PIECE_M, form.length_m - 0.2, _PIECE_M)
    ends = np.concatenate([low, high, [form.length_m]])
    radius = taper_cm(form, ends) / 200.0
    places = np.array(form.foot_m) + axis_offsets(form, ends)
    # The root end goes on as the stem begins.
    root = places[:1] - _ROOT_M * (places[1:2] - places[:1]) / np.linalg.norm(places[1] - places[0])
    places, radius, ends = np.vstack([root, places]), np.append(radius[0], radius), np.append(0.0, ends)
    count = len(places) - 1
    return Wood(
        start_m=places[:-1],
        end_m=places[1:],
        radius_m=np.column_stack([radius[:-1], radius[1:]]),
        height_m=np.column_stack([ends[:-1], ends[1:]]),
        outline=np.full(count, row),
        tree=np.full(count, index),
        outlines=write_outline(form.outline, form.bark_m, row),
    )


def _grow_branches(rng: np.random.Generator, tree: TreeTruth, species: Species, stem: StemForm, *, index: int) -> Wood:
    dead = _place_dead(rng, tree, conifer=species.conifer)
    alive = _place_living(rng, tree, conifer=species.conifer)
    height, length, rise = (np.concatenate(pair) for pair in zip(dead, alive, strict=True))
    turn = rng.uniform(0.0, 2.0 * np.pi, height.size)
    # Heights are along the stem, which a lean makes longer than the tree is high.
    height = np.minimum(height * stem.length_m / tree.height_m, stem.length_m)
    start = np.array(stem.foot_m) + axis_offsets(stem, height)
    way = np.column_stack([np.cos(turn) * np.cos(rise), np.sin(turn) * np.cos(rise), np.sin(rise)])
    bole = taper_cm(stem, height) / 200.0
    # A branch is thinner than 40 % of its stem; a stub keeps the thickness it had when it broke.
    base = np.minimum(0.4 * bole, (0.004 + 0.006 * length) * rng.uniform(0.8, 1.8, height.size))
    tip = base * np.where(length < _STUB_M, 0.8, 0.25)
    return make_rods(start, start + way * (length + bole)[:, None], np.column_stack([base, tip]), index)


def _place_dead(rng: np.random.Generator, tree: TreeTruth, *, conifer: bool) -> tuple[Floats, Floats, Floats]:
    """Return heights, lengths and rises of dead branches and stubs below the crown: many on conifers."""
    spacing = _WHORL_M / 3.0 if conifer else 4.0 * _WHORL_M
    height = np.arange(0.4, min(tree.crown_base_m, tree.height_m - 0.3), spacing)
    height = height + rng.uniform(-0.5, 0.5, height.size) * min(spacing, 0.3)
    # Old boles clean themselves from below.
    kept = rng.random(height.size) < 0.15 + 0.6 * height / max(tree.crown_base_m, 0.5)
    height = height[kept]
    reach = 0.6 * tree.crown_diameter_m / 2.0
    length = np.where(rng.random(height.size) < _STUB_SHARE, rng.uniform(0.04, _STUB_M, height.size), 0.0)
    length = np.where(length > 0.0, length, reach * rng.uniform(0.2, 1.0, height.size))
    return height, length, rng.normal(-0.15 if conifer else 0.3, 0.25, height.size)


def _place_living(rng: np.random.Generator, tree: TreeTruth, *, conifer: bool) -> tuple[Floats, Floats, Floats]:
    """Return heights, lengths and rises of branches in the crown: whorls, or a few strong limbs."""
    count = int((tree.height_m - tree.crown_base_m) / _WHORL_M * 3.0) if conifer else int(rng.integers(9, 16))
    up = rng.uniform(0.0, 0.95 if conifer else 0.7, count)
    height = tree.crown_base_m + up * (tree.height_m - tree.crown_base_m)
    length = 0.5 * tree.crown_diameter_m * (1.0 - up) * rng.uniform(0.6, 0.95, count)
    return height, length, rng.normal(0.0 if conifer else 0.8, 0.2, count)
