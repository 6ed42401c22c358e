"""What an organisation signs about keys: a device's enrolment, its new key, its end."""

from dataclasses import dataclass
from typing import ClassVar

from domain.quantities import Id, KeyBytes, Text, UtcMs


@dataclass(frozen=True, slots=True)
class Enrol:
    """A device belongs to an organisation and signs with a key.

    Attributes
    ----------
    org, device
        Who takes in whom.
    key
        The device's public key.
    ingest_key
        Key whose receipts the device must trust; pinned at enrolment.
    at_ms
        When the organisation signed.
    """

    KIND: ClassVar[str] = "enrol"

    org: Id
    device: Id
    key: KeyBytes
    ingest_key: KeyBytes
    at_ms: UtcMs


@dataclass(frozen=True, slots=True)
class Rotate:
    """A device's next key; its id stays.

    Attributes
    ----------
    org, device
        Whose key changes.
    old_key, new_key
        From which, to which.
    at_ms
        When the organisation signed.
    """

    KIND: ClassVar[str] = "rotate"

    org: Id
    device: Id
    old_key: KeyBytes
    new_key: KeyBytes
    at_ms: UtcMs


@dataclass(frozen=True, slots=True)
class Revoke:
    """A device's key signs no more; what it still sends goes to quarantine.

    Attributes
    ----------
    org, device
        Whose key ends.
    key
        Which key.
    reason
        Why: lost, stolen, retired.
    at_ms
        When the organisation signed.
    """

    KIND: ClassVar[str] = "revoke"

    org: Id
    device: Id
    key: KeyBytes
    reason: Text
    at_ms: UtcMs
