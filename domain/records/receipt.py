"""What the server signs for a device: what is on its disk, and what it refused and why."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from domain.cid import Cid
from domain.quantities import Count, Digest, DurationMs, Id, Name, Sequence, Text, UtcMs, Uuid
from domain.schema import Length, OneOf

MAX_ITEMS = 400
"""Answers in one receipt: within a message of 256 KiB at about 200 bytes each."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one record.

    Attributes
    ----------
    record
        CID of the bytes as they came (codec raw when they were no record at all).
    verdict
        ``stored``: on the server's disk, the device may delete it. ``refused``: kept in quarantine.
    epoch, seq
        Which number of the device it used, when it could be read.
    reason
        Name of the rule that was broken.
    remedy
        What the crew can do.
    """

    record: Cid
    verdict: Annotated[str, OneOf(("stored", "refused"))]
    epoch: Uuid | None = None
    seq: Sequence | None = None
    reason: Name | None = None
    remedy: Text | None = None


@dataclass(frozen=True, slots=True)
class UploadState:
    """What the server holds of an upload.

    Attributes
    ----------
    root
        The file.
    frames
        Frames of the whole upload.
    held
        One bit a frame (docs/formats.md, "Upload"); absent once it is whole.
    is_whole
        Whether every block is stored and the file may be deleted.
    """

    root: Cid
    frames: Count
    is_whole: bool
    held: Annotated[bytes, Length(1, 131_072)] | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stored record has come since.

    Attributes
    ----------
    record
        Which.
    stage
        ``processed``: the line has taken it up (its blocks are stored; a cloud was surveyed). ``anchored``: its CID is
        a leaf under a root that stands on the chain.
    root, height
        Of the anchor: Merkle root and block.
    at_ms
        That block's time.
    """

    record: Cid
    stage: Annotated[str, OneOf(("processed", "anchored"))]
    root: Digest | None = None
    height: Count | None = None
    at_ms: UtcMs | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The server's signed answer to a device.

    Attributes
    ----------
    org, device
        To whom.
    at_ms
        The server's UTC clock.
    answers, uploads
        About records, and about uploads.
    progress
        About records that were stored earlier, when the device asked.
    pause_ms
        How long the device should rest before it sends more: the server has more in hand than it can take.
    """

    KIND: ClassVar[str] = "receipt"

    org: Id
    device: Id
    at_ms: UtcMs
    answers: Annotated[tuple[Answer, ...], Length(1, MAX_ITEMS)] | None = None
    uploads: Annotated[tuple[UploadState, ...], Length(1, 64)] | None = None
    progress: Annotated[tuple[Progress, ...], Length(1, MAX_ITEMS)] | None = None
    pause_ms: DurationMs | None = None
