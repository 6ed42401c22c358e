"""``cec edge …`` and ``cec enrol``: the agent, its status, and how it gets its enrolment."""

import asyncio
import logging
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from cec.console import print_json, print_text
from cec.errors import NotAHouse
from cec.vault import open_vault
from domain.envelope import seal
from domain.errors import InvalidKey
from domain.keys import PublicKey
from domain.records.membership import Enrol
from edge.agent import Agent
from edge.capture import Capture
from edge.identity import import_enrolment, load_identity, open_key
from edge.settings import EdgeSettings
from edge.spool import SpoolStatus, read_status
from firmware_bridge.replay import play

_FOREVER_S = 10 * 365 * 86_400.0
_LAZ, _LAS = "application/vnd.laszip", "application/vnd.las"


@dataclass(frozen=True, slots=True)
class EdgeRun:
    """Options of ``cec edge run``; see there."""

    folder: Path
    host: str
    port: int
    campaign: str
    replay: Path | None
    speed: float
    offer: Path | None
    crs: str | None
    wait_s: float
    as_json: bool


def run_edge(options: EdgeRun) -> None:
    """Run the agent; end with code 1 when it was to wait and something is left."""
    try:
        is_drained, status = asyncio.run(_run(options))
    except KeyboardInterrupt:
        return
    _print_status(status, as_json=options.as_json)
    if options.wait_s and not is_drained:
        sys.exit(1)


def run_status(folder: Path, *, as_json: bool) -> None:
    """Tell what became of everything that a device recorded."""
    status, refusals = read_status(folder, load_identity(folder))
    _print_status(status, as_json=as_json)
    if not as_json:
        for cid, rule, remedy in refusals:
            print_text(f"  refused {cid}: {rule}. {remedy}")


def run_key(folder: Path) -> None:
    """Print the device's public key."""
    print_text(open_key(folder).public.raw.hex())


def run_enrol(folder: Path, enrolment: Path) -> None:
    """Take an enrolment in."""
    identity = import_enrolment(folder, enrolment.read_bytes())
    print_text(f"{identity.body.device} is enrolled by {identity.body.org}")


def run_sign_enrolment(device: str, key: str, *, out: Path, data: Path, org: str) -> None:
    """Sign a device's key for the organisation of a data folder."""
    if not (data / "keys").is_dir():
        raise NotAHouse(data)
    try:
        public = PublicKey(bytes.fromhex(key))
    except ValueError as error:
        raise InvalidKey("expected hexadecimal digits, as `cec edge key` prints them") from error
    vault = open_vault(data / "keys")
    at_ms = time.time_ns() // 1_000_000
    body = Enrol(org, device, public.raw, vault.ingest.public.raw, at_ms)
    out.write_bytes(seal(body, vault.org).raw)
    print_text(f"enrolment of {device} written to {out}")


async def _run(options: EdgeRun) -> tuple[bool, SpoolStatus]:
    # A link that breaks is this agent's daily business; it counts it and tells it in its status.
    logging.getLogger("mqtt").setLevel(logging.CRITICAL)
    settings = EdgeSettings(options.folder, options.host, options.port, options.campaign)
    async with Agent.open(settings) as agent:
        if options.offer is not None:
            media = _LAZ if options.offer.suffix.lower() == ".laz" else _LAS
            await agent.offer_file(options.offer.resolve(), media=media, crs=options.crs)
        if options.replay is not None:
            body = agent.identity.body
            capture = Capture(agent.spool, body.org, body.device, options.campaign)
            await capture.run(play(options.replay, speed=options.speed))
            agent.notify()
        is_drained = await agent.wait_drained(timeout_s=options.wait_s or _FOREVER_S)
        return is_drained, agent.spool.status()


def _print_status(status: SpoolStatus, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(status))
        return
    print_text(
        f"  {status.readings} readings in {status.recorded} records: {status.received} received, "
        f"{status.queued} waiting, {status.refused} refused; {status.resent} sent again"
    )
    if status.uploads:
        share = status.frames_held / max(1, status.frames)
        print_text(f"  {status.uploads_whole} of {status.uploads} files received whole ({share:.0%} of all frames)")
