"""A point cloud as plain arrays, and a scan of a plot with what is true of its points."""

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
    """Degrees from nadir; of an aircraft negative to the left of the flight, of a scanner in the stand 0 to 180."""
    gps_time: NDArray[np.float64]
    """Adjusted standard GPS time of the pulse, seconds."""
    point_source_id: NDArray[np.uint16]
    """Flight strip or scanner position, from 1."""

    def __len__(self) -> int:
        return int(self.x_m.size)


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """A plot scanned from within or from close above."""

    cloud: PointCloud
    """Points within the plot; whole pulses only."""
    positions: NDArray[np.float64]
    """Where the scanner says it was: each tripod, or its way once a second; easting, northing, elevation of the beam's
    origin, shape (k, 3)."""
    tree: NDArray[np.int64]
    """What no scanner knows: index in the stand's trees of what each point lies on, -1 for ground and undergrowth."""
    centre: tuple[float, float]
    """Easting and northing of the plot's middle."""
    radius_m: float
    """Of the plot."""
