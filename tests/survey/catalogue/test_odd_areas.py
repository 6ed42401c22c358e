"""Tiles without ground, strips without trees, files far apart: told, never fatal."""

from pathlib import Path

import laspy
import numpy as np
import pyarrow.parquet as pq
import pytest
import rasterio

from survey.catalogue.entry import survey_catalogue
from survey.catalogue.run import RunHere
from survey.parameters import PlotParameters
from tests.survey.catalogue.scenes import read_labels, run, write_quarters


def test_stray_points_far_away_are_told_and_change_nothing(tmp_path: Path) -> None:
    paths = write_quarters(tmp_path / "in")
    alone = run(paths, tmp_path / "alone", 50.0)
    stray = laspy.read(paths[0])
    stray.points = stray.points[:50].copy()
    stray.X = np.array(stray.X) + 40_000_000
    stray.write(tmp_path / "in" / "stray.laz")
    result = run([tmp_path / "in"], tmp_path / "out", 50.0)
    assert not result.failures
    assert result.tree_count == alone.tree_count
    assert [tile.points for tile in result.tiles if tile.note] == [50]
    assert any("could have no trees" in text for text in result.warnings)
    assert not read_labels(tmp_path / "out" / "labelled" / "stray.laz").any()
    with (
        rasterio.open(tmp_path / "out" / "terrain.tif") as far,
        rasterio.open(tmp_path / "alone" / "terrain.tif") as near,
    ):
        assert far.bounds == near.bounds


def test_clouds_without_the_ground_that_was_asked_for_have_no_trees(tmp_path: Path) -> None:
    paths = write_quarters(tmp_path / "in")
    parameters = PlotParameters(use_vendor_ground=True)
    result = survey_catalogue(paths, parameters, tmp_path / "out", executor=RunHere(), tile_m=50.0)
    assert not result.failures
    assert result.tree_count == 0
    assert all("ground" in tile.note or "points" in tile.note for tile in result.tiles)
    for name in ("trees", "crowns"):
        table = pq.read_table(tmp_path / "out" / f"{name}.parquet")
        assert table.num_rows == 0
        assert {"number", "height_m", "carbon_kg"} <= set(table.column_names)
    assert not (tmp_path / "out" / "terrain.tif").exists()


@pytest.mark.slow
def test_real_tiles_that_adjoin_give_the_same_trees_however_they_are_cut(shared_data: Path, tmp_path: Path) -> None:
    paths = sorted((shared_data / "als" / "bcts").glob("*.laz"))[:2]
    parameters = PlotParameters(use_vendor_ground=True)
    for tile_m in (100.0, 250.0, 2_000.0):
        survey_catalogue(paths, parameters, tmp_path / f"{tile_m:.0f}", executor=RunHere(), tile_m=tile_m)
    for name in (
        "trees.parquet",
        "crowns.parquet",
        "terrain.tif",
        "canopy.tif",
        *(f"labelled/{one.name}" for one in paths),
    ):
        whole = (tmp_path / "2000" / name).read_bytes()
        assert (tmp_path / "100" / name).read_bytes() == whole, name
        assert (tmp_path / "250" / name).read_bytes() == whole, name
