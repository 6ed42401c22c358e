"""``cec edge doctor``: each thing that can be wrong is found, and told with what to do."""

import os
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from cec.certificates import issue_server, open_authority
from domain.cid import RAW, Cid
from domain.envelope import seal
from domain.records.receipt import Progress, Receipt
from edge import health
from edge.agent import Agent
from edge.capture import Capture
from edge.doctor import SLOW_SYNC_MS, Check, check_battery, check_sync, describe_level, examine
from edge.identity import import_enrolment, open_next_key
from edge.ports import PortSetting
from edge.settings import EdgeSettings, TlsFiles
from edge.spool import open_spool
from firmware_bridge.catalogue import find_driver
from firmware_bridge.ports.address import SerialAddress
from ingest.settings import ServerTls
from tests.edge.server import settings, small_server, until
from tests.edge.test_rotation import halves, sign
from tests.edge.test_spool import INGEST_KEY, enrol, observe

YEAR_2109_MS = 1 << 42
NOWHERE = 1
"""A port that nobody listens on."""


def alone(folder: Path) -> EdgeSettings:
    return EdgeSettings(folder, "127.0.0.1", NOWHERE, "ridge")


async def look(settings: EdgeSettings, *ports: PortSetting) -> dict[str, Check]:
    return {check.name: check for check in await examine(settings, ports)}


async def test_a_device_that_is_well_is_told_so_with_the_broker_that_takes_it(tmp_path: Path) -> None:
    identity = enrol(tmp_path / "d")
    with open_spool(tmp_path / "d", identity):
        pass
    async with small_server(tmp_path) as server:
        found = await look(settings(tmp_path / "d", server))
    # The battery is this machine's.
    assert {name: check.level for name, check in found.items() if name != "battery"} == {
        "key": "ok", "enrolment": "ok", "disk": "ok", "sync": "ok", "spool": "ok", "clock": "ok", "lines": "ok",
        "agent": "warn", "broker": "ok",
    }  # fmt: skip
    assert found["battery"] == check_battery(health.read_battery())
    assert "takes this device" in found["broker"].words


async def test_beside_a_running_agent_its_login_is_left_alone(tmp_path: Path) -> None:
    enrol(tmp_path / "d")
    async with small_server(tmp_path) as server, Agent.open(settings(tmp_path / "d", server)) as agent:
        await until(lambda: agent.is_connected)
        found = await look(settings(tmp_path / "d", server))
        assert "the agent holds the device's login" in found["broker"].words
        assert found["agent"].words.startswith("running in")
        assert agent.post.pulse.connections == 1


@pytest.mark.parametrize(("took_ms", "level"), [(SLOW_SYNC_MS, "ok"), (SLOW_SYNC_MS + 1, "warn")])
def test_a_card_that_is_slow_at_one_sync_warns(tmp_path: Path, took_ms: int, level: str) -> None:
    clock = iter((7.0, 7.0 + took_ms / 1_000))
    check = check_sync(tmp_path, now_s=lambda: next(clock))
    assert (check.level, check.words) == (level, f"{took_ms} ms for 64 kB")
    assert next(clock, None) is None  # timed once, around the sync
    assert list(tmp_path.iterdir()) == []


async def test_an_empty_folder_is_told_step_by_step(tmp_path: Path) -> None:
    found = await look(alone(tmp_path))
    assert (found["key"].level, found["key"].remedy) == ("fail", "run: cec edge key")
    assert found["enrolment"].level == "fail"
    assert found["broker"].level == "warn"
    assert describe_level(list(found.values())) == "fail"


async def test_a_key_that_others_can_read_fails(tmp_path: Path) -> None:
    enrol(tmp_path)
    (tmp_path / "device.key").chmod(0o644)
    assert (await look(alone(tmp_path)))["key"].level == "fail"


STRANGER = """
import concurrent.futures.thread, encodings.idna, os, sys  # before the rights go: Python may lie where only root reads
from pathlib import Path
from cec.commands.edge import run_doctor
from edge.settings import EdgeSettings

os.setuid(65534)
run_doctor(EdgeSettings(Path(sys.argv[1]), "127.0.0.1", 1, "ridge"), (), as_json=False)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_the_doctor_that_another_user_starts_says_as_whom_to_come(tmp_path: Path, mode: int) -> None:
    with open_spool(tmp_path, enrol(tmp_path)):
        pass
    for path in (tmp_path, *tmp_path.iterdir()):
        path.chmod(mode if path == tmp_path else 0o600)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    command = [sys.executable, "-c", STRANGER, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (1, "")
    lines = {line.split()[1].rstrip(":"): line for line in done.stdout.splitlines()}
    for name in ("key", "enrolment", "sync", "spool"):
        is_fine = name == "key" and mode == 0o755
        assert lines[name].startswith("  ok" if is_fine else "  FAIL")
        assert is_fine or "run this as the user root" in lines[name]
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


async def test_a_damaged_spool_fails_and_one_that_was_damaged_warns(tmp_path: Path) -> None:
    identity = enrol(tmp_path)
    with open_spool(tmp_path, identity) as spool:
        for _ in range(50):
            spool.append(observe)
    path = tmp_path / "spool.sqlite"
    raw = bytearray(path.read_bytes())
    raw[4096 * 8 : 4096 * 12] = Random(1).randbytes(4 * 4096)
    path.write_bytes(raw)
    assert (await look(alone(tmp_path)))["spool"].level == "fail"
    with open_spool(tmp_path, identity):
        pass
    found = await look(alone(tmp_path))
    assert (found["spool"].level, health.list_damaged(tmp_path)[0].name in found["spool"].words) == ("warn", True)


async def test_a_clock_behind_what_the_server_signed_fails(tmp_path: Path) -> None:
    identity = enrol(tmp_path)
    with open_spool(tmp_path, identity) as spool:
        progress = (Progress(Cid.of(RAW, b"?"), "processed"),)
        spool.apply_receipt(seal(Receipt("north-forest", "rover-1", YEAR_2109_MS, progress=progress), INGEST_KEY).raw)
        assert spool.server_ms == YEAR_2109_MS
    found = await look(alone(tmp_path))
    assert (found["clock"].level, found["clock"].remedy) == ("fail", "set it")


async def test_the_last_line_that_gave_no_reading_is_shown_with_its_rule(tmp_path: Path) -> None:
    identity = enrol(tmp_path)
    with open_spool(tmp_path, identity) as spool:
        capture = Capture(spool, "north-forest", "rover-1", "ridge")
        capture.take(find_driver("trupulse").make().feed(b"$PLTIT,HV,bad*00\r\n", mono_ms=1))
        capture.record()
    found = (await look(alone(tmp_path)))["lines"]
    assert "PLTIT,HV,bad" in found.words
    assert "checksum" in (found.remedy or "")


async def test_an_instrument_that_is_not_plugged_in_fails(tmp_path: Path) -> None:
    port = PortSetting("laser", find_driver("trupulse"), SerialAddress(str(tmp_path / "ttyUSB0"), 38_400))
    assert (await look(alone(tmp_path), port))["port laser"].level == "fail"
    (tmp_path / "ttyUSB0").touch()
    assert (await look(alone(tmp_path), port))["port laser"].level == "ok"


async def test_a_broker_with_a_certificate_of_another_authority_fails(tmp_path: Path) -> None:
    enrol(tmp_path / "d")
    now = datetime.now(UTC)
    for name in ("ours", "theirs"):
        (tmp_path / name).mkdir()
    ours, theirs = (open_authority(tmp_path / name, "north-forest", now=now) for name in ("ours", "theirs"))
    issued = issue_server(theirs, ["127.0.0.1"], now=now)
    async with small_server(tmp_path, tls=ServerTls(issued.certificate, issued.key)) as server:
        wrong = replace(settings(tmp_path / "d", server), tls=TlsFiles(ours.certificate))
        right = replace(wrong, tls=TlsFiles(theirs.certificate))
        assert (await look(wrong))["broker"].level == "fail"
        assert (await look(right))["broker"].level == "ok"


async def test_a_rotation_under_way_is_told(tmp_path: Path) -> None:
    enrol(tmp_path)
    open_next_key(tmp_path)
    import_enrolment(tmp_path, sign(*halves(tmp_path)))
    assert "is being rotated" in (await look(alone(tmp_path)))["enrolment"].words


def supply(root: Path, name: str, **files: str) -> None:
    (root / name).mkdir(parents=True)
    for file, text in files.items():
        (root / name / file).write_text(text + "\n")


@pytest.mark.parametrize(
    ("status", "capacity", "expected"),
    [
        ("Discharging", "12", health.Battery(12, is_charging=False)),
        ("Full", "100", health.Battery(100, is_charging=True)),
    ],
)
def test_a_battery_is_read_as_linux_shows_it(
    tmp_path: Path, status: str, capacity: str, expected: health.Battery
) -> None:
    supply(tmp_path, "AC", type="Mains", online="1")
    supply(tmp_path, "BAT0", type="Battery", capacity=capacity, status=status)
    assert health.read_battery(tmp_path) == expected


@pytest.mark.parametrize(
    ("battery", "level"),
    [
        (None, "ok"),
        (health.Battery(15, is_charging=False), "warn"),
        (health.Battery(15, is_charging=True), "ok"),
        (health.Battery(16, is_charging=False), "ok"),
    ],
)
def test_a_battery_that_runs_out_warns(battery: health.Battery | None, level: str) -> None:
    assert check_battery(battery).level == level


def test_a_device_without_a_battery_has_none(tmp_path: Path) -> None:
    supply(tmp_path, "AC", type="Mains", online="1")
    supply(tmp_path, "odd", type="Battery", capacity="?", status="?")
    assert health.read_battery(tmp_path) is None
    assert health.read_battery(tmp_path / "absent") is None


def test_the_memory_read_is_what_the_system_says() -> None:
    with closing(Path("/proc/self/status").open(encoding="ascii")) as lines:
        (said,) = (int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    assert abs(health.read_memory_bytes() - said * 1_024) < 8 << 20
