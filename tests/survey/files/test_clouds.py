"""One door for all formats: exact counts, windows, bounded memory, and a decoder that cannot hold us."""

import math
import os
import signal
import struct
from itertools import pairwise
from pathlib import Path

import laspy
import numpy as np
import pytest

from survey.cloud import RawCloud
from survey.errors import (
    CloudTooLarge,
    DecodeFailed,
    DecodeTimedOut,
    InvalidCloudFile,
    InvalidLasHeader,
    InvalidParameter,
    ShortRead,
)
from survey.files.clouds import Box, open_cloud, stream_columns, stream_points
from survey.files.copc import write_copc
from survey.files.crs import parse_crs
from survey.files.decoder import Decoder, Pace
from survey.files.errors import MissingField, UnknownCloudFormat
from survey.files.las import read_las
from tests.survey.files.files import MALFORMED, make_xyz, needs_malformed, write_e57, write_las, write_ply

REFUSED = {
    "1.2-with-color-clipped.las": (InvalidLasHeader, "1,064"),
    "garbage_nVariableLength.las": (InvalidLasHeader, "number of records"),
}
"""Of the shared malformed files; all others must be read to their last point."""
LAS_FORMATS = [("1.2", form) for form in range(4)] + [("1.3", form) for form in (4, 5)]
LAS_FORMATS += [("1.4", form) for form in range(11)]


def place(cloud: RawCloud) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    where: np.ndarray[tuple[int, int], np.dtype[np.float64]] = cloud.units * np.array(cloud.scale) + np.array(
        cloud.offset
    )
    return where


@pytest.mark.parametrize(("version", "form"), LAS_FORMATS)
def test_every_las_format_gives_what_another_reader_sees(
    tmp_path: Path, decoder: Decoder, version: str, form: int
) -> None:
    path = tmp_path / "a.las"
    wanted = write_las(path, 300, version=version, point_format=form)
    cloud = open_cloud(path)
    (found,) = stream_points(cloud, fields=cloud.fields, decoder=decoder)
    assert cloud.format == "las"
    assert np.array_equal(found.units, np.stack([wanted.X, wanted.Y, wanted.Z], axis=1))
    for name in ("classification", "return_number", "number_of_returns", "withheld"):
        assert np.array_equal(getattr(found, name), np.asarray(wanted[name])), name
    for name in ("intensity", "user_data", "point_source_id", "gps_time", "red", "green", "blue", "nir"):
        assert (name in cloud.fields) == (name in wanted.point_format.dimension_names)
        if name in cloud.fields:
            assert np.array_equal(found.fields[name], np.asarray(wanted[name])), name
    assert np.array_equal(found.fields["index"], np.arange(300))


@pytest.mark.parametrize("form", [0, 1, 2, 3, 6, 7, 8])
def test_laz_gives_the_same_as_las_chunk_by_chunk(tmp_path: Path, decoder: Decoder, form: int) -> None:
    write_las(tmp_path / "a.las", 1_000, point_format=form)
    write_las(tmp_path / "a.laz", 1_000, point_format=form)
    plain, packed = open_cloud(tmp_path / "a.las"), open_cloud(tmp_path / "a.laz")
    assert packed.format == "laz"
    ones = list(stream_points(plain, None, 300, decoder=decoder))
    pairs = list(zip(ones, stream_points(packed, None, 300, decoder=decoder), strict=True))
    assert [len(one) for one, _ in pairs] == [300, 300, 300, 100]
    assert all(np.array_equal(one.units, other.units) for one, other in pairs)
    assert all(np.array_equal(one.classification, other.classification) for one, other in pairs)


def test_a_format_is_told_by_content_and_not_by_name(tmp_path: Path) -> None:
    write_las(tmp_path / "a.laz", 10)
    write_e57(tmp_path / "a.e57", [(make_xyz(10, 1), [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0])])
    write_ply(tmp_path / "a.ply", make_xyz(10, 1), "ascii")
    for name, wanted in (("a.laz", "laz"), ("a.e57", "e57"), ("a.ply", "ply")):
        renamed = (tmp_path / name).rename(tmp_path / "cloud.txt")
        assert open_cloud(renamed).format == wanted


def test_something_else_is_refused_by_its_first_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.laz").write_bytes(b"%PDF-1.7 something")
    with pytest.raises(UnknownCloudFormat, match="%PDF"):
        open_cloud(tmp_path / "a.laz")
    with pytest.raises(DecodeFailed):
        open_cloud(tmp_path / "none.laz")


def test_the_header_tells_count_bounds_and_density(tmp_path: Path) -> None:
    las = write_las(tmp_path / "a.laz", 500)
    cloud = open_cloud(tmp_path / "a.laz")
    assert cloud.bounds is not None
    assert (cloud.bounds.west, cloud.bounds.north) == pytest.approx((float(las.x.min()), float(las.y.max())))


def test_windows_side_by_side_hold_each_point_once(tmp_path: Path, decoder: Decoder) -> None:
    write_las(tmp_path / "a.laz", 2_000)
    cloud = open_cloud(tmp_path / "a.laz")
    edges = [-1.0, 10.0, 20.017, 51.0]
    found = [
        chunk.fields["index"]
        for west, east in pairwise(edges)
        for south, north in pairwise(edges)
        for chunk in stream_points(cloud, Box(west, south, east, north), 500, fields=("index",), decoder=decoder)
    ]
    assert np.array_equal(np.sort(np.concatenate(found)), np.arange(2_000))


def test_a_window_of_a_copc_file_decodes_only_its_nodes_and_finds_all_its_points(
    tmp_path: Path, decoder: Decoder
) -> None:
    write_las(tmp_path / "a.laz", 250_000)
    write_copc(open_cloud(tmp_path / "a.laz"), tmp_path / "a.copc.laz", crs=parse_crs("local:m"), decoder=decoder)
    cloud = open_cloud(tmp_path / "a.copc.laz")
    whole = np.concatenate([place(chunk) for chunk in stream_points(cloud, decoder=decoder)])
    window = Box(3.0, 4.0, 9.0, 8.5)
    inside = (whole[:, 0] >= 3.0) & (whole[:, 0] < 9.0) & (whole[:, 1] >= 4.0) & (whole[:, 1] < 8.5)
    parts = list(stream_points(cloud, window, fields=("index",), decoder=decoder))
    assert cloud.format == "copc"
    assert np.array_equal(np.concatenate([part.fields["index"] for part in parts]), np.flatnonzero(inside))
    assert np.array_equal(np.concatenate([place(part) for part in parts]), whole[inside])


def test_a_window_beside_the_cloud_is_empty(tmp_path: Path, decoder: Decoder) -> None:
    write_las(tmp_path / "a.laz", 100)
    assert list(stream_points(open_cloud(tmp_path / "a.laz"), Box(900.0, 900.0, 999.0, 999.0), decoder=decoder)) == []


def test_a_dimension_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    write_las(tmp_path / "a.las", 10, point_format=0)
    with pytest.raises(MissingField, match="intensity"):
        list(stream_points(open_cloud(tmp_path / "a.las"), fields=("gps_time",)))
    with pytest.raises(InvalidParameter):
        list(stream_points(open_cloud(tmp_path / "a.las"), None, 0))


def test_one_process_reads_many_files_and_outlives_a_refusal(tmp_path: Path) -> None:
    write_las(tmp_path / "a.laz", 1_000)
    raw = bytearray((tmp_path / "a.laz").read_bytes())
    # A chunk table that was never written, and points that are gone: only decoding shows it.
    at = struct.unpack_from("<I", raw, 96)[0]
    raw[at : at + 8] = struct.pack("<q", -1)
    (tmp_path / "broken.laz").write_bytes(raw[: at + 400])
    with Decoder() as decoder:
        for _ in range(3):
            assert sum(map(len, stream_points(open_cloud(tmp_path / "a.laz"), decoder=decoder))) == 1_000
            with pytest.raises(InvalidCloudFile):
                list(stream_points(open_cloud(tmp_path / "broken.laz"), decoder=decoder))


def test_a_stream_that_is_left_early_ends_its_process(tmp_path: Path) -> None:
    write_las(tmp_path / "a.laz", 1_000)
    with Decoder() as decoder:
        stream = stream_points(open_cloud(tmp_path / "a.laz"), None, 100, decoder=decoder)
        assert len(next(stream)) == 100
        stream.close()
        assert sum(map(len, stream_points(open_cloud(tmp_path / "a.laz"), decoder=decoder))) == 1_000


def test_a_decoder_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    write_las(tmp_path / "a.laz", 1_000)
    with Decoder() as decoder:
        assert sum(map(len, stream_points(open_cloud(tmp_path / "a.laz"), decoder=decoder))) == 1_000
        process = decoder._process
        assert process is not None
        decoder._pace = Pace(start_s=0.0, points_per_s=math.inf)
        with pytest.raises(DecodeTimedOut):
            list(stream_points(open_cloud(tmp_path / "a.laz"), decoder=decoder))
        assert process.returncode == -signal.SIGKILL


def test_a_decoder_that_dies_is_told_with_its_signal(tmp_path: Path) -> None:
    write_las(tmp_path / "a.laz", 20_000)
    with Decoder() as decoder:
        stream = stream_points(open_cloud(tmp_path / "a.laz"), None, 500, decoder=decoder)
        next(stream)
        process = decoder._process
        assert process is not None
        os.killpg(process.pid, signal.SIGKILL)
        with pytest.raises(DecodeFailed, match="signal 9"):
            list(stream)


def test_two_streams_at_once_are_a_bug_of_the_caller(tmp_path: Path) -> None:
    write_las(tmp_path / "a.laz", 1_000)
    with Decoder() as decoder:
        one = stream_points(open_cloud(tmp_path / "a.laz"), None, 100, decoder=decoder)
        next(one)
        with pytest.raises(AssertionError):
            next(stream_points(open_cloud(tmp_path / "a.laz"), decoder=decoder))
        assert sum(map(len, one)) == 900


def test_a_file_that_is_cut_off_after_it_was_opened_is_a_short_read(tmp_path: Path) -> None:
    write_las(tmp_path / "a.las", 1_000)
    cloud = open_cloud(tmp_path / "a.las")
    (tmp_path / "a.las").write_bytes((tmp_path / "a.las").read_bytes()[:-1_500])
    with pytest.raises(ShortRead, match="1,000 points, 950"):
        list(stream_points(cloud))


def test_a_whole_cloud_is_bounded_and_a_stream_is_not(tmp_path: Path) -> None:
    write_las(tmp_path / "a.laz", 10)
    raw = bytearray((tmp_path / "a.laz").read_bytes())
    struct.pack_into("<Q", raw, 247, 61_000_000)
    (tmp_path / "a.laz").write_bytes(raw)
    assert open_cloud(tmp_path / "a.laz").point_count == 61_000_000
    with pytest.raises(CloudTooLarge):
        read_las(tmp_path / "a.laz")


@pytest.mark.slow
def test_the_decoder_stays_within_its_memory(tmp_path: Path) -> None:
    write_las(tmp_path / "a.laz", 3_000_000, point_format=7)
    with Decoder() as decoder:
        assert sum(map(len, stream_points(open_cloud(tmp_path / "a.laz"), decoder=decoder))) == 3_000_000
        assert decoder.peak_bytes <= 120e6


@needs_malformed
def test_each_malformed_file_is_read_to_its_last_point_or_refused_by_name() -> None:
    with Decoder() as decoder:
        for path in sorted(MALFORMED.iterdir()):
            if path.name in REFUSED:
                error, words = REFUSED[path.name]
                with pytest.raises(error, match=words):
                    open_cloud(path)
                continue
            cloud = open_cloud(path)
            found = np.concatenate([np.empty((0, 3)), *(part.units for part in stream_points(cloud, decoder=decoder))])
            assert found.shape[0] == cloud.point_count, path.name
            other = laspy.read(path)
            assert np.array_equal(found, np.stack([other.X, other.Y, other.Z], axis=1)), path.name


@pytest.mark.parametrize("suffix", [".las", ".laz"])
@pytest.mark.parametrize("form", [1, 3, 6, 8])
def test_points_sent_as_they_stand_are_those_taken_apart_by_the_decoder(
    tmp_path: Path, form: int, suffix: str, decoder: Decoder
) -> None:
    path = tmp_path / f"a{suffix}"
    write_las(path, 1_000, point_format=form)
    cloud = open_cloud(path)
    everywhere = Box(-1.0, -1.0, 1_000.0, 1_000.0)
    fields = (*cloud.fields, "record")
    # Only without a window are whole points sent.
    ours = list(stream_columns(cloud, chunk_points=300, fields=fields, decoder=decoder))
    theirs = list(stream_columns(cloud, everywhere, 300, fields=fields, decoder=decoder))
    assert len(ours) == len(theirs) == 4
    for one, other in zip(ours, theirs, strict=True):
        assert set(one) == set(other)
        for name, values in one.items():
            assert values.dtype == other[name].dtype, name
            assert np.array_equal(values, other[name]), name


def test_long_points_come_without_what_was_not_asked_for(tmp_path: Path, decoder: Decoder) -> None:
    las = write_las(tmp_path / "short.las", 200)
    las.add_extra_dims([laspy.ExtraBytesParams(f"more{number}", "f8") for number in range(9)])
    las.write(tmp_path / "a.laz")
    cloud = open_cloud(tmp_path / "a.laz")
    (found,) = stream_columns(cloud, fields=("intensity",), decoder=decoder)
    assert "record" not in found
    assert np.array_equal(found["intensity"], np.asarray(las.intensity))
    assert np.array_equal(found["units"], np.stack([las.X, las.Y, las.Z], axis=1))
