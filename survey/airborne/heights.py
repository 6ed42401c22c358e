"""Heights and crown diameters of found trees, with their errors.

Echoes miss the very tip and pass the outer leaves, so airborne heights fall short (Andersen, Reutebuch and McGaughey
2006, doi 10.5589/m06-030, found 0.7 m on conifers). The shortfall is added back; the amount and the errors are those
of the simulated hectares (`survey.airborne.detection`).
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from survey.cloud import Floats
from survey.estimate import Estimate

_DENSE: Final = 8.0
"""First echoes a square metre from which errors do not shrink; below, they grow with the distance between echoes."""
_LEAST_CROWNS: Final = 20
"""Fewer crowns give no relation of crown to height."""
_HEIGHT_SHARED_M: Final = 0.20
"""What the shortfall may be off in another forest: half of it."""
_CROWN_SHARED: Final = 0.08
_HIDDEN_CROWN_OWN, _HIDDEN_CROWN_SHARED = 0.30, 0.15
"""Shares; crowns under others are narrower than the relation of the free ones says, by an amount that is not known."""


@dataclass(frozen=True, slots=True)
class ApexReturn:
    """Height of the highest echo, plus what echoes miss of a tip."""

    NAME: ClassVar[str] = "apex-return"
    DOI: ClassVar[str | None] = "10.5589/m06-030"

    missed_m: float = 0.43
    """Mean shortfall of canopy trees."""
    hidden_missed_m: float = 0.65
    """Of hidden trees, which fewer pulses reach."""
    error_m: float = 0.55
    """Standard deviation about it of canopy trees."""
    hidden_error_m: float = 0.65
    """Of hidden trees."""
    position_error_m: float = 0.55
    """Stem's foot about the apex, each axis."""
    hidden_position_error_m: float = 0.55
    """Of hidden trees."""


@dataclass(frozen=True, slots=True)
class CrownRelation:
    """Crown diameter in metres is ``exp(intercept) * height_m ** slope`` over the plot's own canopy trees."""

    intercept: float
    slope: float


def estimate_height(above_ground_m: float, *, is_hidden: bool, first_density: float, algorithm: ApexReturn) -> Estimate:
    """Return a tree's height from that of its highest echo.

    Examples
    --------
    >>> estimate_height(20.0, is_hidden=False, first_density=10.0, algorithm=ApexReturn()).value
    20.43
    """
    missed = algorithm.hidden_missed_m if is_hidden else algorithm.missed_m
    error = algorithm.hidden_error_m if is_hidden else algorithm.error_m
    return Estimate(above_ground_m + missed, error * _sparseness(first_density), _HEIGHT_SHARED_M, "apex-return")


def estimate_crown(diameter_m: float, height_m: float, first_density: float) -> Estimate:
    """Return a canopy tree's crown diameter with its errors."""
    own = (0.35 + 0.03 * height_m) * _sparseness(first_density)
    return Estimate(diameter_m, own, _CROWN_SHARED * diameter_m, "crown-equal-area")


def relate_crowns(heights_m: Floats, diameters_m: Floats) -> CrownRelation | None:
    """Return the relation of crown diameter to height over a plot's canopy trees; none where they are few or alike."""
    if heights_m.size < _LEAST_CROWNS or np.ptp(np.log(heights_m)) < np.log(1.5):
        return None
    slope, intercept = np.polyfit(np.log(heights_m), np.log(diameters_m), 1)
    # A crown that shrinks as trees grow would be the effect of a few merged or split ones.
    if slope <= 0.0:
        return None
    return CrownRelation(float(intercept), float(slope))


def guess_crown(relation: CrownRelation, height_m: float) -> Estimate:
    """Return a hidden tree's crown diameter from the plot's relation."""
    value = float(np.exp(relation.intercept) * height_m**relation.slope)
    return Estimate(value, _HIDDEN_CROWN_OWN * value, _HIDDEN_CROWN_SHARED * value, "plot-crown-of-height")


def _sparseness(first_density: float) -> float:
    return float(np.sqrt(max(1.0, _DENSE / first_density)))
