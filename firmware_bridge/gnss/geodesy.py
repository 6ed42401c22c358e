"""Places on the ellipsoid to earth-centred coordinates and back, and the tangent plane at a place.

Sources: ellipsoid of WGS 84 (NGA.STND.0036, table 3.1); geodetic latitude from earth-centred coordinates by
B. R. Bowring, "Transformation from spatial to geographical coordinates", Survey Review 23 (1976) 323, exact to 10^-9
degree and better near the ground. Earth-centred coordinates know neither poles nor a 180th meridian.
"""

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

SEMI_MAJOR_M: Final = 6_378_137.0
FLATTENING: Final = 1 / 298.257223563
ECCENTRICITY_SQUARED: Final = FLATTENING * (2 - FLATTENING)
_SEMI_MINOR_M: Final = SEMI_MAJOR_M * (1 - FLATTENING)
_SECOND_ECCENTRICITY_SQUARED: Final = ECCENTRICITY_SQUARED / (1 - ECCENTRICITY_SQUARED)
_NANO: Final = 1_000_000_000

Vector: TypeAlias = tuple[float, float, float]
"""Earth-centred x, y, z, or east, north, up; metres."""


@dataclass(frozen=True, slots=True)
class Plane:
    """The plane that touches the ellipsoid's normal surface at a place.

    Attributes
    ----------
    origin
        Earth-centred, metres.
    east, north
        Unit vectors.
    """

    origin: Vector
    east: Vector
    north: Vector


def to_earth_centred(lon_nd: float, lat_nd: float, height_m: float) -> Vector:
    """Return earth-centred coordinates in metres of a place in 10^-9 degree.

    Examples
    --------
    >>> to_earth_centred(0, 0, 0)
    (6378137.0, 0.0, 0.0)
    """
    lon, lat = math.radians(lon_nd / _NANO), math.radians(lat_nd / _NANO)
    normal_m = SEMI_MAJOR_M / math.sqrt(1 - ECCENTRICITY_SQUARED * math.sin(lat) ** 2)
    across_m = (normal_m + height_m) * math.cos(lat)
    z_m = (normal_m * (1 - ECCENTRICITY_SQUARED) + height_m) * math.sin(lat)
    return across_m * math.cos(lon), across_m * math.sin(lon), z_m


def to_geographic(place: Vector) -> tuple[int, int]:
    """Return longitude and latitude in 10^-9 degree of earth-centred coordinates near the ground.

    Examples
    --------
    >>> to_geographic(to_earth_centred(11_516_666_667, 48_117_300_000, 592.3))
    (11516666667, 48117300000)
    """
    x, y, z = place
    across = math.hypot(x, y)
    reduced = math.atan2(z * SEMI_MAJOR_M, across * _SEMI_MINOR_M)
    lat = math.atan2(
        z + _SECOND_ECCENTRICITY_SQUARED * _SEMI_MINOR_M * math.sin(reduced) ** 3,
        across - ECCENTRICITY_SQUARED * SEMI_MAJOR_M * math.cos(reduced) ** 3,
    )
    return round(math.degrees(math.atan2(y, x)) * _NANO), round(math.degrees(lat) * _NANO)


def touch(lon_nd: float, lat_nd: float, height_m: float) -> Plane:
    """Return the tangent plane at a place."""
    lon, lat = math.radians(lon_nd / _NANO), math.radians(lat_nd / _NANO)
    return Plane(
        to_earth_centred(lon_nd, lat_nd, height_m),
        (-math.sin(lon), math.cos(lon), 0.0),
        (-math.sin(lat) * math.cos(lon), -math.sin(lat) * math.sin(lon), math.cos(lat)),
    )


def project(place: Vector, plane: Plane) -> tuple[float, float]:
    """Return how far east and north of a plane's origin a place is, in metres."""
    offset = tuple(a - b for a, b in zip(place, plane.origin, strict=True))
    east = sum(a * b for a, b in zip(offset, plane.east, strict=True))
    return east, sum(a * b for a, b in zip(offset, plane.north, strict=True))


def lift(east_m: float, north_m: float, plane: Plane) -> Vector:
    """Return the earth-centred coordinates of a point of the plane."""
    x, y, z = (
        start + east_m * east + north_m * north
        for start, east, north in zip(plane.origin, plane.east, plane.north, strict=True)
    )
    return x, y, z
