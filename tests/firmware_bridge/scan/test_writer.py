"""LAZ 1.4 from the writer, its header read by the bytes of the specification (LAS 1.4 R15, table 3)."""

import io
import struct
from collections.abc import Iterator
from pathlib import Path

import laspy
import numpy as np
import pytest

from firmware_bridge.scan.driver import ScanPoints
from firmware_bridge.scan.errors import CannotWrite, OutOfFile
from firmware_bridge.scan.georeference import PlacedPoints, open_target
from firmware_bridge.scan.writer import ScanWriter, open_whole

TARGET = open_target("EPSG:32633")
GPS_S = 1_469_707_218.25


def make_batch(count: int, seed: int = 1) -> tuple[ScanPoints, PlacedPoints]:
    """Return points of which each third is off the track."""
    rng = np.random.default_rng(seed)
    returns = rng.integers(1, 3, count).astype(np.uint8)
    placed = np.arange(count) % 3 != 0
    points = ScanPoints(
        x_m=np.zeros(count),
        y_m=np.zeros(count),
        z_m=np.zeros(count),
        gps_s=GPS_S + np.arange(count) / 1e6,
        intensity=rng.integers(0, 256, count).astype(np.uint8),
        ring=rng.integers(0, 16, count).astype(np.uint8),
        return_number=np.minimum(returns, rng.integers(1, 3, count)).astype(np.uint8),
        returns=returns,
        clock="gnss",
    )
    number = int(placed.sum())
    xyz = rng.uniform(-80, 80, (3, number)) + np.array([[502_000], [5_806_600], [90]])
    return points, PlacedPoints(placed, xyz[0], xyz[1], xyz[2], rng.uniform(-180, 180, number))


def write(batches: list[tuple[ScanPoints, PlacedPoints]]) -> bytes:
    stream = io.BytesIO()
    writer = ScanWriter(stream, TARGET, instrument="vlp16", source_id=7)
    for points, placed in batches:
        writer.write(points, placed)
    writer.finish()
    return stream.getvalue()


def test_the_header_is_true_by_the_bytes() -> None:
    batches = [make_batch(3_000, seed) for seed in range(3)]
    raw = write(batches)
    xyz = np.concatenate([[placed.easting_m, placed.northing_m, placed.height_m] for _, placed in batches], axis=1)
    numbers = np.concatenate([points.return_number[placed.is_placed] for points, placed in batches])
    assert raw[:4] == b"LASF"
    source, encoding = struct.unpack("<HH", raw[4:8])
    assert source == 7
    assert encoding == 0b1_0001  # bit 0: adjusted standard GPS time; bit 4: WKT
    assert raw[24:26] == bytes((1, 4))
    assert raw[104] & 0x3F == 6
    assert struct.unpack("<6I", raw[107:131]) == (0,) * 6  # legacy counts
    scales, offsets = struct.unpack("<3d", raw[131:155]), struct.unpack("<3d", raw[155:179])
    assert scales == (0.001,) * 3
    bounds = struct.unpack("<6d", raw[179:227])
    stored = np.round((xyz - np.array(offsets)[:, None]) / 0.001) * 0.001 + np.array(offsets)[:, None]
    expected = [limit for row in stored for limit in (row.max(), row.min())]
    assert bounds == pytest.approx(expected, abs=1e-6)
    counts = struct.unpack("<16Q", raw[247:375])
    assert counts == (xyz.shape[1], *(int((numbers == number).sum()) for number in range(1, 16)))


def test_points_read_back_as_they_were_given() -> None:
    points, placed = make_batch(5_000)
    kept = placed.is_placed
    las = laspy.read(io.BytesIO(write([(points, placed)])))
    assert np.array(las.x) == pytest.approx(placed.easting_m, abs=0.000_51)
    assert np.array(las.y) == pytest.approx(placed.northing_m, abs=0.000_51)
    assert np.array(las.z) == pytest.approx(placed.height_m, abs=0.000_51)
    assert np.array(las.gps_time) + 1e9 == pytest.approx(points.gps_s[kept], abs=1e-6)
    assert np.array(las.intensity).tolist() == (points.intensity[kept].astype(int) * 257).tolist()
    assert np.array(las.user_data).tolist() == points.ring[kept].tolist()
    assert np.array(las.return_number).tolist() == points.return_number[kept].tolist()
    assert np.array(las.number_of_returns).tolist() == points.returns[kept].tolist()
    assert np.array(las.scan_angle) * 0.006 == pytest.approx(placed.scan_angle_deg, abs=0.003_01)
    assert set(las.point_source_id) == {7}
    assert las.header.parse_crs() == TARGET.crs
    assert las.header.creation_date.isoformat() == "2026-08-02"


def test_points_too_far_apart_are_refused() -> None:
    points, placed = make_batch(30)
    placed.northing_m[3] += 3e6
    with pytest.raises(OutOfFile, match="Y"):
        write([(points, placed)])


def test_a_file_takes_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "cloud.laz"
    with open_whole(path) as stream:
        stream.write(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert [entry.name for entry in tmp_path.iterdir()] == ["cloud.laz"]


def fail_within(path: Path, error: BaseException) -> None:
    with open_whole(path) as stream:
        stream.write(b"half")
        raise error


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (OutOfFile("X", 1e9), OutOfFile),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (OSError(28, "No space"), CannotWrite),
    ],
)
def test_a_failure_leaves_what_was_there_before(
    tmp_path: Path, error: BaseException, raised: type[BaseException]
) -> None:
    path = tmp_path / "cloud.laz"
    path.write_bytes(b"before")
    with pytest.raises(raised):
        fail_within(path, error)
    assert path.read_bytes() == b"before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["cloud.laz"]


def test_a_part_file_of_a_killed_run_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "cloud.laz.part").write_bytes(b"left by a power cut")
    with open_whole(tmp_path / "cloud.laz") as stream:
        stream.write(b"whole")
    assert [entry.name for entry in tmp_path.iterdir()] == ["cloud.laz"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match="No such file"), open_whole(tmp_path / "none" / "cloud.laz"):
        pass


class FullDisk(io.RawIOBase):
    """A disk that takes so many bytes and then is full."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self._held = io.BytesIO()
        self._room = room

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._held.seek(offset, whence)

    def tell(self) -> int:
        return self._held.tell()

    def write(self, raw: bytes) -> int:  # type: ignore[override]  # the writer gives bytes alone
        if self._held.tell() + len(raw) > self._room:
            raise OSError(28, "No space left on device")
        return self._held.write(raw)


@pytest.fixture
def full_disk() -> Iterator[FullDisk]:
    with FullDisk(20_000) as stream:
        yield stream


def test_a_full_disk_is_an_error_of_the_disk(full_disk: FullDisk) -> None:
    writer = ScanWriter(full_disk, TARGET, instrument="vlp16", source_id=1)  # type: ignore[arg-type]  # raw, as a disk is
    with pytest.raises(OSError, match="No space"):  # noqa: PT012  # the compressor may keep bytes until the end
        for seed in range(40):
            writer.write(*make_batch(30_000, seed))
        writer.finish()
