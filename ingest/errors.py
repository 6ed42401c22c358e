"""Failures of the server.

::

    CecError
    +-- IngestError
        +-- Refusal                 a record or frame that is not taken; it is kept and answered
        |   +-- NotARecord          the bytes are no envelope
        |   +-- ForeignTopic        the record is another device's than the topic says
        |   +-- KindNotTaken        the kind is not one that a device may send here
        |   +-- UnknownOrganisation the organisation is not one of this server's
        |   +-- UnknownKey          no enrolment of this organisation holds the key
        |   +-- KeyRevoked          the key was revoked
        |   +-- KeyRetired          the key was rotated, and its successor has taken over
        |   +-- SequenceConflict    another record was received under the same number
        |   +-- WrongIngestKey      the enrolment pins another server's key
        |   +-- UndeclaredUpload    no blob record of this organisation declares the file
        |   +-- DamagedFrame        a block of an upload is not what its parent names
        |   +-- UploadTooLarge      the file is larger than this server takes
        +-- MalformedConnect        the first packet of a connection is not MQTT 3.1.1's CONNECT
        +-- PacketTooLarge          a packet is larger than any message
        +-- LoginRefused            a client may not connect
        +-- BrokerPortTaken         the embedded broker's port cannot be had
        +-- JournalDamaged          the journal's file cannot be read
        +-- NoJournal               there is no journal at a path
        +-- JournalNewer            a later version of the software has written the journal
        +-- NotQuarantined          no refused record of that name is kept
        +-- NotAdmitted             what the organisation signed was not taken
        +-- JournalUnreadable       the disk under the journal does not give what is asked
        +-- JournalUnwritable       the disk under the journal does not take a commit
        +-- JournalClosed           the journal was closed while a call waited
        +-- UploadUnwritable        the disk under the uploads does not take bytes
        +-- UnknownJob              no job of this id is there to finish
"""

from typing import ClassVar

from domain.errors import CecError


class IngestError(CecError):
    """Root of the server's failures."""


class Refusal(IngestError):
    """A record or frame that is not taken; its bytes are kept and the device is told.

    Attributes
    ----------
    remedy
        What the crew can do.
    """

    remedy: ClassVar[str] = ""


class NotARecord(Refusal):
    """The bytes are no envelope."""

    remedy = "Update the device's software; the bytes are kept on the server for whoever looks into it."

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid envelope: {reason}")
        self.reason = reason


class ForeignTopic(Refusal):
    """The record is another device's than the topic says."""

    remedy = "Check the device id in the settings of this device; it must be the one that it was enrolled under."

    def __init__(self, topic: str, org: str, device: str) -> None:
        super().__init__(f"Invalid topic {topic}: the record is of device {device!r} of organisation {org!r}")
        self.topic = topic
        self.org = org
        self.device = device


class KindNotTaken(Refusal):
    """The kind is not one that a device may send here."""

    remedy = "Only observations, blobs, births and closes are sent by devices; results are signed on the server."

    def __init__(self, kind: str) -> None:
        super().__init__(f"Invalid record kind {kind!r} on a device's topic")
        self.kind = kind


class UnknownOrganisation(Refusal):
    """The organisation is not one of this server's."""

    remedy = "Ask the server's operator to register the organisation, or point the device at the right server."

    def __init__(self, org: str) -> None:
        super().__init__(f"Unknown organisation {org!r}")
        self.org = org


class UnknownKey(Refusal):
    """No enrolment of this organisation holds the key."""

    remedy = "Enrol the device: the organisation signs its key, then the device sends its records again."

    def __init__(self, device: str, key: str) -> None:
        super().__init__(f"Unknown key {key} of device {device!r}")
        self.device = device
        self.key = key


class KeyRevoked(Refusal):
    """The key was revoked."""

    remedy = "Ask the organisation; a person may admit these records from quarantine, the device needs a new key."

    def __init__(self, device: str, key: str) -> None:
        super().__init__(f"Revoked key {key} of device {device!r}")
        self.device = device
        self.key = key


class KeyRetired(Refusal):
    """The key was rotated, and its successor has taken over."""

    remedy = "Sign with the new key; a person may admit from quarantine what the old one signed before it was rotated."

    def __init__(self, device: str, key: str) -> None:
        super().__init__(f"Retired key {key} of device {device!r}: its successor has signed already")
        self.device = device
        self.key = key


class SequenceConflict(Refusal):
    """Another record was received under the same number."""

    remedy = "The card may have been copied: check which device wrote what; the first record under a number stays."

    def __init__(self, device: str, seq: int, first: str) -> None:
        super().__init__(f"Invalid sequence number {seq} of device {device!r}: {first} was received under it")
        self.device = device
        self.seq = seq
        self.first = first


class WrongIngestKey(Refusal):
    """The enrolment pins another server's key."""

    remedy = "Enrol the device again with this server's key, or point it at the server it was enrolled for."

    def __init__(self, device: str) -> None:
        super().__init__(f"Invalid enrolment of device {device!r}: it trusts the receipts of another server")
        self.device = device


class UndeclaredUpload(Refusal):
    """No blob record of this organisation declares the file."""

    remedy = "Send the blob record first; the frames are taken after it was received."

    def __init__(self, root: str) -> None:
        super().__init__(f"Unknown upload {root}")
        self.root = root


class DamagedFrame(Refusal):
    """A block of an upload is not what its parent names."""

    remedy = "The block's frames are asked for again; if it repeats, the file changed since it was declared."

    def __init__(self, root: str, block: int) -> None:
        super().__init__(f"Invalid block {block} of upload {root}: its bytes are not those that the file names")
        self.root = root
        self.block = block


class UploadTooLarge(Refusal):
    """The file is larger than this server takes."""

    remedy = "Split the cloud in tiles, or ask the server's operator for a larger limit."

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"Invalid upload of {size} bytes: this server takes at most {limit}")
        self.size = size
        self.limit = limit


class MalformedConnect(IngestError):
    """The first packet of a connection is not MQTT 3.1.1's CONNECT."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid CONNECT: {reason}")
        self.reason = reason


class PacketTooLarge(IngestError):
    """A packet is larger than any message."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"Invalid packet of {size} bytes: at most {limit}")
        self.size = size
        self.limit = limit


class LoginRefused(IngestError):
    """A client may not connect."""

    def __init__(self, client_id: str, reason: str) -> None:
        super().__init__(f"Refused login of {client_id[:64]!r}: {reason}")
        self.client_id = client_id
        self.reason = reason


class BrokerPortTaken(IngestError):
    """The embedded broker's port cannot be had."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(
            f"The broker cannot listen on {host}:{port} ({reason}): stop what holds it, or choose another (0: any)"
        )
        self.host = host
        self.port = port
        self.reason = reason


class JournalDamaged(IngestError):
    """The journal's file cannot be read."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"Journal {path} is damaged ({reason}): keep a copy, restore the last backup, start again")
        self.path = path
        self.reason = reason


class NoJournal(IngestError):
    """There is no journal at a path."""

    def __init__(self, path: str) -> None:
        super().__init__(f"No journal at {path}: name the data folder of a server that has run (`--data`)")
        self.path = path


class JournalNewer(IngestError):
    """A later version of the software has written the journal."""

    def __init__(self, path: str, found: int, known: int) -> None:
        super().__init__(
            f"Journal {path} is of version {found}, this software knows {known}: install the newer software; "
            "nothing was changed"
        )
        self.path = path
        self.found = found
        self.known = known


class NotQuarantined(IngestError):
    """No refused record of that name is kept."""

    def __init__(self, cid: str) -> None:
        super().__init__(f"No record {cid} in quarantine: `cec quarantine list` names those that are")
        self.cid = cid


class NotAdmitted(IngestError):
    """What the organisation signed was not taken."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(f"Invalid {kind}: {reason or 'quarantine is full; look at it first'}")
        self.kind = kind
        self.reason = reason


class JournalUnreadable(IngestError):
    """The disk under the journal does not give what is asked."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"Journal {path} cannot be read ({reason}): look at its disk, then try again")
        self.path = path
        self.reason = reason


class JournalUnwritable(IngestError):
    """The disk under the journal does not take a commit."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"Journal {path} cannot be written ({reason}): free or replace its disk; devices keep what was not answered"
        )
        self.path = path
        self.reason = reason


class UploadUnwritable(IngestError):
    """The disk under the uploads does not take bytes."""

    def __init__(self, root: str, reason: str) -> None:
        super().__init__(
            f"Upload {root} cannot be written ({reason}): free or replace the disk; the device sends the frames again"
        )
        self.root = root
        self.reason = reason


class JournalClosed(IngestError):
    """The journal was closed while a call waited."""

    def __init__(self) -> None:
        super().__init__("The journal was closed; what was not answered will be sent again")


class UnknownJob(IngestError):
    """No job of this id is there to finish."""

    def __init__(self, job: str) -> None:
        super().__init__(f"No job {job!r} in hand: it was finished or never queued")
        self.job = job
