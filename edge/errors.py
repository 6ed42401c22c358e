"""Failures of the agent.

::

    CecError
    +-- EdgeError
        +-- NotEnrolled        the folder holds no enrolment of this device
        +-- KeyMissing         the folder holds no key
        +-- FolderUnusable     a file of the device's folder cannot be read or written
        +-- WrongEnrolment     the enrolment is of another device or key
        +-- SpoolDamaged       the spool's file was damaged; what is whole in it was taken over
        +-- SpoolUnreadable    the spool cannot be read now
        +-- SpoolBusy          another agent works in the folder
        +-- UntrustedReceipt   an answer is not signed by the server that this device trusts
        +-- UntrustedFrame     a campaign, plot or species list is not the organisation's, or too many
        +-- FileChanged        a file changed after it was declared
        +-- FileUnreadable     a file to upload cannot be read
        +-- UnknownItem        this device has no record of that name
        +-- NoReceipt          the server has not signed for a record yet
        +-- CannotRecord       nothing can be recorded now; what was tried can be tried again
        |   +-- DiskFull       there is no room
        |   +-- SpoolLocked    another process of this device writes for too long
        +-- InvalidPort        a port's setting cannot be read
        +-- InvalidSetting     a setting of the agent does not fit
        +-- TlsUnusable        certificates or keys cannot be used
        +-- NothingToClose     the epoch holds no record yet
        +-- RotationIncomplete one half of a rotation is still to come
        +-- NoNextKey          a rotation came, but no next key was made here
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


class KeyMissing(EdgeError):
    """The folder holds no key; another one would be another identity."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"No key {path}: put the device's key back, or make another with `cec edge key` and have that enrolled"
        )
        self.path = path


class FolderUnusable(EdgeError):
    """A file of the device's folder cannot be read or written."""

    def __init__(self, path: Path, reason: str, remedy: str) -> None:
        super().__init__(f"Cannot use {path} ({reason}): {remedy}")
        self.path = path
        self.reason = reason
        self.remedy = remedy


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


class SpoolUnreadable(EdgeError):
    """The spool cannot be read now."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The spool cannot be read ({reason}): try again; if it stays so, start the agent anew: it saves what is "
            "whole"
        )
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


class UntrustedFrame(EdgeError):
    """A campaign, plot or species list is not the organisation's, or there are too many."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Untrusted frame record: {reason}; what the device held before still holds")
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


class CannotRecord(EdgeError):
    """Nothing can be recorded now; what was tried is not, and can be tried again."""


class SpoolLocked(CannotRecord):
    """Another process of this device writes for too long."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Cannot record ({reason}): end other commands that work in the device's folder")
        self.reason = reason


class DiskFull(CannotRecord):
    """There is no room to record anything; what was being recorded is not."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Cannot record ({reason}): delete files that are no longer needed from the device's disk")
        self.reason = reason


class InvalidPort(EdgeError):
    """A port's setting cannot be read."""

    def __init__(self, given: str) -> None:
        super().__init__(
            f"Invalid port {given[:200]!r}: expected NAME=DRIVER@ADDRESS, such as "
            "laser=trupulse@serial:/dev/ttyUSB0@38400"
        )
        self.given = given


class TlsUnusable(EdgeError):
    """Certificates or keys cannot be used."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Cannot use the certificates ({reason}): check the files given for TLS")
        self.reason = reason


class NothingToClose(EdgeError):
    """The epoch holds no record yet."""

    def __init__(self) -> None:
        super().__init__("Nothing to close: this device has recorded nothing in this epoch")


class NoNextKey(EdgeError):
    """A rotation came, but it is not to the key that was made here for it."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"Invalid rotation: {reason}; make the next key with `cec edge rotate` and let the organisation sign that"
        )
        self.reason = reason


class RotationIncomplete(EdgeError):
    """One half of a rotation is still to come; what came is kept."""

    def __init__(self, missing: str) -> None:
        super().__init__(f"The rotation is not whole: import the {missing} too; until then the present key signs")
        self.missing = missing


class InvalidSetting(EdgeError):
    """A setting of the agent does not fit."""

    def __init__(self, name: str, given: str, rule: str) -> None:
        super().__init__(f"Invalid {name} {given[:200]!r}: {rule}")
        self.name = name
        self.given = given
        self.rule = rule
