"""How neighbours press on a tree: its crown gets narrower and shorter and leans away.

The index weighs taller neighbours by their height over the tree's and by nearness, in the manner of Hegyi's index
(Hegyi 1974, Growth Models for Tree and Stand Simulation, Stockholm), with a smooth decline over distance in place
of a sharp radius.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_DECLINE_M = 2.5
_RIVAL_HEIGHT_SHARE = 0.8
_LARGEST_PRESSURE = 4.0
# Trees compared with all others at a time: a dense hectare's distances would fill the memory at once.
_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Crowding:
    """What neighbours do to each tree."""

    pressure: Floats
    """From 0 (alone) to 4, no unit."""
    push_east: Floats
    """Eastward part of the push away from neighbours; the push is at most 1 long."""
    push_north: Floats
    """Northward part."""


def crowd(x_m: Floats, y_m: Floats, height_m: Floats) -> Crowding:
    """Return the competition that each tree feels from those at least four fifths as tall.

    Parameters
    ----------
    x_m, y_m
        Positions, shape (n,), metres.
    height_m
        Heights, shape (n,), metres.

    Examples
    --------
    >>> two = crowd(np.array([0.0, 2.0]), np.zeros(2), np.array([10.0, 20.0]))
    >>> bool(two.pressure[0] > 0), float(two.pressure[1]), bool(two.push_east[0] < 0)
    (True, 0.0, True)
    """
    parts = [_press(x_m, y_m, height_m, slice(at, at + _ROWS)) for at in range(0, max(x_m.size, 1), _ROWS)]
    return Crowding(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _press(x_m: Floats, y_m: Floats, height_m: Floats, rows: slice) -> tuple[Floats, Floats, Floats]:
    """Return pressure and push, east and north, on some of the trees."""
    east, north = x_m[rows, None] - x_m, y_m[rows, None] - y_m
    apart = np.hypot(east, north)
    taller = height_m[None, :] / height_m[rows, None]
    weight = np.where(taller > _RIVAL_HEIGHT_SHARE, taller * np.exp(-apart / _DECLINE_M), 0.0)
    own = np.arange(x_m.size)[rows]
    weight[np.arange(own.size), own] = 0.0
    away = np.maximum(apart, 0.1)
    push_east, push_north = (weight * east / away).sum(axis=1), (weight * north / away).sum(axis=1)
    length = np.maximum(np.hypot(push_east, push_north), 1.0)
    return np.minimum(weight.sum(axis=1), _LARGEST_PRESSURE), push_east / length, push_north / length
