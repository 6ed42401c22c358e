"""What the crew sees of the agent: plain values, read by the terminal screen and the local page."""

from dataclasses import dataclass
from typing import Final, Protocol

from domain.cid import Cid
from domain.readings import Visit
from domain.records.frame import Area, Campaign, SpeciesList

STAGES: Final = ("queued", "sent", "received", "refused", "processed", "anchored")
"""A record's way; ``received`` and later mean that the server signed for it."""


@dataclass(frozen=True, slots=True)
class ItemView:
    """One record or file on its way.

    Attributes
    ----------
    row
        Its place in the order of recording on this device.
    cid
        The record's name.
    kind, words
        Kind of record, and what is in it, in words for people: ``3 heights, 40 fixes``.
    seq
        Its number in the epoch.
    at_ms
        The device's UTC clock when it was recorded.
    stage
        One of `STAGES`.
    times_sent
        How often it was sent.
    rule, remedy
        When refused: the rule that it breaks, and what to do.
    height, anchored_ms
        When anchored: block and its time.
    size, held_ppm, name, problem
        Of a file: bytes, the part of it that the server holds, its name, why it cannot go on.
    """

    row: int
    cid: Cid
    kind: str
    words: str
    seq: int
    at_ms: int
    stage: str
    times_sent: int = 0
    rule: str | None = None
    remedy: str | None = None
    height: int | None = None
    anchored_ms: int | None = None
    size: int | None = None
    held_ppm: int | None = None
    name: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class LinkView:
    """The link to the server.

    Attributes
    ----------
    is_connected
        Whether the broker is reached now.
    broker
        Where it should be, for people.
    connections
        How often it was reached.
    silent_s
        Seconds since the server last answered; absent before it ever did.
    refusal
        Why the server does not know this device; absent while it does.
    sent_bytes, budget_bytes
        Sent this month over a metered link, and how much may be; absent where the link is not metered.
    """

    is_connected: bool
    broker: str
    connections: int
    silent_s: int | None = None
    refusal: str | None = None
    sent_bytes: int | None = None
    budget_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class HealthView:
    """The device itself.

    Attributes
    ----------
    battery_percent, is_charging
        Absent where there is no battery to be read.
    disk_free_bytes
        Left where the spool is.
    memory_bytes
        Resident memory of the agent.
    satellites_used, satellites_seen, quality, hdop_c
        Of the GNSS receiver, when there is one; see `firmware_bridge.driver.SkyView`.
    alarms
        What somebody should do now, most urgent first, in words with the remedy: disk nearly full, clock wrong by
        years, spool was damaged.
    """

    disk_free_bytes: int
    memory_bytes: int
    battery_percent: int | None = None
    is_charging: bool | None = None
    satellites_used: int | None = None
    satellites_seen: int | None = None
    quality: int | None = None
    hdop_c: int | None = None
    alarms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything at a glance.

    Attributes
    ----------
    org, device, campaign
        Who measures, with what, for which campaign.
    counts
        Records at each of `STAGES`.
    readings
        Readings recorded.
    skipped
        Device lines that gave no reading.
    files, files_whole
        Files offered, and those that the server has whole.
    link, health
        The link, and the device.
    """

    org: str
    device: str
    campaign: str
    counts: dict[str, int]
    readings: int
    skipped: int
    files: int
    files_whole: int
    link: LinkView
    health: HealthView


@dataclass(frozen=True, slots=True)
class FrameView:
    """What came down from the organisation.

    Attributes
    ----------
    campaigns, areas, species
        The newest of each id.
    """

    campaigns: tuple[Campaign, ...] = ()
    areas: tuple[Area, ...] = ()
    species: tuple[SpeciesList, ...] = ()


class Desk(Protocol):
    """Where the crew's screen and page ask and enter; every call is quick and none waits for the link."""

    def overview(self) -> Overview:
        """Return everything at a glance."""
        ...

    def items(self, *, stage: str | None = None, before: int | None = None, limit: int = 50) -> tuple[ItemView, ...]:
        """Return records, newest first: at one stage or all, of rows below `before`."""
        ...

    def files(
        self, *, is_whole: bool | None = None, before: int | None = None, limit: int = 50
    ) -> tuple[ItemView, ...]:
        """Return files, newest first, of rows below `before`: that the server has whole, that it has not, or all.

        However many records lie between them.
        """
        ...

    def item(self, cid: Cid) -> ItemView:
        """Return one record; `edge.errors.UnknownItem` when this device has none of that name."""
        ...

    def receipt(self, cid: Cid) -> bytes:
        """Return the server's signed receipt for a record as a message of envelopes, to be saved as proof.

        Raises
        ------
        edge.errors.UnknownItem
            When this device has no such record.
        edge.errors.NoReceipt
            When the server has not signed for it yet.
        """
        ...

    def receipts(self) -> bytes:
        """Return every receipt that this device holds, as a CBOR sequence (RFC 8742) of messages of envelopes."""
        ...

    def acknowledge(self, cid: Cid) -> None:
        """Take a refused record off the crew's list: they have read it; its bytes stay in the spool."""
        ...

    def frames(self) -> FrameView:
        """Return campaigns, plots and species lists."""
        ...

    def enter(self, visit: Visit) -> Cid:
        """Record what the crew entered and return the record's name; it is on the disk then, link or none."""
        ...

    def visits(self, tree: str) -> tuple[tuple[ItemView, Visit], ...]:
        """Return what this device recorded of a tree (17 symbols), newest first."""
        ...
