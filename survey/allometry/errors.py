"""Failures of allometry.

::

    SurveyError
    +-- InvalidParameter
    |   +-- InvalidRegion           no equations are filed under that region
    |   +-- InvalidTaxon            a species' name is none, or contradicts the forest's type
    |   +-- InvalidSizes            sizes of trees that differ in length or are no sizes
    +-- InvalidEquation             a table of equations breaks its own rules
"""

from collections.abc import Sequence

from survey.errors import InvalidParameter, SurveyError


class InvalidRegion(InvalidParameter):
    """No equations are filed under a region."""

    def __init__(self, region: str, known: Sequence[str]) -> None:
        super().__init__(
            "region", region[:80], f"give a place, or a place and a biome (place/biome): {', '.join(known)}"
        )
        self.region = region
        self.known = tuple(known)


class InvalidTaxon(InvalidParameter):
    """The name of a species is none, or contradicts the type of the forest."""

    def __init__(self, species: str, rule: str) -> None:
        super().__init__("species", species[:80], rule)
        self.species = species


class InvalidSizes(InvalidParameter):
    """Sizes of trees differ in length, or are no sizes."""


class InvalidEquation(SurveyError):
    """A table of equations breaks its own rules."""

    def __init__(self, table: str, row: str, rule: str) -> None:
        super().__init__(f"Invalid equation {row[:80]!r} in table {table}: {rule}")
        self.table = table
        self.row = row
        self.rule = rule
