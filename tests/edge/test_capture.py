"""From ports, logs and folders to records: every reading once, whatever ends the agent."""

import asyncio
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from functools import reduce
from operator import xor
from pathlib import Path
from random import Random

import pytest

from domain.codec import decode_list
from domain.envelope import open_envelope
from domain.readings import GnssFix, HeightShot, Photo
from domain.records.field import Blob, Observation
from edge.agent import Agent
from edge.capture import KEPT_LINES, SKIPPED_LINES, Capture, name_log
from edge.clock import ClockWatch
from edge.errors import InvalidPort
from edge.identity import Identity
from edge.ports import PortSetting, parse_setting, read_port
from edge.settings import EdgeSettings
from edge.spool import Spool, open_spool
from edge.watch import CloudWords, upload_folder
from firmware_bridge.catalogue import find_driver
from firmware_bridge.driver import SkyView
from firmware_bridge.ports.address import TcpAddress
from tests.edge.server import until
from tests.edge.test_spool import enrol

SHOTS = 300


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    return enrol(tmp_path)


@pytest.fixture
def spool(tmp_path: Path, identity: Identity) -> Iterator[Spool]:
    with open_spool(tmp_path, identity) as spool:
        yield spool


def sentence(number: int) -> bytes:
    """Return a distance in the form of Laser Technology: $PLTIT,HV,horizontal,azimuth,inclination,slope."""
    return frame(f"PLTIT,HV,{10 + number / 100:.2f},M,90.00,D,0.00,D,{10 + number / 100:.2f},M")


def frame(body: str) -> bytes:
    """Return a sentence as NMEA 0183 frames it."""
    return f"${body}*{reduce(xor, body.encode()):02X}\r\n".encode()


def write_log(path: Path, *, piece: int, shots: int = SHOTS) -> None:
    """Write a log in which sentences are cut anywhere."""
    raw = b"".join(sentence(number) for number in range(shots))
    lines = [b"%d\tlaser\t%s\n" % (at * 40, raw[at : at + piece].hex().encode()) for at in range(0, len(raw), piece)]
    path.write_bytes(b"# cec-log 2\tlaser=trupulse\n" + b"".join(lines))


def distances(spool: Spool) -> list[int]:
    """Return the distances recorded, in order."""
    bodies = [open_envelope(raw).body for (raw,) in spool.db.execute("SELECT raw FROM item ORDER BY row")]
    return [
        shot.horizontal_mm or 0
        for body in bodies
        if isinstance(body, Observation)
        for shot in body.readings
        if isinstance(shot, HeightShot)
    ]


def expected(shots: int = SHOTS) -> list[int]:
    return [10_000 + 10 * number for number in range(shots)]


async def test_a_log_is_recorded_once_however_often_it_is_played(tmp_path: Path, spool: Spool) -> None:
    write_log(tmp_path / "log", piece=37)
    for played, new in ((0, SHOTS), (1, 0)):
        capture = Capture(spool, "north-forest", "rover-1", "ridge")
        assert await capture.run_log(tmp_path / "log", speed=0) == new, played
    assert distances(spool) == expected()


async def test_another_log_of_the_same_name_is_played_from_its_start(tmp_path: Path, spool: Spool) -> None:
    write_log(tmp_path / "log", piece=37, shots=50)
    first = name_log(tmp_path / "log")
    await Capture(spool, "north-forest", "rover-1", "ridge").run_log(tmp_path / "log", speed=0)
    write_log(tmp_path / "log", piece=38, shots=50)
    assert name_log(tmp_path / "log") != first
    assert await Capture(spool, "north-forest", "rover-1", "ridge").run_log(tmp_path / "log", speed=0) == 50


PLAYER = """
import asyncio, sys
from pathlib import Path
from edge.capture import Capture
from edge.identity import load_identity
from edge.spool import open_spool

async def main(folder):
    with open_spool(folder, load_identity(folder)) as spool:
        capture = Capture(spool, "north-forest", "rover-1", "ridge")
        print("begun", flush=True)
        await capture.run_log(folder / "log", speed=float(sys.argv[2]))
        print("done", flush=True)

asyncio.run(main(Path(sys.argv[1])))
"""


async def play_until_killed(folder: Path, *, seconds: float, speed: float) -> bool:
    """Play the log in a process that is killed after a time; tell whether it was done before."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PLAYER, str(folder), str(speed), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == b"begun\n"
        async with asyncio.timeout(seconds):
            return await process.stdout.readline() == b"done\n"
    except TimeoutError:
        return False
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_log_goes_on_after_each_kill_where_it_was(tmp_path: Path, identity: Identity) -> None:
    write_log(tmp_path / "log", piece=37)
    moments = Random(4)
    found: list[int] = []
    for _ in range(4):
        # At this speed the whole log would take some 3 s.
        assert not await play_until_killed(tmp_path, seconds=moments.uniform(0.2, 0.7), speed=200)
        with open_spool(tmp_path, identity) as spool:
            found = distances(spool)
        assert found == expected()[: len(found)]
    assert 0 < len(found) < SHOTS
    assert await play_until_killed(tmp_path, seconds=30, speed=0)
    with open_spool(tmp_path, identity) as spool:
        assert distances(spool) == expected()
        assert spool.status().readings == SHOTS


async def test_a_live_port_is_read_by_its_driver_and_opened_again(spool: Spool) -> None:
    connections = 0

    async def instrument(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        writer.write(b"".join(sentence(number) for number in range(connections * 5, connections * 5 + 5)))
        connections += 1
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(instrument, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        setting = PortSetting("laser", find_driver("trupulse"), TcpAddress("127.0.0.1", port))
        capture = Capture(spool, "north-forest", "rover-1", "ridge")
        task = asyncio.create_task(read_port(setting, capture), name="port")
        await until(lambda: connections >= 2 and len(distances(spool)) >= 10, seconds=15)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert distances(spool)[:10] == expected(10)


async def test_a_port_that_is_told_to_stop_gives_what_its_driver_holds(spool: Spool) -> None:
    async def deliver() -> AsyncIterator[bytes]:
        # Every sentence of an epoch whose end is still to come: the driver holds the fix.
        yield frame("GNGGA,123519.00,4807.0380000,N,01131.0000000,E,4,12,0.90,545.400,M,46.900,M,1.5,0138")
        await asyncio.Event().wait()

    capture = Capture(spool, "north-forest", "rover-1", "ridge")
    task = asyncio.create_task(capture.run_port(deliver(), find_driver("nmea").make()), name="port")
    await asyncio.sleep(0.05)
    assert spool.status().readings == 0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert spool.status().readings == 1


async def test_a_port_that_fails_gives_what_came_before(spool: Spool) -> None:
    async def deliver() -> AsyncIterator[bytes]:
        yield sentence(0)
        raise OSError("unplugged")

    capture = Capture(spool, "north-forest", "rover-1", "ridge")
    with pytest.raises(OSError, match="unplugged"):
        await capture.run_port(deliver(), find_driver("trupulse").make())
    assert distances(spool) == expected(1)


@pytest.mark.parametrize("given", [0, 3])
def test_a_disk_that_refuses_the_count_of_what_was_dropped_ends_nobody(
    tmp_path: Path, spool: Spool, given: int
) -> None:
    spool.db.execute("PRAGMA busy_timeout = 20")
    capture = Capture(spool, "north-forest", "rover-1", "ridge")
    capture.pulse.dropped = 7
    driver = find_driver("trupulse").make()
    capture.take([*driver.feed(b"".join(map(sentence, range(given))), mono_ms=1), *driver.flush()])
    with closing(sqlite3.connect(tmp_path / "spool.sqlite")) as other:
        other.execute("BEGIN IMMEDIATE")
        capture.record()
        assert (capture.pulse.dropped, spool.counted("dropped")) == (7, 0)
        other.rollback()
    capture.record()
    assert (capture.pulse.dropped, spool.counted("dropped")) == (0, 7)
    assert distances(spool) == expected(given)


def test_lines_that_give_no_reading_are_counted_and_the_last_are_kept(spool: Spool) -> None:
    capture, driver = Capture(spool, "north-forest", "rover-1", "ridge"), find_driver("trupulse").make()
    for number in range(30):
        capture.take(driver.feed(b"$PLTIT,HV,broken %d*00\r\n" % number, mono_ms=number))
    capture.record()
    assert spool.status().skipped == 30
    kept = decode_list(spool.noted(SKIPPED_LINES) or b"")
    assert len(kept) == KEPT_LINES
    assert "broken 29" in str(kept[-1])
    assert "checksum" in str(kept[-1])


def test_what_the_sky_looks_like_and_its_time_go_to_the_crew(spool: Spool) -> None:
    clock = ClockWatch(lambda: 0, lambda: 0)
    capture = Capture(spool, "north-forest", "rover-1", "ridge", clock=clock)
    fix = GnssFix(1, 11_000_000_000, 47_000_000_000, 4, gnss_at_ms=1_790_000_000_000)
    capture.take([SkyView(1, 11, 23, quality=4, hdop_c=80), fix])
    capture.record()
    assert capture.pulse.sky == SkyView(1, 11, 23, quality=4, hdop_c=80)
    assert "the satellites'" in clock.alarms()[0]
    (raw,) = spool.db.execute("SELECT raw FROM item ORDER BY row DESC LIMIT 1").fetchone()
    assert open_envelope(raw).expect(Observation).place.gnss_at_ms == 1_790_000_000_000


@pytest.mark.parametrize("text", ["laser", "laser=trupulse", "=trupulse@tcp:a:1", "laser=trupulse@", "Laser=x@tcp:a:1"])
def test_a_port_that_is_none_is_told(text: str) -> None:
    with pytest.raises(InvalidPort, match="NAME=DRIVER@ADDRESS"):
        parse_setting(text)


JPEG = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffdb004300" + "10" * 64 + "ffc0000b080001000101011100"
    "ffc40014000100000000000000000000000000000009ffc40014100100000000000000000000000000000000"
    "ffda0008010100003f0054bfffd9"
)
"""A photo of one pixel without EXIF."""


async def test_what_appears_in_a_watched_folder_is_declared_once_across_runs(tmp_path: Path) -> None:
    enrol(tmp_path / "d")
    card = tmp_path / "card"
    card.mkdir()
    (card / "DJI_0001.JPG").write_bytes(JPEG)
    (card / "tile.laz").write_bytes(b"LASF" + bytes(1_000))
    (card / "notes.txt").write_bytes(b"no")
    for number, files in ((2, 2), (3, 3)):
        async with Agent.open(EdgeSettings(tmp_path / "d", "127.0.0.1", 1, "ridge")) as agent:
            words = CloudWords("EPSG:32633", "mobile")
            task = asyncio.create_task(upload_folder(agent, card, words, settle_s=0.2), name="watch")
            await until(lambda: agent.spool.status().uploads == number)  # noqa: B023
            await asyncio.sleep(0.6)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            kinds = Counter(
                type(open_envelope(raw).body).__name__ for (raw,) in agent.spool.db.execute("SELECT raw FROM item")
            )
            assert (kinds["Blob"], kinds["Observation"]) == (files, 1)
        (card / "later.laz").write_bytes(b"LASF" + bytes(2_000))
    with open_spool(tmp_path / "d", enrol(tmp_path / "d")) as spool:
        bodies = [open_envelope(raw).body for (raw,) in spool.db.execute("SELECT raw FROM item")]
    (photo,) = (one for body in bodies if isinstance(body, Observation) for one in body.readings)
    assert isinstance(photo, Photo)
    blobs = [body for body in bodies if isinstance(body, Blob)]
    assert photo.root in {body.root for body in blobs}
    # What the crew says is of clouds; a photo has neither.
    said = {body.name: (body.crs, body.scanned) for body in blobs}
    assert said.pop("DJI_0001.JPG") == (None, None)
    assert set(said.values()) == {("EPSG:32633", "mobile")}
