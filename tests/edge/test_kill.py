"""An agent that is killed at any moment, again and again, loses nothing of what it recorded and doubles nothing."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from domain.envelope import open_envelope
from domain.readings import Note
from domain.records.field import Observation
from ingest.broker.embedded import EmbeddedBroker
from ingest.journal import Journal
from ingest.service import IngestService, Server
from ipfs.memory import MemoryBlockStore
from ipfs.unixfs import plan_file, read_file
from tests.edge.test_spool import INGEST_KEY, ORG_KEY, enrol

AGENT = """
import asyncio, sys
from pathlib import Path
from domain.readings import Note
from domain.records.field import Observation
from edge.agent import Agent
from edge.settings import EdgeSettings

async def main(folder, port, file, first, count):
    async with Agent.open(EdgeSettings(Path(folder), "127.0.0.1", int(port), "ridge", retry_s=0.5)) as agent:
        await agent.offer_file(Path(file), media="image/jpeg")
        for number in range(int(first), int(first) + int(count)):
            notes = (Note(1, f"note {number}"),)
            agent.spool.append(lambda place: Observation("north-forest", "rover-1", "ridge", place, notes))
            print(number, flush=True)
            agent.notify()
            await asyncio.sleep(0.005)
        print("drained" if await agent.wait_drained(timeout_s=30) else "left", flush=True)

asyncio.run(main(*sys.argv[1:]))
"""
MOST_NOTES = 2_000
"""Notes that one run would record if nobody killed it; a run lasts at most two seconds."""


@asynccontextmanager
async def agent_process(*arguments: object) -> AsyncIterator[asyncio.StreamReader]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", AGENT, *map(str, arguments), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def record_until_killed(folder: Path, port: int, first: int, seconds: float) -> list[int]:
    """Return the numbers that an agent said it had recorded before it was killed."""
    told: list[int] = []
    async with agent_process(folder / "d", port, folder / "f", first, MOST_NOTES) as lines:
        # The first moment is that of the first word: before it, Python itself is starting.
        told.append(int(await lines.readline()))
        try:
            async with asyncio.timeout(seconds):
                while line := await lines.readline():
                    told.append(int(line))
        except TimeoutError:
            pass
    return told


async def live_through(folder: Path, *, kills: int, seed: int) -> None:
    enrol(folder / "d")
    moments = Random(seed)
    content = moments.randbytes((3 << 20) + 77)
    (folder / "f").write_bytes(content)
    blocks = MemoryBlockStore()
    told: list[int] = []
    async with Journal.open(folder / "j") as journal:
        await journal.add_organisation("north-forest", ORG_KEY.public.raw)
        async with EmbeddedBroker.open(journal) as broker:
            parts = Server(journal, blocks, INGEST_KEY, folder / "u")
            async with IngestService.open(broker.link, parts):
                for kill in range(kills):
                    told += await record_until_killed(folder, broker.port, kill * MOST_NOTES, moments.uniform(0, 0.4))
                async with agent_process(folder / "d", broker.port, folder / "f", 0, 0) as lines:
                    assert (await lines.readline()).strip() == b"drained"
        entries = [open_envelope(entry.raw).body for entry in await journal.records_after(0, limit=100_000)]
        counts = await journal.counts()
    notes = [
        note.text
        for body in entries
        if isinstance(body, Observation)
        for note in body.readings
        if isinstance(note, Note)
    ]
    assert {f"note {number}" for number in told} <= set(notes)
    assert len(notes) == len(set(notes))
    assert counts.quarantined == 0
    assert b"".join(read_file(plan_file(folder / "f").root, blocks.get)) == content


async def test_an_agent_killed_three_times_loses_and_doubles_nothing(tmp_path: Path) -> None:
    await live_through(tmp_path, kills=3, seed=11)


@pytest.mark.slow
async def test_an_agent_killed_twenty_times_loses_and_doubles_nothing(tmp_path: Path) -> None:
    await live_through(tmp_path, kills=20, seed=12)
