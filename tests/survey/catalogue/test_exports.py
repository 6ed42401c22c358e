"""What is written is what others read: layers with their CRS, rasters in their place."""

import json
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pyogrio
import pytest
import rasterio
import shapely
from pyproj import CRS

from survey.catalogue.fallen import gather_fallen, read_fallen, write_fallen
from survey.catalogue.patches import BlockRectangle, cut_patch
from survey.catalogue.result import CatalogueResult
from survey.catalogue.store import write_arrays
from survey.files.crs import parse_crs
from survey.grid import Grid
from tests.survey.catalogue.scenes import EPSG, run, write_quarters


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CatalogueResult]:
    out = tmp_path_factory.mktemp("out")
    return out, run(write_quarters(tmp_path_factory.mktemp("in")), out, 50.0)


def test_the_geopackage_has_trees_and_crowns_with_the_figures_of_the_parquet(
    written: tuple[Path, CatalogueResult],
) -> None:
    path = written[0] / "trees.gpkg"
    assert [name for name, _ in pyogrio.list_layers(path)] == ["trees", "crowns", "fallen"]
    for name in ("trees", "crowns"):
        meta, table = pyogrio.read_arrow(path, layer=name)
        ours = pq.read_table(written[0] / f"{name}.parquet")
        assert CRS.from_user_input(meta["crs"]).to_epsg() == EPSG
        assert table.num_rows == ours.num_rows
        for column in (
            "number",
            "height_m",
            "crown_diameter_m",
            "carbon_kg",
            "file",
            "is_hidden",
            "status",
            "dead_probability",
        ):
            assert table[column].to_pylist() == ours[column].to_pylist()


def test_only_trees_that_were_judged_have_a_status(written: tuple[Path, CatalogueResult]) -> None:
    table = pq.read_table(written[0] / "trees.parquet")
    rows = list(zip(*(table[name].to_pylist() for name in ("status", "dead_probability", "is_hidden")), strict=True))
    assert {status is None for status, _, _ in rows} == {False, True}
    for status, dead, is_hidden in rows:
        assert (status is None) == (dead is None)
        assert status is None or not is_hidden
        assert status == (None if dead is None else "standing-dead" if dead >= 0.8 else "alive")


def test_geoparquet_says_where_it_is(written: tuple[Path, CatalogueResult]) -> None:
    for name, kind in (("trees", "Point"), ("crowns", "MultiPolygon")):
        table = pq.read_table(written[0] / f"{name}.parquet")
        geo = json.loads(table.schema.metadata[b"geo"])
        column = geo["columns"][geo["primary_column"]]
        assert geo["version"] == "1.1.0"
        assert column["geometry_types"] == [kind]
        shapes = shapely.from_wkb(table["geometry"].to_pylist())
        assert column["bbox"] == shapely.total_bounds(shapes).tolist()
        boxes = [[box[side] for side in ("xmin", "ymin", "xmax", "ymax")] for box in table["bbox"].to_pylist()]
        assert boxes == shapely.bounds(shapes).tolist()


def test_stems_on_the_ground_are_lines_that_are_read_again(tmp_path: Path) -> None:
    rows = np.array([[5.0, 1.0, 9.0, 4.0, 1.0, 5.0, 0.9], [2.0, 8.0, 2.0, 20.0, 0.0, 12.0, 0.95]])
    for name, stems in (("one", rows[:1]), ("two", rows[1:])):
        write_arrays(tmp_path / f"{name}.npz", {"fallen": stems})
    crs = parse_crs("EPSG:2927")
    outcomes = [tmp_path / "one.npz", tmp_path / "two.npz"]
    gathered = gather_fallen(outcomes)
    assert np.array_equal(gathered, gather_fallen(outcomes[::-1]))
    write_fallen(gathered, tmp_path / "fallen.parquet", crs)
    lines = shapely.from_wkb(pq.read_table(tmp_path / "fallen.parquet")["geometry"].to_pylist())
    # The file's unit is the US survey foot: 1200 / 3937 m.
    assert shapely.length(lines) * 1200 / 3937 == pytest.approx([12.0, 5.0])
    (tmp_path / "totals.json").write_text(json.dumps({"unit_m": crs.unit_m}))
    again = [astuple(stem) for stem in read_fallen(tmp_path)]
    assert np.array(again, dtype=np.float64) == pytest.approx(gathered)
    write_fallen(gathered[:0], tmp_path / "fallen.parquet", crs)
    assert read_fallen(tmp_path) == ()


def test_crowns_are_valid_and_do_not_overlap(written: tuple[Path, CatalogueResult]) -> None:
    shapes = shapely.from_wkb(pq.read_table(written[0] / "crowns.parquet")["geometry"].to_pylist())
    assert shapely.is_valid(shapes).all()
    assert shapely.area(shapely.union_all(shapes)) == pytest.approx(shapely.area(shapes).sum(), rel=1e-9)


def test_stocks_are_those_of_the_trees(written: tuple[Path, CatalogueResult]) -> None:
    table = pq.read_table(written[0] / "trees.parquet").to_pydict()
    totals = json.loads((written[0] / "totals.json").read_text())
    assert totals["trees"] == written[1].tree_count
    known = [value for value in table["biomass_kg"] if value is not None]
    assert totals["biomass_kg_m2"] == pytest.approx(sum(known) / written[1].area_m2)
    # Half of dry wood is carbon, and roots hold a fifth to a third of what stands above (IPCC 2019).
    assert 0.55 < sum(value for value in table["carbon_kg"] if value is not None) / sum(known) < 0.7


def test_the_terrain_lies_under_the_trees(written: tuple[Path, CatalogueResult]) -> None:
    table = pq.read_table(written[0] / "trees.parquet").to_pydict()
    places = [shapely.from_wkb(one).coords[0] for one in table["geometry"]]
    with rasterio.open(written[0] / "terrain.tif") as raster:
        assert raster.crs.to_epsg() == EPSG
        assert raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        found = np.array([value[0] for value in raster.sample(places)])
    # Cells of one metre: between their centres a slope of 40 degrees rises less than that.
    assert np.abs(found - np.array(table["ground_elevation_m"])).max() < 1.0


def test_the_canopy_is_as_high_as_the_trees_that_form_it(written: tuple[Path, CatalogueResult]) -> None:
    table = pq.read_table(written[0] / "trees.parquet").to_pydict()
    rows = zip(
        table["geometry"], table["apex_elevation_m"], table["ground_elevation_m"], table["is_hidden"], strict=True
    )
    free = [(shapely.from_wkb(one).coords[0], top - ground) for one, top, ground, hidden in rows if not hidden]
    with rasterio.open(written[0] / "canopy.tif") as raster:
        found = np.array([value[0] for value in raster.sample([place for place, _ in free])])
    assert found == pytest.approx(np.array([above for _, above in free]), abs=1e-3)


def test_a_patch_ends_where_points_of_its_blocks_end() -> None:
    grid, values = Grid(0.0, 0.0, 1.0, 60, 60), np.arange(3600.0).reshape(60, 60)
    cut, patch = cut_patch(
        grid, values, [BlockRectangle(0, 0, 2.5, 1.0, 24.9, 24.9), BlockRectangle(1, 0, 25.0, 3.0, 30.2, 9.0)]
    )
    assert cut == Grid(2.0, 1.0, 1.0, 24, 29)
    assert patch[0, 0] == values[1, 2]
    assert patch[2, 23] == values[3, 25]
    assert np.isnan(patch[1, 23:]).all()
    assert np.isnan(patch[9:, 23:]).all()
