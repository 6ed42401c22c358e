"""A stand's trees as columns, and back."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample_data.forest.tree import TreeTruth

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class TreeTable:
    """Trees as columns of one length; each is a field of :class:`sample_data.forest.tree.TreeTruth`."""

    x_m: Floats
    """Easting of the foot."""
    y_m: Floats
    """Northing of the foot."""
    height_m: Floats
    """Of the apex above the foot."""
    crown_diameter_m: Floats
    """Of the circle with the crown's area."""
    crown_base_m: Floats
    """Height at which the crown begins."""
    dbh_cm: Floats
    """Stem diameter at 1.3 m."""
    apex_x_m: Floats
    """Easting of the apex."""
    apex_y_m: Floats
    """Northing of the apex."""
    number: Ints
    """Name of the tree in all campaigns."""
    layer: Ints
    """Storey."""
    species: NDArray[np.str_]
    """Scientific name."""
    status: NDArray[np.str_]
    """In the words of :data:`sample_data.forest.tree.TreeStatus`."""

    def __len__(self) -> int:
        return int(self.x_m.size)


def tabulate_trees(trees: Sequence[TreeTruth]) -> TreeTable:
    """Return trees as columns, in their order.

    Examples
    --------
    >>> len(tabulate_trees([]))
    0
    """
    floats = {name: np.array([getattr(tree, name) for tree in trees], dtype=np.float64) for name in _FLOATS}
    return TreeTable(
        **floats,
        number=np.array([tree.number for tree in trees], dtype=np.int64),
        layer=np.array([tree.layer for tree in trees], dtype=np.int64),
        species=np.array([tree.species for tree in trees], dtype=np.str_),
        status=np.array([tree.status for tree in trees], dtype=np.str_),
    )


_FLOATS = ("x_m", "y_m", "height_m", "crown_diameter_m", "crown_base_m", "dbh_cm", "apex_x_m", "apex_y_m")
