"""The two sides that `benchmarks.broker` measures, each a process on a core of its own.

``python -m benchmarks.broker_parts server FOLDER`` prints its port and serves until its input ends;
``… agent FOLDER PORT FILE`` uploads a file and prints the seconds that it took.
"""

import asyncio
import os
import resource
import sys
import time
from pathlib import Path

from domain.envelope import Record, seal
from domain.keys import SigningKey
from domain.records.membership import Enrol
from edge.agent import Agent
from edge.identity import import_enrolment, open_key
from edge.settings import EdgeSettings
from ingest.broker.embedded import EmbeddedBroker
from ingest.journal import Journal
from ingest.service import IngestService, Server
from ipfs.local import LocalBlockStore

ORG = "north-forest"
DEVICE = "rover-1"
ORG_KEY = SigningKey.from_seed(b"o" * 32)
INGEST_KEY = SigningKey.from_seed(b"i" * 32)
AT_MS = 1_790_000_000_000
FILES = 4_096
"""Descriptors: a thousand strangers, and what the server needs."""
LONGEST_S = 300.0


def seal_enrolment(key: SigningKey) -> Record:
    """Return the enrolment of the benchmark's device."""
    return seal(Enrol(ORG, DEVICE, key.public.raw, INGEST_KEY.public.raw, AT_MS), ORG_KEY)


def take_core(number: int) -> None:
    """Stay on one core, as far as there are that many; a machine with one core shares it."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[number % len(cores)]})


def allow_files() -> None:
    """Raise the number of descriptors that this process may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, most), most))


async def serve(folder: Path) -> None:
    """Serve until the input ends."""
    async with Journal.open(folder / "journal") as journal, EmbeddedBroker.open(journal) as broker:
        await journal.add_organisation(ORG, ORG_KEY.public.raw)
        with LocalBlockStore(folder / "blocks") as blocks:
            async with IngestService.open(broker.link, Server(journal, blocks, INGEST_KEY, folder / "up")):
                await broker.link.connected.wait()
                print(broker.port, flush=True)
                async with asyncio.timeout(LONGEST_S):
                    await asyncio.to_thread(sys.stdin.read)


async def upload(folder: Path, port: int, file: Path) -> None:
    """Upload a file as the real agent does; print the seconds from its offer to the server's word that it is whole."""
    import_enrolment(folder, seal_enrolment(open_key(folder)).raw)
    async with Agent.open(EdgeSettings(folder, "127.0.0.1", port, "ridge")) as agent:
        async with asyncio.timeout(30):
            while agent.spool.status().queued:  # noqa: ASYNC110  # the spool has no event for it
                await asyncio.sleep(0.01)
        began = time.perf_counter()
        await agent.offer_file(file, media="application/octet-stream")
        planned = time.perf_counter()
        if not await agent.wait_drained(timeout_s=LONGEST_S):
            raise TimeoutError
        ended = time.perf_counter()
    print(planned - began, ended - planned, flush=True)


def main() -> None:
    """Play one side."""
    role, folder = sys.argv[1], Path(sys.argv[2])
    allow_files()
    if role == "server":
        take_core(0)
        asyncio.run(serve(folder))
    else:
        take_core(1)
        asyncio.run(upload(folder, int(sys.argv[3]), Path(sys.argv[4])))


if __name__ == "__main__":
    main()
