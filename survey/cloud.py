"""A decoded cloud: points as the file stores them, with what turns them into metres."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Labels = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class RawCloud:
    """Points of a file before any CRS.

    Attributes
    ----------
    units
        Integer x, y, z as stored, shape (n, 3).
    scale, offset
        The file's units are ``units * scale + offset``, each three numbers.
    classification
        ASPRS class (LAS 1.4 R15, table 17), shape (n,).
    return_number, number_of_returns
        Which echo of how many, from 1, shape (n,).
    withheld
        Points that the vendor wants ignored, shape (n,).
    fields
        Further dimensions that were asked for, by name, each of shape (n,).
    """

    units: NDArray[np.int32]
    scale: tuple[float, float, float]
    offset: tuple[float, float, float]
    classification: NDArray[np.uint8]
    return_number: NDArray[np.uint8]
    number_of_returns: NDArray[np.uint8]
    withheld: Bools
    fields: dict[str, NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.units.shape[0])


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Points in metres, those that a survey uses.

    Attributes
    ----------
    x_m, y_m
        Easting and northing, shape (n,).
    z_m
        Elevation, or height above ground where the cloud is normalised, shape (n,).
    is_first
        First echo of its pulse, shape (n,).
    classification
        ASPRS class, shape (n,).
    source
        Index into the file's points, ascending, shape (n,).
    """

    x_m: Floats
    y_m: Floats
    z_m: Floats
    is_first: Bools
    classification: NDArray[np.uint8]
    source: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.x_m.size)


def select_points(points: Points, keep: Bools) -> Points:
    """Return the points that `keep` marks, shape (n,)."""
    return Points(
        points.x_m[keep],
        points.y_m[keep],
        points.z_m[keep],
        points.is_first[keep],
        points.classification[keep],
        points.source[keep],
    )
