"""What a device signs: observations, clouds it holds, and the ends of its sequence."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from domain.cid import Cid
from domain.quantities import Count, DurationMs, Id, Name, Sequence, Text, UtcMs, Uuid
from domain.readings import GnssFix, GnssMean, HeightShot, MissingLine, Note, Photo, StemDiameter, Visit
from domain.schema import Length, OneOf

MAX_READINGS = 200
"""Readings in one envelope: one signature for up to 200, within a message of 256 KiB."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands in its device's sequence; every field record has one.

    Attributes
    ----------
    epoch
        Random id, new whenever the device cannot vouch for its counter.
    seq
        From 0 in each epoch; `(device, epoch, seq)` names one body only.
    prev
        The record before it; absent in the first of a device's life.
    at_ms
        The device's UTC clock; may be wrong and never decides.
    boot
        Random id of the device's boot.
    mono_ms
        Monotonic clock since that boot.
    gnss_at_ms
        UTC by the satellites, if seen.
    """

    epoch: Uuid
    seq: Sequence
    at_ms: UtcMs
    boot: Uuid
    mono_ms: DurationMs
    prev: Cid | None = None
    gnss_at_ms: UtcMs | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """Up to 200 readings of a device.

    Attributes
    ----------
    org, device, campaign
        Who measured, with what, for which campaign.
    place
        Where it stands in the device's sequence.
    readings
        In the order taken.
    """

    KIND: ClassVar[str] = "observation"

    org: Id
    device: Id
    campaign: Id
    place: Place
    readings: Annotated[
        tuple[GnssFix | GnssMean | HeightShot | MissingLine | StemDiameter | Photo | Visit | Note, ...],
        Length(1, MAX_READINGS),
    ]


@dataclass(frozen=True, slots=True)
class Blob:
    """A file that the device holds and will upload: a point cloud, a photo.

    Attributes
    ----------
    org, device, campaign
        Who holds it, on what, for which campaign.
    place
        Where it stands in the device's sequence.
    root
        UnixFS root of the file under `profile`.
    size
        Bytes of the file.
    profile
        How the file was cut into blocks.
    media
        Media type, such as ``application/vnd.laszip``.
    name
        File name on the device, for people.
    crs
        CRS that the crew states for a cloud: ``EPSG:n``, ``local:m`` or WKT; absent: the file's own.
    scanned
        How a cloud was taken; absent: from the air.
    """

    KIND: ClassVar[str] = "blob"

    org: Id
    device: Id
    campaign: Id
    place: Place
    root: Cid
    size: Count
    media: Name
    profile: Annotated[str, OneOf(("unixfs-v1-2025",))] = "unixfs-v1-2025"
    name: Name | None = None
    crs: Text | None = None
    scanned: Annotated[str, OneOf(("airborne", "drone", "terrestrial", "mobile"))] | None = None


@dataclass(frozen=True, slots=True)
class Birth:
    """First record of an epoch: the device says that it begins to count, and from what.

    Attributes
    ----------
    org, device
        Who begins.
    place
        Its place: seq 0.
    software
        Name and version of the agent.
    last
        Last record that the device remembers of the epoch before; absent when it remembers none.
    """

    KIND: ClassVar[str] = "birth"

    org: Id
    device: Id
    place: Place
    software: Name
    last: Cid | None = None


@dataclass(frozen=True, slots=True)
class Close:
    """Last record of a campaign day: signs how far the sequence goes, so that a withheld tail shows.

    Attributes
    ----------
    org, device
        Who closes.
    place
        Its place.
    last_seq, last
        Sequence number and CID of the record before it.
    campaign
        Which campaign it closes; absent: the epoch.
    """

    KIND: ClassVar[str] = "close"

    org: Id
    device: Id
    place: Place
    last_seq: Sequence
    last: Cid
    campaign: Id | None = None
