"""Failures of a re-survey.

::

    CecError
    +-- SurveyError
        +-- ResurveyError
            +-- InvalidCampaign         a campaign cannot be compared as it is
"""

from survey.errors import SurveyError


class ResurveyError(SurveyError):
    """Root of failures of a re-survey."""


class InvalidCampaign(ResurveyError):
    """A campaign breaks a rule: a code occurs twice, the years run backwards."""

    def __init__(self, field: str, value: object, rule: str) -> None:
        super().__init__(f"Invalid campaign, {field} {value!s:.80}: {rule}")
        self.field = field
        self.value = value
        self.rule = rule
