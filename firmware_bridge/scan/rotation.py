"""Rotations as unit quaternions (w, x, y, z), vectorised: what turns a sensor's points onto the Earth.

A quaternion of frame b in frame a takes the coordinates of a vector in b to those in a. Frames:

- **sensor**: x right, y forward, z up (`firmware_bridge.scan.driver`);
- **body**: x forward, y right, z down, of the vehicle or carrier, as navigation systems have it;
- **NED**: x to true north, y east, z down along the ellipsoid's normal;
- **Earth**: geocentric, x to longitude 0 on the equator, z to the north pole.

Roll, pitch and heading (yaw) are the angles about body x, y and z, applied in the order z, y, x: heading clockwise
from true north as seen from above, pitch positive with the nose up, roll positive with the right side down.
"""

from typing import Final

import numpy as np

from firmware_bridge.scan.driver import Floats

_NEARLY_SAME: Final = 0.9995
"""Cosine of half an angle under which chord and arc are the same to 10^-9: the sine there would divide by nearly 0."""


def from_euler(roll_rad: Floats, pitch_rad: Floats, heading_rad: Floats) -> Floats:
    """Return quaternions, shape (n, 4), of attitudes given as three arrays of shape (n,).

    Examples
    --------
    >>> nothing = np.zeros(1)
    >>> east = from_euler(nothing, nothing, np.array([np.pi / 2]))
    >>> rotate(east, np.array([[1.0, 0.0, 0.0]])).round(12)  # forward is east
    array([[0., 1., 0.]])
    """
    return multiply(
        multiply(_about(2, heading_rad), _about(1, pitch_rad)),
        _about(0, roll_rad),
    )


def ned_in_earth(longitude_rad: Floats, latitude_rad: Floats) -> Floats:
    """Return quaternions, shape (n, 4), of the NED frames at places given as two arrays of shape (n,)."""
    return multiply(_about(2, longitude_rad), _about(1, -np.pi / 2 - latitude_rad))


def multiply(left: Floats, right: Floats) -> Floats:
    """Return the products of quaternions, shape (n, 4): the right one's rotation first."""
    a, b, c, d = np.moveaxis(left, -1, 0)
    e, f, g, h = np.moveaxis(right, -1, 0)
    return np.stack(
        [
            a * e - b * f - c * g - d * h,
            a * f + b * e + c * h - d * g,
            a * g - b * h + c * e + d * f,
            a * h + b * g - c * f + d * e,
        ],
        axis=-1,
    )


def rotate(quaternions: Floats, vectors: Floats) -> Floats:
    """Return vectors, shape (n, 3), turned by one quaternion each, shape (n, 4)."""
    axis = quaternions[..., 1:]
    across = 2.0 * np.cross(axis, vectors)
    turned: Floats = vectors + quaternions[..., :1] * across + np.cross(axis, across)
    return turned


def slerp(first: Floats, second: Floats, share: Floats) -> Floats:
    """Return rotations between pairs, at shares of the way along the shorter arc (K. Shoemake 1985).

    Parameters
    ----------
    first, second
        Unit quaternions, shape (n, 4).
    share
        0 for the first to 1 for the second, shape (n,).
    """
    cosine = np.einsum("ij,ij->i", first, second)
    second = np.where(cosine[:, None] < 0, -second, second)
    cosine = np.minimum(np.abs(cosine), 1.0)
    angle = np.arccos(cosine)
    is_near = cosine > _NEARLY_SAME
    sine = np.where(is_near, 1.0, np.sin(angle))
    of_first = np.where(is_near, 1 - share, np.sin((1 - share) * angle) / sine)
    of_second = np.where(is_near, share, np.sin(share * angle) / sine)
    mixed = of_first[:, None] * first + of_second[:, None] * second
    unit: Floats = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
    return unit


def _about(axis: int, angle_rad: Floats) -> Floats:
    out = np.zeros((*np.shape(angle_rad), 4))
    out[..., 0] = np.cos(angle_rad / 2)
    out[..., 1 + axis] = np.sin(angle_rad / 2)
    return out
