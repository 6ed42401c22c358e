"""What a user may choose of a survey."""

from dataclasses import dataclass
from typing import Final

from survey.allometry import ForestType, choose_models
from survey.errors import InvalidParameter

_LEAST_TREE_M: Final = 1.3
"""Below breast height a stem has no diameter."""
_TALLEST_TREE_M: Final = 60.0


@dataclass(frozen=True, slots=True)
class PlotParameters:
    """Settings of one survey; all have defaults.

    Attributes
    ----------
    crs
        ``EPSG:n`` or ``local:m``; by default the file's own.
    is_normalized
        Whether elevations are already heights above ground; by default that is detected.
    use_vendor_ground
        Take class 2 of the file for the ground, instead of classifying.
    forest
        Which equations to use; ``unknown`` is between both.
    species
        Scientific name, where the forest is of one species or genus: its own equations are taken.
    region
        Where the forest grows, as `survey.allometry.known_regions` names it.
    min_height_m
        Lower trees are left out, 1.3 to 60.
    """

    crs: str | None = None
    is_normalized: bool | None = None
    use_vendor_ground: bool = False
    forest: ForestType = "unknown"
    species: str | None = None
    region: str | None = None
    min_height_m: float = 3.0


def check_parameters(parameters: PlotParameters) -> None:
    """Raise `InvalidParameter` when a setting is out of range, or another `SurveyError` when no equation goes by it."""
    choose_models(parameters.species, parameters.forest, parameters.region)
    if not _LEAST_TREE_M <= parameters.min_height_m <= _TALLEST_TREE_M:
        raise InvalidParameter(
            "min_height_m", parameters.min_height_m, f"it must be {_LEAST_TREE_M} to {_TALLEST_TREE_M} m"
        )
