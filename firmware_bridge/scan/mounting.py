"""How a scanner is fixed to the carrier that the track is of.

The lever arm leads from the track's reference point to the sensor's origin, in **body** axes: forward, right, down.
The boresight turns the scanner's own forward, right and down (its y, x and -z) into the body's, by roll, pitch and
yaw about body x, y and z in the order z, y, x. With all at zero the scanner stands upright, facing forward. A drone's
scanner on its side, spinning about the flight direction, has a pitch or roll of 90 or so.
"""

import math
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from firmware_bridge.scan.driver import Floats
from firmware_bridge.scan.errors import InvalidMounting
from firmware_bridge.scan.rotation import from_euler, rotate

MAX_LEVER_M: Final = 100.0
"""Longest lever arm: a crane's or a long cable's, beyond which degrees were entered for metres."""


@dataclass(frozen=True, slots=True)
class Mounting:
    """Lever arm and boresight; see above.

    Attributes
    ----------
    forward_m, right_m, down_m
        From the track's reference point to the sensor's origin, body axes.
    roll_deg, pitch_deg, yaw_deg
        Of the scanner in the body.
    """

    forward_m: float = 0.0
    right_m: float = 0.0
    down_m: float = 0.0
    roll_deg: float = 0.0
    pitch_deg: float = 0.0
    yaw_deg: float = 0.0

    def __post_init__(self) -> None:
        """Check each number.

        Raises
        ------
        InvalidMounting
            One is out of range.
        """
        for entry in fields(self):
            value = getattr(self, entry.name)
            limit = MAX_LEVER_M if entry.name.endswith("_m") else 360.0
            if not (math.isfinite(value) and abs(value) <= limit):
                raise InvalidMounting(entry.name, value, f"it must lie within {-limit:g} to {limit:g}")

    @classmethod
    def parse(cls, lever: str, boresight: str) -> "Mounting":
        """Return the mounting of two texts of three numbers: metres forward, right, down; degrees roll, pitch, yaw.

        Raises
        ------
        InvalidMounting
            A text is not three numbers, or one is out of range.

        Examples
        --------
        >>> Mounting.parse("0.2,0,-1.5", "0,0,90").yaw_deg
        90.0
        """
        return cls(*_parse_three("lever arm", lever), *_parse_three("boresight", boresight))


def _parse_three(name: str, text: str) -> tuple[float, float, float]:
    try:
        first, second, third = (float(part) for part in text.split(",", 3))
    except ValueError as error:
        raise InvalidMounting(name, text, "expected three numbers with commas between, such as 0.2,0,-1.5") from error
    return first, second, third


def to_body(mounting: Mounting, x_m: Floats, y_m: Floats, z_m: Floats) -> tuple[Floats, Floats]:
    """Return points in body axes from the reference point, and their directions from the sensor; shapes (n, 3).

    Examples
    --------
    >>> one = np.ones(1)
    >>> to_body(Mounting(down_m=2.0), 1 * one, 10 * one, 5 * one)[0].round(12)  # right, forward, up
    array([[10.,  1., -3.]])
    """
    turn = from_euler(*(np.radians([angle]) for angle in (mounting.roll_deg, mounting.pitch_deg, mounting.yaw_deg)))
    axes = rotate(np.repeat(turn, 3, axis=0), np.eye(3))
    direction = np.stack([y_m, x_m, -z_m], axis=-1) @ axes
    return direction + np.array([mounting.forward_m, mounting.right_m, mounting.down_m]), direction
