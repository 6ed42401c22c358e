"""Agent and server are killed at random moments of the line's work; nothing is lost, nothing happens twice."""

import asyncio
import json
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from cec.settings import HouseSettings
from cec.vault import open_vault
from chain.node import read_chain
from domain.cid import Cid
from domain.envelope import open_envelope, seal
from domain.readings import Note
from domain.records.field import Blob, Observation, Place
from domain.records.membership import Enrol
from domain.records.result import Tree
from edge.identity import Identity, import_enrolment, open_key
from edge.spool import open_spool
from ingest.journal import Journal
from ipfs.unixfs import plan_file
from register.sqlite import SqliteRegister
from sample_data.forest.stand import StandParameters, grow_stand
from sample_data.scanning.scanner import scan_airborne
from survey.files.las import write_cloud

ROOT = Path(__file__).parent.parent.parent
KILLS = 20
OBSERVATIONS = 300
PATIENCE_S = 120.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Processes:
    """The server and the agent, each started again after every kill."""

    def __init__(self, folder: Path) -> None:
        self.mqtt, self.portal = free_port(), free_port()
        ports = ["--mqtt-port", str(self.mqtt), "--port", str(self.portal)]
        device = ["--folder", str(folder / "device"), "--port", str(self.mqtt), "--wait", str(PATIENCE_S), "--json"]
        self._commands = {
            "server": ["up", "--data", str(folder / "server"), *ports],
            "agent": ["edge", "run", *device],
        }
        self.running = {name: self._start(name) for name in self._commands}

    def kill(self, name: str) -> None:
        self.running[name].kill()
        self.running[name].communicate()
        self.running[name] = self._start(name)

    def end(self) -> None:
        for process in self.running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            try:
                process.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "cec", *self._commands[name]]
        said = subprocess.PIPE if name == "agent" else subprocess.DEVNULL
        return subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=subprocess.DEVNULL)


def prepare(folder: Path) -> set[Cid]:
    """Enrol a device, fill its spool with a day's work and a cloud; return the records that must arrive."""
    settings = HouseSettings(folder / "server")
    vault = open_vault(folder / "server" / "keys")
    key = open_key(folder / "device").public.raw
    enrol = seal(Enrol(settings.org, "rover-1", key, vault.ingest.public.raw, 1_790_000_000_000), vault.org)
    identity = import_enrolment(folder / "device", enrol.raw)
    stand = grow_stand(3500, parameters=StandParameters(side_m=50.0))
    cloud = folder / "cloud.laz"
    write_cloud(cloud, scan_airborne(stand, seed=1), epsg=stand.epsg)
    return fill_spool(folder / "device", identity, cloud)


def fill_spool(folder: Path, identity: Identity, cloud: Path) -> set[Cid]:
    body, dag = identity.body, plan_file(cloud)

    def observe(place: Place) -> Observation:
        return Observation(body.org, body.device, "first", place, (Note(1, "a note of the crew"),))

    def declare(place: Place) -> Blob:
        return Blob(body.org, body.device, "first", place, dag.root, dag.size, "application/vnd.laszip")

    with open_spool(folder, identity) as spool:
        birth = open_envelope(spool.birth).cid
        records = {spool.append(observe, readings=1).cid for _ in range(OBSERVATIONS)}
        return {birth, spool.offer(cloud, dag, declare).cid, *records}


def wait_until_anchored(portal: int) -> None:
    """Return once the server says that all it received is anchored, and that it found trees."""
    deadline, line = time.monotonic() + PATIENCE_S, {}
    while time.monotonic() < deadline:
        try:
            line = httpx.get(f"http://127.0.0.1:{portal}/api/line", timeout=5).json()
        except httpx.HTTPError:
            line = {}
        counts = line.get("line", line)
        if counts.get("trees") and counts.get("anchored") == counts.get("received"):
            return
        time.sleep(0.3)
    raise AssertionError(f"not anchored in time: {line}")


@pytest.mark.slow
def test_twenty_kills_of_agent_or_server_lose_and_double_nothing(tmp_path: Path) -> None:
    owed = prepare(tmp_path)
    chance = random.Random(11)
    processes = Processes(tmp_path)
    try:
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.2, 2.5))
            processes.kill(chance.choice(["server", "agent"]))
        output, _ = processes.running["agent"].communicate(timeout=PATIENCE_S)
        status = json.loads(output.decode().splitlines()[-1])
        wait_until_anchored(processes.portal)
    finally:
        processes.end()
    assert (status["queued"], status["refused"], status["uploads_whole"]) == (0, 0, 1)
    assert status["received"] == len(owed)
    asyncio.run(check_server(tmp_path / "server", owed))


async def check_server(folder: Path, owed: set[Cid]) -> None:
    async with (
        Journal.open(folder / "journal.sqlite") as journal,
        SqliteRegister.open(folder / "register.sqlite") as register,
        read_chain(folder / "chain") as chain,
    ):
        entries = await journal.records_after(0, limit=100_000)
        assert owed <= {entry.cid for entry in entries}
        kinds = Counter(entry.kind for entry in entries)
        assert (kinds["observation"], kinds["survey"], kinds["result"]) == (OBSERVATIONS, 1, 1)
        trees = [open_envelope(entry.raw).expect(Tree).code for entry in entries if entry.kind == "tree"]
        assert len(trees) == len(set(trees)) == (await register.counts()).trees
        assert (await journal.counts()).quarantined == 0
        anchors = {(await register.anchor_of(entry.cid))[0].root for entry in entries if entry.kind == "tree"}
        assert all(chain.find_anchor(root) is not None for root in anchors)
        counts = await register.counts()
        assert counts.anchored == len(entries)
        # Every transaction on the chain took effect: none was paid for twice or in vain.
        results = [chain.blocks.results(height) or () for height in range(1, chain.blocks.last_height() + 1)]
        outcomes = [result for block in results for result in block]
        assert all(outcome.code == 0 for outcome in outcomes)
        assert len(outcomes) == counts.anchors + 1
        assert chain.machine.find_broken_invariants() == ()
