"""Failures of the register.

::

    CecError
    +-- RegisterError
        +-- TreeNotFound       no record of this code is indexed
        +-- RecordNotFound     no record of this CID is indexed
        +-- NotAnchored        the record is known, no anchor holds it yet
        +-- InvalidCursor      a page was asked for by a cursor that this register did not give
        +-- CodeCollision      a first tree record carries a code that another tree has
"""

from domain.codes import format_code
from domain.errors import CecError


class RegisterError(CecError):
    """Root of the register's failures."""


class TreeNotFound(RegisterError):
    """No record of this code is indexed."""

    def __init__(self, code: str) -> None:
        super().__init__(
            f"No tree {format_code(code)} in this register: its survey may not have been processed yet, "
            "or another server holds it"
        )
        self.code = code


class RecordNotFound(RegisterError):
    """No record of this CID is indexed."""

    def __init__(self, cid: str) -> None:
        super().__init__(f"No record {cid} in this register: check the CID, or ask the server that issued it")
        self.cid = cid


class NotAnchored(RegisterError):
    """The record is known, no anchor holds it yet."""

    def __init__(self, cid: str) -> None:
        super().__init__(f"Record {cid} is not anchored yet: anchors follow a survey within seconds, try again")
        self.cid = cid


class InvalidCursor(RegisterError):
    """A page was asked for by a cursor that this register did not give."""

    def __init__(self, cursor: str) -> None:
        super().__init__(f"Invalid cursor {cursor[:40]!r}: take the one from the page before, or none for the first")
        self.cursor = cursor


class CodeCollision(RegisterError):
    """A tree record without predecessor carries a code that another tree has."""

    def __init__(self, code: str, cid: str) -> None:
        super().__init__(
            f"Tree code {format_code(code)} is taken: record {cid} has no predecessor but its code has one; "
            "a later survey must link the tree's last record"
        )
        self.code = code
        self.cid = cid
