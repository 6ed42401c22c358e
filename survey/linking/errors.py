"""Failures of linking.

::

    CecError
    +-- SurveyError
        +-- LinkingError
            +-- InvalidTreeList         two lists of trees cannot be compared as they are
"""

from survey.errors import SurveyError


class LinkingError(SurveyError):
    """Root of failures of linking."""


class InvalidTreeList(LinkingError):
    """A list of trees breaks a rule: lengths differ, a place is not finite, an error is not positive."""

    def __init__(self, field: str, value: object, rule: str) -> None:
        super().__init__(f"Invalid tree list, {field} {value!s:.80}: {rule}")
        self.field = field
        self.value = value
        self.rule = rule
