"""A device under load: an agent that records as fast as its card takes, and survives being killed.

Run by the harness: ``python -m benchmarks.faults.load --folder F --port P --count N --truth FILE [--cloud FILE]``. Each
number is written to the truth file after its record was on the card, so whatever stands there must arrive.
"""

import argparse
import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

from domain.readings import Note
from domain.records.field import Observation, Place
from edge.agent import Agent
from edge.settings import EdgeSettings

BURST: Final = 25
"""Records between two turns of the link."""
PATIENCE_S: Final = 900.0


async def run(folder: Path, port: int, count: int, *, truth: Path, cloud: Path | None) -> bool:
    """Record up to a count and wait until the server has everything; return whether it has."""
    settings = EdgeSettings(folder, "127.0.0.1", port, "first")
    async with Agent.open(settings) as agent:
        if cloud is not None:
            await agent.offer_file(cloud, media="application/vnd.laszip")
        number = _count_lines(truth)
        with truth.open("a") as log:
            while number < count:
                for _ in range(min(BURST, count - number)):
                    _record(agent, number)
                    log.write(f"{number}\n")
                    number += 1
                log.flush()
                agent.notify()
                await asyncio.sleep(0)
        is_drained = await agent.wait_drained(timeout_s=PATIENCE_S)
        print(json.dumps(asdict(agent.spool.status())), flush=True)
        return is_drained


def _record(agent: Agent, number: int) -> None:
    body = agent.identity.body

    def observe(place: Place) -> Observation:
        return Observation(body.org, body.device, "first", place, (Note(1, f"note {number}"),))

    agent.spool.append(observe, readings=1)


def _count_lines(truth: Path) -> int:
    """Return how many numbers are known to be on the card; the last line may be torn by a kill."""
    return truth.read_bytes().count(b"\n") if truth.exists() else 0


def main() -> int:
    """Parse, run, and end with 1 when something is left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--cloud", type=Path)
    options = parser.parse_args()
    is_drained = asyncio.run(run(options.folder, options.port, options.count, truth=options.truth, cloud=options.cloud))
    return 0 if is_drained else 1


if __name__ == "__main__":
    raise SystemExit(main())
