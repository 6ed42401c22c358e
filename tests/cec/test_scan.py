"""`cec bridge scan`: files in, a cloud and figures out."""

import asyncio
import json
import socket
from pathlib import Path

import laspy
import pytest

from cec.commands.scan import ScanRun, capture, run_scan
from firmware_bridge.scan.capture import ScanOptions
from firmware_bridge.scan.errors import InvalidMounting, InvalidTrack
from firmware_bridge.scan.live import RecordOptions
from tests.firmware_bridge.scan.scans import PARAMETERS, make_scan, record, scan
from tests.firmware_bridge.scan.test_track import make_csv

HANG_S = 60.0
"""Only a capture that does not end takes so long."""
LEVER = ",".join(map(str, PARAMETERS.lever_m))
BORESIGHT = ",".join(map(str, PARAMETERS.boresight_deg))


def make_run(folder: Path) -> ScanRun:
    track = make_csv(folder / "track.csv", record())
    return ScanRun(make_scan(folder), track, "EPSG:32633", lever=LEVER, boresight=BORESIGHT)


def test_a_cloud_is_written_beside_the_capture_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_scan(make_run(tmp_path), as_json=False)
    count = scan().points_m.shape[0]
    assert laspy.read(tmp_path / "scan.laz").header.point_count == count
    said = capsys.readouterr().out
    assert f"{count:,} points in WGS 84 / UTM zone 33N, heights ellipsoidal" in said
    assert "left out" not in said


def test_the_figures_are_one_json_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_scan(make_run(tmp_path), as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["written"], told["off_track"], told["vertical"]) == (scan().points_m.shape[0], 0, "ellipsoidal")


def test_what_is_left_out_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path)
    run.pcap.write_bytes(run.pcap.read_bytes()[:-10])
    near = ScanRun(run.pcap, run.track, run.crs, out=tmp_path / "near.laz", options=ScanOptions(farthest_m=10.0))
    run_scan(near, as_json=False)
    said = capsys.readouterr().out
    assert "points nearer or farther than asked for" in said
    assert "lost: 1 packets (TruncatedCapture)" in said


def test_a_mounting_of_two_numbers_is_refused(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    with pytest.raises(InvalidMounting):
        run_scan(ScanRun(run.pcap, run.track, run.crs, lever="1,2"), as_json=True)


def test_a_track_that_is_none_is_refused(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    with pytest.raises(InvalidTrack):
        run_scan(ScanRun(run.pcap, run.pcap, run.crs), as_json=True)


async def test_a_capture_ends_when_it_is_as_large_as_it_may_be(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        options = RecordOptions("127.0.0.1", (port,), max_bytes=2_000)
        async with asyncio.timeout(HANG_S):
            running = asyncio.create_task(capture(tmp_path / "a.pcap", options, 0.0), name="capture")
            while not running.done():
                sender.sendto(bytes(100), ("127.0.0.1", port))
                await asyncio.sleep(0.001)
    summary = await running
    assert 1_000 < summary.size <= 2_000
    assert summary.size == (tmp_path / "a.pcap").stat().st_size
