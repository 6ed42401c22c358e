"""How sure a found tree is, and how likely a standing one is found; both from simulated hectares.

Figures were counted on the stands of seeds 1000 to 1011 of the project's simulator (uneven-aged mixed forest), flown
with 2 to 25 pulses a square metre, with the settings that are the defaults here. They hold for forests and flights like
those.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from survey.cloud import Floats

SOURCE: Final = "simulated hectares, seeds 1000 to 1011"
_CEILING: Final = 0.99
"""Counting a few hundred trees cannot show more."""
_HEIGHTS_M: Final = (3.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 60.0)
"""Borders of the height classes."""


@dataclass(frozen=True, slots=True)
class DetectionClass:
    """How likely a tree of a height class is found.

    Attributes
    ----------
    from_m, to_m
        Height class, lower end inclusive.
    probability
        Share found, 0 to 1.
    """

    from_m: float
    to_m: float
    probability: float


@dataclass(frozen=True, slots=True)
class _Flight:
    """What was counted at one density.

    Attributes
    ----------
    from_density, to_density
        First echoes a square metre, lower end inclusive, for which it is told.
    found
        Share of trees found, by height class.
    canopy, hidden
        Logistic regressions of "is one tree" on the logarithm of prominence over height, and of support over what was
        asked: intercept and slope.
    """

    from_density: float
    to_density: float
    found: tuple[float, ...]
    canopy: tuple[float, float]
    hidden: tuple[float, float]


_FLIGHTS: Final = (
    _Flight(1.5, 3.0, (0.05, 0.12, 0.26, 0.42, 0.63, 0.90, 0.99), (11.21, 2.62), (0.32, 0.58)),
    _Flight(3.0, 5.0, (0.10, 0.28, 0.44, 0.48, 0.69, 0.92, 0.98), (7.17, 1.83), (0.55, 1.45)),
    _Flight(5.0, 8.0, (0.15, 0.36, 0.46, 0.43, 0.63, 0.93, 0.98), (9.13, 2.26), (0.80, 1.78)),
    _Flight(8.0, 13.0, (0.15, 0.35, 0.40, 0.33, 0.58, 0.92, 0.99), (9.53, 2.29), (2.10, 1.30)),
    _Flight(13.0, 20.0, (0.17, 0.35, 0.36, 0.28, 0.55, 0.91, 0.98), (10.40, 2.49), (3.50, 0.73)),
    _Flight(20.0, 40.0, (0.17, 0.33, 0.32, 0.26, 0.55, 0.91, 0.98), (10.52, 2.48), (3.64, 0.99)),
)


def tell_detection(first_density: float) -> tuple[DetectionClass, ...]:
    """Return the shares of trees found by height; none for a cloud of quite another density.

    Examples
    --------
    >>> tell_detection(0.9)
    ()
    """
    if not _FLIGHTS[0].from_density <= first_density < _FLIGHTS[-1].to_density:
        return ()
    shares = _find_flight(first_density).found
    return tuple(map(DetectionClass, _HEIGHTS_M[:-1], _HEIGHTS_M[1:], shares))


def canopy_confidence(prominence_share: Floats, first_density: float) -> Floats:
    """Return the probability that a canopy top is one tree, from its prominence over its height, shape (n,)."""
    return _logistic(_find_flight(first_density).canopy, np.minimum(prominence_share, 1.0))


def hidden_confidence(support: Floats, first_density: float) -> Floats:
    """Return the probability that a hidden top is one tree, from its support over what was asked, shape (n,)."""
    return _logistic(_find_flight(first_density).hidden, support)


def _find_flight(first_density: float) -> _Flight:
    """Return the flight of a density, or the one nearest to it."""
    return next((one for one in _FLIGHTS if first_density < one.to_density), _FLIGHTS[-1])


def _logistic(line: tuple[float, float], value: Floats) -> Floats:
    likely = 1.0 / (1.0 + np.exp(-(line[0] + line[1] * np.log(np.maximum(value, 1e-6)))))
    return np.minimum(likely, _CEILING)
