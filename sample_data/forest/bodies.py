"""Bodies of revolution that rays can meet: what crowns and stems are made of."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FOLIAGE, STEM = 0, 1
"""What a body is made of."""

# Depths at which a body's radius is tabled, as shares of its length: dense at the apex, where it curves most.
LEVELS: tuple[float, ...] = (0.0, 0.015, 0.05, 0.11, 0.19, 0.29, 0.41, 0.55, 0.70, 0.85, 1.0)

# Areas are measured from above on a grid of this many cells a side.
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


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """One body before it becomes a row of :class:`Bodies`."""

    tree: int
    """Index of the tree it belongs to."""
    kind: int
    """:data:`FOLIAGE` or :data:`STEM`."""
    centre: tuple[float, float, float]
    """Easting and northing of the axis, elevation of the apex."""
    length_m: float
    """From apex to base."""
    table_m: Floats
    """Radius at :data:`LEVELS`."""
    optics: tuple[float, float, float]
    """Chance of interception a metre in the shell and below it; reflectance."""


def stack_bodies(rows: Sequence[Body]) -> Bodies:
    """Return bodies as columns, in their order."""
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
