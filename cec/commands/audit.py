"""``cec audit``: whether all records of a device are there, read from a server's folder as it stands."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from cec.console import print_json, print_text
from cec.errors import NotAHouse
from cec.owner import find_org
from cec.sources import RegisterStands
from domain.cid import Cid
from ingest.audit import BROKEN, COMPLETE, OPEN, Audit, EpochAudit, Link, audit_links
from ingest.beside import open_beside, select_links
from register.opening import open_register

_BATCH: Final = 5_000
_WORDS: Final = {
    COMPLETE: "complete: no record between birth and close is missing",
    OPEN: "whole so far, but open: no close follows the last record, so later ones may be withheld or still to come",
    BROKEN: "not complete: see what is missing or does not fit",
}


def run_audit(
    device: str, *, campaign: str | None, data: Path, org: str | None, register: str | None, as_json: bool
) -> None:
    """Audit a device; end with code 1 unless its records are complete."""
    if not data.is_dir():
        raise NotAHouse(data)
    owner, links = org or find_org(data, None), list[Link]()
    with open_beside(data / "journal.sqlite") as db:
        links += select_links(db, owner, device)
    found = audit_links(links, campaign=campaign)
    kept = [link.cid for link in links if link.body is not None]
    anchored, roots = asyncio.run(_count_anchored(register or data / "register.sqlite", kept))
    report = _report(found, anchored=anchored, roots=roots, records=len(kept))
    if as_json:
        print_json(report)
    else:
        _print(device, campaign, found, report)
    if found.verdict != COMPLETE:
        sys.exit(1)


async def _count_anchored(address: str | Path, cids: Sequence[Cid]) -> tuple[int, int]:
    """Return how many records stand on the chain, and under how many roots."""
    count, roots = 0, set[bytes]()
    async with open_register(address) as register:
        stands = RegisterStands(register)
        for start in range(0, len(cids), _BATCH):
            found = await stands.anchors_of(cids[start : start + _BATCH])
            count += len(found)
            roots |= {stand.root for stand in found.values()}
    return count, len(roots)


def _report(found: Audit, *, anchored: int, roots: int, records: int) -> dict[str, Any]:
    return {
        "verdict": found.verdict,
        "records": records,
        "of_campaign": found.of_campaign,
        "anchored": anchored,
        "roots": roots,
        "findings": list(found.findings),
        "epochs": [
            {
                "epoch": epoch.epoch,
                "verdict": epoch.verdict,
                "records": epoch.records,
                "refused": epoch.refused,
                "last_seq": epoch.last_seq,
                "closed_seq": epoch.closed_seq,
                "missing": [list(run) for run in epoch.missing],
                "findings": epoch.findings,
            }
            for epoch in found.epochs
        ],
    }


def _print(device: str, campaign: str | None, found: Audit, report: dict[str, Any]) -> None:
    if not found.epochs:
        print_text(f"{device}: no record of it is here; check its id and --org")
        return
    print_text(f"{device}: {_WORDS[found.verdict]}")
    of = f", {found.of_campaign} of campaign {campaign}" if campaign else ""
    print_text(f"  {report['records']} records{of}; {report['anchored']} anchored under {report['roots']} roots")
    for epoch in found.epochs:
        _print_epoch(epoch)
    for finding in found.findings:
        print_text(f"  ! {finding}")


def _print_epoch(epoch: EpochAudit) -> None:
    end = "no close" if epoch.closed_seq is None else f"closed at {epoch.closed_seq}"
    refused = f", {epoch.refused} refused (in quarantine)" if epoch.refused else ""
    print_text(f"  epoch {epoch.epoch[:8]}: numbers 0 to {epoch.last_seq}, {epoch.records} records{refused}, {end}")
    for low, high in epoch.missing[:20]:
        print_text(f"  ! nothing under {low}" + (f" to {high}" if high > low else ""))
    if len(epoch.missing) > 20:  # noqa: PLR2004  # a screen's worth
        print_text(f"  ! and {len(epoch.missing) - 20} more gaps (--json lists them)")
    for finding in epoch.findings:
        print_text(f"  ! {finding}")
