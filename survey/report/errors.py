"""Failures of reports.

::

    SurveyError
    +-- InvalidPicture          columns that do not fit each other, or a picture of nothing
"""

from survey.errors import SurveyError


class InvalidPicture(SurveyError):
    """Columns that do not fit each other, or nothing to draw."""

    def __init__(self, what: str, rule: str) -> None:
        super().__init__(f"Invalid {what}: {rule}")
        self.what = what
        self.rule = rule
