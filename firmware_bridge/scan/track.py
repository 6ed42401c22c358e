"""Where the carrier was and how it was turned, by time: a track, interpolated but never across a gap."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyproj
from numpy.typing import NDArray
from pyproj.exceptions import CRSError, ProjError

from firmware_bridge.scan.driver import Floats
from firmware_bridge.scan.errors import InvalidTrack, UnusableCrs
from firmware_bridge.scan.rotation import from_euler, multiply, ned_in_earth, slerp

MAX_POSITIONS: Final = 6_000_000
"""Longest track: eight hours at 200 Hz, in half a gigabyte."""
MAX_GAP_S: Final = 1.5
"""Gap that is bridged by default: one missed second of a receiver with 1 Hz, whose seconds jitter."""
DEFAULT_CRS: Final = "EPSG:4979"
"""WGS 84, three-dimensional: what receivers speak without corrections of another datum."""
_HIGHEST_M: Final = 100_000.0
_LOWEST_M: Final = -12_000.0


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """A track as its file gives it; every array has shape (n,), float64.

    Attributes
    ----------
    gps_s
        GPS seconds, rising.
    longitude_deg, latitude_deg
        In the datum of the track's CRS.
    height_m
        Above the ellipsoid, never above the sea.
    roll_deg, pitch_deg, heading_deg
        Of the body in NED (`firmware_bridge.scan.rotation`): heading from true north.
    """

    gps_s: Floats
    longitude_deg: Floats
    latitude_deg: Floats
    height_m: Floats
    roll_deg: Floats
    pitch_deg: Floats
    heading_deg: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """Positions and attitudes on the Earth, ready to be interpolated.

    Attributes
    ----------
    gps_s
        GPS seconds, strictly rising, shape (n,).
    position_m
        Geocentric coordinates of the reference point, shape (n, 3).
    attitude
        Quaternions of the body in the Earth's frame, shape (n, 4).
    up
        Normals of the ellipsoid in the Earth's frame, shape (n, 3).
    crs
        Geographic CRS, three-dimensional, whose datum and ellipsoid the coordinates are of.
    max_gap_s
        Times between samples further apart than this have no position.
    """

    gps_s: Floats
    position_m: Floats
    attitude: Floats
    up: Floats
    crs: pyproj.CRS
    max_gap_s: float

    @property
    def span_s(self) -> tuple[float, float]:
        """First and last GPS second."""
        return float(self.gps_s[0]), float(self.gps_s[-1])


@dataclass(frozen=True, slots=True, eq=False)
class Poses:
    """Positions and attitudes at asked times.

    Attributes
    ----------
    is_known
        Which times lie on the track and in no gap, shape (asked,).
    position_m, attitude, up
        At the known times, in their order: shapes (known, 3), (known, 4), (known, 3).
    """

    is_known: NDArray[np.bool_]
    position_m: Floats
    attitude: Floats
    up: Floats


def build_track(samples: Samples, *, crs: str = DEFAULT_CRS, max_gap_s: float = MAX_GAP_S) -> Track:
    """Return the track of a file's samples.

    Raises
    ------
    InvalidTrack
        Fewer than two samples, too many, times that do not rise, or values out of range.
    UnusableCrs
        The CRS is not geographic.
    """
    _check(samples, max_gap_s)
    datum = open_geographic(crs)
    longitude, latitude = np.radians(samples.longitude_deg), np.radians(samples.latitude_deg)
    x, y, z = open_cartesian(datum).transform(longitude, latitude, samples.height_m, radians=True, errcheck=True)
    attitude = from_euler(np.radians(samples.roll_deg), np.radians(samples.pitch_deg), np.radians(samples.heading_deg))
    up = np.stack([np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)], -1)
    return Track(
        gps_s=samples.gps_s,
        position_m=np.stack([x, y, z], axis=-1),
        attitude=multiply(ned_in_earth(longitude, latitude), attitude),
        up=up,
        crs=datum,
        max_gap_s=max_gap_s,
    )


def interpolate(track: Track, gps_s: Floats) -> Poses:
    """Return the poses at times of any order: positions along chords, attitudes along arcs."""
    after = np.clip(np.searchsorted(track.gps_s, gps_s, side="right"), 1, track.gps_s.shape[0] - 1)
    step = track.gps_s[after] - track.gps_s[after - 1]
    into = gps_s - track.gps_s[after - 1]
    is_known = (into >= 0) & (into <= step) & (step <= track.max_gap_s)
    after, share = after[is_known], (into[is_known] / step[is_known])
    before = after - 1
    position = track.position_m[before] + share[:, None] * (track.position_m[after] - track.position_m[before])
    return Poses(
        is_known=is_known,
        position_m=position,
        attitude=slerp(track.attitude[before], track.attitude[after], share),
        up=track.up[before],
    )


def open_geographic(crs: str) -> pyproj.CRS:
    """Return a track's CRS, three-dimensional; `UnusableCrs` when it is not geographic."""
    try:
        opened = pyproj.CRS.from_user_input(crs)
    except CRSError as error:
        raise UnusableCrs(crs, "unknown; name one such as EPSG:4979") from error
    if not opened.is_geographic or opened.ellipsoid is None:
        raise UnusableCrs(crs, "a track's datum is named by a geographic CRS, such as EPSG:4979 or EPSG:4937")
    return opened.to_3d()


def open_cartesian(datum: pyproj.CRS) -> pyproj.Transformer:
    """Return the conversion between longitude, latitude, ellipsoidal height and geocentric coordinates."""
    ellipsoid = datum.ellipsoid
    if ellipsoid is None:
        raise AssertionError
    size = f"+a={ellipsoid.semi_major_metre!r} +rf={ellipsoid.inverse_flattening!r}"
    try:
        return pyproj.Transformer.from_pipeline(f"+proj=cart {size}")
    except ProjError as error:
        raise UnusableCrs(datum.name, "its ellipsoid gives no geocentric coordinates") from error


def _check(samples: Samples, max_gap_s: float) -> None:
    count = samples.gps_s.shape[0]
    if not 2 <= count <= MAX_POSITIONS:  # noqa: PLR2004  # two make a line
        raise InvalidTrack(f"{count} positions; expected 2 to {MAX_POSITIONS}")
    if not max_gap_s > 0:
        raise InvalidTrack(f"gaps up to {max_gap_s} s are to be bridged; the limit must be above 0")
    falls = np.flatnonzero(~(np.diff(samples.gps_s) > 0))
    if falls.size:
        raise InvalidTrack(
            f"time does not rise after position {falls[0] + 1}, GPS second {samples.gps_s[falls[0]]:.3f}"
        )
    _check_range("longitude", samples.longitude_deg, -180, 360)
    _check_range("latitude", samples.latitude_deg, -90, 90)
    _check_range("ellipsoidal height", samples.height_m, _LOWEST_M, _HIGHEST_M)
    _check_range("roll", samples.roll_deg, -360, 360)
    _check_range("pitch", samples.pitch_deg, -90, 90)
    _check_range("heading", samples.heading_deg, -720, 720)


def _check_range(name: str, values: Floats, lowest: float, highest: float) -> None:
    bad = np.flatnonzero(~((values >= lowest) & (values <= highest)))
    if bad.size:
        raise InvalidTrack(f"{name} {values[bad[0]]!r} of position {bad[0] + 1} is not within {lowest} to {highest}")
