"""Whether all records of a device are there: gaps, forks, broken links and open ends of its sequence.

A device numbers its records from 0 in each epoch, links each to the one before, begins an epoch with a `birth` and
ends a campaign's day with a `close` that signs number and name of the last one. So whoever holds the records can tell
without trusting their keeper that none between a birth and a close is missing; after the last close nothing can be
told: later records may be withheld, or not have come yet. Pure: values in, values out.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from domain.cid import Cid
from domain.envelope import FieldBody, Record
from domain.records.field import Birth, Blob, Close, Observation

MOST_TOLD: Final = 100
"""Findings of one kind told one by one; the rest are counted."""
COMPLETE, OPEN, BROKEN = "complete", "open", "broken"


@dataclass(frozen=True, slots=True)
class Link:
    """A used number of a device.

    Attributes
    ----------
    epoch, seq
        Which.
    cid
        The record under it.
    body
        What it says; absent when it was refused and stands in quarantine.
    """

    epoch: bytes
    seq: int
    cid: Cid
    body: FieldBody | None

    @property
    def prev(self) -> Cid | None:
        """The record before it, as it says itself."""
        return None if self.body is None else self.body.place.prev

    def is_of(self, campaign: str | None) -> bool:
        """Tell whether it belongs to a campaign (or any)."""
        if not isinstance(self.body, Observation | Blob | Close):
            return False
        return campaign is None or self.body.campaign == campaign


@dataclass(slots=True)
class EpochAudit:
    """One epoch of a device.

    Attributes
    ----------
    epoch
        Its id, hexadecimal.
    records, refused
        Numbers with a record, and numbers whose record was refused (its bytes are in quarantine).
    last_seq
        The highest number.
    missing
        Runs of numbers that nothing was received under, both ends inclusive.
    findings
        Broken links, forks, closes that say otherwise, in words.
    closed_seq
        Number of the last close; absent when there is none.
    """

    epoch: str
    records: int = 0
    refused: int = 0
    last_seq: int = -1
    missing: list[tuple[int, int]] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    closed_seq: int | None = None

    @property
    def verdict(self) -> str:
        """``complete``, ``open`` (whole so far, no close after the last record) or ``broken``."""
        if self.missing or self.findings:
            return BROKEN
        return COMPLETE if self.closed_seq == self.last_seq else OPEN


@dataclass(frozen=True, slots=True)
class Audit:
    """What the records of a device show.

    Attributes
    ----------
    epochs
        In the order in which they were first received.
    of_campaign
        Records of the campaign asked about (of any, when none was named).
    findings
        What joins epochs wrongly, in words.
    """

    epochs: tuple[EpochAudit, ...]
    of_campaign: int
    findings: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """``complete``, ``open`` or ``broken``: that of the epochs together.

        An epoch that another follows needs no close: the birth of the next links its last record.
        """
        verdicts = [epoch.verdict for epoch in self.epochs]
        if self.findings or BROKEN in verdicts or not verdicts:
            return BROKEN
        return verdicts[-1]


def audit_links(links: Iterable[Link], *, campaign: str | None = None) -> Audit:
    """Return what a device's numbers show.

    Parameters
    ----------
    links
        All of one device: epochs in the order of first receipt, numbers rising within each.
    campaign
        Of which campaign records are counted.
    """
    chain = _Chain(campaign)
    epochs = tuple(_audit_epoch(epoch, list(part), chain) for epoch, part in groupby(links, lambda link: link.epoch))
    return Audit(epochs, chain.of_campaign, tuple(_cap(chain.list_findings())))


def list_links(records: Iterable[Record]) -> Iterator[Link]:
    """Yield the links of records that one device signed, epochs in the order of their first record here."""
    by_epoch: dict[bytes, list[Link]] = {}
    for record in records:
        body = record.body
        if isinstance(body, FieldBody):
            link = Link(body.place.epoch, body.place.seq, record.cid, body)
            by_epoch.setdefault(body.place.epoch, []).append(link)
    for links in by_epoch.values():
        yield from sorted(links, key=lambda link: link.seq)


@dataclass(slots=True)
class _Chain:
    """What is known across epochs."""

    campaign: str | None
    of_campaign: int = 0
    ends: set[Cid] = field(default_factory=set)
    successors: dict[Cid, Cid] = field(default_factory=dict)
    forks: list[str] = field(default_factory=list)
    begins: list[tuple[str, Cid]] = field(default_factory=list)

    def take(self, link: Link) -> None:
        """Take one record in."""
        self.of_campaign += link.is_of(self.campaign)
        if link.prev is None:
            return
        other = self.successors.setdefault(link.prev, link.cid)
        if other != link.cid:
            self.forks.append(f"{other} and {link.cid} both follow {link.prev}: the device's card may have been copied")

    def list_findings(self) -> Iterator[str]:
        """Yield forks, and epochs that begin after a record that is not the last of its epoch here."""
        yield from self.forks
        for epoch, prev in self.begins:
            if prev not in self.ends:
                yield f"epoch {epoch} begins after {prev}, which is not here or not the last of its epoch"


def _audit_epoch(epoch: bytes, links: Sequence[Link], chain: _Chain) -> EpochAudit:
    audit = EpochAudit(epoch.hex())
    before: Link | None = None
    for link in links:
        chain.take(link)
        _count(audit, link)
        _check_order(audit, before, link)
        if before is None:
            _check_begin(audit, link, chain)
        elif link.seq == before.seq + 1 and link.body is not None and link.prev != before.cid:
            audit.findings.append(f"number {link.seq} follows {link.prev}, the number before it is {before.cid}")
        if isinstance(link.body, Close):
            _check_close(audit, before, link.body)
        before = link
    if before is not None:
        chain.ends.add(before.cid)
    audit.findings[:] = _cap(audit.findings)
    return audit


def _count(audit: EpochAudit, link: Link) -> None:
    audit.records += link.body is not None
    audit.refused += link.body is None
    audit.last_seq = link.seq


def _check_order(audit: EpochAudit, before: Link | None, link: Link) -> None:
    expected = 0 if before is None else before.seq + 1
    if link.seq > expected:
        audit.missing.append((expected, link.seq - 1))


def _check_begin(audit: EpochAudit, link: Link, chain: _Chain) -> None:
    if link.seq != 0:
        return
    if link.body is not None and not isinstance(link.body, Birth):
        audit.findings.append(f"number 0 is a {link.body.KIND}, not the birth of the epoch")
    if link.prev is not None:
        chain.begins.append((audit.epoch, link.prev))


def _check_close(audit: EpochAudit, before: Link | None, close: Close) -> None:
    audit.closed_seq = close.place.seq
    if before is None or (close.last_seq, close.last) != (before.seq, before.cid):
        audit.findings.append(f"the close {close.place.seq} signs {close.last} as number {close.last_seq} before it")


def _cap(findings: Iterable[str]) -> list[str]:
    told = list(findings)
    more = len(told) - MOST_TOLD
    return told if more <= 0 else [*told[:MOST_TOLD], f"and {more} more"]
