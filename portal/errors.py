"""Failures of the portal.

::

    CecError
    +-- PortalError
        +-- InvalidPortalSettings   a setting cannot hold
        +-- InvalidBox              text is not a bounding box in WGS 84
        +-- InvalidPageSize         a page size is outside its bounds
        +-- SourceTimedOut          a part of the server did not answer in time
"""

from domain.errors import CecError


class PortalError(CecError):
    """Root of the portal's failures."""


class InvalidPortalSettings(PortalError):
    """A setting cannot hold."""

    def __init__(self, name: str, given: str, rule: str) -> None:
        super().__init__(f"Invalid setting {name} {given[:80]!r}: {rule}")
        self.name = name
        self.given = given


class InvalidBox(PortalError):
    """Text is not a bounding box."""

    def __init__(self, given: str, rule: str) -> None:
        super().__init__(
            f"Invalid bbox {given[:80]!r}: {rule}; give west,south,east,north in degrees, as 15.0,47.8,15.1,47.9"
        )
        self.given = given
        self.rule = rule


class InvalidPageSize(PortalError):
    """A page size is outside its bounds."""

    def __init__(self, given: str, most: int) -> None:
        super().__init__(f"Invalid limit {given[:20]!r}: give a whole number from 1 to {most}")
        self.given = given
        self.most = most


class SourceTimedOut(PortalError):
    """A part of the server did not answer in time."""

    def __init__(self, source: str, after_s: float) -> None:
        super().__init__(
            f"No answer from the {source} within {after_s:g} s: try again; the operator sees why in the log"
        )
        self.source = source
        self.after_s = after_s
