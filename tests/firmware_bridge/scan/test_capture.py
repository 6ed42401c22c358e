"""A simulated scan of a known scene, through the whole bridge, to where its surfaces are."""

import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import laspy
import numpy as np
import pyproj
import pytest

from firmware_bridge.scan.capture import ScanOptions, convert_pcap, find_start_s
from firmware_bridge.scan.errors import (
    InvalidCapture,
    InvalidScanOption,
    NothingPlaced,
    OtherScanner,
    SeveralScanners,
    UnknownScanner,
    UnusableCrs,
)
from firmware_bridge.scan.track import build_track
from sample_data.scanning.carrier import Carrier
from sample_data.scanning.surfaces import Scene, measure_distance
from sample_data.scanning.velodyne import VelodyneScan
from tests.firmware_bridge.scan.scans import (
    BEFORE_THE_HOUR,
    MOUNTING,
    PARAMETERS,
    Floats,
    make_samples,
    make_scan,
    make_track,
    record,
    scan,
    to_local,
)

CRS = "EPSG:32633"


def read_local(path: Path, carrier: Carrier = BEFORE_THE_HOUR) -> Floats:
    las = laspy.read(path)
    return to_local(carrier, CRS, np.stack([las.x, las.y, las.z], axis=-1))


def bound_error_m(truth: VelodyneScan) -> Floats:
    """Return how far each point may lie off: half a step of 2 mm along, 0.01 degree across, stored in millimetres."""
    return np.asarray(0.001 + truth.range_m * np.radians(0.01) + 0.001, dtype=np.float64)


@pytest.mark.parametrize("mode", ["strongest", "last", "dual"])
def test_every_point_comes_back_within_the_scanners_resolution(
    tmp_path: Path, mode: Literal["strongest", "last", "dual"]
) -> None:
    parameters = replace(PARAMETERS, mode=mode, packets=151)  # a whole turn, with dual returns
    truth = scan(parameters)
    out = tmp_path / "cloud.laz"
    summary = convert_pcap(make_scan(tmp_path, parameters), make_track(), MOUNTING, CRS, out=out)
    las = laspy.read(out)
    local = read_local(out)
    assert (summary.written, summary.off_track, summary.lost) == (truth.points_m.shape[0], 0, {})
    assert np.all(np.linalg.norm(local - truth.points_m, axis=1) <= bound_error_m(truth))
    assert np.all(measure_distance(Scene(), local) <= bound_error_m(truth))
    # The stamp counts whole microseconds, and float64 holds 0.2 of them.
    assert np.array(las.gps_time) + 1e9 == pytest.approx(truth.utc_s - 315_964_800 + 18, abs=1.5e-6)
    assert set(truth.returns.tolist()) == ({1, 2} if mode == "dual" else {1})
    assert np.array(las.number_of_returns).tolist() == truth.returns.tolist()
    assert las.header.parse_crs() == pyproj.CRS(CRS).to_3d()


def test_the_summary_tells_clock_crs_and_time(tmp_path: Path) -> None:
    summary = convert_pcap(make_scan(tmp_path), make_track(), MOUNTING, CRS, out=tmp_path / "cloud.laz")
    truth = scan()
    assert (summary.clock, summary.pps) == ("gnss", "locked")
    assert (summary.crs, summary.vertical) == ("WGS 84 / UTM zone 33N", "ellipsoidal")
    assert summary.gps_s == pytest.approx((truth.utc_s[0] - 315_964_782, truth.utc_s[-1] - 315_964_782), abs=1e-5)


def test_the_scan_passes_a_whole_hour(tmp_path: Path) -> None:
    truth = scan()
    assert truth.utc_s[0] // 3_600 + 1 == truth.utc_s[-1] // 3_600
    convert_pcap(make_scan(tmp_path), make_track(), MOUNTING, CRS, out=tmp_path / "cloud.laz")
    assert np.diff(np.array(laspy.read(tmp_path / "cloud.laz").gps_time)).min() >= -1e-6


def test_a_computer_that_is_wrong_by_a_day_is_overruled_by_the_scanners_receiver(tmp_path: Path) -> None:
    path = make_scan(tmp_path, replace(PARAMETERS, arrival_error_s=86_400.0))
    summary = convert_pcap(path, make_track(), MOUNTING, CRS, out=tmp_path / "cloud.laz")
    assert (summary.off_track, summary.clock) == (0, "gnss")


def test_without_position_packets_the_computers_clock_is_used_and_told(tmp_path: Path) -> None:
    path = make_scan(tmp_path, replace(PARAMETERS, position_packets=False, arrival_error_s=600.0))
    summary = convert_pcap(path, make_track(), MOUNTING, CRS, out=tmp_path / "cloud.laz")
    assert (summary.off_track, summary.clock, summary.pps) == (0, "arrival", "")


def test_points_in_a_gap_of_the_track_are_dropped_and_counted(tmp_path: Path) -> None:
    samples = make_samples(record())
    gap = (samples.gps_s > samples.gps_s[0] + 0.52) & (samples.gps_s < samples.gps_s[0] + 0.56)
    names = ("gps_s", "longitude_deg", "latitude_deg", "height_m", "roll_deg", "pitch_deg", "heading_deg")
    torn = replace(samples, **{name: getattr(samples, name)[~gap] for name in names})
    track = build_track(torn, max_gap_s=0.02)
    out = tmp_path / "cloud.laz"
    summary = convert_pcap(make_scan(tmp_path), track, MOUNTING, CRS, out=out)
    truth = scan()
    seconds = truth.utc_s - BEFORE_THE_HOUR.start_utc_s
    is_in_gap = (seconds >= 0.52) & (seconds < 0.56)
    assert summary.off_track == pytest.approx(is_in_gap.sum(), abs=2)
    assert summary.written + summary.off_track == summary.measured == truth.points_m.shape[0]
    assert np.all(measure_distance(Scene(), read_local(out)) <= 0.002 + 100 * np.radians(0.01))


def test_points_out_of_range_are_left_out_and_counted(tmp_path: Path) -> None:
    options = ScanOptions(nearest_m=5.0, farthest_m=20.0)
    summary = convert_pcap(
        make_scan(tmp_path), make_track(), MOUNTING, CRS, out=tmp_path / "cloud.laz", options=options
    )
    truth = scan()
    assert summary.written == pytest.approx(((truth.range_m >= 5) & (truth.range_m <= 20)).sum(), abs=20)
    assert summary.written + summary.out_of_range == summary.measured


def test_a_track_of_another_day_is_told_and_no_file_is_left(tmp_path: Path) -> None:
    track = make_track(replace(BEFORE_THE_HOUR, start_utc_s=BEFORE_THE_HOUR.start_utc_s + 86_400))
    with pytest.raises(NothingPlaced, match="same day"):
        convert_pcap(make_scan(tmp_path), track, MOUNTING, CRS, out=tmp_path / "cloud.laz")
    assert [path.name for path in tmp_path.iterdir()] == ["scan.pcap"]


def test_a_capture_without_the_scanner_is_told(tmp_path: Path) -> None:
    options = ScanOptions(ports=(9_999,))
    with pytest.raises(NothingPlaced, match="none was read"):
        convert_pcap(make_scan(tmp_path), make_track(), MOUNTING, CRS, out=tmp_path / "c.laz", options=options)
    with pytest.raises(InvalidCapture, match="no point"):
        find_start_s(make_scan(tmp_path), options)


def test_two_scanners_in_one_capture_are_not_mixed(tmp_path: Path) -> None:
    path = make_scan(tmp_path)
    raw = bytearray(path.read_bytes())
    last = raw.rindex(bytes((192, 168, 1, 201)))
    raw[last + 3] = 202
    path.write_bytes(raw)
    with pytest.raises(SeveralScanners, match=r"192\.168\.1\.202"):
        convert_pcap(path, make_track(), MOUNTING, CRS, out=tmp_path / "cloud.laz")
    options = ScanOptions(source="192.168.1.202")
    summary = convert_pcap(path, make_track(), MOUNTING, CRS, out=tmp_path / "cloud.laz", options=options)
    assert 0 < summary.written <= 384


def test_a_capture_that_ends_within_a_packet_gives_all_before_and_tells(tmp_path: Path) -> None:
    path = make_scan(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    summary = convert_pcap(path, make_track(), MOUNTING, CRS, out=tmp_path / "cloud.laz")
    whole = scan(replace(PARAMETERS, packets=PARAMETERS.packets - 1))
    assert summary.lost == {"TruncatedCapture": 1}
    assert summary.written == whole.points_m.shape[0]


def test_a_damaged_packet_costs_only_itself(tmp_path: Path) -> None:
    path = make_scan(tmp_path)
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"\xff\xee") + 100] = 0
    path.write_bytes(raw)
    summary = convert_pcap(path, make_track(), MOUNTING, CRS, out=tmp_path / "cloud.laz")
    assert summary.lost == {"InvalidPacket": 1}
    assert summary.written >= scan().points_m.shape[0] - 384


def test_another_scanner_is_refused_and_no_file_is_left(tmp_path: Path) -> None:
    path = make_scan(tmp_path)
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"\xff\xee") + 1_205] = 0x28
    path.write_bytes(raw)
    with pytest.raises(OtherScanner, match="VLP-32C"):
        convert_pcap(path, make_track(), MOUNTING, CRS, out=tmp_path / "cloud.laz")
    assert [entry.name for entry in tmp_path.iterdir()] == ["scan.pcap"]


def test_what_cannot_be_is_refused_before_the_capture_is_read(tmp_path: Path) -> None:
    path, track, out = tmp_path / "none.pcap", make_track(), tmp_path / "cloud.laz"
    with pytest.raises(UnusableCrs):
        convert_pcap(path, track, MOUNTING, "EPSG:4326", out=out)
    with pytest.raises(UnknownScanner, match="vlp16"):
        convert_pcap(path, track, MOUNTING, CRS, out=out, options=ScanOptions(scanner="hdl64"))
    with pytest.raises(InvalidCapture, match="cannot be read"):
        convert_pcap(path, track, MOUNTING, CRS, out=out)


def test_the_start_is_the_first_points_time(tmp_path: Path) -> None:
    assert find_start_s(make_scan(tmp_path)) == pytest.approx(scan().utc_s[0] - 315_964_782, abs=1.5e-6)


@pytest.mark.parametrize(
    "options",
    [{"nearest_m": 5.0, "farthest_m": 5.0}, {"nearest_m": -1.0}, {"farthest_m": float("nan")}, {"source_id": 65_536}],
)
def test_options_that_cannot_be_are_named(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidScanOption):
        ScanOptions(**options)


def test_a_scanner_without_the_receivers_pulse_is_told(tmp_path: Path) -> None:
    # Stamps of position packets stand at offset 198; ten minutes off what the sentence says.
    path = make_scan(tmp_path)
    raw = bytearray(path.read_bytes())
    sentence = raw.find(b"$GPRMC")
    while sentence >= 0:
        stamp = int.from_bytes(raw[sentence - 8 : sentence - 4], "little")
        raw[sentence - 8 : sentence - 4] = ((stamp + 600_000_000) % 3_600_000_000).to_bytes(4, "little")
        raw[sentence - 4] = 0
        sentence = raw.find(b"$GPRMC", sentence + 1)
    path.write_bytes(raw)
    summary = convert_pcap(path, make_track(), MOUNTING, CRS, out=tmp_path / "cloud.laz")
    assert (summary.clock, summary.pps) == ("free", "absent")


def measure_peak(pcap: Path, out: Path) -> int:
    """Return the most bytes that Python and its arrays held while a capture was converted."""
    track = make_track()
    tracemalloc.start()
    try:
        convert_pcap(pcap, track, MOUNTING, CRS, out=out)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_a_scan_three_times_as_long_needs_no_more_memory(tmp_path: Path) -> None:
    peaks = []
    for packets in (260, 780):
        path = make_scan(tmp_path, replace(PARAMETERS, packets=packets))
        peaks.append(measure_peak(path, tmp_path / "cloud.laz"))
    # Scans of 0.35 s and 1.04 s, along the same track.
    assert peaks[1] < 1.1 * peaks[0]
