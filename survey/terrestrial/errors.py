"""Failures of surveys from the ground.

::

    CecError
    +-- SurveyError
        +-- InvalidCloud
            +-- NotTerrestrial          the points show no stems: seen from above, or no forest
"""

from survey.errors import InvalidCloud


class NotTerrestrial(InvalidCloud):
    """A cloud has too little between the ground and the crowns to be a scan from within the forest."""

    def __init__(self, spacing_m: float, greatest_m: float) -> None:
        super().__init__(
            f"Invalid terrestrial cloud, points {spacing_m:.2f} m apart at breast height: they must be within "
            f"{greatest_m:g} m to show stems; survey clouds from aircraft and drones as airborne ones"
        )
        self.spacing_m = spacing_m
        self.greatest_m = greatest_m
