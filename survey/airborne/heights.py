"""Heights and crown diameters of found trees, with their errors.

Echoes miss the very tip and pass the outer leaves, so airborne heights fall short (Andersen, Reutebuch and McGaughey
2006, doi 10.5589/m06-030, found 0.7 m on conifers), the more the farther apart echoes lie. The shortfall is added back;
amounts and errors are those of the simulated hectares (`survey.airborne.detection`).
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from survey.cloud import Bools, Floats
from survey.estimate import Estimate

_LEAST_CROWNS: Final = 20
"""Fewer crowns give no relation of crown to height."""
HEIGHT_SHARED_M: Final = 0.20
"""What the shortfall may be off in another forest: half of what it is at 10 first echoes a square metre."""
CROWN_SHARED: Final = 0.08
"""Share by which all crowns of another forest may be off."""
_HIDDEN_CROWN_OWN, _HIDDEN_CROWN_SHARED = 0.30, 0.15
"""Shares; crowns under others are narrower than the relation of the free ones says, by an amount that is not known."""
# Regression of true on seen diameter, height and the distance between first echoes, at 4 to 25 first echoes a square
# metre; its parabola over height has its top at 33 m.
_CROWN_BASE_M: Final = -0.73
_CROWN_SEEN: Final = 0.795
_CROWN_HEIGHT: Final = 0.119
_CROWN_HEIGHT_SQUARE: Final = -0.0018
_CROWN_TALLEST_M: Final = 33.0
_CROWN_APART: Final = 1.245
_CROWN_ERROR_M: Final = 1.0
_CROWN_ERROR_SHARE: Final = 0.5
"""Of small crowns, whose errors are smaller."""
_CROWN_DENSE: Final = 4.0
"""First echoes a square metre below which the regression does not hold and errors grow."""
_LEAST_DENSITY: Final = 0.1
"""First echoes a square metre; figures below would be told of a cloud that shows no tree."""


@dataclass(frozen=True, slots=True)
class ApexReturn:
    """Height of the highest echo, plus what echoes miss of a tip.

    The shortfall is `missed_m` and, a metre of mean distance between first echoes, `missed_share` more. The standard
    deviation about it is `error_m` at one first echo a square metre, and falls by the power `error_power` of their
    density; it is such that nominal intervals of 95 percent held that share of the trees of seeds 1000 to 1011.
    """

    NAME: ClassVar[str] = "apex-return"
    DOI: ClassVar[str | None] = "10.5589/m06-030"

    missed_m: float = 0.14
    """Of canopy trees."""
    missed_share: float = 0.82
    """Of canopy trees."""
    hidden_missed_m: float = 0.12
    """Of hidden trees."""
    hidden_missed_share: float = 1.55
    """Of hidden trees, which fewer pulses reach."""
    error_m: float = 1.7
    """Of canopy trees."""
    error_power: float = 0.62
    """Of canopy trees."""
    hidden_error_m: float = 4.6
    """Of hidden trees."""
    hidden_error_power: float = 0.78
    """Of hidden trees."""
    position_error_m: float = 0.60
    """Stem's foot about the apex, each axis."""
    hidden_position_error_m: float = 1.0
    """Of hidden trees."""


@dataclass(frozen=True, slots=True)
class CrownRelation:
    """Crown diameter in metres is ``exp(intercept) * height_m ** slope`` over the plot's own canopy trees."""

    intercept: float
    slope: float


def estimate_heights(
    above_ground_m: Floats, is_hidden: Bools, *, first_density: float, algorithm: ApexReturn
) -> tuple[Floats, Floats]:
    """Return trees' heights from those of their highest echoes, and each one's own standard error, shape (n,).

    Examples
    --------
    >>> seen, chosen = (np.array([20.0]), np.array([False])), ApexReturn()
    >>> [float(one[0].round(2)) for one in estimate_heights(*seen, first_density=16.0, algorithm=chosen)]
    [20.34, 0.3]
    """
    density = max(_LEAST_DENSITY, first_density)
    apart_m = 1.0 / np.sqrt(density)
    free = algorithm.missed_m + algorithm.missed_share * apart_m
    hidden = algorithm.hidden_missed_m + algorithm.hidden_missed_share * apart_m
    error = algorithm.error_m * density**-algorithm.error_power
    hidden_error = algorithm.hidden_error_m * density**-algorithm.hidden_error_power
    return above_ground_m + np.where(is_hidden, hidden, free), np.where(is_hidden, hidden_error, error)


def estimate_crowns(diameter_m: Floats, height_m: Floats, first_density: float) -> tuple[Floats, Floats]:
    """Return canopy trees' crown diameters and each one's own standard error, shape (n,).

    What is seen of a crown from above is less than the whole where others stand over its edge or where it hangs below
    the surface that was followed; how much less is the regression over the trees of seeds 1000 to 1011.

    Parameters
    ----------
    diameter_m
        Of the circle with the area seen, shape (n,).
    height_m
        Trees' heights, shape (n,).
    first_density
        First echoes a square metre.
    """
    density = max(_LEAST_DENSITY, first_density)
    tall = np.minimum(height_m, _CROWN_TALLEST_M)
    of_height = _CROWN_HEIGHT * tall + _CROWN_HEIGHT_SQUARE * tall * tall
    whole = _CROWN_BASE_M + _CROWN_SEEN * diameter_m + of_height + _CROWN_APART / np.sqrt(density)
    whole = np.maximum(whole, diameter_m * _CROWN_SEEN)
    own = np.minimum(_CROWN_ERROR_M, _CROWN_ERROR_SHARE * whole)
    return whole, own * np.sqrt(max(1.0, _CROWN_DENSE / density))


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
