"""What a user may choose of a survey from the ground."""

from dataclasses import dataclass
from typing import Final, Literal

from survey.errors import InvalidParameter

GroundSide = Literal["uphill", "axis"]
"""Where the ground is from which breast height counts: on the uphill side of the stem, as the field rule says
(FAO 2004, National Forest Inventory field manual, section on diameter), or below its axis."""

_LOWEST_M, _HIGHEST_M = 1.0, 2.0
_THINNEST_CM, _THICKEST_CM = 3.0, 50.0


@dataclass(frozen=True, slots=True)
class StemParameters:
    """Settings of one survey from the ground.

    Attributes
    ----------
    breast_height_m
        Where the diameter holds: 1.30, 1.37 and 1.40 are in use; 1 to 2.
    ground_side
        From which ground it counts.
    least_dbh_cm
        Thinner stems are left out, 3 to 50.
    """

    breast_height_m: float = 1.30
    ground_side: GroundSide = "uphill"
    least_dbh_cm: float = 5.0


_SIDES: Final = ("uphill", "axis")


def check_stem_parameters(parameters: StemParameters) -> None:
    """Raise `InvalidParameter` when a setting is out of range."""
    if not _LOWEST_M <= parameters.breast_height_m <= _HIGHEST_M:
        rule = f"it must be {_LOWEST_M:g} to {_HIGHEST_M:g} m"
        raise InvalidParameter("breast_height_m", parameters.breast_height_m, rule)
    if not _THINNEST_CM <= parameters.least_dbh_cm <= _THICKEST_CM:
        rule = f"it must be {_THINNEST_CM:g} to {_THICKEST_CM:g} cm"
        raise InvalidParameter("least_dbh_cm", parameters.least_dbh_cm, rule)
    if parameters.ground_side not in _SIDES:
        raise InvalidParameter("ground_side", parameters.ground_side, f"it must be one of {', '.join(_SIDES)}")
