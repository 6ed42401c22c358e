"""Points of a scanner onto the Earth: along a track, through a mounting, into a projected CRS.

The way is geocentric and exact: no flat Earth, no grid north taken for true north, no scale factor forgotten.
Heights stay **ellipsoidal**, of the target's datum, unless the target is a compound CRS; then they are of its vertical
CRS, which needs its geoid grid on this machine and is refused without.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyproj
from numpy.typing import NDArray
from pyproj.exceptions import CRSError, ProjError

from firmware_bridge.scan.driver import Floats, ScanPoints
from firmware_bridge.scan.errors import UnusableCrs
from firmware_bridge.scan.mounting import Mounting, to_body
from firmware_bridge.scan.rotation import rotate
from firmware_bridge.scan.track import Track, interpolate, open_cartesian

ELLIPSOIDAL: Final = "ellipsoidal"
# What PROJ itself writes and reads for it: WKT 1 has no three-dimensional projected CRS.
_ELLIPSOID_WKT: Final = (
    'VERT_CS["Ellipsoid (metre)",VERT_DATUM["Ellipsoid",2002],UNIT["metre",1,AUTHORITY["EPSG","9001"]],AXIS["Up",UP]]'
)


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """The CRS that points are written in.

    Attributes
    ----------
    crs
        Projected in metres, with its heights: three-dimensional, or compound.
    name
        For people.
    vertical
        ``ellipsoidal``, or the name of the vertical CRS.
    wkt
        WKT 1, as LAS 1.4 asks for, with the vertical said.
    """

    crs: pyproj.CRS
    name: str
    vertical: str
    wkt: str


@dataclass(frozen=True, slots=True, eq=False)
class PlacedPoints:
    """Points on the Earth; every array but the first has shape (placed,).

    Attributes
    ----------
    is_placed
        Which of the scanner's points lie on the track, shape (n,).
    easting_m, northing_m, height_m
        In the target's CRS.
    scan_angle_deg
        Of the beam from straight down, positive to the right of the carrier's forward axis, -180 to 180.
    """

    is_placed: NDArray[np.bool_]
    easting_m: Floats
    northing_m: Floats
    height_m: Floats
    scan_angle_deg: Floats


def open_target(text: str) -> Target:
    """Return the target CRS that a text names.

    Raises
    ------
    UnusableCrs
        It is unknown, not projected, or not in metres.
    """
    try:
        crs = pyproj.CRS.from_user_input(text)
    except CRSError as error:
        raise UnusableCrs(text, "unknown; name a projected one such as EPSG:32633") from error
    if not crs.is_projected:
        raise UnusableCrs(text, "points are written in a projected CRS, such as the UTM zone EPSG:32633")
    if any(axis.unit_conversion_factor != 1.0 for axis in crs.axis_info):
        raise UnusableCrs(text, "its unit is not the metre; write in metres and convert the cloud afterwards")
    try:
        if crs.is_compound:
            return Target(crs, crs.name, crs.sub_crs_list[1].name, crs.to_wkt("WKT1_GDAL"))
        level = crs.to_2d()
        wkt = f'COMPD_CS["{level.name} + Ellipsoid (metre)",{level.to_wkt("WKT1_GDAL")},{_ELLIPSOID_WKT}]'
    except CRSError as error:
        raise UnusableCrs(text, "WKT 1, which LAS files hold, cannot say it") from error
    return Target(crs.to_3d(), level.name, ELLIPSOIDAL, wkt)


class Georeferencer:
    """Places points of one scanner along one track in one CRS.

    Parameters
    ----------
    track
        Positions and attitudes of the carrier.
    mounting
        How the scanner is fixed to it.
    target
        In which CRS.

    Raises
    ------
    UnusableCrs
        No operation leads from the track's datum to the target, or it needs a grid that is not here.
    """

    def __init__(self, track: Track, mounting: Mounting, target: Target) -> None:
        self._track, self._mounting, self._target = track, mounting, target
        self._cartesian = open_cartesian(track.crs)
        try:
            self._project = pyproj.Transformer.from_crs(
                track.crs, target.crs, always_xy=True, allow_ballpark=False, only_best=True
            )
        except ProjError as error:
            raise UnusableCrs(target.name, _NO_OPERATION.format(track.crs.name)) from error

    def place(self, points: ScanPoints) -> PlacedPoints:
        """Return the points that lie on the track, in the target's CRS.

        Raises
        ------
        UnusableCrs
            The operation gives no coordinates there.
        """
        poses = interpolate(self._track, points.gps_s)
        known = poses.is_known
        local, direction = to_body(self._mounting, points.x_m[known], points.y_m[known], points.z_m[known])
        geocentric = poses.position_m + rotate(poses.attitude, local)
        easting, northing, height = self._to_target(geocentric)
        forward = rotate(poses.attitude, np.broadcast_to(_FORWARD, direction.shape))
        return PlacedPoints(
            is_placed=known,
            easting_m=easting,
            northing_m=northing,
            height_m=height,
            scan_angle_deg=_measure_scan_angle(rotate(poses.attitude, direction), forward, poses.up),
        )

    def _to_target(self, geocentric: Floats) -> tuple[Floats, Floats, Floats]:
        try:
            longitude, latitude, height = self._cartesian.transform(
                geocentric[:, 0], geocentric[:, 1], geocentric[:, 2], radians=True, direction="INVERSE", errcheck=True
            )
            placed = self._project.transform(np.degrees(longitude), np.degrees(latitude), height, errcheck=True)
        except ProjError as error:
            raise UnusableCrs(self._target.name, _NO_OPERATION.format(self._track.crs.name)) from error
        if not all(np.isfinite(values).all() for values in placed):
            raise UnusableCrs(self._target.name, _NO_OPERATION.format(self._track.crs.name))
        return placed[0], placed[1], placed[2]


_FORWARD: Final = np.array([1.0, 0.0, 0.0])
_NO_OPERATION: Final = (
    "no exact operation leads there from {} at the track's place; choose a CRS that covers it, or install the grid of "
    "its vertical CRS for PROJ"
)


def _measure_scan_angle(beam: Floats, forward: Floats, up: Floats) -> Floats:
    """Return angles from straight down in degrees, to the right positive; all in the Earth's frame, shape (n, 3)."""
    right = np.cross(forward, up)
    # A carrier that points straight up or down has no right side; its angles are then all 0 or 180.
    right /= np.maximum(np.linalg.norm(right, axis=1, keepdims=True), 1e-9)
    angle: Floats = np.degrees(np.arctan2(np.einsum("ij,ij->i", beam, right), -np.einsum("ij,ij->i", beam, up)))
    return angle
