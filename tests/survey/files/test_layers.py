"""Layers that GDAL and Arrow read: every tree and crown in its place, with its columns and its CRS."""

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow.parquet as pq
import pyogrio
import pyproj
import pytest
import shapely

from survey.files.crs import parse_crs
from survey.files.errors import InvalidLayer
from survey.files.layers import write_geopackage, write_geoparquet
from survey.files.tree_layer import TreeLayer

X, Y = np.array([500_000.0, 500_010.0, 500_020.0]), np.array([5_000_000.0, 5_000_005.0, 5_000_010.0])


def make_layer(**changes: object) -> TreeLayer:
    """Return three trees, the second without a crown, the third with a crown in two parts."""
    one, other = (
        shapely.box(499_998, 4_999_998, 500_002, 5_000_002),
        shapely.box(500_019, 5_000_009, 500_021, 5_000_011),
    )
    parts = shapely.MultiPolygon([other, shapely.box(500_030, 5_000_009, 500_031, 5_000_010)])
    crowns = np.empty(3, dtype=np.object_)
    crowns[:] = [one, None, parts]
    columns: dict[str, Any] = {
        "code": np.array(["a", "b", "Ü"]),
        "tree_id": np.array([1, 2, 3], dtype=np.uint32),
        "height_m": np.array([11.5, np.nan, 30.25]),
        "is_hidden": np.array([False, True, False]),
    }
    values: dict[str, Any] = {"x_m": X, "y_m": Y, "crowns": crowns, "columns": columns, **changes}
    return TreeLayer(**values)


@pytest.mark.parametrize("code", ["EPSG:32633", "EPSG:2992"])
def test_a_geopackage_holds_trees_and_crowns(tmp_path: Path, code: str) -> None:
    crs = parse_crs(code)
    write_geopackage(tmp_path / "a.gpkg", make_layer(), crs=crs)
    assert pyogrio.list_layers(tmp_path / "a.gpkg").tolist() == [["trees", "Point"], ["crowns", "MultiPolygon"]]
    meta, table = pyogrio.read_arrow(tmp_path / "a.gpkg", layer="trees")
    points = shapely.from_wkb(table.column(meta["geometry_name"]).to_pylist())
    assert meta["crs"] == code
    assert shapely.get_x(points) * crs.unit_m == pytest.approx(X)
    assert shapely.get_y(points) * crs.unit_m == pytest.approx(Y)
    assert table.column("height_m").to_pylist() == [11.5, None, 30.25]
    assert table.column("code").to_pylist() == ["a", "b", "Ü"]
    meta, table = pyogrio.read_arrow(tmp_path / "a.gpkg", layer="crowns")
    crowns = shapely.from_wkb(table.column(meta["geometry_name"]).to_pylist())
    assert table.column("tree_id").to_pylist() == [1, 3]
    assert shapely.area(crowns) * crs.unit_m**2 == pytest.approx([16.0, 5.0])


def test_a_local_frame_is_stored_as_one(tmp_path: Path) -> None:
    write_geopackage(tmp_path / "a.gpkg", make_layer(), crs=parse_crs("local:plot-7"))
    meta, _ = pyogrio.read_arrow(tmp_path / "a.gpkg", layer="trees")
    crs = pyproj.CRS.from_wkt(meta["crs"])
    assert crs.is_engineering
    assert crs.name == "local:plot-7"


def test_writing_again_replaces_all_layers(tmp_path: Path) -> None:
    for _ in range(2):
        write_geopackage(tmp_path / "a.gpkg", make_layer(), crs=parse_crs("EPSG:32633"))
    assert pyogrio.read_info(tmp_path / "a.gpkg", layer="trees")["features"] == 3
    assert [path.name for path in tmp_path.iterdir()] == ["a.gpkg"]


@pytest.mark.parametrize(("of", "kind", "rows"), [("trees", "Point", 3), ("crowns", "MultiPolygon", 2)])
def test_geoparquet_says_what_its_specification_asks_for(
    tmp_path: Path, of: Literal["trees", "crowns"], kind: str, rows: int
) -> None:
    write_geoparquet(tmp_path / "a.parquet", make_layer(), crs=parse_crs("EPSG:32633"), of=of)
    table = pq.read_table(tmp_path / "a.parquet")
    described = json.loads(table.schema.metadata[b"geo"])
    # geoparquet.org/releases/v1.1.0: file and column metadata, bounding box covering.
    assert (described["version"], described["primary_column"]) == ("1.1.0", "geometry")
    column = described["columns"]["geometry"]
    assert (column["encoding"], column["geometry_types"]) == ("WKB", [kind])
    assert pyproj.CRS.from_json_dict(column["crs"]).to_epsg() == 32633
    assert column["covering"]["bbox"] == {side: ["bbox", side] for side in ("xmin", "ymin", "xmax", "ymax")}
    shapes = shapely.from_wkb(table.column("geometry").to_pylist())
    assert len(shapes) == rows
    boxes = [list(box.values()) for box in table.column("bbox").to_pylist()]
    assert np.array_equal(boxes, shapely.bounds(shapes))
    assert column["bbox"] == pytest.approx(list(shapely.total_bounds(shapes)))


def test_no_tree_is_a_layer_too(tmp_path: Path) -> None:
    empty = make_layer(x_m=X[:0], y_m=Y[:0], crowns=np.empty(0, dtype=np.object_), columns={"height_m": X[:0]})
    write_geopackage(tmp_path / "a.gpkg", empty, crs=parse_crs("EPSG:32633"))
    write_geoparquet(tmp_path / "a.parquet", empty, crs=parse_crs("EPSG:32633"), of="crowns")
    assert pyogrio.read_info(tmp_path / "a.gpkg", layer="crowns")["features"] == 0
    assert pq.read_table(tmp_path / "a.parquet").num_rows == 0


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"y_m": Y[:2]}, "y_m"),
        ({"x_m": np.array([1.0, np.nan, 3.0])}, "x_m, y_m"),
        ({"columns": {"height": X}}, "height"),
        ({"columns": {"Height_m": X}}, "Height_m"),
        ({"columns": {"geom": np.array(["a", "b", "c"])}}, "geom"),
        ({"columns": {"height_m": X[:2]}}, "height_m"),
        ({"columns": {"seen_m": np.array([1j, 2j, 3j])}}, "seen_m"),
        ({"crowns": np.array([shapely.Point(0, 0)] * 3, dtype=np.object_)}, "crowns"),
    ],
)
def test_columns_that_do_not_fit_are_refused_by_name_and_leave_no_file(
    tmp_path: Path, changes: dict[str, object], name: str
) -> None:
    with pytest.raises(InvalidLayer) as caught:
        write_geopackage(tmp_path / "a.gpkg", make_layer(**changes), crs=parse_crs("EPSG:32633"))
    assert caught.value.name == name
    assert list(tmp_path.iterdir()) == []
