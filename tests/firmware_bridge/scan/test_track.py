"""Tracks: interpolation along the way, never across a gap; files in and out."""

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.scan.errors import InvalidTrack, UnstatedWander, UnusableCrs
from firmware_bridge.scan.gps_time import WEEK_S, to_gps_s
from firmware_bridge.scan.rotation import rotate
from firmware_bridge.scan.track import Samples, build_track, interpolate
from firmware_bridge.scan.track_files import TrackOptions, read_track
from sample_data.scanning.carrier import CarrierTrack
from tests.firmware_bridge.scan.scans import make_samples, make_track, record

COLUMNS = "longitude_deg,latitude_deg,ellipsoidal_height_m,roll_deg,pitch_deg,heading_deg"


def make_csv(path: Path, recorded: CarrierTrack, time: str = "gps_s", shift_s: float = 0.0) -> Path:
    seconds = recorded.utc_s if time == "utc_s" else recorded.gps_s - shift_s
    columns = (
        recorded.longitude_deg,
        recorded.latitude_deg,
        recorded.height_m,
        recorded.roll_deg,
        recorded.pitch_deg,
        recorded.heading_deg,
    )
    lines = [f"# carrier\n{time},{COLUMNS}"]
    lines += [",".join(repr(float(value)) for value in row) for row in zip(seconds, *columns, strict=True)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def make_sbet(path: Path, recorded: CarrierTrack, *, week_s: float, wander_rad: float = 0.0) -> Path:
    raw = b""
    for row in zip(
        recorded.gps_s - week_s,
        np.radians(recorded.latitude_deg),
        np.radians(recorded.longitude_deg),
        recorded.height_m,
        np.radians(recorded.roll_deg),
        np.radians(recorded.pitch_deg),
        np.radians(recorded.heading_deg),
        strict=True,
    ):
        raw += struct.pack("<17d", *row[:4], 0, 0, 0, *row[4:], wander_rad, *[0] * 6)
    path.write_bytes(raw)
    return path


def make_line(times: list[float], **fields: float) -> Samples:
    """Return a track on the equator that moves east, a millionth of a degree a second."""
    values = {"latitude_deg": 0.0, "height_m": 0.0, "roll_deg": 0.0, "pitch_deg": 0.0, "heading_deg": 90.0} | fields
    gps_s = np.array(times)
    constant = {name: np.full(gps_s.shape, value) for name, value in values.items()}
    return Samples(gps_s=gps_s, longitude_deg=gps_s * 1e-6, **constant)


@given(st.floats(min_value=0, max_value=9))
def test_a_position_lies_between_its_neighbours_by_time(at_s: float) -> None:
    # On the equator longitude is arc over the semi-major axis.
    poses = interpolate(build_track(make_line([0.0, 1.0, 2.5, 3.0, 4.4, 5.0, 6.0, 7.0, 8.0, 9.0])), np.array([at_s]))
    assert poses.position_m[0, 1] == pytest.approx(6_378_137 * np.radians(at_s * 1e-6), abs=1e-6)


def test_headings_are_interpolated_through_north() -> None:
    samples = replace(make_line([0.0, 1.0]), heading_deg=np.array([350.0, 20.0]))
    poses = interpolate(build_track(samples), np.array([0.5]))
    forward = rotate(poses.attitude, np.array([[1.0, 0, 0]]))[0]
    east, north = forward[1], forward[2]  # at longitude 0 on the equator
    assert np.degrees(np.arctan2(east, north)) == pytest.approx(5.0, abs=1e-5)


def test_a_track_crosses_the_date_line() -> None:
    samples = replace(make_line([0.0, 1.0]), longitude_deg=np.array([179.999, -179.999]))
    poses = interpolate(build_track(samples), np.array([0.5]))
    assert poses.position_m[0] == pytest.approx((-6_378_137, 0, 0), abs=1e-2)


def test_gaps_and_ends_have_no_position() -> None:
    track = build_track(make_line([0.0, 1.0, 2.0, 4.0, 5.0]), max_gap_s=1.5)
    times = np.array([-0.1, 0.0, 1.0, 2.0, 2.1, 3.9, 4.0, 5.0, 5.1])
    known = interpolate(track, times).is_known
    # 2.0 itself begins the gap and is left out with it.
    assert times[known].tolist() == [0.0, 1.0, 4.0, 5.0]


def test_no_times_give_no_poses() -> None:
    poses = interpolate(make_track(), np.zeros(0))
    assert poses.position_m.shape == (0, 3)


def test_positions_are_projs_geocentric_ones() -> None:
    recorded = record()
    track = build_track(make_samples(recorded))
    cart = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    expected = cart.transform(recorded.longitude_deg, recorded.latitude_deg, recorded.height_m)
    assert track.position_m == pytest.approx(np.stack(expected, axis=-1), abs=1e-6)


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (make_line([0.0]), "1 positions"),
        (make_line([0.0, 1.0, 1.0]), "does not rise after position 2"),
        (make_line([0.0, float("nan")]), "does not rise"),
        (make_line([0.0, 1.0], latitude_deg=91), "latitude"),
        (make_line([0.0, 1.0], height_m=float("inf")), "height"),
        (make_line([0.0, 1.0], roll_deg=400), "roll"),
        (make_line([0.0, 1.0], pitch_deg=91), "pitch"),
        (make_line([0.0, 1.0], heading_deg=721), "heading"),
    ],
)
def test_a_track_that_cannot_be_is_named(samples: Samples, words: str) -> None:
    with pytest.raises(InvalidTrack, match=words):
        build_track(samples)


@pytest.mark.parametrize("crs", ["EPSG:32633", "EPSG:4978", "nonsense"])
def test_a_track_without_a_geographic_crs_is_refused(crs: str) -> None:
    with pytest.raises(UnusableCrs):
        build_track(make_line([0.0, 1.0]), crs=crs)


@pytest.mark.parametrize("time", ["gps_s", "utc_s"])
def test_a_csv_reads_as_it_was_recorded(tmp_path: Path, time: str) -> None:
    recorded = record(rate_hz=20.0)
    track = read_track(make_csv(tmp_path / "track.csv", recorded, time))
    expected = build_track(make_samples(recorded))
    assert track.gps_s == pytest.approx(expected.gps_s, abs=1e-6)
    assert track.position_m == pytest.approx(expected.position_m, abs=1e-6)
    assert np.abs(np.einsum("ij,ij->i", track.attitude, expected.attitude)) == pytest.approx(1.0, abs=1e-12)


def test_seconds_of_the_week_are_placed_by_the_capture(tmp_path: Path) -> None:
    recorded = record(rate_hz=20.0)
    week_s = WEEK_S * (recorded.gps_s[0] // WEEK_S)
    path = make_csv(tmp_path / "track.csv", recorded, "gps_sow_s", week_s)
    track = read_track(path, near_gps_s=float(recorded.gps_s[0]) + 200_000)
    assert track.gps_s == pytest.approx(recorded.gps_s, abs=1e-6)
    with pytest.raises(InvalidTrack, match="of which"):
        read_track(path)


def test_a_week_of_utc_begins_eighteen_seconds_later(tmp_path: Path) -> None:
    recorded = record(rate_hz=20.0)
    week_s = WEEK_S * (recorded.gps_s[0] // WEEK_S)
    path = make_csv(tmp_path / "track.csv", recorded, "gps_sow_s", week_s + 18)
    track = read_track(path, TrackOptions(scale="utc"), near_gps_s=float(recorded.gps_s[0]))
    assert track.gps_s == pytest.approx(recorded.gps_s, abs=1e-6)


def test_a_projected_csv_lies_where_proj_puts_it(tmp_path: Path) -> None:
    to_utm = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:32633", always_xy=True)
    easting, northing = to_utm.transform(15.01, 52.4)
    lines = ["gps_s,easting_m,northing_m,ellipsoidal_height_m,roll_deg,pitch_deg,heading_deg"]
    lines += [f"{second},{easting!r},{northing!r},90,0,0,0" for second in (1, 2)]
    (tmp_path / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    track = read_track(tmp_path / "t.csv", TrackOptions("EPSG:32633"))
    cart = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    assert track.position_m[0] == pytest.approx(cart.transform(15.01, 52.4, 90.0), abs=1e-4)


def test_an_sbet_reads_as_it_was_recorded(tmp_path: Path) -> None:
    recorded = record()
    week_s = WEEK_S * (recorded.gps_s[0] // WEEK_S)
    track = read_track(
        make_sbet(tmp_path / "sbet.out", recorded, week_s=week_s), near_gps_s=float(recorded.gps_s[-1]) + 5
    )
    expected = build_track(make_samples(recorded))
    assert track.gps_s == pytest.approx(expected.gps_s, abs=1e-6)
    assert track.position_m == pytest.approx(expected.position_m, abs=1e-6)


def test_a_wander_angle_is_asked_about_and_then_used(tmp_path: Path) -> None:
    recorded = record(rate_hz=10.0)
    near, week_s = float(recorded.gps_s[0]), WEEK_S * (recorded.gps_s[0] // WEEK_S)
    turned = replace(recorded, heading_deg=recorded.heading_deg + 3.0)
    path = make_sbet(tmp_path / "sbet.out", turned, week_s=week_s, wander_rad=np.radians(3.0))
    with pytest.raises(UnstatedWander, match=r"3\.000 degrees"):
        read_track(path, near_gps_s=near)
    track = read_track(path, TrackOptions(wander=-1), near_gps_s=near)
    expected = build_track(make_samples(recorded))
    assert np.abs(np.einsum("ij,ij->i", track.attitude, expected.attitude)) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "columns"),
        (f"time,{COLUMNS}\n", "columns gps_s"),
        (f"gps_s,utc_s,{COLUMNS}\n", "2 of the columns"),
        (f"gps_s,{COLUMNS.replace('ellipsoidal_height_m', 'altitude_m')}\n", "ellipsoidal_height_m"),
        (f"gps_s,{COLUMNS}\n", "no positions"),
        (f"gps_s,{COLUMNS}\n1,15,52,90,0,0\n", "line 2"),
        (f"gps_s,{COLUMNS}\n1,15,52,high,0,0,0\n", "line 2"),
        (f"gps_s,{COLUMNS}\n1,15,52\r,90,0,0,0\n", "line 2"),
        (f"gps_s,{COLUMNS}\nnan,15,52,90,0,0,0\n", "no number"),
        (f"gps_s,{COLUMNS}\n" + "1" * 5_000 + "\n", "longer than"),
        (f"gps_s,{COLUMNS}\n1,15,52,90,0,0,0\n1,15,52,90,0,0,0\n", "does not rise"),
    ],
)
def test_a_csv_that_is_no_track_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "track.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidTrack, match=words):
        read_track(tmp_path / "track.csv")


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: f"gps_s,{COLUMNS}\n{text}".encode()))
def test_any_csv_is_read_or_named(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.mktemp("track") / "track.csv"
    path.write_bytes(raw)
    with pytest.raises(InvalidTrack):
        read_track(path)


@pytest.mark.parametrize("raw", [b"", b"\0" * 135, b"\xff" * 136 * 2, b"\0" * 136 * 2])
def test_bytes_that_are_no_sbet_are_named(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "sbet.out").write_bytes(raw)
    with pytest.raises(InvalidTrack):
        read_track(tmp_path / "sbet.out", TrackOptions(wander=0), near_gps_s=to_gps_s(1_785_672_000.0))


def test_a_track_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidTrack, match="cannot be read"):
        read_track(tmp_path / "none.csv")
