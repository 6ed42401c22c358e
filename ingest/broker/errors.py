"""Failures around brokers: certificates, shards, and the doors that let devices in.

::

    IngestError
    +-- CertificateUnusable   a certificate, key or revocation list cannot be used
    +-- InvalidShards         a share of the devices that does not exist
    +-- SubscriptionRefused   the broker does not let this server listen
    +-- MalformedPacket       a packet of a device is not MQTT 3.1.1, or not what is spoken here
    +-- DoorRefused           the broker did not let a device in or out
    +-- DeviceNameTaken       another organisation's device bears the name
"""

from pathlib import Path

from ingest.errors import IngestError


class CertificateUnusable(IngestError):
    """A certificate, key or revocation list cannot be used."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"Invalid certificate or key {path} ({reason}): check the file, or issue it again")
        self.path = path
        self.reason = reason


class InvalidShards(IngestError):
    """A share of the devices that does not exist."""

    def __init__(self, index: int, of: int, most: int) -> None:
        super().__init__(f"Invalid share {index} of {of}: expected 0 <= share < count, and a count of 1 to {most}")
        self.index = index
        self.of = of


class SubscriptionRefused(IngestError):
    """The broker does not let this server listen."""

    def __init__(self, filters: tuple[str, ...]) -> None:
        super().__init__(
            f"The broker refused {len(filters)} subscriptions, the first to {filters[0]}: "
            "give this server's login or certificate the right to read what devices send"
        )
        self.filters = filters


class MalformedPacket(IngestError):
    """A packet of a device is not MQTT 3.1.1, or not what is spoken here."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid packet: {reason}")
        self.reason = reason


class DoorRefused(IngestError):
    """The broker did not let a device in or out."""

    def __init__(self, device: str, reason: str) -> None:
        super().__init__(f"The broker did not change what {device!r} may do ({reason}): see its log, then try again")
        self.device = device
        self.reason = reason


class DeviceNameTaken(IngestError):
    """Another organisation's device bears the name."""

    def __init__(self, device: str, org: str) -> None:
        super().__init__(f"Device name {device!r} is taken on this broker by organisation {org!r}: rename one of them")
        self.device = device
        self.org = org
