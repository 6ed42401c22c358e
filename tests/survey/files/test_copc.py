"""COPC that other readers read, with all points and dimensions; trees that contradict their file are refused."""

import struct
from pathlib import Path

import copclib
import laspy
import numpy as np
import pytest

from survey.files.clouds import Box, open_cloud, stream_points
from survey.files.copc import write_copc
from survey.files.copc_tree import ENTRY, INFO, read_tree
from survey.files.crs import parse_crs, resolve_crs
from survey.files.decoder import Decoder
from survey.files.errors import InvalidCopc, NotConvertible
from survey.files.las_header import LasHeader, read_header
from survey.files.octree import LEAF_POINTS
from tests.survey.files.files import make_xyz, write_e57, write_las, write_ply

COUNT = 120_000
DIMENSIONS = ("intensity", "classification", "return_number", "number_of_returns", "withheld", "point_source_id")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, decoder: Decoder) -> Path:
    """Give a folder with a cloud as LAZ and as COPC."""
    made = tmp_path_factory.mktemp("copc")
    write_las(made / "a.laz", COUNT, point_format=3)
    write_copc(open_cloud(made / "a.laz"), made / "a.copc.laz", crs=parse_crs("EPSG:2903"), decoder=decoder)
    return made


def test_laspy_reads_all_points_with_their_dimensions(folder: Path) -> None:
    was = laspy.read(folder / "a.laz")
    with laspy.CopcReader.open(folder / "a.copc.laz") as reader:
        points = reader.query()
        header = reader.header
    one, other = np.lexsort((was.gps_time, was.X)), np.lexsort((points.gps_time, points.X))
    for name in ("X", "Y", "Z", "gps_time", "red", "green", "blue", "user_data", *DIMENSIONS):
        assert np.array_equal(np.asarray(was[name])[one], np.asarray(points[name])[other]), name
    assert header.parse_crs().to_epsg() == 2903
    assert np.array_equal(header.number_of_points_by_return[:6], np.bincount(was.return_number, minlength=7)[1:7])
    assert header.maxs == pytest.approx(was.header.maxs)


def test_copclib_finds_every_point_in_its_node(folder: Path) -> None:
    reader = copclib.FileReader(str(folder / "a.copc.laz"))
    nodes = reader.GetAllNodes()
    assert reader.ValidateSpatialBounds()
    assert sum(node.point_count for node in nodes) == COUNT
    assert max(node.point_count for node in nodes) <= 1.2 * LEAF_POINTS
    assert len(nodes) > 1


def test_another_reader_finds_the_same_points_in_a_window(folder: Path) -> None:
    window = Box(10.0, 20.0, 14.0, 30.0)
    found = sum(map(len, stream_points(open_cloud(folder / "a.copc.laz"), window)))
    bounds = laspy.copc.Bounds(np.array([10.0, 20.0]), np.array([13.999, 29.999]))
    with laspy.CopcReader.open(folder / "a.copc.laz") as reader:
        assert found == len(reader.spatial_query(bounds))


def test_the_root_is_an_even_sample(folder: Path) -> None:
    tree = read_tree(folder / "a.copc.laz", read_header(folder / "a.copc.laz"))
    root = next(node for node in tree.nodes if node.depth == 0)
    with laspy.CopcReader.open(folder / "a.copc.laz") as reader:
        points = reader.query(level=0)
    assert len(points) == root.points
    # Uniform in a cube: each eighth has an eighth of them, to five standard errors.
    eighths = np.bincount((points.x > 25) * 4 + (points.y > 25) * 2 + (points.z > 25), minlength=8)
    assert np.abs(eighths - root.points / 8).max() < 5 * np.sqrt(root.points / 8)


def test_the_same_cloud_gives_the_same_bytes(folder: Path, decoder: Decoder) -> None:
    write_copc(open_cloud(folder / "a.laz"), folder / "b.copc.laz", crs=parse_crs("EPSG:2903"), decoder=decoder)
    assert (folder / "a.copc.laz").read_bytes() == (folder / "b.copc.laz").read_bytes()


def test_scan_angles_of_old_formats_become_the_new_unit(tmp_path: Path, decoder: Decoder) -> None:
    las = write_las(tmp_path / "a.las", 3, version="1.2", point_format=1)
    las.scan_angle_rank = [-30, 0, 17]
    las.write(tmp_path / "a.las")
    write_copc(open_cloud(tmp_path / "a.las"), tmp_path / "a.copc.laz", crs=parse_crs("local:m"), decoder=decoder)
    assert np.sort(laspy.read(tmp_path / "a.copc.laz").scan_angle).tolist() == [-5000, 0, 2833]


def test_terrestrial_clouds_become_copc_too(tmp_path: Path, decoder: Decoder) -> None:
    xyz = make_xyz(100, 1)
    write_e57(tmp_path / "a.e57", [(xyz, [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0])])
    write_ply(tmp_path / "a.ply", xyz, "ascii")
    for name in ("a.e57", "a.ply"):
        write_copc(open_cloud(tmp_path / name), tmp_path / "a.copc.laz", crs=parse_crs("local:m"), decoder=decoder)
        found = laspy.read(tmp_path / "a.copc.laz").xyz
        assert np.abs(np.sort(found[:, 0]) - np.sort(xyz[:, 0])).max() <= 0.0001


@pytest.mark.parametrize(("version", "form", "count"), [("1.3", 4, 10), ("1.4", 6, 0)])
def test_what_cannot_be_stored_is_refused_and_leaves_nothing(
    tmp_path: Path, version: str, form: int, count: int
) -> None:
    write_las(tmp_path / "a.las", count, version=version, point_format=form)
    with pytest.raises(NotConvertible):
        write_copc(open_cloud(tmp_path / "a.las"), tmp_path / "a.copc.laz", crs=parse_crs("local:m"))
    assert [path.name for path in tmp_path.iterdir()] == ["a.las"]


def test_feet_stay_feet(folder: Path) -> None:
    crs = resolve_crs(read_header(folder / "a.copc.laz"), None)
    assert crs.text == "EPSG:2903"
    assert crs.unit_m == pytest.approx(1200 / 3937)


def read_changed(folder: Path, at: int, form: str, value: float) -> None:
    """Change one number of the octree or its info record, and read the tree."""
    header = read_header(folder / "a.copc.laz")
    raw = bytearray((folder / "a.copc.laz").read_bytes())
    base = INFO.unpack(header.copc)[5] if at >= 0 else 375 + 54 + 160
    struct.pack_into(form, raw, base + at, value)
    (folder / "changed").write_bytes(raw)
    changed: LasHeader = read_header(folder / "changed")
    read_tree(folder / "changed", changed)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ((-160, "<d", 1e4), "cube"),
        ((-136, "<d", 5.0), "cube"),
        ((-136, "<d", float("nan")), "cube"),
        ((-120, "<Q", 1 << 40), "page"),
        ((-112, "<Q", 33), "page"),
        ((0, "<i", 1), "keys"),
        ((4, "<i", 1), "key"),
        ((ENTRY.size + 4, "<i", 7), "key"),
        ((ENTRY.size, "<i", 40), "key"),
        ((ENTRY.size + 16, "<Q", 0), "node"),
        ((ENTRY.size + 24, "<i", 1 << 30), "node"),
        ((28, "<i", 0), "octree"),
        ((28, "<i", 3_000_000), "points of a node"),
        ((28, "<i", 10), "octree"),
        ((28, "<i", -1), "page"),
    ],
)
def test_one_wrong_number_is_refused_by_its_name(folder: Path, change: tuple[int, str, float], field: str) -> None:
    with pytest.raises(InvalidCopc) as caught:
        read_changed(folder, *change)
    assert caught.value.field == field


def test_a_page_that_points_to_itself_ends(folder: Path) -> None:
    header = read_header(folder / "a.copc.laz")
    root_at, length = INFO.unpack(header.copc)[5:7]
    raw = bytearray((folder / "a.copc.laz").read_bytes())
    struct.pack_into("<Qii", raw, root_at + 16, root_at, length, -1)
    (folder / "loop").write_bytes(raw)
    with pytest.raises(InvalidCopc, match="each comes once"):
        read_tree(folder / "loop", read_header(folder / "loop"))
