"""Many files give one forest: the same trees, numbers, rasters and labels however they are cut and by whom."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import laspy
import numpy as np
import pyarrow.parquet as pq
import pytest

from survey.airborne.settings import CloudFacts, choose_settings
from survey.airborne.tile import Box, TileTrees, find_tile_trees
from survey.catalogue.exports import Outputs
from survey.catalogue.inventory import list_clouds
from survey.catalogue.result import CatalogueResult
from survey.catalogue.run import Progress
from survey.cloud import Points
from survey.errors import InvalidParameter
from survey.parameters import PlotParameters
from tests.survey.catalogue.scenes import read_labels, run, write_quarters

NAMES = ("trees.parquet", "crowns.parquet", "terrain.tif", "canopy.tif")


def read_points(paths: list[Path]) -> Points:
    """Return all points of files in the catalogue's order, by another reader than ours."""
    clouds = [laspy.read(path) for path in list_clouds(paths)]
    xyz = (np.concatenate([np.array(cloud[axis]) for cloud in clouds]) for axis in "xyz")
    x, y, z = (np.ascontiguousarray(values, dtype=np.float64) for values in xyz)
    first = np.concatenate([np.array(cloud.return_number) for cloud in clouds]) == 1
    return Points(x, y, z, first, np.ones(x.size, dtype=np.uint8), np.arange(x.size))


def search_at_once(paths: list[Path], result: CatalogueResult) -> TileTrees:
    """Return the trees of all points as one tile, without files between its steps."""
    points = read_points(paths)
    facts = CloudFacts(result.is_normalized, result.density, result.first_density)
    core = Box(points.x_m.min() - 1.0, points.y_m.min() - 1.0, points.x_m.max() + 1.0, points.y_m.max() + 1.0)
    return find_tile_trees(points, choose_settings(PlotParameters(), facts), core)


@pytest.fixture(scope="module")
def quarters(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_quarters(tmp_path_factory.mktemp("quarters"))


@pytest.fixture(scope="module")
def whole(quarters: list[Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CatalogueResult]:
    out = tmp_path_factory.mktemp("whole")
    return out, run(quarters, out, 1000.0)


@pytest.fixture(scope="module")
def cut(quarters: list[Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CatalogueResult]:
    out = tmp_path_factory.mktemp("cut")
    return out, run(quarters, out, 25.0)


def test_small_tiles_write_the_same_bytes_as_one_tile(
    whole: tuple[Path, CatalogueResult], cut: tuple[Path, CatalogueResult]
) -> None:
    assert cut[1].tree_count == whole[1].tree_count > 50
    assert len(cut[1].tiles) > 4 * len(whole[1].tiles)
    for name in NAMES:
        assert (cut[0] / name).read_bytes() == (whole[0] / name).read_bytes(), name
    for path in sorted((whole[0] / "labelled").iterdir()):
        assert (cut[0] / "labelled" / path.name).read_bytes() == path.read_bytes(), path.name


def test_trees_are_those_of_a_search_over_all_points_at_once(
    quarters: list[Path], cut: tuple[Path, CatalogueResult]
) -> None:
    at_once = search_at_once(quarters, cut[1])
    table = pq.read_table(cut[0] / "trees.parquet")
    ours = sorted(zip(table["height_m"].to_pylist(), table["apex_elevation_m"].to_pylist(), strict=True))
    assert ours == sorted(zip(at_once.height_m.tolist(), at_once.z_m.tolist(), strict=True))


def test_points_carry_the_number_of_the_tree_that_owns_them_across_files_and_tiles(
    quarters: list[Path], cut: tuple[Path, CatalogueResult]
) -> None:
    at_once = search_at_once(quarters, cut[1])
    labels = np.concatenate([read_labels(cut[0] / "labelled" / path.name) for path in list_clouds(quarters)])
    assert ((labels > 0) == (at_once.owner >= 0)).all()
    pairs = np.unique(np.column_stack([labels, at_once.owner])[labels > 0], axis=0)
    # One number for each owner and one owner for each number, whatever file the point and its apex are in.
    assert np.unique(pairs[:, 0]).size == np.unique(pairs[:, 1]).size == len(pairs)
    ends = np.cumsum([len(laspy.read(path)) for path in list_clouds(quarters)])
    of_point, of_apex = (np.searchsorted(ends, at, side="right") for at in (np.arange(labels.size), at_once.owner))
    assert (of_point != of_apex)[labels > 0].sum() > 100


def test_numbers_are_those_of_the_layer(cut: tuple[Path, CatalogueResult], quarters: list[Path]) -> None:
    table = pq.read_table(cut[0] / "trees.parquet")
    clouds = {path.name: laspy.read(cut[0] / "labelled" / path.name) for path in quarters}
    columns = [table[name].to_pylist() for name in ("number", "file", "apex_x_units", "apex_y_units", "apex_z_units")]
    for number, file, x, y, z in zip(*columns, strict=True):
        cloud = clouds[file]
        at = np.flatnonzero((x == cloud.X) & (y == cloud.Y) & (z == cloud.Z))
        assert number in np.array(cloud["treeID"])[at]


def test_counts_of_files_and_tiles_add_up(cut: tuple[Path, CatalogueResult]) -> None:
    result = cut[1]
    used = sum(file.used for file in result.files)
    assert used == sum(tile.points for tile in result.tiles) <= sum(file.points for file in result.files)
    assert result.tree_count == sum(file.trees for file in result.files) == sum(tile.trees for tile in result.tiles)
    assert sum(tile.ground for tile in result.tiles) > 1_000
    report = json.loads((cut[0] / "catalogue.json").read_text())
    assert report["trees"] == result.tree_count
    assert [file["name"] for file in report["files"]] == ["ne.laz", "nw.laz", "se.laz", "sw.laz"]


def test_nothing_but_outputs_remains(cut: tuple[Path, CatalogueResult]) -> None:
    names = {path.name for path in cut[0].iterdir()}
    assert names == {*NAMES, "fallen.parquet", "trees.gpkg", "totals.json", "catalogue.json", "labelled"}
    assert {path for path in cut[1].outputs if not path.exists()} == set()


def test_threads_give_the_same_trees(quarters: list[Path], cut: tuple[Path, CatalogueResult], tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as executor:
        run(quarters, tmp_path, 50.0, executor=executor, outputs=Outputs(labelled=False, geopackage=False))
    assert (tmp_path / "trees.parquet").read_bytes() == (cut[0] / "trees.parquet").read_bytes()
    assert not (tmp_path / "labelled").exists()


def test_progress_counts_each_stage_and_ends_at_all_work_done(quarters: list[Path], tmp_path: Path) -> None:
    told: list[Progress] = []
    run(quarters, tmp_path, 50.0, on_progress=told.append)
    assert list(dict.fromkeys(one.stage for one in told)) == [
        "spool",
        "ground",
        "trees",
        "numbers",
        "labels",
        "raster",
        "layers",
    ]
    assert [one.share for one in told] == sorted(one.share for one in told)
    assert told[-1].share == 1.0
    assert told[-1].left_s == 0.0
    assert all(one.left_s is not None and one.left_s >= 0.0 for one in told)
    assert all(one.done == one.total for one in told if one.name == "all trees")


@pytest.mark.parametrize("tile_m", [0.0, 10.0, 30.0, 20_000.0, float("nan")])
def test_a_side_that_is_no_multiple_of_blocks_is_refused(quarters: list[Path], tmp_path: Path, tile_m: float) -> None:
    with pytest.raises(InvalidParameter, match="tile_m"):
        run(quarters, tmp_path, tile_m)
