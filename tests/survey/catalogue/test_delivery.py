"""What was made reaches its place whole, once, and over nothing that is surveyed; COPC has the numbers of trees too."""

import struct
from pathlib import Path

import copclib
import laspy
import numpy as np
import pyarrow.parquet as pq
import pytest

from survey.catalogue.errors import CloudInTheWay, TileFailed
from survey.catalogue.exports import Outputs
from survey.catalogue.run import Progress
from survey.parameters import PlotParameters
from tests.survey.catalogue.scenes import run, scan_stand, write_quarters

LAYERS_ALONE = Outputs(labelled=False, geopackage=False, rasters=False)


@pytest.fixture(scope="module")
def quarters(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_quarters(tmp_path_factory.mktemp("quarters"))


@pytest.mark.parametrize("kind", ["labelled", "copc"])
def test_no_copy_is_written_over_a_cloud_that_is_surveyed(tmp_path: Path, kind: str) -> None:
    out = tmp_path / "out"
    paths = write_quarters(out / kind)
    if kind == "copc":
        paths = [path.rename(path.with_name(f"{path.stem}.copc.laz")) for path in paths]
    before = {path: path.read_bytes() for path in paths}
    with pytest.raises(CloudInTheWay, match=kind):
        run(paths, out, 50.0, outputs=Outputs(copc=True))
    assert {path: path.read_bytes() for path in paths} == before
    assert run(paths, out, 50.0, outputs=LAYERS_ALONE).tree_count > 50
    assert {path: path.read_bytes() for path in paths} == before


def test_stopped_between_two_files_the_next_run_delivers_all_of_them(quarters: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "terrain.tif" / "in the way").mkdir(parents=True)
    with pytest.raises(OSError, match=r"terrain\.tif"):
        run(quarters, out, 50.0)
    (out / "terrain.tif" / "in the way").rmdir()
    (out / "terrain.tif").rmdir()
    again = run(quarters, out, 50.0)
    assert not again.failures
    straight = tmp_path / "straight"
    run(quarters, straight, 50.0)
    names = sorted(str(path.relative_to(straight)) for path in straight.rglob("*") if path.is_file())
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()) == names
    for name in ("trees.parquet", "crowns.parquet"):
        assert pq.read_table(out / name).equals(pq.read_table(straight / name))


def test_where_no_tile_could_be_surveyed_that_is_what_is_told(quarters: list[Path], tmp_path: Path) -> None:
    def lose_points(progress: Progress) -> None:
        if progress.stage == "ground" and progress.done == progress.total:
            for path in (tmp_path / ".work" / "spool").glob("*.points"):
                path.write_bytes(b"")

    result = run(quarters, tmp_path, 50.0, on_progress=lose_points)
    assert result.outputs == ()
    assert isinstance(result.failures[-1], TileFailed)


@pytest.mark.parametrize("is_labelled", [False, True])
def test_copc_holds_every_point_with_the_number_of_its_tree(
    quarters: list[Path], tmp_path: Path, *, is_labelled: bool
) -> None:
    result = run(quarters[:2], tmp_path / "out", 50.0, outputs=Outputs(labelled=is_labelled, copc=True))
    assert not result.failures
    assert (tmp_path / "out" / "labelled").exists() == is_labelled
    run(quarters[:2], tmp_path / "straight", 50.0)
    for path in quarters[:2]:
        copc = tmp_path / "out" / "copc" / f"{path.stem}.copc.laz"
        assert copc in result.outputs
        assert copclib.FileReader(str(copc)).copc_config.las_header.point_count == len(laspy.read(path))
        written, expected = (laspy.read(one) for one in (copc, tmp_path / "straight" / "labelled" / path.name))
        columns = [np.stack([one.X, one.Y, one.Z, one.gps_time, one["treeID"]]) for one in (written, expected)]
        first, second = (values[:, np.lexsort(values)] for values in columns)
        assert np.array_equal(first, second)
        assert np.unique(written["treeID"]).size > 10


def test_a_cloud_of_another_format_becomes_copc_and_progress_ends_at_the_whole(tmp_path: Path) -> None:
    told: list[Progress] = []
    path, cloud = tmp_path / "stand.ply", scan_stand(60.0)
    rows = zip(cloud.x_m.tolist(), cloud.y_m.tolist(), cloud.z_m.tolist(), strict=True)
    head = f"ply\nformat binary_little_endian 1.0\nelement vertex {cloud.x_m.size}\n"
    head += "".join(f"property double {axis}\n" for axis in "xyz") + "end_header\n"
    path.write_bytes(head.encode() + b"".join(struct.pack("<3d", *row) for row in rows))
    parameters = PlotParameters(crs="EPSG:32633")
    outputs = Outputs(copc=True)
    result = run([path], tmp_path / "out", 50.0, parameters=parameters, outputs=outputs, on_progress=told.append)
    assert not result.failures
    assert told[-1].share == pytest.approx(1.0)
    assert told[-1].left_s == pytest.approx(0.0)
    assert len(laspy.read(tmp_path / "out" / "copc" / "stand.copc.laz")) == cloud.x_m.size
