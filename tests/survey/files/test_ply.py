"""PLY in its three encodings; headers that must be refused, one change each; any bytes parse or raise our error."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from survey.errors import CloudTooLarge, DecodeFailed, InvalidCloudFile, ShortRead
from survey.files.clouds import open_cloud, stream_points
from survey.files.decoder import Decoder
from survey.files.errors import InvalidPly
from survey.files.ply_header import parse_ply_header
from tests.survey.files.files import make_xyz, write_ply

HEAD = b"""ply
format ascii 1.0
element vertex 2
property float x
property float y
property float z
end_header
"""


@pytest.mark.parametrize("order", ["ascii", "binary_little_endian", "binary_big_endian"])
@pytest.mark.parametrize("kind", ["double", "float"])
def test_places_and_colours_come_back(tmp_path: Path, order: str, kind: str, decoder: Decoder) -> None:
    xyz = make_xyz(700, 1)
    write_ply(tmp_path / "a.ply", xyz, order, kind=kind)
    cloud = open_cloud(tmp_path / "a.ply")
    parts = list(stream_points(cloud, None, 300, fields=("red", "blue", "index"), decoder=decoder))
    found = np.concatenate([part.units for part in parts]) * np.array(cloud.scale) + np.array(cloud.offset)
    assert [len(part) for part in parts] == [300, 300, 100]
    assert np.abs(found - xyz).max() <= 0.00005 + 4e-6
    assert np.array_equal(np.concatenate([part.fields["red"] for part in parts]), np.arange(700) % 256 * 257)
    assert all((part.fields["blue"] == 65_535).all() for part in parts)


def test_places_far_from_zero_keep_their_tenth_of_a_millimetre(tmp_path: Path, decoder: Decoder) -> None:
    xyz = make_xyz(10, 1) + np.array([500_000.0, 5_000_000.0, 200.0])
    write_ply(tmp_path / "a.ply", xyz, "binary_little_endian")
    cloud = open_cloud(tmp_path / "a.ply")
    (part,) = stream_points(cloud, decoder=decoder)
    assert np.abs(part.units * np.array(cloud.scale) + np.array(cloud.offset) - xyz).max() <= 0.00006


def test_a_point_without_a_place_is_withheld(tmp_path: Path, decoder: Decoder) -> None:
    (tmp_path / "a.ply").write_bytes(HEAD + b"1 2 3\nnan 0 0\n")
    (part,) = stream_points(open_cloud(tmp_path / "a.ply"), decoder=decoder)
    assert part.withheld.tolist() == [False, True]


def test_missing_lines_are_a_short_read(tmp_path: Path, decoder: Decoder) -> None:
    (tmp_path / "a.ply").write_bytes(HEAD + b"1.000 2.000 3.000\n")
    with pytest.raises(ShortRead, match="2 points, 1"):
        list(stream_points(open_cloud(tmp_path / "a.ply"), decoder=decoder))


def test_words_and_stray_points_are_told(tmp_path: Path, decoder: Decoder) -> None:
    (tmp_path / "a.ply").write_bytes(HEAD + b"1 2 3\n4 five 6\n")
    with pytest.raises(DecodeFailed, match="five"):
        list(stream_points(open_cloud(tmp_path / "a.ply"), decoder=decoder))
    (tmp_path / "a.ply").write_bytes(HEAD + b"1 2 3\n4e9 5 6\n")
    with pytest.raises(DecodeFailed, match="units apart"):
        list(stream_points(open_cloud(tmp_path / "a.ply"), decoder=decoder))


@pytest.mark.parametrize(
    ("was", "is_now", "field"),
    [
        (b"ply\n", b"plx\n", "signature"),
        (b"end_header", b"end", "header"),
        (b"ascii", b"utf8", "format"),
        (b"1.0", b"2.0", "format"),
        (b"element vertex 2\n", b"element face 2\n", "elements"),
        (b"vertex 2", b"vertex -2", "number of vertices"),
        (b"vertex 2", b"vertex two", "number of vertices"),
        (b"vertex 2", b"vertex 9", "number of vertices"),
        (b"property float x", b"property list uchar float x", "property of vertices"),
        (b"property float x", b"property real x", "property of vertices"),
        (b"property float x", b"property float y", "properties"),
        (b"property float x", b"property float X", "properties"),
        (b"ascii", b"binary_little_endian", "number of vertices"),
        (b"1 2 3", b"1 a 3", ""),
    ],
)
def test_one_wrong_word_is_refused_by_its_name(was: bytes, is_now: bytes, field: str) -> None:
    raw = (HEAD + b"1 2 3\n4 5 6\n").replace(was, is_now, 1)
    with pytest.raises(InvalidPly) as caught:
        parse_ply_header(io.BytesIO(raw))
    assert caught.value.field == (field or "first vertex")


def test_more_points_than_a_survey_takes_are_refused_before_anything_is_read() -> None:
    with pytest.raises(CloudTooLarge):
        parse_ply_header(io.BytesIO(HEAD.replace(b"vertex 2", b"vertex 99999999999")))


@given(st.lists(st.tuples(st.integers(0, len(HEAD) - 1), st.integers(0, 255)), max_size=6), st.binary(max_size=40))
def test_a_mutated_header_parses_or_raises_our_error(changes: list[tuple[int, int]], tail: bytes) -> None:
    raw = bytearray(HEAD)
    for at, value in changes:
        raw[at] = value
    try:
        parse_ply_header(io.BytesIO(bytes(raw) + tail))
    except InvalidCloudFile:
        return


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_mutated_file_is_read_whole_or_refused(tmp_path: Path, decoder: Decoder, data: st.DataObject) -> None:
    order = data.draw(st.sampled_from(["ascii", "binary_little_endian", "binary_big_endian"]))
    write_ply(tmp_path / "a.ply", make_xyz(20, 1), order)
    raw = bytearray((tmp_path / "a.ply").read_bytes())
    for at, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(raw) - 1), st.integers(0, 255)), min_size=1, max_size=4)
    ):
        raw[at] = value
    (tmp_path / "a.ply").write_bytes(raw[: data.draw(st.integers(len(raw) - 200, len(raw)))])
    try:
        cloud = open_cloud(tmp_path / "a.ply")
        assert sum(map(len, stream_points(cloud, decoder=decoder))) == cloud.point_count
    except InvalidCloudFile:
        return
