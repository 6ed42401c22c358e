"""Failures at the border: what comes in and what goes out.

::

    SurveyError
    +-- InvalidCloudFile                (survey.errors: with headers, sizes, short reads and decoders)
    |   +-- UnknownCloudFormat          the content is none of the formats that can be read
    |   +-- InvalidPly                  a PLY header breaks a rule or a limit
    |   +-- InvalidE57                  an E57 file breaks a rule or a limit
    |   +-- InvalidCopc                 the octree of a COPC file contradicts the file
    |   +-- MissingField                a dimension was asked for that the file does not have
    +-- InvalidExport                   something cannot be written
        +-- LabelsMismatch              not one label for each point
        +-- DimensionTaken              the cloud has a dimension of that name and another type
        +-- NotConvertible              the cloud cannot be stored in the format that was asked for
        +-- InvalidLayer                columns or geometries of a layer do not fit together
"""

from pathlib import Path

from survey.errors import InvalidCloudFile, SurveyError


class UnknownCloudFormat(InvalidCloudFile):
    """A file's content is none of the formats that can be read."""

    def __init__(self, path: Path, head: bytes) -> None:
        super().__init__(
            f"Invalid cloud {path.name}: its first bytes are {head[:8]!r}; LAS, LAZ, COPC, E57 and PLY can be read, "
            "convert it to one of them"
        )
        self.path = path
        self.head = head


class InvalidPly(InvalidCloudFile):
    """A PLY file breaks a rule or a limit."""

    def __init__(self, field: str, value: object, rule: str) -> None:
        super().__init__(
            f"Invalid PLY {field} {value!s:.80}: {rule}; write it again as points with x, y and z, vertices first"
        )
        self.field = field
        self.value = value
        self.rule = rule


class InvalidE57(InvalidCloudFile):
    """An E57 file breaks a rule or a limit."""

    def __init__(self, field: str, value: object, rule: str) -> None:
        super().__init__(
            f"Invalid E57 {field} {value!s:.80}: {rule}; copy it again from its source, or export it as LAZ"
        )
        self.field = field
        self.value = value
        self.rule = rule


class InvalidCopc(InvalidCloudFile):
    """The octree of a COPC file contradicts the file."""

    def __init__(self, field: str, value: object, rule: str) -> None:
        super().__init__(
            f"Invalid COPC {field} {value!s:.80}: {rule}; build it again from its source, or read it whole as LAZ"
        )
        self.field = field
        self.value = value
        self.rule = rule


class MissingField(InvalidCloudFile):
    """A dimension was asked for that a file does not have."""

    def __init__(self, path: Path, field: str, known: tuple[str, ...]) -> None:
        super().__init__(f"Invalid field {field!r} of cloud {path.name}: it has {', '.join(known)}")
        self.path = path
        self.field = field
        self.known = known


class InvalidExport(SurveyError):
    """Something cannot be written."""


class LabelsMismatch(InvalidExport):
    """There is not one label for each point."""

    def __init__(self, points: int, labels: int) -> None:
        super().__init__(f"Invalid labels, {labels:,} of them: the cloud has {points:,} points, each takes one")
        self.points = points
        self.labels = labels


class DimensionTaken(InvalidExport):
    """A cloud has a dimension of that name and another type."""

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(
            f"Invalid cloud {path.name} to label: its dimension {name!r} is no 32-bit unsigned integer; "
            "remove or rename it first"
        )
        self.path = path
        self.name = name


class NotConvertible(InvalidExport):
    """A cloud cannot be stored in the format that was asked for."""

    def __init__(self, path: Path, rule: str) -> None:
        super().__init__(f"Invalid cloud {path.name} to convert: {rule}")
        self.path = path
        self.rule = rule


class InvalidLayer(InvalidExport):
    """Columns or geometries of a layer do not fit together."""

    def __init__(self, name: str, rule: str) -> None:
        super().__init__(f"Invalid column {name!r}: {rule}")
        self.name = name
        self.rule = rule
