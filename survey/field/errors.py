"""Failures of field readings.

::

    CecError
    +-- SurveyError
        +-- FieldError
            +-- DoubledEvidence         one observation was given twice
            +-- DoubledTree             two trees of a list have one key
"""

from domain.cid import Cid
from survey.errors import SurveyError


class FieldError(SurveyError):
    """Root of failures of field readings."""


class DoubledEvidence(FieldError):
    """One observation was given twice; its readings would count twice."""

    def __init__(self, record: Cid) -> None:
        super().__init__(f"Invalid observation {record}: it was given twice, give each once")
        self.record = record


class DoubledTree(FieldError):
    """Two trees of a list have one key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"Invalid tree {key!r}: its key occurs twice, keys must be unique in their list")
        self.key = key
