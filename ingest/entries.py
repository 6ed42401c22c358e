"""Plain values that the journal gives out."""

from dataclasses import dataclass

from domain.cid import Cid


@dataclass(frozen=True, slots=True)
class Entry:
    """An admitted record.

    Attributes
    ----------
    row
        Its place in the order of admission, from 1.
    cid
        Its name.
    kind
        Its kind.
    raw
        Its envelope.
    """

    row: int
    cid: Cid
    kind: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Job:
    """Work that survives a restart and whose output is committed once.

    Attributes
    ----------
    id
        Names the work: the same work has the same id whoever queues it, and however often.
    kind
        Which worker does it.
    payload
        Canonical DAG-CBOR that only the worker reads.
    attempts
        How often it was begun.
    """

    id: str
    kind: str
    payload: bytes
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class UploadEntry:
    """An upload that a blob record declared.

    Attributes
    ----------
    org, device
        Whose.
    root
        The file.
    record
        The blob record.
    size
        Bytes of the file.
    held
        One bit a frame, those that are on the disk.
    is_whole
        Whether every block is in the block store.
    """

    org: str
    device: str
    root: Cid
    record: Cid
    size: int
    held: bytes
    is_whole: bool


@dataclass(frozen=True, slots=True)
class QuarantineEntry:
    """A refused record, kept.

    Attributes
    ----------
    cid
        Of the bytes as they came.
    org, device
        On whose topic.
    rule, reason
        What was broken.
    at_ms
        When it came first.
    raw
        The bytes.
    """

    cid: Cid
    org: str
    device: str
    rule: str
    reason: str
    at_ms: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class JournalCounts:
    """How much the journal holds.

    Attributes
    ----------
    records
        Admitted records of all kinds.
    observations
        Those that are observations.
    trees
        Those that are trees.
    quarantined
        Refused records kept.
    alarms
        Alarms raised.
    uploads_whole
        Uploads whose every block is stored.
    jobs_waiting, jobs_failed
        Jobs to be done, and given up.
    """

    records: int
    observations: int
    trees: int
    quarantined: int
    alarms: int
    uploads_whole: int
    jobs_waiting: int
    jobs_failed: int


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a record stands on the chain.

    Attributes
    ----------
    root
        The anchored root above it, 32 bytes.
    height, time_ms
        Block, and that block's UTC time.
    """

    root: bytes
    height: int
    time_ms: int
