"""A point cloud as plain arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class PointCloud:
    """Points in the order in which a scanner wrote them: by time, then by return number."""

    x_m: NDArray[np.float64]
    """Easting, metres."""
    y_m: NDArray[np.float64]
    """Northing, metres."""
    z_m: NDArray[np.float64]
    """Elevation, metres above the geoid."""
    intensity: NDArray[np.uint16]
    """Strength of the echo, no unit."""
    return_number: NDArray[np.uint8]
    """Which echo of its pulse, from 1."""
    number_of_returns: NDArray[np.uint8]
    """How many echoes its pulse has."""
    classification: NDArray[np.uint8]
    """ASPRS class; 1 (unclassified) unless the truth was asked for."""
    scan_angle: NDArray[np.float64]
    """Degrees from nadir, negative to the left of the flight."""
    gps_time: NDArray[np.float64]
    """Adjusted standard GPS time of the pulse, seconds."""
    point_source_id: NDArray[np.uint16]
    """Flight strip, from 1."""

    def __len__(self) -> int:
        return int(self.x_m.size)
