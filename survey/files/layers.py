"""Trees and crowns for others: GeoPackage (OGC 12-128r19) and GeoParquet 1.1.0 (geoparquet.org)."""

import json
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import shapely
from numpy.typing import NDArray

from survey.files.crs import CloudCrs, horizontal_crs
from survey.files.tree_layer import GEOMETRY, TreeLayer, check_layer, make_crowns, make_points
from survey.files.whole_file import whole_file

_BBOX: Final = "bbox"
_ROW_GROUP: Final = 65_536
"""Trees that a reader of a window reads at least, or leaves out at once."""


def write_geopackage(path: Path, layer: TreeLayer, *, crs: CloudCrs) -> None:
    """Write a GeoPackage with the layers ``trees`` (points) and ``crowns`` (polygons).

    Parameters
    ----------
    path
        Where; written whole or not at all.
    layer
        Trees.
    crs
        Of their coordinates; where its unit is the foot, the file's coordinates are feet.

    Raises
    ------
    InvalidLayer
        When columns do not fit together.
    """
    check_layer(layer)
    wkt = horizontal_crs(crs).to_wkt()
    with whole_file(path) as part:
        for name, kind, (table, shapes) in (
            ("trees", "Point", make_points(layer, crs)),
            ("crowns", "MultiPolygon", make_crowns(layer, crs)),
        ):
            pyogrio.write_arrow(
                table.append_column(GEOMETRY, _to_wkb(shapes)),
                part,
                layer=name,
                driver="GPKG",
                geometry_name=GEOMETRY,
                geometry_type=kind,
                crs=wkt,
                append=name != "trees",
            )


def write_geoparquet(path: Path, layer: TreeLayer, *, crs: CloudCrs, of: Literal["trees", "crowns"]) -> None:
    """Write trees (points) or crowns (polygons) as GeoParquet 1.1 with a covering column of boxes.

    Parameters
    ----------
    path, layer, crs
        As `write_geopackage` has them.
    of
        Which of the two.

    Raises
    ------
    InvalidLayer
        When columns do not fit together.
    """
    check_layer(layer)
    table, shapes = make_points(layer, crs) if of == "trees" else make_crowns(layer, crs)
    bounds = shapely.bounds(shapes).reshape(-1, 4)
    table = table.append_column(GEOMETRY, _to_wkb(shapes)).append_column(_BBOX, _to_boxes(bounds))
    described = _describe(bounds, crs, "Point" if of == "trees" else "MultiPolygon")
    table = table.replace_schema_metadata({"geo": json.dumps(described)})
    with whole_file(path) as part:
        pq.write_table(table, part, compression="zstd", row_group_size=_ROW_GROUP, write_statistics=True)


def _to_wkb(shapes: NDArray[np.object_]) -> pa.Array:
    return pa.array(shapely.to_wkb(shapes).tolist(), type=pa.binary())


def _to_boxes(bounds: NDArray[np.float64]) -> pa.Array:
    names = ["xmin", "ymin", "xmax", "ymax"]
    return pa.StructArray.from_arrays([pa.array(bounds[:, at]) for at in range(4)], names=names)


def _describe(bounds: NDArray[np.float64], crs: CloudCrs, kind: str) -> dict[str, Any]:
    """Return the file's metadata by the specification's schema."""
    column: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": [kind],
        "crs": horizontal_crs(crs).to_json_dict(),
        "covering": {_BBOX: {side: [_BBOX, side] for side in ("xmin", "ymin", "xmax", "ymax")}},
    }
    if len(bounds):
        column[_BBOX] = [*bounds[:, :2].min(axis=0).tolist(), *bounds[:, 2:].max(axis=0).tolist()]
    return {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}
