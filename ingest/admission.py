"""Which records are taken: a decision on values, without I/O.

The journal asks `judge` inside its transaction and gives it what it knows (`Standing`). Order is never by clock, and
time never refuses a record. Numbers of refused records count as used.
"""

from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from domain.cid import RAW, Cid
from domain.envelope import FieldBody, Record, open_envelope
from domain.errors import CecError
from domain.keys import PublicKey
from domain.records.field import Birth, Blob, Close, Observation
from domain.records.membership import Enrol, Revoke, Rotate
from domain.topics import Topic
from ingest.errors import (
    ForeignTopic,
    KeyRetired,
    KeyRevoked,
    KindNotTaken,
    NotARecord,
    Refusal,
    SequenceConflict,
    UnknownKey,
    UnknownOrganisation,
    UploadTooLarge,
    WrongIngestKey,
)

Membership: TypeAlias = Enrol | Rotate | Revoke
FIELD_BODIES: Final = (Observation, Blob, Birth, Close)


class Standing(Protocol):
    """What the journal knows when a record comes."""

    def organisation_key(self, org: str) -> bytes | None:
        """Return the record key of an organisation, if it is one of this server's."""
        ...

    def is_revoked(self, org: str, device: str, key: bytes) -> bool | None:
        """Tell whether a device's key was revoked; nothing when it was never enrolled."""
        ...

    def is_retired(self, body: FieldBody, key: bytes) -> bool:
        """Tell whether a rotated key may no longer sign under the number of `body`.

        It finishes what it began: epochs that were received before its successor signed, below the number where that
        one took over.
        """
        ...

    def record_at(self, body: FieldBody) -> Cid | None:
        """Return the record that was received under the number of `body`, if any."""
        ...

    def successor_of(self, body: FieldBody, prev: Cid) -> Cid | None:
        """Return the record of the same device that was received with this `prev`, if any."""
        ...


@dataclass(frozen=True, slots=True)
class Policy:
    """What this server takes.

    Attributes
    ----------
    ingest_key
        Its own key, that enrolments must pin.
    max_upload_bytes
        Largest file.
    """

    ingest_key: PublicKey
    max_upload_bytes: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """Bytes that came, read once outside any transaction.

    Attributes
    ----------
    topic
        On which topic.
    raw
        The bytes.
    record
        The record, or why it is none.
    """

    topic: Topic
    raw: bytes
    record: Record | NotARecord

    @property
    def cid(self) -> Cid:
        """Name of the bytes: the record's, or that of the raw bytes when they are none."""
        return self.record.cid if isinstance(self.record, Record) else Cid.of(RAW, self.raw)


def read_arrival(topic: Topic, raw: bytes) -> Arrival:
    """Return bytes as a record, or with the reason why they are none."""
    try:
        return Arrival(topic, raw, open_envelope(raw))
    except CecError as error:
        return Arrival(topic, raw, NotARecord(str(error)))


@dataclass(frozen=True, slots=True)
class Verdict:
    """A record is to be taken.

    Attributes
    ----------
    record
        Which.
    alarms
        What a person should look at, in words.
    """

    record: Record
    alarms: tuple[str, ...] = ()


def judge(arrival: Arrival, standing: Standing, policy: Policy) -> Verdict:
    """Return the record that is to be taken, with the alarms that it raises.

    Raises
    ------
    Refusal
        By the rule that it breaks.
    """
    record = arrival.record
    if isinstance(record, NotARecord):
        raise record
    body = record.body
    if isinstance(body, Membership):
        _judge_membership(arrival.topic, record, standing, policy)
        return Verdict(record)
    if not isinstance(body, FIELD_BODIES):
        raise KindNotTaken(record.kind)
    _check_topic(arrival.topic, body.org, body.device)
    _check_key(record, body, standing)
    _check_number(record, body, standing)
    if isinstance(body, Blob) and body.size > policy.max_upload_bytes:
        raise UploadTooLarge(body.size, policy.max_upload_bytes)
    return Verdict(record, _list_alarms(record, body, standing))


def _judge_membership(topic: Topic, record: Record, standing: Standing, policy: Policy) -> None:
    body = record.body
    if not isinstance(body, Membership):
        raise KindNotTaken(record.kind)
    _check_topic(topic, body.org, body.device)
    org_key = standing.organisation_key(body.org)
    if org_key is None:
        raise UnknownOrganisation(body.org)
    if record.key.raw != org_key:
        raise UnknownKey(body.device, str(record.key))
    if isinstance(body, Enrol) and body.ingest_key != policy.ingest_key.raw:
        raise WrongIngestKey(body.device)


def _check_topic(topic: Topic, org: str, device: str) -> None:
    if (topic.org, topic.device) != (org, device):
        raise ForeignTopic(str(topic), org, device)


def _check_key(record: Record, body: FieldBody, standing: Standing) -> None:
    if standing.organisation_key(body.org) is None:
        raise UnknownOrganisation(body.org)
    revoked = standing.is_revoked(body.org, body.device, record.key.raw)
    if revoked is None:
        raise UnknownKey(body.device, str(record.key))
    if revoked:
        raise KeyRevoked(body.device, str(record.key))
    if standing.is_retired(body, record.key.raw):
        raise KeyRetired(body.device, str(record.key))


def _check_number(record: Record, body: FieldBody, standing: Standing) -> None:
    first = standing.record_at(body)
    if first is not None and first != record.cid:
        raise SequenceConflict(body.device, body.place.seq, str(first))


def _list_alarms(record: Record, body: FieldBody, standing: Standing) -> tuple[str, ...]:
    if body.place.prev is None:
        return ()
    other = standing.successor_of(body, body.place.prev)
    if other is None or other == record.cid:
        return ()
    return (f"two successors of {body.place.prev}: {other} and {record.cid}; the device's card may have been copied",)


def describe(refusal: Refusal) -> tuple[str, str]:
    """Return a refusal's rule and its words, as answers and quarantine carry them."""
    return type(refusal).__name__, str(refusal)
