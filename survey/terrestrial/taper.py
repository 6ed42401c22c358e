"""The curve through a stem's sections: robust, and never thicker farther up; volume from it."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from survey.cloud import Floats

_HUBER: Final = 1.345
"""Residuals beyond this many standard deviations count less (Huber 1964, doi 10.1214/aoms/1177703732)."""
_ROUNDS: Final = 4


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Radii along a stem.

    Attributes
    ----------
    height_m
        Ascending, shape (n,).
    radius_m
        Not ascending, shape (n,).
    """

    height_m: Floats
    radius_m: Floats


def fit_taper(height_m: Floats, radius_m: Floats, error_m: Floats) -> Curve:
    """Return the curve that does not rise and lies nearest to the sections.

    Isotonic regression by pooling neighbours that contradict (Ayer et al. 1955, doi 10.1214/aoms/1177728423), with
    Huber's weights.

    Parameters
    ----------
    height_m
        Ascending, shape (n,).
    radius_m, error_m
        Shape (n,).

    Examples
    --------
    >>> fit_taper(np.arange(4.0), np.array([0.2, 0.18, 0.19, 0.15]), np.ones(4)).radius_m.tolist()
    [0.2, 0.185, 0.185, 0.15]
    """
    weight = 1.0 / error_m**2
    curve = radius_m
    for _ in range(_ROUNDS):
        curve = _pool(radius_m, weight)
        off = np.abs(radius_m - curve) / error_m
        weight = np.minimum(1.0, _HUBER / np.maximum(off, 1e-9)) / error_m**2
    return Curve(height_m, curve)


def measure_volume(curve: Curve) -> float:
    """Return the volume from the ground to the highest section: frustums, and a cylinder below the lowest.

    Examples
    --------
    >>> round(measure_volume(Curve(np.array([0.0, 3.0]), np.array([1.0, 0.0]))), 6)
    3.141593
    """
    low, high = curve.radius_m[:-1], curve.radius_m[1:]
    pieces = np.pi / 3.0 * np.diff(curve.height_m) * (low * low + low * high + high * high)
    foot = np.pi * curve.radius_m[0] ** 2 * max(0.0, float(curve.height_m[0]))
    return float(pieces.sum() + foot)


def _pool(values: Floats, weight: Floats) -> Floats:
    blocks: list[tuple[float, float, int]] = []
    for value, share in zip(values.tolist(), weight.tolist(), strict=True):
        block = (value, share, 1)
        while blocks and blocks[-1][0] < block[0]:
            before = blocks.pop()
            total = before[1] + block[1]
            block = ((before[0] * before[1] + block[0] * block[1]) / total, total, before[2] + block[2])
        blocks.append(block)
    return np.repeat([block[0] for block in blocks], [block[2] for block in blocks])
