"""Failures of the survey.

::

    CecError
    +-- SurveyError
        +-- InvalidCloudFile            a file is no readable LAS or LAZ
        |   +-- InvalidLasHeader        the header breaks a limit or contradicts the file
        |   +-- CloudTooLarge           more points or bytes than one survey takes
        |   +-- ShortRead               fewer points than the header promises
        |   +-- DecodeFailed            the decoder refused or crashed
        |   +-- DecodeTimedOut          the decoder did not end in time
        +-- CrsError
        |   +-- MissingCrs              the file has no CRS and none was given
        |   +-- InvalidCrs              a CRS cannot be read, or cannot carry a survey
        +-- InvalidCloud                the points cannot be surveyed
        |   +-- TooFewPoints            too few points remain to see a tree
        |   +-- ExtentTooLarge          the points are spread over more cells than a survey takes
        |   +-- NoGround                no ground can be made out
        +-- InvalidParameter            a setting is out of range
"""

from pathlib import Path

from domain.errors import CecError


class SurveyError(CecError):
    """Root of the survey's failures."""


class InvalidCloudFile(SurveyError):
    """A file is no readable LAS or LAZ."""


class InvalidLasHeader(InvalidCloudFile):
    """The header of a LAS or LAZ file breaks a limit or contradicts the file."""

    def __init__(self, field: str, value: object, rule: str) -> None:
        super().__init__(
            f"Invalid LAS header field {field} {value!s:.80}: {rule}; the file is damaged or was cut off, "
            "copy it again from its source"
        )
        self.field = field
        self.value = value
        self.rule = rule


class CloudTooLarge(InvalidCloudFile):
    """A file has more points or bytes than one survey takes."""

    def __init__(self, what: str, value: int, limit: int) -> None:
        super().__init__(f"Invalid cloud of {value:,} {what}: at most {limit:,}; cut it into tiles first")
        self.what = what
        self.value = value
        self.limit = limit


class ShortRead(InvalidCloudFile):
    """A file holds fewer points than its header promises."""

    def __init__(self, path: Path, promised: int, found: int) -> None:
        super().__init__(
            f"Invalid cloud {path.name}: its header promises {promised:,} points, {found:,} could be read; "
            "the file was cut off, copy it again from its source"
        )
        self.path = path
        self.promised = promised
        self.found = found


class DecodeFailed(InvalidCloudFile):
    """The decoder refused the points or crashed on them."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"Invalid cloud {path.name}: its points could not be decoded ({reason[:300]}); copy it again from its "
            "source, or rewrite it with the program that made it"
        )
        self.path = path
        self.reason = reason


class DecodeTimedOut(InvalidCloudFile):
    """The decoder did not end in time and was killed."""

    def __init__(self, path: Path, limit_s: float) -> None:
        super().__init__(
            f"Invalid cloud {path.name}: decoding did not end within {limit_s:.0f} s, as it must for its size; "
            "the file is damaged, copy it again from its source"
        )
        self.path = path
        self.limit_s = limit_s


class CrsError(SurveyError):
    """Root of failures about coordinate reference systems."""


class MissingCrs(CrsError):
    """A cloud has no CRS and none was given."""

    def __init__(self) -> None:
        super().__init__(
            "Invalid cloud without CRS: positions must be referenced; give --crs EPSG:n, or --crs local:m for a "
            "frame of its own in metres"
        )


class InvalidCrs(CrsError):
    """A CRS cannot be read, or cannot carry a survey."""

    def __init__(self, given: str, rule: str) -> None:
        super().__init__(f"Invalid CRS {given[:120]!r}: {rule}")
        self.given = given
        self.rule = rule


class InvalidCloud(SurveyError):
    """Points that cannot be surveyed."""


class TooFewPoints(InvalidCloud):
    """Too few points remain to see a tree."""

    def __init__(self, count: int, least: int) -> None:
        super().__init__(f"Invalid cloud of {count} usable points: at least {least} are needed to see a tree")
        self.count = count
        self.least = least


class ExtentTooLarge(InvalidCloud):
    """Points are spread over more cells than a survey takes: too large an area, or stray points far away."""

    def __init__(self, width_m: float, height_m: float, limit: int) -> None:
        super().__init__(
            f"Invalid extent {width_m:,.0f} m x {height_m:,.0f} m: at most {limit:,} cells of the canopy model; "
            "cut the cloud into tiles, and check its CRS and unit"
        )
        self.width_m = width_m
        self.height_m = height_m
        self.limit = limit


class NoGround(InvalidCloud):
    """No ground can be made out below the points."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid ground: {reason}; if the heights are already above ground, say so with --normalized")
        self.reason = reason


class InvalidParameter(SurveyError):
    """A setting is out of range."""

    def __init__(self, name: str, value: object, rule: str) -> None:
        super().__init__(f"Invalid parameter {name} {value!r}: {rule}")
        self.name = name
        self.value = value
        self.rule = rule
