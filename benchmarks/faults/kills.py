"""Kills at random moments under load: agent, broker and server, over each of the brokers."""

import asyncio
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.faults.evidence import Evidence, gather_evidence
from benchmarks.faults.report import Outcome
from benchmarks.faults.site import DEVICE, Site
from benchmarks.report import Figure
from cec.settings import EMBEDDED, MOSQUITTO, NATS, HouseSettings

BROKERS: Final = (EMBEDDED, MOSQUITTO, NATS)
PAUSE_S: Final = (0.2, 1.8)
"""Between two kills: from the middle of a start to well into the work."""
DRAIN_S: Final = 900.0


@dataclass(frozen=True, slots=True)
class Kills:
    """How much is to be endured.

    Attributes
    ----------
    broker
        Over which.
    kills, records
        Recording goes on until both are reached.
    seed
        Of the moments.
    """

    broker: str
    kills: int
    records: int
    seed: int = 11


def endure_kills(folder: Path, plan: Kills) -> Outcome:
    """Run a device and a server while either, or the broker, is killed again and again."""
    site = Site(folder, plan.broker)
    chance = random.Random(plan.seed)  # noqa: S311  # moments, not keys
    try:
        site.start()
        began = time.monotonic()
        while site.processes.kills < plan.kills or _count(site) < plan.records:
            time.sleep(chance.uniform(*PAUSE_S))
            site.processes.kill(chance.choice(site.processes.names))
        under_s, ended = time.monotonic() - began, time.monotonic()
        site.stop.touch()
        code = site.processes.wait("agent", timeout_s=DRAIN_S)
        drained_s = time.monotonic() - ended
        anchored_s = drained_s + site.wait_anchored()
    finally:
        site.processes.end()
    owed = {int(line) for line in site.truth.read_text().split("\n") if line}
    org = HouseSettings(site.data).org
    found = asyncio.run(gather_evidence(site.data, org=org, device=DEVICE, owed=owed))
    did = f"{site.processes.kills} kills of {', '.join(site.processes.names)} in {under_s:.0f} s over {plan.broker}"
    return Outcome(
        did,
        (
            *_tell(plan.broker, found, site.status() if code == 0 else {}),
            *(
                Figure(f"{plan.broker}: kills endured", site.processes.kills, "", f">= {plan.kills}"),
                Figure(f"{plan.broker}: processes that ended by themselves", len(site.processes.ended), "", "<= 0"),
                Figure(f"{plan.broker}: last kill to last receipt", drained_s, "s", "<= 60"),
                Figure(f"{plan.broker}: last kill to last anchor", anchored_s, "s"),
            ),
        ),
    )


def _count(site: Site) -> int:
    return site.truth.read_bytes().count(b"\n") if site.truth.exists() else 0


def _tell(broker: str, found: Evidence, status: dict[str, int]) -> list[Figure]:
    unreceipted = status.get("recorded", 1) - status.get("received", 0)
    return [
        Figure(f"{broker}: records that arrived", found.records, ""),
        Figure(f"{broker}: records lost", found.lost, "", "<= 0"),
        Figure(f"{broker}: records, trees, anchors twice", len(found.twice), "", "<= 0"),
        Figure(f"{broker}: records without a receipt, or with two", abs(unreceipted), "", "<= 0"),
        Figure(f"{broker}: refused", found.quarantined, "", "<= 0"),
        Figure(f"{broker}: gaps by the audit", int(found.verdict == "broken"), "", "<= 0"),
    ]
