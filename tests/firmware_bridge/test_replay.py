"""A log plays back what was recorded, wherever the power went, and says which driver each port has."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.errors import InvalidLog
from firmware_bridge.log_writer import LogWriter
from firmware_bridge.replay import (
    DRIVERS_OF_OLD,
    MAX_DATA,
    MAX_MS,
    MAX_PORTS,
    Delivery,
    TornEnd,
    begin_clock,
    encode_header,
    parse_header,
    parse_log,
    play,
    read_drivers,
)

DRIVERS = {"rover": "gnss", "laser-1": "haglof"}
HEADER = b"# cec-log 2\trover=gnss\tlaser-1=haglof\n"
BODY = b"0\trover\t2447\n5\tlaser-1\t0a\n5\trover\tff\n"
DELIVERIES = [Delivery(0, "rover", b"$G"), Delivery(5, "laser-1", b"\n"), Delivery(5, "rover", b"\xff")]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "day.log"


def test_a_header_tells_each_ports_driver(log: Path) -> None:
    log.write_bytes(HEADER + BODY)
    assert read_drivers(log) == DRIVERS
    assert list(parse_log(log)) == DELIVERIES


def test_a_log_without_header_still_plays(log: Path) -> None:
    log.write_bytes(b"0\tgnss\t24\n1\thypsometer\t24\n2\tcaliper\t0a\n")
    assert read_drivers(log) == dict(DRIVERS_OF_OLD)
    assert [delivery.port for delivery in parse_log(log)] == ["gnss", "hypsometer", "caliper"]


NAMES = st.from_regex(r"[a-z0-9-]{1,32}", fullmatch=True)


@given(st.dictionaries(NAMES, NAMES, min_size=1, max_size=MAX_PORTS))
def test_a_header_reads_back_what_it_was_made_of(drivers: dict[str, str]) -> None:
    assert parse_header(encode_header(drivers)) == drivers


@pytest.mark.parametrize(
    "drivers",
    [{}, {"Rover": "gnss"}, {"a": ""}, {"a=b": "gnss"}, {"a" * 33: "gnss"}, {str(at): "gnss" for at in range(17)}],
)
def test_a_header_that_cannot_be_is_not_written(drivers: dict[str, str]) -> None:
    with pytest.raises(InvalidLog, match="1 to 16"):
        encode_header(drivers)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"# cec-log 3\ta=gnss\n", "version"),
        (b"# cec-log 2\ta=gnss\ta=gnss\n", "different"),
        (b"# cec-log 2\n", "different"),
        (b"# a comment\n", "three fields"),
        (b"# cec-log 2\ta=gnss\n0\tb\t24\n", "other than a"),
        (HEADER + b"5\trover\t24\n4\trover\t24\n", "falls"),
        (HEADER + b"%d\trover\t24\n" % (MAX_MS + 1), "100 days"),
        (HEADER + b"0\trover\t" + b"24" * (MAX_DATA + 100) + b"\n", "longer"),
        (HEADER + b"0\trover\t2\n", "hexadecimal"),
        (HEADER + b"0\trover\n" + BODY, "three fields"),
        (HEADER + BODY[:14] + HEADER, "three fields"),
        (HEADER + BODY + b"nonsense", "three fields"),
        (HEADER + BODY + b"# cec-log 2", "three fields"),
        (HEADER + BODY + b"9\tsonar\t24", "other than"),
        (HEADER + BODY + b"4\trover\t24", "falls"),
        (HEADER + BODY + b"\0\0\n" + BODY, "three fields"),
    ],
)
def test_a_log_that_cannot_be_played_says_why(log: Path, text: bytes, reason: str) -> None:
    log.write_bytes(text)
    with pytest.raises(InvalidLog, match=reason):
        list(parse_log(log))


@pytest.mark.parametrize("cut", range(1, len(HEADER + BODY) + 1))
@pytest.mark.parametrize("zeros", [0, 40_000])
def test_a_log_that_ends_anywhere_gives_every_whole_line(log: Path, cut: int, zeros: int) -> None:
    whole = (HEADER + BODY)[:cut]
    log.write_bytes(whole + bytes(zeros))
    told: list[TornEnd] = []
    assert list(parse_log(log, tell=told.append)) == DELIVERIES[: max(0, whole.count(b"\n") - 1)]
    assert len(told) == (not whole.endswith(b"\n") or zeros > 0)


@given(st.lists(st.tuples(st.integers(0, 1000), st.sampled_from(sorted(DRIVERS)), st.binary(max_size=30)), max_size=20))
def test_what_is_recorded_is_played(
    tmp_path_factory: pytest.TempPathFactory, taken: list[tuple[int, str, bytes]]
) -> None:
    log = tmp_path_factory.mktemp("log") / "log"
    taken.sort(key=lambda one: one[0])
    with LogWriter(log, DRIVERS) as writer:
        for at_ms, port, data in taken:
            writer.append(at_ms, port, data)
        assert writer.bytes_written == log.stat().st_size
    assert list(parse_log(log)) == [Delivery(*one) for one in taken if one[2]]


def test_a_large_delivery_is_written_as_several_and_time_never_falls(log: Path) -> None:
    data = os.urandom(3 * MAX_DATA + 1)
    with LogWriter(log, DRIVERS) as writer:
        writer.append(9, "rover", data)
        writer.append(3, "laser-1", b"x")
    found = list(parse_log(log))
    assert b"".join(one.data for one in found[:-1]) == data
    assert found[-1] == Delivery(9, "laser-1", b"x")


def test_a_log_that_is_there_is_never_recorded_over(log: Path) -> None:
    log.write_bytes(HEADER)
    with pytest.raises(FileExistsError):
        LogWriter(log, DRIVERS)


def test_a_log_has_an_end(log: Path) -> None:
    with LogWriter(log, DRIVERS) as writer:
        writer.append(MAX_MS, "rover", b"x")
        with pytest.raises(InvalidLog, match="begin a new") as caught:
            writer.append(MAX_MS + 1, "rover", b"x")
    assert caught.value.line == 3


def test_deliveries_are_on_the_disk_after_the_time_that_was_asked_for(log: Path) -> None:
    now = 0.0
    with LogWriter(log, DRIVERS, sync_s=5.0, clock=lambda: now) as writer:
        now = 4.9
        writer.append(1, "rover", b"x")
        assert writer._synced == 0.0
        now = 5.0
        writer.sync_when_due()
        assert writer._synced == 5.0
        now = 9.9
        writer.sync_when_due()
        assert writer._synced == 5.0


def test_a_full_disk_leaves_a_log_of_whole_lines(tmp_path: Path) -> None:
    """The limit on a file's size (RLIMIT_FSIZE) makes the write short, as a full disk does."""
    log = tmp_path / "log"
    program = """
import resource, signal, sys
from pathlib import Path
from firmware_bridge.log_writer import LogWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
writer = LogWriter(Path(sys.argv[1]), {"rover": "gnss"})
refused = 0
for at in range(9):
    try:
        writer.append(at, "rover", bytes(100 - 10 * at))
    except OSError:
        refused += 1
print(refused)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(log)], capture_output=True, text=True, timeout=30, check=True
    )
    found = list(parse_log(log))
    assert int(done.stdout) > 0
    assert len(found) + int(done.stdout) == 9
    assert log.read_bytes().endswith(b"\n")


def test_a_recording_that_is_killed_plays_to_its_last_whole_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    program = """
import os, sys
from pathlib import Path
from firmware_bridge.log_writer import LogWriter
writer = LogWriter(Path(sys.argv[1]), {"rover": "gnss"})
for at in range(50):
    writer.append(at, "rover", b"x" * at)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", program, str(log)], timeout=30, check=False)
    assert done.returncode == -9
    assert [one.at_ms for one in parse_log(log)] == list(range(1, 50))


@pytest.fixture
def slow_log(log: Path) -> Path:
    log.write_bytes(HEADER + b"0\trover\t24\n2000\trover\t25\n")
    return log


async def test_a_log_is_played_in_its_own_time_or_as_fast_as_possible(slow_log: Path) -> None:
    waited: list[float] = []

    async def wait_until(after_s: float) -> None:
        waited.append(after_s)

    fast = [one async for one in play(slow_log, speed=0, wait_until=wait_until)]
    assert (len(fast), waited) == (2, [])
    assert [one async for one in play(slow_log, speed=10, wait_until=wait_until)] == fast
    assert waited == [0.0, 0.2]


async def test_a_log_s_own_time_is_counted_from_its_beginning() -> None:
    began = time.monotonic()
    wait_until = begin_clock()
    for after_s in (0.02, 0.01, 0.05):
        await wait_until(after_s)
        # A loop may wake a timer early by its clock's resolution, never by more; how late says nothing.
        assert time.monotonic() - began >= after_s - 0.001


@given(st.binary(max_size=200))
def test_any_bytes_are_a_log_or_refused(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    log = tmp_path_factory.mktemp("log") / "log"
    log.write_bytes(raw)
    try:
        found = list(parse_log(log))
    except InvalidLog:
        return
    assert len(found) <= raw.count(b"\n")
