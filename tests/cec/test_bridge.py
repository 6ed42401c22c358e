"""``cec bridge`` lists drivers, records what a line sends until stopped, and plays logs to people and programs."""

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from serial import Serial

from cec.commands.bridge import format_reading, parse_instruments
from cec.errors import UnreadablePort
from domain.readings import HeightShot, Station
from firmware_bridge.catalogue import list_drivers
from firmware_bridge.lasers.errors import UnknownDriver
from firmware_bridge.ports.address import SerialAddress
from firmware_bridge.ports.errors import InvalidAddress
from firmware_bridge.replay import parse_log, read_drivers
from firmware_bridge.scan.catalogue import SCANNERS

ROOT = Path(__file__).parent.parent.parent
LIMIT_S = 30.0
# Examples of the TruPulse 200 user's manual, 6th edition, section 8, and of a Digitech caliper.
HEIGHT = (
    b"$PLTIT,HV,16.00,F,0.00,D,-1.20,D,16.00,F*49\r\n"
    b"$PLTIT,HV,,,0.00,D,-19.10,D,,*73\r\n"
    b"$PLTIT,HV,,,0.00,D,32.40,D,,*52\r\n"
    b"$PLTIT,HT,15.70,F*0E\r\n"
)
DIAMETER = b"$PHGF,DIA,M,277,*2A\r\n"
LOG = b"# cec-log 2\tlaser=trupulse\tfork=caliper\n" + b"".join(
    f"{at_ms}\t{port}\t{data.hex()}\n".encode()
    for at_ms, port, data in [(0, "laser", HEIGHT), (30_500, "fork", b"\xff\xff\r\n" + DIAMETER)]
)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "cec", "bridge", *arguments]


def cec(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False)


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command that is ended by the test, or killed with it."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command(*arguments), cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_line(process: subprocess.Popen[str], pattern: str) -> re.Match[str]:
    """Return the first line of the error stream that has this pattern; a process that says nothing is killed."""
    alarm = threading.Timer(LIMIT_S, process.kill)
    alarm.start()
    assert process.stderr is not None
    try:
        for line in process.stderr:
            match = re.search(pattern, line)
            if match is not None:
                return match
    finally:
        alarm.cancel()
    pytest.fail(f"no line with {pattern}")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "day.log").write_bytes(LOG)
    return tmp_path / "day.log"


def test_the_list_names_each_driver_with_what_it_yields() -> None:
    said = cec("list").stdout
    for spec in list_drivers():
        (line,) = [line for line in said.splitlines() if line.startswith(f"  {spec.name} ")]
        assert ", ".join(spec.yields) in line
        assert line.endswith(spec.instruments)


def test_the_list_is_for_scripts_too() -> None:
    told = json.loads(cec("list", "--json").stdout)
    known = [spec.name for spec in list_drivers()] + [spec.name for spec in SCANNERS]
    assert [driver["name"] for driver in told["drivers"]] == known


def test_a_replay_prints_each_reading_as_a_line(log: Path) -> None:
    done = cec("replay", str(log))
    height, diameter = done.stdout.splitlines()
    # International feet: 304.8 mm each.
    assert re.search(r"0\.000 +laser +height +.*height_mm=4785", height)
    assert re.search(r"30\.500 +fork +diameter +diameter_mm=277", diameter)
    assert "fork: skipped: Noise of 2 bytes" in done.stderr


def test_a_replay_tells_scripts_each_reading_and_the_sum(log: Path) -> None:
    log.write_bytes(LOG + b"30900\tfork\t24")
    *readings, told = [json.loads(line) for line in cec("replay", str(log), "--json").stdout.splitlines()]
    assert [one["reading"]["type"] for one in readings] == ["height", "diameter"]
    assert bytes.fromhex(readings[1]["reading"]["raw"]) == DIAMETER.strip()
    assert told["ports"]["fork"] == {"bytes": len(DIAMETER) + 4, "readings": {"diameter": 1}, "skipped": 1}
    assert told["torn_line"] == 4


def test_a_recording_of_a_log_is_that_log(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "again.log"
    done = cec("record", f"a=trupulse@log:{log}@0#laser", f"b=caliper@log:{log}@0#fork", "--out", str(out), "--json")
    told = json.loads(done.stdout)
    assert told["ports"]["a"] == {"driver": "trupulse", "bytes": len(HEIGHT), "readings": {"height": 1}, "skipped": 0}
    assert told["bytes"] == out.stat().st_size
    assert read_drivers(out) == {"a": "trupulse", "b": "caliper"}
    assert {one.port: one.data for one in parse_log(out)} == {"a": HEIGHT, "b": b"\xff\xff\r\n" + DIAMETER}


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_recording_of_a_line_ends_cleanly_when_it_is_stopped(tmp_path: Path, end: signal.Signals) -> None:
    master, slave = pty.openpty()
    tty.setraw(master)
    out = tmp_path / "day.log"
    try:
        port = f"fork=caliper@serial:{os.ttyname(slave)}@9600"
        with running("record", port, "--out", str(out)) as process:
            wait_for_line(process, "fork: open")
            os.write(master, DIAMETER)
            wait_until_grown(out, len(DIAMETER))
            process.send_signal(end)
            said, _ = process.communicate(timeout=LIMIT_S)
            assert process.returncode == 0
    finally:
        os.close(master)
        os.close(slave)
    assert "fork (caliper): 21 bytes: 1 diameter; 0 skipped" in said
    assert b"".join(one.data for one in parse_log(out)) == DIAMETER


def wait_until_grown(out: Path, size: int) -> None:
    until = time.monotonic() + LIMIT_S
    while len(b"".join(one.data for one in parse_log(out))) < size:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_recording_ends_after_the_seconds_that_were_asked_for(tmp_path: Path) -> None:
    out = tmp_path / "day.log"
    done = cec("record", "fork=caliper@serial:/dev/cec-none@9600", "--out", str(out), "--seconds", "0.3", "--json")
    assert json.loads(done.stdout)["ports"]["fork"]["bytes"] == 0
    assert list(parse_log(out)) == []


def test_a_lost_line_is_told_to_people_once(tmp_path: Path) -> None:
    out = tmp_path / "day.log"
    done = cec("record", "fork=caliper@serial:/dev/cec-none@9600", "--out", str(out), "--seconds", "1.2")
    assert done.stderr.count("fork: lost") == 1
    assert "No such file" in done.stderr


def test_a_log_is_never_recorded_over(log: Path) -> None:
    done = cec("record", f"a=caliper@log:{log}@0#fork", "--out", str(log))
    assert done.returncode == 1
    assert "exists" in done.stderr
    assert log.read_bytes() == LOG


def test_a_replay_feeds_a_program_over_tcp(log: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    with running("replay", str(log), "--to", f"laser=tcp-listen:127.0.0.1:{port}") as process:
        wait_for_line(process, "waits for a program")
        with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as stream:
            stream.sendall(b"$PLTIT,RQ,ID\r\n")  # an instrument's reader may ask for something first
            taken = b"".join(iter(lambda: stream.recv(4_096), b""))
        said, _ = process.communicate(timeout=LIMIT_S)
    assert taken == HEIGHT
    assert said == f"  {len(HEIGHT)} bytes sent\n"


def test_a_replay_feeds_a_program_over_a_terminal(log: Path) -> None:
    with running("replay", str(log), "--to", "laser=pty", "--speed", "0") as process:
        name = wait_for_line(process, r"opens (/dev/\S+)")[1]
        with Serial(name, 38_400, timeout=LIMIT_S) as line:
            assert line.read(len(HEIGHT)) == HEIGHT
        said, _ = process.communicate(timeout=LIMIT_S)
    assert said == f"  {len(HEIGHT)} bytes sent\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--to", "pty"), "say which with --to laser=pty"),
        (("--to", "sonar=pty"), "say which"),
        (("--to", "laser=udp:127.0.0.1:99"), "tcp-listen:HOST:PORT alone"),
        (("--to", "laser=nowhere"), "expected one of serial:"),
    ],
)
def test_a_place_to_send_to_that_cannot_be_is_told_in_a_sentence(
    log: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = cec("replay", str(log), *arguments)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["caliper@serial:/dev/ttyUSB0@9600"], UnreadablePort),
        (["Fork=caliper@serial:/dev/ttyUSB0@9600"], UnreadablePort),
        (["fork=caliper"], UnreadablePort),
        (["a=caliper@udp:h:1", "a=caliper@udp:h:2"], UnreadablePort),
        ([f"p{at}=caliper@udp:h:1" for at in range(17)], UnreadablePort),
        (["a=calliper@udp:h:1"], UnknownDriver),
        (["a=caliper@udp:h"], InvalidAddress),
    ],
)
def test_a_port_that_cannot_be_is_refused_by_its_rule(options: list[str], error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_instruments(options)


def test_a_port_is_read_with_its_name_driver_and_address() -> None:
    (one,) = parse_instruments(["fork-1=caliper@serial:/dev/serial/by-id/usb@2@9600"])
    assert (one.name, one.spec.name) == ("fork-1", "caliper")
    assert one.address == SerialAddress("/dev/serial/by-id/usb@2", 9_600)


def test_a_line_for_people_shows_every_field_but_the_bytes() -> None:
    shot = HeightShot(1_500, height_mm=12_300, target="10001", station=Station(1, 2), raw=b"x")
    assert format_reading("laser", shot).split() == [
        "1.500",
        "laser",
        "height",
        "height_mm=12300",
        "target=10001",
        "station={'lon_nd':",
        "1,",
        "'lat_nd':",
        "2}",
    ]
