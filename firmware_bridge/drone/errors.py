"""Failures of the drone bridge.

::

    BridgeError
    +-- DroneError
        +-- UnreadablePhoto     a file is no JPEG photo, or its first bytes break the format
        +-- InvalidPhotoField   a field of a photo's metadata is not what the standard says
        +-- FolderGone          a watched folder is not there; told, and waited for
        +-- TooManyFiles        a watched folder holds more than is kept in view; told, the rest waits
        +-- InvalidWatch        times or patterns of a watch are out of range
"""

from pathlib import Path

from firmware_bridge.errors import BridgeError


class DroneError(BridgeError):
    """Root of the drone bridge's failures."""


class UnreadablePhoto(DroneError):
    """A file is no JPEG photo, or its first bytes break the format."""

    def __init__(self, path: Path, rule: str) -> None:
        super().__init__(f"Invalid photo {path}: {rule}")
        self.path = path
        self.rule = rule


class InvalidPhotoField(DroneError):
    """A field of a photo's metadata is not what the standard says."""

    def __init__(self, field: str, value: object, rule: str) -> None:
        super().__init__(f"Invalid photo field {field} {str(value)[:60]!r}: {rule}")
        self.field = field
        self.value = value
        self.rule = rule


class FolderGone(DroneError):
    """A watched folder is not there; told, and waited for."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(f"Folder {folder} is not there ({reason}): put the card back; what was copied whole is safe")
        self.folder = folder
        self.reason = reason


class TooManyFiles(DroneError):
    """A watched folder holds more than is kept in view; told, the rest waits."""

    def __init__(self, folder: Path, limit: int) -> None:
        super().__init__(f"Folder {folder} holds more than {limit} files: watch a smaller one, or empty it")
        self.folder = folder
        self.limit = limit


class InvalidWatch(DroneError):
    """Times or patterns of a watch are out of range."""

    def __init__(self, name: str, value: object, rule: str) -> None:
        super().__init__(f"Invalid watch {name} {value!r}: {rule}")
        self.name = name
        self.value = value
        self.rule = rule
