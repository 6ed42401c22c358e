"""Recording from sockets, over the loopback."""

import asyncio
import io
import socket
import time
from pathlib import Path

import pytest

from firmware_bridge.scan.capture import convert_pcap
from firmware_bridge.scan.errors import CannotListen, CannotWrite
from firmware_bridge.scan.link import Datagram
from firmware_bridge.scan.live import QUEUE, Recording, RecordOptions, open_recording
from firmware_bridge.scan.pcap import read_datagrams
from tests.firmware_bridge.scan.scans import MOUNTING, make_track, scan

LOOPBACK = RecordOptions(address="127.0.0.1", ports=(0, 0))
TIMEOUT_S = 10


def read(path: Path) -> list[Datagram]:
    with path.open("rb") as stream:
        return [entry for entry in read_datagrams(stream) if isinstance(entry, Datagram)]


async def wait_for(recording: Recording, datagrams: int) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while recording.datagrams < datagrams:  # noqa: ASYNC110  # the recording has no event for each datagram
            await asyncio.sleep(0.01)


async def test_what_comes_is_in_the_capture_with_its_port_and_time(tmp_path: Path) -> None:
    stop = asyncio.Event()
    began = time.time()
    async with open_recording(tmp_path / "raw.pcap", LOOPBACK) as recording, asyncio.TaskGroup() as group:
        running = group.create_task(recording.run(stop), name="recording")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for number in range(200):
                sender.sendto(b"%d" % number, ("127.0.0.1", recording.ports[number % 2]))
        await wait_for(recording, 200)
        stop.set()
    summary, got = running.result(), read(tmp_path / "raw.pcap")
    assert (summary.datagrams, summary.dropped) == (200, 0)
    assert summary.size == (tmp_path / "raw.pcap").stat().st_size
    assert sorted(int(entry.payload) for entry in got) == list(range(200))
    assert all(entry.port == recording.ports[int(entry.payload) % 2] for entry in got)
    assert all(began - 0.01 <= entry.at <= time.time() + 0.01 and entry.source == "127.0.0.1" for entry in got)


async def test_a_recorded_scan_becomes_a_cloud(tmp_path: Path) -> None:
    # Arrival times are today's, which only the scanner's own sentences set right.
    truth = scan()
    sent = [entry for entry in read_datagrams(io.BytesIO(truth.pcap)) if isinstance(entry, Datagram)]
    stop = asyncio.Event()
    async with open_recording(tmp_path / "raw.pcap", LOOPBACK) as recording, asyncio.TaskGroup() as group:
        group.create_task(recording.run(stop), name="recording")
        ports = dict(zip((2_368, 8_308), recording.ports, strict=True))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for count, entry in enumerate(sent, start=1):
                sender.sendto(entry.payload, ("127.0.0.1", ports[entry.port]))
                if count % 20 == 0:
                    await wait_for(recording, count)
        await wait_for(recording, len(sent))
        stop.set()
    raw = (tmp_path / "raw.pcap").read_bytes()
    for port, given in ports.items():
        raw = raw.replace(given.to_bytes(2) + (8 + 1_206).to_bytes(2), port.to_bytes(2) + (8 + 1_206).to_bytes(2))
        raw = raw.replace(given.to_bytes(2) + (8 + 512).to_bytes(2), port.to_bytes(2) + (8 + 512).to_bytes(2))
    (tmp_path / "raw.pcap").write_bytes(raw)
    summary = convert_pcap(tmp_path / "raw.pcap", make_track(), MOUNTING, "EPSG:32633", out=tmp_path / "cloud.laz")
    assert (summary.written, summary.clock) == (truth.points_m.shape[0], "gnss")


async def test_a_recording_ends_before_it_grows_past_its_bound(tmp_path: Path) -> None:
    options = RecordOptions(address="127.0.0.1", ports=(0,), max_bytes=5_000)
    async with open_recording(tmp_path / "raw.pcap", options) as recording, asyncio.timeout(TIMEOUT_S):
        for _ in range(2_000):
            recording.offer(Datagram(time.time(), "127.0.0.1", 1, 2, bytes(1_000)))
        summary = await recording.run(asyncio.Event())
    assert summary.size <= 5_000
    assert len(read(tmp_path / "raw.pcap")) == summary.datagrams == 4


async def test_a_recording_ends_though_the_scanner_keeps_sending(tmp_path: Path) -> None:
    stop = asyncio.Event()
    stop.set()
    async with open_recording(tmp_path / "raw.pcap", LOOPBACK) as recording, asyncio.timeout(TIMEOUT_S):
        for _ in range(3_000):
            recording.offer(Datagram(time.time(), "127.0.0.1", 1, 2, b"waits"))
        summary = await recording.run(stop)
    assert len(read(tmp_path / "raw.pcap")) == summary.datagrams == 3_000


async def test_what_the_disk_is_too_slow_for_is_counted(tmp_path: Path) -> None:
    async with open_recording(tmp_path / "raw.pcap", LOOPBACK) as recording:
        for _ in range(QUEUE + 3):
            recording.offer(Datagram(0.0, "127.0.0.1", 1, 2, b""))
    assert recording.dropped == 3


async def test_an_older_capture_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "raw.pcap").write_bytes(b"older")
    async with open_recording(tmp_path / "raw.pcap", LOOPBACK) as recording:
        with pytest.raises(CannotWrite, match="exists"):
            await recording.run(asyncio.Event())
    assert (tmp_path / "raw.pcap").read_bytes() == b"older"


async def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", 0))
        options = RecordOptions(address="127.0.0.1", ports=(0, holder.getsockname()[1]))
        with pytest.raises(CannotListen, match=str(holder.getsockname()[1])):
            async with open_recording(tmp_path / "raw.pcap", options):
                pass
