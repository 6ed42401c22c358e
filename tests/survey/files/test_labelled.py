"""A labelled copy: all that was there stays byte by byte, as another reader sees it, and each point has its tree."""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import laspy
import numpy as np
import pytest

from survey.errors import DecodeFailed, InvalidCloudFile
from survey.files.clouds import open_cloud
from survey.files.copc import write_copc
from survey.files.crs import parse_crs
from survey.files.decoder import Decoder
from survey.files.errors import DimensionTaken, LabelsMismatch, NotConvertible
from survey.files.labelled import LABEL, label_points, label_records
from survey.files.las_records import DESCRIPTOR, measure_width
from tests.survey.files.files import MALFORMED, make_xyz, needs_malformed, write_las, write_ply

OURS = {("LASF_Spec", 4), ("laszip encoded", 22204), ("copc", 1), ("copc", 1000)}


def list_records(records: Sequence[Any] | None) -> list[tuple[str, int, bytes]]:
    """Return the records that a copy must not touch."""
    kept = [one for one in records or [] if (one.user_id, one.record_id) not in OURS]
    return [(one.user_id, one.record_id, one.record_data_bytes()) for one in kept]


def check_copy(source: Path, copy: Path, labels: np.ndarray[Any, Any]) -> None:
    """Check by laspy that a copy has its labels, and everything else as before."""
    was, is_now = laspy.read(source), laspy.read(copy)
    assert np.array_equal(np.asarray(is_now[LABEL]), labels)
    for name in was.point_format.dimension_names:
        if name != LABEL:
            assert np.asarray(was[name]).tobytes() == np.asarray(is_now[name]).tobytes(), name
    assert list_records(was.vlrs) == list_records(is_now.vlrs)
    assert list_records(was.evlrs) == list_records(is_now.evlrs)
    raw, copied = source.read_bytes()[:227], copy.read_bytes()[:227]
    # Offset to points, number of records, format and length of a point differ; nothing else.
    assert raw[:96] + raw[107:] == copied[:96] + copied[107:]


@pytest.mark.parametrize("suffix", [".las", ".laz"])
@pytest.mark.parametrize("form", [0, 1, 2, 3, 6, 7, 8])
def test_all_else_stays_byte_by_byte(tmp_path: Path, form: int, suffix: str, decoder: Decoder) -> None:
    write_las(tmp_path / "a.laz", 900, point_format=form)
    labels = np.random.default_rng(1).integers(0, 1 << 32, 900, dtype=np.uint32)
    label_points(
        open_cloud(tmp_path / "a.laz"),
        [labels[:100], labels[100:850], labels[850:]],
        tmp_path / f"b{suffix}",
        decoder=decoder,
    )
    check_copy(tmp_path / "a.laz", tmp_path / f"b{suffix}", labels)


@needs_malformed
@pytest.mark.parametrize("name", ["1_4_w_evlr.laz", "extra.laz", "simple1_3.las", "simple1_4.las", "simple.copc.laz"])
def test_extra_bytes_extended_records_and_waveforms_stay(tmp_path: Path, name: str, decoder: Decoder) -> None:
    cloud = open_cloud(MALFORMED / name)
    labels = np.arange(cloud.point_count, dtype=np.uint32)
    label_points(cloud, [labels], tmp_path / f"b{cloud.path.suffix}", decoder=decoder)
    check_copy(MALFORMED / name, tmp_path / f"b{cloud.path.suffix}", labels)
    copy = open_cloud(tmp_path / f"b{cloud.path.suffix}")
    assert copy.warnings == cloud.warnings


def test_labels_that_are_there_are_replaced(tmp_path: Path, decoder: Decoder) -> None:
    write_las(tmp_path / "a.laz", 50)
    label_points(open_cloud(tmp_path / "a.laz"), [np.zeros(50, np.uint32)], tmp_path / "b.laz", decoder=decoder)
    label_points(open_cloud(tmp_path / "b.laz"), [np.arange(50, dtype=np.uint32)], tmp_path / "c.laz", decoder=decoder)
    check_copy(tmp_path / "b.laz", tmp_path / "c.laz", np.arange(50))


def test_bytes_that_nobody_described_are_not_taken_for_the_label(tmp_path: Path, decoder: Decoder) -> None:
    write_las(tmp_path / "a.las", 20, version="1.2", point_format=0)
    raw = (tmp_path / "a.las").read_bytes()
    at = struct.unpack_from("<I", raw, 96)[0]
    points = np.frombuffer(raw[at:], np.uint8).reshape(20, 20)
    wider = np.concatenate([points, np.full((20, 3), 7, np.uint8)], axis=1)
    head = bytearray(raw[:at])
    struct.pack_into("<H", head, 105, 23)
    (tmp_path / "a.las").write_bytes(bytes(head) + wider.tobytes())
    label_points(open_cloud(tmp_path / "a.las"), [np.arange(20, dtype=np.uint32)], tmp_path / "b.las", decoder=decoder)
    copy = laspy.read(tmp_path / "b.las")
    assert np.array_equal(copy[LABEL], np.arange(20))
    assert np.array_equal(copy.X, laspy.read(tmp_path / "a.las").X)


@pytest.mark.parametrize("bytes_left", [0, 3])
def test_a_label_described_beyond_the_points_end_is_refused(tmp_path: Path, decoder: Decoder, bytes_left: int) -> None:
    las = write_las(tmp_path / "a.las", 20)
    las.add_extra_dim(laspy.ExtraBytesParams(name=LABEL, type=np.uint32))
    las.write(tmp_path / "a.las")
    raw = bytearray((tmp_path / "a.las").read_bytes())
    at, width = struct.unpack_from("<I", raw, 96)[0], struct.unpack_from("<H", raw, 105)[0]
    points = np.frombuffer(bytes(raw[at:]), np.uint8).reshape(20, width)[:, : width - 4 + bytes_left]
    struct.pack_into("<H", raw, 105, width - 4 + bytes_left)
    (tmp_path / "a.las").write_bytes(bytes(raw[:at]) + np.ascontiguousarray(points).tobytes())
    with pytest.raises(NotConvertible):
        label_points(open_cloud(tmp_path / "a.las"), [np.zeros(20, np.uint32)], tmp_path / "b.las", decoder=decoder)


def test_a_label_of_another_type_is_refused(tmp_path: Path, decoder: Decoder) -> None:
    las = write_las(tmp_path / "a.las", 20)
    las.add_extra_dim(laspy.ExtraBytesParams(name=LABEL, type=np.float64))
    las.write(tmp_path / "a.las")
    with pytest.raises(DimensionTaken):
        label_points(open_cloud(tmp_path / "a.las"), [np.zeros(20, np.uint32)], tmp_path / "b.las", decoder=decoder)
    assert not (tmp_path / "b.las").exists()


@pytest.mark.parametrize("count", [0, 49, 51])
def test_not_one_label_for_each_point_leaves_no_file(tmp_path: Path, count: int, decoder: Decoder) -> None:
    write_las(tmp_path / "a.laz", 50)
    with pytest.raises(LabelsMismatch):
        label_points(open_cloud(tmp_path / "a.laz"), [np.zeros(count, np.uint32)], tmp_path / "b.laz", decoder=decoder)
    assert [path.name for path in tmp_path.iterdir()] == ["a.laz"]


def test_a_cloud_that_breaks_on_the_way_leaves_the_old_copy(tmp_path: Path, decoder: Decoder) -> None:
    write_las(tmp_path / "a.las", 50)
    cloud = open_cloud(tmp_path / "a.las")
    (tmp_path / "a.las").write_bytes((tmp_path / "a.las").read_bytes()[:-100])
    (tmp_path / "b.las").write_bytes(b"old")
    with pytest.raises((InvalidCloudFile, DecodeFailed)):
        label_points(cloud, [np.zeros(50, np.uint32)], tmp_path / "b.las", decoder=decoder)
    assert (tmp_path / "b.las").read_bytes() == b"old"


def test_what_is_no_las_file_is_refused(tmp_path: Path, decoder: Decoder) -> None:
    write_ply(tmp_path / "a.ply", make_xyz(5, 1), "ascii")
    with pytest.raises(NotConvertible):
        label_points(open_cloud(tmp_path / "a.ply"), [np.zeros(5, np.uint32)], tmp_path / "b.laz", decoder=decoder)


@needs_malformed
def test_a_description_of_more_bytes_than_there_are_is_refused(tmp_path: Path, decoder: Decoder) -> None:
    cloud = open_cloud(MALFORMED / "malformed_extrabytes.las")
    with pytest.raises(NotConvertible):
        label_points(cloud, [np.zeros(cloud.point_count, np.uint32)], tmp_path / "b.las", decoder=decoder)


@needs_malformed
def test_waveforms_of_an_old_file_are_compressed_with_their_points(tmp_path: Path, decoder: Decoder) -> None:
    cloud = open_cloud(MALFORMED / "simple1_3.las")
    labels = np.arange(cloud.point_count, dtype=np.uint32)
    label_points(cloud, [labels], tmp_path / "b.laz", decoder=decoder)
    check_copy(cloud.path, tmp_path / "b.laz", labels)


def test_a_labelled_cloud_becomes_copc_with_its_labels(tmp_path: Path, decoder: Decoder) -> None:
    write_las(tmp_path / "a.laz", 500, point_format=1)
    label_points(open_cloud(tmp_path / "a.laz"), [np.arange(500, dtype=np.uint32)], tmp_path / "b.laz", decoder=decoder)
    write_copc(open_cloud(tmp_path / "b.laz"), tmp_path / "c.copc.laz", crs=parse_crs("EPSG:32633"), decoder=decoder)
    with laspy.CopcReader.open(tmp_path / "c.copc.laz") as reader:
        points = reader.query()
    order = np.argsort(points[LABEL])
    assert np.array_equal(np.sort(points[LABEL]), np.arange(500))
    assert np.array_equal(points.X[order], laspy.read(tmp_path / "a.laz").X)


@pytest.mark.parametrize("kind", range(1, 11))
def test_widths_of_described_bytes_are_those_of_the_standard(kind: int) -> None:
    # LAS 1.4 R15, section 4, values of data_type; pairs and triples as R13 had them.
    width = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 8, 8: 8, 9: 4, 10: 8}[kind]
    assert [measure_width(kind + more, 0) for more in (0, 10, 20)] == [width, 2 * width, 3 * width]
    assert DESCRIPTOR.size == 192


@pytest.mark.parametrize("form", [1, 7])
def test_points_that_were_decoded_before_give_the_same_copy(tmp_path: Path, form: int, decoder: Decoder) -> None:
    write_las(tmp_path / "a.laz", 900, point_format=form)
    cloud, labels = open_cloud(tmp_path / "a.laz"), np.arange(900, dtype=np.uint32)
    label_points(cloud, [labels], tmp_path / "b.laz", decoder=decoder)
    whole = laspy.read(tmp_path / "a.laz").points.array
    records = np.frombuffer(whole.tobytes(), np.uint8).reshape(900, -1)
    label_records(cloud, [records[:10], records[10:]], [labels], tmp_path / "c.laz")
    assert (tmp_path / "b.laz").read_bytes() == (tmp_path / "c.laz").read_bytes()


@pytest.mark.parametrize("count", [80, 90])
def test_fewer_points_than_the_cloud_has_leave_no_copy(tmp_path: Path, count: int) -> None:
    las = write_las(tmp_path / "a.laz", 90)
    records = np.frombuffer(las.points.array.tobytes(), np.uint8).reshape(90, -1)
    with pytest.raises(LabelsMismatch):
        label_records(open_cloud(tmp_path / "a.laz"), [records[:80]], [np.zeros(count, np.uint32)], tmp_path / "b.laz")
    assert not (tmp_path / "b.laz").exists()
