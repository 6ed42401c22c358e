"""A device under load: an agent that records as fast as it may, and survives being killed.

Run by the harness: ``python -m benchmarks.faults.load --folder F --port P --truth FILE --stop FILE [--cloud FILE]
[--tls FOLDER]``. Each number is written to the truth file after its record was on the card, so whatever stands there
must arrive. It records until the stop file is there, then waits until the server has everything.
"""

import argparse
import asyncio
import json
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Final

from domain.readings import Note
from domain.records.field import Observation, Place
from edge.agent import Agent
from edge.settings import EdgeSettings, TlsFiles

BURST: Final = 25
"""Records between two turns of the link."""
MOST_QUEUED: Final = 4_000
"""Records that may wait before the recorder rests: what drains within a minute even over the slowest broker."""
LOOK_EVERY: Final = 20
"""Bursts between two looks at how much waits."""
REST_S: Final = 0.5
PATIENCE_S: Final = 900.0


async def run(settings: EdgeSettings, truth: Path, *, stop: Path, cloud: Path | None) -> bool:
    """Record until told to stop and wait until the server has everything; return whether it has."""
    async with Agent.open(settings) as agent:
        if cloud is not None:
            await agent.offer_file(cloud, media="application/vnd.laszip")
        await _record_all(agent, truth, stop)
        is_drained = await agent.wait_drained(timeout_s=PATIENCE_S)
        print(json.dumps(asdict(agent.spool.status())), flush=True)
        return is_drained


async def _record_all(agent: Agent, truth: Path, stop: Path) -> None:
    number = _count_lines(truth)
    with truth.open("a") as log:
        for burst in count():
            if stop.exists():  # noqa: ASYNC240  # a look at a local file
                return
            for number in range(number, number + BURST):  # noqa: B020  # goes on where it was
                _record(agent, number)
                log.write(f"{number}\n")
            number += 1
            log.flush()
            agent.notify()
            await asyncio.sleep(0)
            if burst % LOOK_EVERY == 0 and agent.spool.status().queued > MOST_QUEUED:
                await asyncio.sleep(REST_S)


def _record(agent: Agent, number: int) -> None:
    body = agent.identity.body

    def observe(place: Place) -> Observation:
        return Observation(body.org, body.device, "first", place, (Note(1, f"note {number}"),))

    agent.spool.append(observe, readings=1)


def _count_lines(truth: Path) -> int:
    """Return how many numbers are known to be on the card; a line that a kill tore is made whole."""
    raw = truth.read_bytes() if truth.exists() else b""
    if raw and not raw.endswith(b"\n"):
        truth.write_bytes(raw[: raw.rfind(b"\n") + 1])
    return raw.count(b"\n")


def main() -> int:
    """Parse, run, and end with 1 when something is left."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("folder", "truth", "stop"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--cloud", type=Path)
    parser.add_argument("--tls", type=Path)
    parser.add_argument("--no-login", action="store_true")
    options = parser.parse_args()
    tls: Path | None = options.tls
    files = None if tls is None else TlsFiles(tls / "ca.pem", tls / "device.pem", tls / "device.key")
    settings = EdgeSettings(options.folder, "127.0.0.1", options.port, "first", tls=files, is_silent=options.no_login)
    is_drained = asyncio.run(run(settings, options.truth, stop=options.stop, cloud=options.cloud))
    return 0 if is_drained else 1


if __name__ == "__main__":
    raise SystemExit(main())
