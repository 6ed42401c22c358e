"""How sure a found tree is, and how likely a standing one is found; both from simulated hectares.

Figures were counted on the stands of seeds 1000 to 1011 of the project's simulator (uneven-aged mixed forest, 10 pulses
a square metre), with the settings that are the defaults here. They hold for forests and flights like those.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from survey.cloud import Floats

SOURCE: Final = "simulated hectares, seeds 1000 to 1011"
_FLIGHTS: Final = (5.0, 40.0)
"""First echoes a square metre around the simulator's 10 within which its shares are told at all."""
# Logistic regressions of "is one tree": on the logarithm of prominence over height, and of support over what was asked.
_CANOPY: Final = (7.78, 1.98)
_HIDDEN: Final = (2.25, 1.98)
_CEILING: Final = 0.99
"""Counting a few hundred trees cannot show more."""


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


_COUNTED: Final = (
    DetectionClass(3.0, 5.0, 0.18),
    DetectionClass(5.0, 10.0, 0.36),
    DetectionClass(10.0, 15.0, 0.41),
    DetectionClass(15.0, 20.0, 0.35),
    DetectionClass(20.0, 25.0, 0.62),
    DetectionClass(25.0, 30.0, 0.95),
    DetectionClass(30.0, 60.0, 0.99),
)


def tell_detection(first_density: float) -> tuple[DetectionClass, ...]:
    """Return the shares of trees found by height; none for a cloud of quite another density.

    Examples
    --------
    >>> tell_detection(0.9)
    ()
    """
    return _COUNTED if _FLIGHTS[0] <= first_density <= _FLIGHTS[1] else ()


def canopy_confidence(prominence_share: Floats) -> Floats:
    """Return the probability that a canopy top is one tree, from its prominence over its height, shape (n,)."""
    return _logistic(_CANOPY, np.minimum(prominence_share, 1.0))


def hidden_confidence(support: Floats) -> Floats:
    """Return the probability that a hidden top is one tree, from its support over what was asked, shape (n,)."""
    return _logistic(_HIDDEN, support)


def _logistic(line: tuple[float, float], value: Floats) -> Floats:
    likely = 1.0 / (1.0 + np.exp(-(line[0] + line[1] * np.log(np.maximum(value, 1e-6)))))
    return np.minimum(likely, _CEILING)
