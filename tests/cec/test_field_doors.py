"""Commands of the bridge beyond recording: corrections to a port, a scanner's packets, a hypsometer's memory."""

import asyncio
import json
import os
import pty
import signal
import socket
import sys
from pathlib import Path

import pytest

from cec.commands.corrections import PASSWORD as VARIABLE
from firmware_bridge.scan.pcap import read_datagrams
from tests.cec.test_commands import ROOT, cec
from tests.cec.test_office import cec as run
from tests.firmware_bridge.gnss.small_caster import PASSWORD, STREAM, USER, SmallCaster, started
from tests.firmware_bridge.gnss.test_ntrip import FRAMES
from tests.firmware_bridge.lasers.test_memory import memory


@pytest.mark.parametrize("to", ["file", "serial"])
async def test_corrections_come_from_a_caster_to_a_file_or_a_receivers_second_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    monkeypatch.setenv(VARIABLE, PASSWORD)
    held, port = pty.openpty()
    sink = tmp_path / "frames.rtcm"
    target = str(sink) if to == "file" else f"serial:{os.ttyname(port)}@115200"
    try:
        async with started(SmallCaster(FRAMES[:3])) as caster:
            place = ("--at", "11.5,48.1", "--user", USER, "--to", target, "--seconds", "3", "--json")
            code, said, complaint = await run("bridge", "corrections", f"127.0.0.1:{caster.port}", STREAM, *place)
        assert code == 0, complaint
        assert json.loads(said.splitlines()[-1])["frames"] >= 3
        assert b"".join(FRAMES[:3]) in (sink.read_bytes() if to == "file" else os.read(held, 65_536))
    finally:
        os.close(held)
        os.close(port)


async def test_a_casters_streams_are_listed_and_a_wrong_password_is_told_at_once(tmp_path: Path) -> None:
    async with started(SmallCaster(FRAMES)) as caster:
        host = f"127.0.0.1:{caster.port}"
        _, said, _ = await run("bridge", "corrections", host)
        assert "FIELD1" in said
        sink = str(tmp_path / "frames")
        code, _, complaint = await run("bridge", "corrections", host, STREAM, "--user", USER, "--to", sink)
    assert code == 1
    assert "password" in complaint
    assert "Traceback" not in complaint


@pytest.mark.parametrize(
    "arguments",
    [("a..b", "X", "--to", "f"), ("host:x",), ("host", "X"), ("127.0.0.1", "X", "--to", "f", "--at", "here")],
)
def test_corrections_that_cannot_be_are_told_in_a_sentence(arguments: tuple[str, ...]) -> None:
    done = cec("bridge", "corrections", *arguments)
    assert done.returncode == 1
    assert "Invalid" in done.stderr
    assert "Traceback" not in done.stderr


async def test_a_scanners_packets_are_captured_as_they_come(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    out = tmp_path / "scan.pcap"
    command = (
        sys.executable,
        "-m",
        "cec",
        "bridge",
        "capture",
        str(out),
        "--address",
        "127.0.0.1",
        "--port",
        str(port),
    )
    process = await asyncio.create_subprocess_exec(
        *command, "--json", cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    packet = bytes(1_206)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as scanner:
        async with asyncio.timeout(30):
            while not (out.exists() and out.stat().st_size > len(packet)):
                scanner.sendto(packet, ("127.0.0.1", port))
                await asyncio.sleep(0.05)
            process.send_signal(signal.SIGINT)
            said, complaint = await process.communicate()
    assert process.returncode == 0, complaint
    with out.open("rb") as stream:
        found = list(read_datagrams(stream))
    assert len(found) == json.loads(said.splitlines()[-1])["datagrams"] > 0


def test_a_hypsometers_memory_is_read_with_its_station(tmp_path: Path) -> None:
    (tmp_path / "DATA.CSV").write_bytes(memory())
    done = cec("bridge", "memory", str(tmp_path / "DATA.CSV"), "--angle", "degrees", "--json")
    (reading,) = json.loads(done.stdout.splitlines()[-1])["readings"]
    assert reading["station"]["lon_nd"] == 120_536_647_200
    (tmp_path / "other.csv").write_text("no;memory\n1;2\n")
    done = cec("bridge", "memory", str(tmp_path / "other.csv"), "--angle", "gon")
    assert (done.returncode, "columns absent" in done.stderr) == (1, True)


def test_the_scanner_is_among_the_drivers_that_are_named() -> None:
    assert "vlp16" in cec("bridge", "list").stdout
