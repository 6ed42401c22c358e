"""Bad links: half-open, cut at random, slow, thin; records and a file go over them to a whole server."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from benchmarks.faults.report import Outcome
from benchmarks.report import Figure
from cec.house import open_house
from cec.settings import HouseSettings
from domain.readings import Note
from domain.records.field import Observation, Place
from edge.agent import Agent
from edge.identity import import_enrolment, open_key
from edge.settings import EdgeSettings
from edge.spool import SpoolStatus
from sample_data.field.link import LinkCounts, LinkFaults, LossyLink

DEVICE: Final = "rover-1"
MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Link:
    """A bad link and what goes over it.

    Attributes
    ----------
    name
        For people.
    faults
        What it does.
    records, file_bytes
        What is sent.
    within_s
        Patience.
    """

    name: str
    faults: LinkFaults
    records: int
    file_bytes: int
    within_s: float


LINKS: Final = (
    Link("cut-at-random", LinkFaults(latency_s=0.02, cut_after_bytes=60_000, refuse_s=0.3), 2_000, 0, 300),
    Link("half-open", LinkFaults(cut_after_bytes=200_000, stall_share=1.0, stall_s=30, most_cuts=5), 2_000, 0, 300),
    Link("600-ms", LinkFaults(latency_s=0.3, jitter_s=0.05), 500, 2 * MIB, 600),
    Link("64-kbit", LinkFaults(latency_s=0.05, bytes_per_s=8_000), 20, 2 * MIB, 900),
    Link("20-cuts-in-100-MB", LinkFaults(latency_s=0.005, cut_after_bytes=4 * MIB, most_cuts=20), 100, 100 * MIB, 600),
)


def endure_link(folder: Path, link: Link) -> Outcome:
    """Send records and a file over a bad link; the folder is made."""
    folder.mkdir(parents=True)
    return asyncio.run(_endure(folder, link))


async def _endure(folder: Path, link: Link) -> Outcome:
    async with open_house(HouseSettings(folder / "server")) as house:
        device = folder / "device"
        enrolment = await house.enrol(DEVICE, open_key(device).public.raw)
        import_enrolment(device, enrolment.raw)
        async with LossyLink("127.0.0.1", house.broker.port, seed=5, faults=link.faults) as proxy:
            began = time.monotonic()
            is_drained, status = await _send(device, link, proxy.port, folder)
            took_s = time.monotonic() - began
            counts = proxy.counts
        observations = (await house.journal.counts()).observations
    lost = link.records - observations + (not is_drained)
    return _tell(link, (lost, took_s), status, counts)


async def _send(device: Path, link: Link, port: int, folder: Path) -> tuple[bool, SpoolStatus]:
    """Record, offer a file, and wait until the server has all of it; return whether it has, and the agent's status."""
    settings = EdgeSettings(device, "127.0.0.1", port, "first")
    async with Agent.open(settings) as agent:
        body = agent.identity.body

        def observe(place: Place) -> Observation:
            return Observation(body.org, body.device, "first", place, (Note(1, "a note of the crew"),))

        for _ in range(link.records):
            agent.spool.append(observe, readings=1)
        if link.file_bytes:
            path = folder / "cloud.bin"
            path.write_bytes(Random(3).randbytes(link.file_bytes))  # noqa: S311  # content, not keys
            await agent.offer_file(path, media="application/octet-stream")
        agent.notify()
        is_drained = await agent.wait_drained(timeout_s=link.within_s)
        return is_drained, agent.spool.status()


def _tell(link: Link, end: tuple[int, float], status: SpoolStatus, counts: LinkCounts) -> Outcome:
    lost, took_s = end
    figures = [
        Figure(f"{link.name}: records lost, or file not whole", lost, "", "<= 0"),
        Figure(f"{link.name}: records sent again", 100 * status.resent / max(1, status.sent), "%", "<= 5"),
        Figure(f"{link.name}: time", took_s, "s"),
    ]
    if link.file_bytes:
        again = 100 * status.frames_resent / max(1, status.frames)
        figures.insert(1, Figure(f"{link.name}: frames sent again", again, "%", "<= 5"))
    did = (
        f"{link.records} records and {link.file_bytes / MIB:.0f} MiB over a link that was cut {counts.cuts} times, "
        f"{counts.stalls} of them in silence; {counts.refused} connections refused"
    )
    return Outcome(did, tuple(figures))
