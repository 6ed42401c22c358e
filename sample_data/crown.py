"""Crowns as bodies of revolution that rays can meet: one with bulges for a conifer, several lobes for others.

A body's radius grows as a power of the depth below its apex (light crown) and then narrows to its base (shade
crown), as described in :mod:`sample_data.species`. Stems are thin cones. Leaves stand denser in an outer shell.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample_data.species import Species, species_named
from sample_data.stand import Stand, TreeTruth

Floats = NDArray[np.float64]

FOLIAGE, STEM = 0, 1
"""What a body is made of."""

# Depths at which a body's radius is tabled, as shares of its length: dense at the apex, where it curves most.
LEVELS: tuple[float, ...] = (0.0, 0.015, 0.05, 0.11, 0.19, 0.29, 0.41, 0.55, 0.70, 0.85, 1.0)

_LOBES, _BULGES = 5, 2
_STEM_PER_M = 40.0
_STEM_REFLECTANCE = 0.25
# Crowns are measured from above on a grid of this many cells a side.
_AREA_CELLS = 48


@dataclass(frozen=True, slots=True, eq=False)
class Bodies:
    """Bodies of a stand's crowns and stems, n of them."""

    tree: NDArray[np.int64]
    """Index of the tree that each belongs to."""
    kind: NDArray[np.uint8]
    """:data:`FOLIAGE` or :data:`STEM`."""
    x_m: Floats
    """Easting of the axis."""
    y_m: Floats
    """Northing of the axis."""
    top_m: Floats
    """Elevation of the apex."""
    length_m: Floats
    """From apex to base."""
    radius_m: Floats
    """Largest radius."""
    table_m: NDArray[np.float32]
    """Radius at :data:`LEVELS`, shape (n, levels)."""
    shell_per_m: Floats
    """Chance of interception a metre in the shell."""
    core_per_m: Floats
    """The same below the shell."""
    reflectance: Floats
    """Relative to a white target."""


@dataclass(frozen=True, slots=True)
class _Body:
    """One body before it becomes a row of :class:`Bodies`."""

    tree: int
    kind: int
    centre: tuple[float, float, float]
    length_m: float
    table_m: Floats
    optics: tuple[float, float, float]


def build_bodies(stand: Stand) -> Bodies:
    """Return the bodies that fill a stand's crowns and stems.

    Parameters
    ----------
    stand
        Its trees' heights, crown diameters and crown bases are met exactly.

    Returns
    -------
    Bodies, those of one tree together.
    """
    rows: list[_Body] = []
    for index, tree in enumerate(stand.trees):
        species = species_named(tree.species)
        rng = np.random.default_rng([0xC407, stand.seed, index])
        rows.extend(_crown(index, tree, species, rng))
        rows.append(_stem(index, tree))
    centres = np.array([row.centre for row in rows], dtype=np.float64).reshape(-1, 3)
    optics = np.array([row.optics for row in rows], dtype=np.float64).reshape(-1, 3)
    tables = np.array([row.table_m for row in rows], dtype=np.float32).reshape(-1, len(LEVELS))
    return Bodies(
        tree=np.array([row.tree for row in rows], dtype=np.int64),
        kind=np.array([row.kind for row in rows], dtype=np.uint8),
        x_m=centres[:, 0],
        y_m=centres[:, 1],
        top_m=centres[:, 2],
        length_m=np.array([row.length_m for row in rows], dtype=np.float64),
        radius_m=tables.max(axis=1, initial=0.0).astype(np.float64),
        table_m=tables,
        shell_per_m=optics[:, 0],
        core_per_m=optics[:, 1],
        reflectance=optics[:, 2],
    )


def envelope(species: Species, depth_share: Floats) -> Floats:
    """Return the radius of a crown body at given depths, over its largest radius.

    Parameters
    ----------
    species
        Supplies the shape.
    depth_share
        Depth below the apex over the body's length, 0 to 1, any shape.

    Examples
    --------
    >>> from sample_data.species import SPECIES
    >>> envelope(SPECIES[0], np.array([0.0, SPECIES[0].light_share, 1.0])).round(3).tolist()
    [0.0, 1.0, 0.55]
    """
    light = (depth_share / species.light_share) ** species.light_exponent
    below = (depth_share - species.light_share) / (1.0 - species.light_share)
    shade = 1.0 - (1.0 - species.base_share) * below
    return np.where(depth_share <= species.light_share, light, shade)


def equal_area_radius(offsets: Floats, radii: Floats) -> float:
    """Return the radius of the circle with the area that discs cover together.

    Parameters
    ----------
    offsets
        Centres, shape (n, 2), metres.
    radii
        Radii, shape (n,), metres.

    Examples
    --------
    >>> round(equal_area_radius(np.zeros((1, 2)), np.ones(1)), 2)
    1.0
    """
    reach = float((np.abs(offsets).max(axis=1) + radii).max())
    ticks = (np.arange(_AREA_CELLS) + 0.5) / _AREA_CELLS * 2.0 * reach - reach
    east, north = np.meshgrid(ticks, ticks)
    distance2 = (east[..., None] - offsets[:, 0]) ** 2 + (north[..., None] - offsets[:, 1]) ** 2
    covered = float((distance2 <= radii**2).any(axis=-1).mean())
    return float(np.sqrt(covered * (2.0 * reach) ** 2 / np.pi))


def _crown(index: int, tree: TreeTruth, species: Species, rng: np.random.Generator) -> list[_Body]:
    """Return a tree's leaf bodies, scaled so that together they cover its crown area."""
    offsets, radii, drops, spans = _conifer_plan(rng) if species.conifer else _lobed_plan(rng)
    radius = 0.5 * tree.crown_diameter_m
    scale = radius / equal_area_radius(offsets, radii)
    crown = tree.height_m - tree.crown_base_m
    shape = envelope(species, np.array(LEVELS))
    optics = (species.shell_per_m, species.core_per_m, species.reflectance)
    apex = tree.ground_m + tree.height_m
    return [
        _Body(
            tree=index,
            kind=FOLIAGE,
            centre=(tree.apex_x_m + scale * dx, tree.apex_y_m + scale * dy, apex - drop * crown),
            length_m=span * crown,
            table_m=shape * scale * body_radius,
            optics=optics,
        )
        for (dx, dy), body_radius, drop, span in zip(offsets, radii, drops, spans, strict=True)
    ]


def _conifer_plan(rng: np.random.Generator) -> tuple[Floats, Floats, Floats, Floats]:
    """Return one body and bulges of strong branches: offsets, radii, drops of apex and lengths, as shares."""
    turn = rng.uniform(0.0, 2.0 * np.pi) + np.pi * np.arange(_BULGES) + rng.normal(0.0, 0.6, _BULGES)
    out = rng.uniform(0.55, 0.75, _BULGES)
    offsets = np.vstack([np.zeros((1, 2)), np.column_stack([out * np.cos(turn), out * np.sin(turn)])])
    radii = np.concatenate([[1.0], rng.uniform(0.30, 0.48, _BULGES)])
    drops = np.concatenate([[0.0], rng.uniform(0.25, 0.60, _BULGES)])
    return offsets, radii, drops, np.concatenate([[1.0], rng.uniform(0.2, 0.4, _BULGES)])


def _lobed_plan(rng: np.random.Generator) -> tuple[Floats, Floats, Floats, Floats]:
    """Return a low main body, a leading lobe at the apex and others around it, none higher."""
    turn = rng.uniform(0.0, 2.0 * np.pi) + 2.0 * np.pi / _LOBES * np.arange(_LOBES) + rng.normal(0.0, 0.3, _LOBES)
    out = rng.uniform(0.35, 0.72, _LOBES)
    side = np.column_stack([out * np.cos(turn), out * np.sin(turn)])
    offsets = np.vstack([np.zeros((2, 2)), side])
    radii = np.concatenate([[0.95, 0.42], rng.uniform(0.32, 0.50, _LOBES)])
    drops = np.concatenate([[0.16, 0.0], rng.uniform(0.02, 0.26, _LOBES)])
    spans = np.concatenate([[0.84, 0.6], rng.uniform(0.40, 0.6, _LOBES)])
    return offsets, radii, drops, spans


def _stem(index: int, tree: TreeTruth) -> _Body:
    """Return a stem: breast-height radius below, tapering to nothing within the crown."""
    length = 0.9 * tree.height_m
    taper = np.minimum(1.0, 1.3 * np.array(LEVELS))
    return _Body(
        tree=index,
        kind=STEM,
        centre=(tree.x_m, tree.y_m, tree.ground_m + length),
        length_m=length,
        table_m=taper * tree.dbh_cm / 200.0,
        optics=(_STEM_PER_M, _STEM_PER_M, _STEM_REFLECTANCE),
    )
