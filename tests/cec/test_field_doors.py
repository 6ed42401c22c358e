"""Commands of the bridge beyond recording: corrections to a port, a scanner's packets, a hypsometer's memory."""

import asyncio
import contextlib
import json
import os
import pty
import signal
import socket
import sys
from pathlib import Path

import pytest

from cec.commands.corrections import PASSWORD as VARIABLE
from cec.commands.corrections import CorrectionsRun, ReceiverLine, parse_caster, run_corrections
from cec.errors import UnreadableCaster
from domain.errors import CecError
from firmware_bridge.gnss.caster import NtripSettings, encode_request
from firmware_bridge.ports.address import SerialAddress
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
    [
        ("a..b", "X", "--to", "f"),
        ("host", "X"),
        *((caster,) for caster in ("host:x", "host:", "host:0", "host:99999999", "::1", "[::1", "[host]")),
        *(
            ("127.0.0.1", "X", "--to", "f", "--at", place)
            for place in ("here", "11.5", "nan,1", "1,nan", "inf,2", "2,-inf", "500,100", "180.1,0", "0,-90.1")
        ),
    ],
)
def test_corrections_that_cannot_be_are_told_before_anything_is_opened(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CecError, match="Invalid"):
        run_corrections(make_run(*arguments), as_json=False)
    assert not Path("f").exists()


def make_run(caster: str, mountpoint: str | None = None, *options: str) -> CorrectionsRun:
    named = dict(zip(options[::2], options[1::2], strict=True))
    return CorrectionsRun(caster, mountpoint, named.get("--to"), "", named.get("--at"), seconds=0.1)


def test_corrections_that_cannot_be_end_the_command_in_a_sentence() -> None:
    done = cec("bridge", "corrections", "127.0.0.1", "X", "--to", "f", "--at", "nan,1")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "Invalid corrections: 'nan,1' is no place" in done.stderr


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("caster.example.org", ("caster.example.org", 2101)),
        ("caster.example.org:80", ("caster.example.org", 80)),
        ("192.0.2.7", ("192.0.2.7", 2101)),
        ("[::1]", ("::1", 2101)),
        ("[2001:db8::7]:65535", ("2001:db8::7", 65_535)),
    ],
)
def test_a_casters_port_need_not_be_named_and_its_number_may_be_ipv6(text: str, endpoint: tuple[str, int]) -> None:
    assert parse_caster(text) == endpoint
    assert encode_request(NtripSettings(endpoint[0], STREAM, endpoint[1]), mountpoint=STREAM)


def test_a_receivers_line_is_opened_again_after_its_cable_was_pulled(tmp_path: Path) -> None:
    plug, told = tmp_path / "receiver", list[str]()
    with pytest.raises(UnreadableCaster, match="cannot open"):
        ReceiverLine(SerialAddress(str(plug), 115_200), told.append)
    held, port = plug_in(plug)
    with contextlib.closing(ReceiverLine(SerialAddress(str(plug), 115_200), told.append)) as line:
        assert line.write(FRAMES[0])
        assert os.read(held, 65_536) == FRAMES[0]
        pull(plug, held, port)
        assert [line.write(FRAMES[1]), line.write(FRAMES[1])] == [False, False]
        held, port = plug_in(plug)
        assert line.write(FRAMES[2])
        assert os.read(held, 65_536) == FRAMES[2]
        pull(plug, held, port)
    assert ["lost" in told[0], "back" in told[1], len(told)] == [True, True, 2]


def plug_in(plug: Path) -> tuple[int, int]:
    held, port = pty.openpty()
    plug.symlink_to(os.ttyname(port))
    return held, port


def pull(plug: Path, *ends: int) -> None:
    plug.unlink()
    for end in ends:
        os.close(end)


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
