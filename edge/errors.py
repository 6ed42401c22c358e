"""Failures of the agent.

::

    CecError
    +-- EdgeError
        +-- NotEnrolled        the folder holds no enrolment of this device
        +-- WrongEnrolment     the enrolment is of another device or key
        +-- SpoolDamaged       the spool's file was damaged; what is whole in it was taken over
        +-- SpoolBusy          another agent works in the folder
        +-- UntrustedReceipt   an answer is not signed by the server that this device trusts
        +-- FileChanged        a file changed after it was declared
        +-- FileUnreadable     a file to upload cannot be read
        +-- UnknownItem        this device has no record of that name
        +-- NoReceipt          the server has not signed for a record yet
"""

from pathlib import Path

from domain.errors import CecError


class EdgeError(CecError):
    """Root of the agent's failures."""


class NotEnrolled(EdgeError):
    """The folder holds no enrolment of this device."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"No enrolment in {folder}: let the organisation sign this device's key, then import it")
        self.folder = folder


class WrongEnrolment(EdgeError):
    """The enrolment is of another device or key."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid enrolment: {reason}; ask for one that is made for this device's key")
        self.reason = reason


class SpoolDamaged(EdgeError):
    """The spool's file was damaged; what is whole in it was taken over."""

    def __init__(self, kept: Path, reason: str) -> None:
        super().__init__(f"The spool was damaged ({reason}): it is kept as {kept}; keep that file; a new epoch begins")
        self.kept = kept
        self.reason = reason


class SpoolBusy(EdgeError):
    """Another agent works in the folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"Another agent works in {folder}: stop it first")
        self.folder = folder


class UntrustedReceipt(EdgeError):
    """An answer is not signed by the server that this device trusts."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Untrusted receipt: {reason}; nothing was deleted")
        self.reason = reason


class FileChanged(EdgeError):
    """A file changed after it was declared."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} changed after it was offered: offer it again; the old upload ends")
        self.path = path


class FileUnreadable(EdgeError):
    """A file to upload cannot be read."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"Cannot read {path} ({reason}): check the card, then offer it again")
        self.path = path
        self.reason = reason


class UnknownItem(EdgeError):
    """No record of that name is on this device."""

    def __init__(self, cid: str) -> None:
        super().__init__(f"No record {cid} on this device: take its name from the list, or ask the device that made it")
        self.cid = cid


class NoReceipt(EdgeError):
    """The server has not signed for a record yet."""

    def __init__(self, cid: str) -> None:
        super().__init__(f"No receipt for {cid} yet: it is safe on this device and is sent as soon as there is a link")
        self.cid = cid
