"""Files that come back as written, and files that must not hang, crash or read short."""

from pathlib import Path

import laspy
import numpy as np
import pytest

from survey.errors import DecodeFailed, InvalidCloudFile, ShortRead
from survey.files.las import read_las, write_cloud
from tests.survey.scenes import scan_hectare, write_hectare


def test_a_written_cloud_reads_back_to_the_millimetre(tmp_path: Path) -> None:
    _, cloud = scan_hectare(1000)
    _, path = write_hectare(tmp_path, 1000)
    read = read_las(path).cloud
    for axis, wanted in enumerate((cloud.x_m, cloud.y_m, cloud.z_m)):
        found = read.units[:, axis] * read.scale[axis] + read.offset[axis]
        assert np.abs(found - wanted).max() <= 0.0005 + 1e-9
    assert np.array_equal(read.return_number, cloud.return_number)
    assert np.array_equal(read.number_of_returns, cloud.number_of_returns)


def test_another_reader_sees_the_same_points_and_crs(tmp_path: Path) -> None:
    stand, path = write_hectare(tmp_path, 1000)
    other = laspy.read(path)
    assert np.array_equal(other.X, read_las(path).cloud.units[:, 0])
    assert other.header.parse_crs().to_epsg() == stand.epsg


def test_the_same_points_give_the_same_bytes(tmp_path: Path) -> None:
    stand, cloud = scan_hectare(1000)
    write_cloud(tmp_path / "a.laz", cloud, epsg=stand.epsg)
    write_cloud(tmp_path / "b.laz", cloud, epsg=stand.epsg)
    assert (tmp_path / "a.laz").read_bytes() == (tmp_path / "b.laz").read_bytes()


def test_a_laz_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    _, path = write_hectare(tmp_path, 1000)
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(InvalidCloudFile):
        read_las(path)


def test_a_laz_file_that_promises_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    _, path = write_hectare(tmp_path, 1000)
    raw = bytearray(path.read_bytes())
    promised = int.from_bytes(raw[247:255], "little") + 1_000
    raw[247:255] = promised.to_bytes(8, "little")
    path.write_bytes(raw)
    with pytest.raises((ShortRead, DecodeFailed)):
        read_las(path)


def test_a_file_that_is_not_there_is_a_named_failure(tmp_path: Path) -> None:
    with pytest.raises(DecodeFailed):
        read_las(tmp_path / "none.laz")
