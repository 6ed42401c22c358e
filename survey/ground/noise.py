"""Points that are no surface: birds and haze above, echoes of echoes below."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from survey.cloud import Bools, Points

LOW_NOISE, HIGH_NOISE = 7, 18
"""Classes in which a vendor puts noise (LAS 1.4 R15, table 17)."""
_SIDES: Final = 1 << 20
"""Voxels along an axis that one 64-bit key holds: 4,000 km at 4 m."""


@dataclass(frozen=True, slots=True)
class IsolatedVoxels:
    """Points with hardly any other in the 27 voxels around them, as in lasR's isolated voxel filter."""

    NAME: ClassVar[str] = "isolated-voxels"
    DOI: ClassVar[str | None] = None

    voxel_m: float = 4.0
    """Side of a voxel; a cloud of 0.5 points/m2 still has 72 ground points around each of its own."""
    most_points: int = 5
    """Points that are still isolated."""


def find_noise(points: Points, algorithm: IsolatedVoxels | None = None) -> Bools:
    """Return which points are noise, by the vendor's class or by their isolation.

    Parameters
    ----------
    points
        Points in metres.
    algorithm
        How isolated.

    Returns
    -------
    Shape (n,).
    """
    chosen = algorithm or IsolatedVoxels()
    is_named = np.isin(points.classification, (LOW_NOISE, HIGH_NOISE))
    if len(points) == 0:
        return is_named
    keys, voxel_of_point, counts = np.unique(
        _voxel_keys(points, chosen.voxel_m), return_inverse=True, return_counts=True
    )
    around = _count_around(keys, counts)
    noise: Bools = is_named | (around[voxel_of_point] <= chosen.most_points)
    return noise


def _voxel_keys(points: Points, voxel_m: float) -> NDArray[np.int64]:
    keys = np.zeros(len(points), dtype=np.int64)
    for axis in (points.x_m, points.y_m, points.z_m):
        # One voxel of margin keeps the neighbours of a border voxel within its own row of keys.
        place = np.floor((axis - axis.min()) / voxel_m).astype(np.int64) + 1
        keys = keys * _SIDES + np.minimum(place, _SIDES - 2)
    return keys


def _count_around(keys: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the points in the 27 voxels around each; `keys` ascend."""
    total = np.zeros(keys.size, dtype=np.int64)
    for east in (-1, 0, 1):
        for north in (-1, 0, 1):
            for up in (-1, 0, 1):
                wanted = keys + (east * _SIDES + north) * _SIDES + up
                at = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
                total += np.where(keys[at] == wanted, counts[at], 0)
    return total
