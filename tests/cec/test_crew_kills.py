"""The server is killed at random moments while a crew's day comes and is told; nothing is lost, nothing told twice."""

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from cec.settings import HouseSettings
from cec.vault import open_vault
from domain.envelope import Record, open_envelope, seal
from domain.readings import Reading
from domain.records.field import Observation, Place
from domain.records.membership import Enrol
from domain.records.result import Result, Survey, Tree
from edge.identity import import_enrolment, open_key
from edge.spool import open_spool
from ingest.beside import open_beside
from ingest.journal import Journal
from register.sqlite import SqliteRegister
from sample_data.forest.stand import StandParameters, grow_stand
from tests.cec.crews import read_stops, walk
from tests.cec.test_commands import ROOT
from tests.cec.test_kills import free_port

KILLS: Final = 8
TREES: Final = 24
PATIENCE_S: Final = 90.0


class Server:
    """A server in a process of its own, started again after every kill."""

    def __init__(self, folder: Path) -> None:
        self.mqtt = free_port()
        ports = ["--mqtt-port", str(self.mqtt), "--port", str(free_port())]
        self._command = [sys.executable, "-m", "cec", "up", "--data", str(folder), "--quiet", "1", *ports]
        self.process = self._start()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()
        self.process = self._start()

    def end(self) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def prepare(folder: Path) -> None:
    """Enrol a device and fill its spool with a crew's day."""
    settings = HouseSettings(folder / "server")
    vault = open_vault(settings.folder / "keys")
    key = open_key(folder / "device").public.raw
    enrol = seal(Enrol(settings.org, "crew-1", key, vault.ingest.public.raw, 1_790_000_000_000), vault.org)
    identity = import_enrolment(folder / "device", enrol.raw)
    stand = grow_stand(1004, parameters=StandParameters(side_m=50.0))
    with open_spool(folder / "device", identity) as spool:
        for stop in read_stops(stand, walk(stand, seed=1004, trees=TREES)):

            def observe(place: Place, readings: Sequence[Reading] = stop) -> Observation:
                at = replace(place, boot=b"b" * 16, at_ms=1_790_000_000_000 + readings[0].mono_ms)
                return Observation(identity.body.org, identity.body.device, "first", at, tuple(readings))

            spool.append(observe, readings=len(stop))


@pytest.mark.slow
def test_kills_of_the_server_lose_no_tree_and_tell_none_twice(tmp_path: Path) -> None:
    prepare(tmp_path)
    chance = random.Random(5)
    server = Server(tmp_path / "server")
    command = ["edge", "run", "--folder", str(tmp_path / "device"), "--port", str(server.mqtt)]
    agent = subprocess.Popen(
        [sys.executable, "-m", "cec", *command, "--wait", str(PATIENCE_S), "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        output, _ = agent.communicate(timeout=PATIENCE_S)
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.5, 4.0))
            server.kill()
        records = wait_until_told(tmp_path / "server")
    finally:
        server.end()
        agent.kill()
    assert json.loads(output.decode().splitlines()[-1])["queued"] == 0
    check(records)
    assert asyncio.run(count_trees(tmp_path / "server")) == TREES


def wait_until_told(folder: Path) -> list[Record]:
    """Return all records of surveys once as many trees are told as were measured, and a little later."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if sum(record.kind == Tree.KIND for record in read(folder)) >= TREES:
            # What would be told twice would be told by now.
            time.sleep(4.0)
            return read(folder)
        time.sleep(0.5)
    raise AssertionError(f"not told in time: {read(folder)}")


def read(folder: Path) -> list[Record]:
    """Return all records of surveys, read beside the server."""
    with open_beside(folder / "journal.sqlite") as db:
        rows = db.execute("SELECT raw FROM record WHERE kind IN ('survey', 'tree', 'result') ORDER BY row").fetchall()
    return [open_envelope(raw) for (raw,) in rows]


def check(records: Sequence[Record]) -> None:
    """Every tree is told once, within a survey that is closed."""
    trees = [record.expect(Tree) for record in records if record.kind == Tree.KIND]
    assert set(Counter(tree.code for tree in trees).values()) == {1}
    assert len(trees) == TREES
    surveys = {record.cid for record in records if record.kind == Survey.KIND}
    closed = {record.expect(Result).survey: record.expect(Result) for record in records if record.kind == Result.KIND}
    assert surveys == closed.keys() == {tree.survey for tree in trees}
    counts = Counter(tree.survey for tree in trees)
    assert {survey: result.count for survey, result in closed.items()} == counts


async def count_trees(folder: Path) -> int:
    async with (
        Journal.open(folder / "journal.sqlite") as journal,
        SqliteRegister.open(folder / "register.sqlite") as register,
    ):
        assert await journal.failures(limit=9) == ()
        return (await register.counts()).trees
