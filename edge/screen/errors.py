"""Failures of the terminal screen.

::

    CecError
    +-- EdgeError
        +-- NotWritten         a receipt could not be written to its folder
"""

from pathlib import Path

from edge.errors import EdgeError


class NotWritten(EdgeError):
    """A receipt could not be written to its folder."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"Cannot write {path} ({reason}): check the card or choose another folder, then save again")
        self.path = path
        self.reason = reason
