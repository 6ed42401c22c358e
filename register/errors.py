"""Failures of the register.

::

    CecError
    +-- RegisterError
        +-- TreeNotFound           no record of this code is indexed
        +-- RecordNotFound         no record of this CID is indexed
        +-- NotAnchored            the record is known, no anchor holds it yet
        +-- InvalidCursor          a page was asked for by a cursor that this register did not give
        +-- RegisterUnavailable    the database cannot do what was asked now
        |   +-- RegisterUnreachable    nothing answers, or the connection was lost
        |   +-- RegisterBusy           others held it for too long
        |   +-- RegisterFull           its disk is full
        +-- RegisterUnusable       this database cannot serve until a person acts
            +-- InvalidRegisterUrl     text is not an address of a register
            +-- AccessRefused          the database does not let this user in, or do this
            +-- ExtensionMissing       the database has no PostGIS
            +-- RegisterTooNew         newer software has migrated it
            +-- RegisterDamaged        the file is not a whole SQLite database

An address in a message never holds a password.
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


class RegisterUnavailable(RegisterError):
    """The database cannot do what was asked now; the same may succeed later."""


class RegisterUnreachable(RegisterUnavailable):
    """Nothing answers at the register's address, or the connection was lost on the way."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"No register at {address}: {reason}; start the database, or check host, port and network")
        self.address = address
        self.reason = reason


class RegisterBusy(RegisterUnavailable):
    """Others held what was needed for longer than this register waits."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"The register at {address} is busy: {reason}; try again, or give the database more room")
        self.address = address
        self.reason = reason


class RegisterFull(RegisterUnavailable):
    """The disk that holds the register is full."""

    def __init__(self, address: str) -> None:
        super().__init__(f"No room on the disk of the register at {address}: free some; nothing was half written")
        self.address = address


class RegisterUnusable(RegisterError):
    """Someone must act before this database can serve as a register."""


class InvalidRegisterUrl(RegisterUnusable):
    """Text is not an address of a register; the text itself is not kept, since it may hold a password."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"Invalid register address: {reason}; give sqlite:PATH or postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
        )
        self.reason = reason


class AccessRefused(RegisterUnusable):
    """The database does not let this user in, or does not let it do what a register needs."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"The database at {address} refuses: {reason}; check user, password and database name, "
            "and that the user owns the database"
        )
        self.address = address
        self.reason = reason


class ExtensionMissing(RegisterUnusable):
    """The database has no PostGIS, and this user cannot add it."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"No PostGIS in the database at {address}: {reason}; install it on the server and let its administrator "
            "run CREATE EXTENSION postgis there"
        )
        self.address = address
        self.reason = reason


class RegisterTooNew(RegisterUnusable):
    """Newer software has migrated this register to a schema that this one does not know."""

    def __init__(self, address: str, revision: str) -> None:
        super().__init__(
            f"Invalid schema {revision!r} of the register at {address}: newer software made it; update this one, "
            "or let it make a register of its own from the records"
        )
        self.address = address
        self.revision = revision


class RegisterDamaged(RegisterUnusable):
    """The file is not a whole SQLite database."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"The register {address} is damaged: {reason}; move the file away and index the records again")
        self.address = address
        self.reason = reason
