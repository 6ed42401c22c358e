"""A carrier that moves along a known way: position and attitude at any time, on a flat local frame and on the Earth.

**Local frame**: metres east, north and up of an origin on WGS 84. Roll, pitch and heading turn the carrier's forward,
right and down axes in the frame's north, east and down.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# WGS 84 (NGA.STND.0036).
_MAJOR_M = 6_378_137.0
_FLATTENING = 1 / 298.257223563
_SQUARE = _FLATTENING * (2 - _FLATTENING)
_POSIX_OF_GPS = 315_964_800
_LEAP_SECONDS = 18
"""GPS ahead of UTC since 2017."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """A straight way with sway; angles swing about their means, all once in a period of their own."""

    longitude_deg: float = 15.03
    """Of the frame's origin."""
    latitude_deg: float = 52.41
    """Of the frame's origin."""
    height_m: float = 88.5
    """Of the frame's origin above the ellipsoid."""
    start_m: tuple[float, float, float] = (-4.0, -6.0, 2.2)
    """East, north, up at the start."""
    speed_mps: tuple[float, float, float] = (0.6, 1.2, 0.0)
    """East, north, up."""
    sway_m: float = 0.08
    """Amplitude of a sideways swing, once in 2 s."""
    heading_deg: float = 27.0
    """Mean heading."""
    swing_deg: float = 2.5
    """Amplitude of roll, pitch and heading."""
    start_utc_s: float = 1_785_672_000.0
    """POSIX seconds of the start: a whole hour."""


@dataclass(frozen=True, slots=True, eq=False)
class CarrierTrack:
    """What a perfect GNSS and inertial system records; every array has shape (n,)."""

    gps_s: Floats
    """Seconds since 1980-01-06 without leap seconds."""
    utc_s: Floats
    """POSIX seconds."""
    longitude_deg: Floats
    """WGS 84."""
    latitude_deg: Floats
    """WGS 84."""
    height_m: Floats
    """Above the ellipsoid."""
    roll_deg: Floats
    """Right side down is positive."""
    pitch_deg: Floats
    """Nose up is positive."""
    heading_deg: Floats
    """Clockwise from true north."""


def locate(carrier: Carrier, seconds: Floats) -> Floats:
    """Return local positions, shape (n, 3), at seconds since the start."""
    way: Floats = np.array(carrier.start_m) + seconds[:, None] * np.array(carrier.speed_mps)
    way[:, 0] += carrier.sway_m * np.sin(np.pi * seconds)
    return way


def turn(carrier: Carrier, seconds: Floats) -> tuple[Floats, Floats, Floats]:
    """Return roll, pitch and heading in radians at seconds since the start."""
    swing = np.radians(carrier.swing_deg)
    roll = swing * np.sin(2 * np.pi * seconds / 1.7)
    pitch = swing * np.cos(2 * np.pi * seconds / 2.3)
    heading = np.radians(carrier.heading_deg) + swing * np.sin(2 * np.pi * seconds / 3.1 + 0.4)
    return roll, pitch, heading


def to_local_axes(angles: tuple[Floats, Floats, Floats], vectors: Floats) -> Floats:
    """Return vectors, shape (n, 3), from forward, right, down to east, north, up."""
    roll, pitch, heading = angles
    forward, right, down = vectors[:, 0], vectors[:, 1], vectors[:, 2]
    # About forward, then about the levelled right, then about down: each a plane rotation.
    right, down = right * np.cos(roll) - down * np.sin(roll), right * np.sin(roll) + down * np.cos(roll)
    forward, down = forward * np.cos(pitch) + down * np.sin(pitch), down * np.cos(pitch) - forward * np.sin(pitch)
    north = forward * np.cos(heading) - right * np.sin(heading)
    east = forward * np.sin(heading) + right * np.cos(heading)
    return np.stack([east, north, -down], axis=-1)


def record_track(carrier: Carrier, *, duration_s: float, rate_hz: float) -> CarrierTrack:
    """Return the track from the start on.

    Attitudes are told in the frame of the origin, which over some 20 m is that of the place to 4 microradians.
    """
    seconds = np.arange(round(duration_s * rate_hz) + 1) / rate_hz
    longitude, latitude, height = to_geodetic(carrier, locate(carrier, seconds))
    roll, pitch, heading = (np.degrees(angle) for angle in turn(carrier, seconds))
    utc_s = carrier.start_utc_s + seconds
    return CarrierTrack(
        gps_s=utc_s - _POSIX_OF_GPS + _LEAP_SECONDS,
        utc_s=utc_s,
        longitude_deg=longitude,
        latitude_deg=latitude,
        height_m=height,
        roll_deg=roll,
        pitch_deg=pitch,
        heading_deg=heading,
    )


def to_geodetic(carrier: Carrier, local: Floats) -> tuple[Floats, Floats, Floats]:
    """Return longitude and latitude in degrees and ellipsoidal heights of local positions, shape (n, 3)."""
    lon, lat = np.radians(carrier.longitude_deg), np.radians(carrier.latitude_deg)
    east = np.array([-np.sin(lon), np.cos(lon), 0.0])
    north = np.array([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)])
    up = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    normal = _MAJOR_M / np.sqrt(1 - _SQUARE * np.sin(lat) ** 2)
    origin = normal * up + carrier.height_m * up - np.array([0.0, 0.0, normal * _SQUARE * np.sin(lat)])
    place = origin + local @ np.stack([east, north, up])
    level = np.hypot(place[:, 0], place[:, 1])
    latitude = np.arctan2(place[:, 2], level * (1 - _SQUARE))
    height = np.zeros_like(level)
    for _ in range(6):  # each round gains two to three digits
        normals = _MAJOR_M / np.sqrt(1 - _SQUARE * np.sin(latitude) ** 2)
        latitude = np.arctan2(place[:, 2] + _SQUARE * normals * np.sin(latitude), level)
        height = level / np.cos(latitude) - normals
    return np.degrees(np.arctan2(place[:, 1], place[:, 0])), np.degrees(latitude), height
