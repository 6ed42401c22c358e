"""The whole line on one machine: records a second from spool to anchor, and time and memory of each stage.

Run: ``python -m benchmarks.line [--json]``. One device sends 20,000 readings in records of 20 over a good link to a
server in another process. The peer is the same bytes inserted into SQLite alone, synced once a batch: what the disk
would allow if nothing were signed, sent or checked.
"""

import asyncio
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.report import Figure, parse_options, print_figures
from cec.house import House, open_house
from cec.settings import HouseSettings
from domain.readings import Note
from domain.records.field import Observation, Place
from edge.identity import import_enrolment, open_key
from edge.spool import open_spool

RECORDS = 1_000
READINGS_EACH = 20
PATIENCE_S = 120.0
BATCH = 64


async def measure(folder: Path) -> list[Figure]:
    """Return the figures of one run in an empty folder."""
    async with open_house(HouseSettings(folder / "server")) as house:
        device = folder / "device"
        enrolment = await house.enrol("rover-1", open_key(device).public.raw)
        identity = import_enrolment(device, enrolment.raw)
        began = time.perf_counter()
        with open_spool(device, identity) as spool:
            raws = [spool.append(_observe, readings=READINGS_EACH).raw for _ in range(RECORDS)]
        spooled_s = time.perf_counter() - began
        began = time.perf_counter()
        command = ["edge", "run", "--folder", str(device), "--port", str(house.broker.port), "--wait", str(PATIENCE_S)]
        agent = await asyncio.create_subprocess_exec(sys.executable, "-m", "cec", *command, stdout=subprocess.DEVNULL)
        await agent.wait()
        received_s = time.perf_counter() - began
        await _anchored(house)
        anchored_s = time.perf_counter() - began
        peer_per_s = _insert_alone(folder / "peer.sqlite", raws)
    server_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    device_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return [
        Figure("records signed and spooled, each synced", RECORDS / spooled_s, "1/s"),
        Figure(
            "records received, agent's start included", RECORDS / received_s, "1/s", None, "SQLite alone", peer_per_s
        ),
        Figure("readings received, agent's start included", RECORDS * READINGS_EACH / received_s, "1/s"),
        Figure("last receipt to last anchor", anchored_s - received_s, "s"),
        Figure("server, peak memory", server_mb, "MB"),
        Figure("largest child (agent or survey worker), peak memory", device_mb, "MB"),
    ]


def _observe(place: Place) -> Observation:
    readings = tuple(Note(number, f"reading {number} of a crew's day") for number in range(READINGS_EACH))
    return Observation("north-forest", "rover-1", "first", place, readings)


async def _anchored(house: House) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while (await house.register.counts()).anchored < await house.journal.last_row():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def _insert_alone(path: Path, raws: list[bytes]) -> float:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE record (raw BLOB)")
    began = time.perf_counter()
    for first in range(0, len(raws), BATCH):
        db.execute("BEGIN")
        db.executemany("INSERT INTO record VALUES (?)", [(raw,) for raw in raws[first : first + BATCH]])
        db.execute("COMMIT")
    spent = time.perf_counter() - began
    db.close()
    return len(raws) / spent


def main() -> None:
    """Measure and print."""
    options = parse_options(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(print_figures(asyncio.run(measure(Path(folder))), as_json=options.json))


if __name__ == "__main__":
    main()
