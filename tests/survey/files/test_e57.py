"""E57: scans with poses in one frame; headers and XML that must be refused; mutated files are read whole or refused."""

import io
import struct
from pathlib import Path

import numpy as np
import pye57
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pye57.utils import convert_spherical_to_cartesian

from survey.errors import InvalidCloudFile
from survey.files.clouds import open_cloud, stream_points
from survey.files.crs import resolve_cloud_crs
from survey.files.decoder import Decoder
from survey.files.e57_header import read_e57_header, read_xml
from survey.files.e57_points import _to_cartesian
from survey.files.errors import InvalidE57
from tests.survey.files.files import make_xyz, write_e57

STILL = [1.0, 0.0, 0.0, 0.0]
QUARTER = [np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)]
"""A quarter turn to the left about the vertical."""


def test_scans_stand_in_one_frame_by_their_poses(tmp_path: Path, decoder: Decoder) -> None:
    one, other = make_xyz(400, 1), make_xyz(300, 2)
    write_e57(tmp_path / "a.e57", [(one, STILL, [0.0, 0.0, 0.0]), (other, QUARTER, [100.0, 20.0, 3.0])])
    cloud = open_cloud(tmp_path / "a.e57")
    parts = list(stream_points(cloud, None, 250, fields=("index", "intensity"), decoder=decoder))
    found = np.concatenate([part.units for part in parts]) * np.array(cloud.scale) + np.array(cloud.offset)
    turned = np.stack([100.0 - other[:, 1], 20.0 + other[:, 0], 3.0 + other[:, 2]], axis=1)
    assert np.abs(found - np.concatenate([one, turned])).max() <= 0.0001
    assert np.array_equal(np.concatenate([part.fields["index"] for part in parts]), np.arange(700))
    assert np.concatenate([part.fields["intensity"] for part in parts])[[0, 399, 400, 699]].tolist() == [0, 65535] * 2


def test_another_reader_places_the_second_scan_where_we_do(tmp_path: Path, decoder: Decoder) -> None:
    tilted = [0.5, 0.1, -0.7, np.sqrt(1 - 0.25 - 0.01 - 0.49)]
    write_e57(tmp_path / "a.e57", [(make_xyz(50, 1), tilted, [5.0, 6.0, 7.0])])
    cloud = open_cloud(tmp_path / "a.e57")
    (part,) = stream_points(cloud, decoder=decoder)
    found = part.units * np.array(cloud.scale) + np.array(cloud.offset)
    other = pye57.E57(str(tmp_path / "a.e57")).read_scan(0, ignore_missing_fields=True)
    wanted = np.stack([other["cartesianX"], other["cartesianY"], other["cartesianZ"]], axis=1)
    assert np.abs(found - wanted).max() <= 0.0001


def test_stations_are_kept_with_the_points_that_they_saw(tmp_path: Path) -> None:
    write_e57(
        tmp_path / "a.e57", [(make_xyz(40, 1), STILL, [0.0, 0.0, 1.5]), (make_xyz(30, 2), QUARTER, [9.0, 8.0, 7.0])]
    )
    stations = open_cloud(tmp_path / "a.e57").scans
    assert [(scan.name, scan.x, scan.y, scan.z) for scan in stations] == [
        ("station 0", 0.0, 0.0, 1.5),
        ("station 1", 9.0, 8.0, 7.0),
    ]
    assert [(scan.first, scan.count) for scan in stations] == [(0, 40), (40, 30)]


def test_bounds_of_a_scan_that_stands_straight_hold_its_points(tmp_path: Path) -> None:
    xyz = make_xyz(100, 1)
    write_e57(tmp_path / "a.e57", [(xyz, STILL, [0.0, 0.0, 0.0])])
    box = open_cloud(tmp_path / "a.e57").bounds
    assert box is not None
    assert (box.west, box.south, box.east, box.north) == pytest.approx(
        (xyz[:, 0].min(), xyz[:, 1].min(), xyz[:, 0].max(), xyz[:, 1].max())
    )


def test_bounds_whose_frame_writers_disagree_on_are_not_believed(tmp_path: Path) -> None:
    write_e57(tmp_path / "a.e57", [(make_xyz(10, 1), STILL, [100.0, 0.0, 0.0])])
    cloud = open_cloud(tmp_path / "a.e57")
    assert cloud.bounds is None


def test_range_and_angles_lead_where_another_library_says() -> None:
    rng = np.random.default_rng(1)
    polar = np.stack([rng.random(50) * 90, rng.random(50) * 6 - 3, rng.random(50) * 3 - 1.5], axis=1)
    names = ("sphericalRange", "sphericalAzimuth", "sphericalElevation")
    found = _to_cartesian(dict(zip(names, polar.T, strict=True)))
    assert np.abs(found - convert_spherical_to_cartesian(polar)).max() < 1e-12


def test_without_a_crs_it_stands_in_a_frame_of_its_own_in_metres(tmp_path: Path) -> None:
    write_e57(tmp_path / "a.e57", [(make_xyz(10, 1), STILL, [0.0, 0.0, 0.0])])
    crs = resolve_cloud_crs(open_cloud(tmp_path / "a.e57"), None)
    assert (crs.text, crs.source, crs.unit_m) == ("local:m", "assumed", 1.0)


def change_xml(path: Path, was: bytes, is_now: bytes) -> None:
    """Replace words of equal length in the XML of a file that has no checksum across them."""
    assert len(was) == len(is_now)
    raw = path.read_bytes()
    assert was in raw
    path.write_bytes(raw.replace(was, is_now))


@pytest.mark.parametrize(
    ("was", "is_now", "field"),
    [
        (b'recordCount="10"', b'recordCount="1x"', "number of points"),
        (b"<cartesianX ", b"<cartesianQ ", ""),
        (b"<?xml", b"<!xml", "XML"),
    ],
)
def test_one_wrong_word_is_refused_by_its_name(tmp_path: Path, was: bytes, is_now: bytes, field: str) -> None:
    write_e57(tmp_path / "a.e57", [(make_xyz(10, 1), STILL, [0.0, 0.0, 0.0])])
    change_xml(tmp_path / "a.e57", was, is_now)
    with pytest.raises(InvalidE57) as caught:
        open_cloud(tmp_path / "a.e57")
    assert caught.value.field == (field or "XML")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ((8, "<I", 2), "version"),
        ((16, "<Q", 1 << 40), "length"),
        ((24, "<Q", 1 << 40), "XML offset"),
        ((32, "<Q", 1 << 40), "XML length"),
        ((32, "<Q", 0), "XML length"),
        ((40, "<Q", 4096), "version"),
    ],
)
def test_one_wrong_number_is_refused_by_its_name(tmp_path: Path, change: tuple[int, str, int], field: str) -> None:
    write_e57(tmp_path / "a.e57", [(make_xyz(10, 1), STILL, [0.0, 0.0, 0.0])])
    raw = bytearray((tmp_path / "a.e57").read_bytes())
    at, form, value = change
    struct.pack_into(form, raw, at, value)
    with pytest.raises(InvalidE57) as caught:
        read_xml(io.BytesIO(bytes(raw)))
    assert caught.value.field == field


def test_entities_that_grow_are_refused_before_they_are_parsed(tmp_path: Path) -> None:
    body = b'<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>'
    head = struct.pack("<8sIIQQQQ", b"ASTM-E57", 1, 0, 48 + len(body), 48, len(body), 1024)
    (tmp_path / "a.e57").write_bytes(head + body)
    with pytest.raises(InvalidE57, match="document type"):
        read_e57_header(tmp_path / "a.e57")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_mutated_file_is_read_whole_or_refused(tmp_path: Path, decoder: Decoder, data: st.DataObject) -> None:
    path = tmp_path / "a.e57"
    path.unlink(missing_ok=True)
    write_e57(path, [(make_xyz(20, 1), STILL, [0.0, 0.0, 0.0])])
    raw = bytearray(path.read_bytes())
    for at, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(raw) - 1), st.integers(0, 255)), min_size=1, max_size=4)
    ):
        raw[at] = value
    path.write_bytes(raw)
    try:
        cloud = open_cloud(path)
        assert sum(map(len, stream_points(cloud, decoder=decoder))) == cloud.point_count
    except InvalidCloudFile:
        return
