"""A GeoParquet 1.1 file (geoparquet.org) that is written batch by batch, with boxes to search by."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from survey.files.crs import CloudCrs, horizontal_crs
from survey.files.tree_layer import GEOMETRY
from survey.files.whole_file import whole_file

BBOX: Final = "bbox"
_SIDES: Final = ("xmin", "ymin", "xmax", "ymax")
NOWHERE: Final = (np.inf, np.inf, -np.inf, -np.inf)
"""Bounds of nothing."""
Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class GeoFile:
    """What a file says of itself before its rows are written.

    Attributes
    ----------
    kind
        Of its geometries: ``Point``, ``MultiPolygon`` or ``LineString``.
    crs
        Of their coordinates.
    bounds
        Lowest x and y, highest x and y of all of them, in the unit of the CRS.
    """

    kind: str
    crs: CloudCrs
    bounds: Bounds


class RowWriter:
    """Appends rows, each call a row group.

    Parameters
    ----------
    path
        Where.
    described
        What the file says of itself.
    """

    def __init__(self, path: Path, described: GeoFile) -> None:
        self._path = path
        self._geo = json.dumps(_describe(described))
        self._writer: pq.ParquetWriter | None = None

    def write(self, table: pa.Table, shapes: NDArray[np.object_]) -> None:
        """Append columns with their geometries."""
        bounds = shapely.bounds(shapes).reshape(-1, 4)
        boxes = pa.StructArray.from_arrays([pa.array(bounds[:, at]) for at in range(4)], names=list(_SIDES))
        wkb = pa.array(shapely.to_wkb(shapes).tolist(), type=pa.binary())
        whole = table.append_column(GEOMETRY, wkb).append_column(BBOX, boxes)
        whole = whole.replace_schema_metadata({"geo": self._geo})
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, whole.schema, compression="zstd")
        self._writer.write_table(whole)

    def close(self) -> None:
        """End the file."""
        if self._writer is not None:
            self._writer.close()


@contextmanager
def open_rows(path: Path, described: GeoFile) -> Iterator[RowWriter]:
    """Give a writer of rows; the file is there whole at the end, or not at all."""
    with whole_file(path) as part:
        writer = RowWriter(part, described)
        try:
            yield writer
        finally:
            writer.close()


def join_bounds(one: Bounds, shapes: NDArray[np.object_]) -> Bounds:
    """Return the bounds of some and of geometries.

    Examples
    --------
    >>> join_bounds(NOWHERE, shapely.points([[1.0, 2.0], [3.0, 0.0]]))
    (1.0, 0.0, 3.0, 2.0)
    """
    west, south, east, north = shapely.total_bounds(shapes).tolist()
    # Of nothing, these are not numbers, before which the others stand.
    return (
        float(np.fmin(one[0], west)),
        float(np.fmin(one[1], south)),
        float(np.fmax(one[2], east)),
        float(np.fmax(one[3], north)),
    )


def _describe(file: GeoFile) -> dict[str, Any]:
    column: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": [file.kind],
        "crs": horizontal_crs(file.crs).to_json_dict(),
        "covering": {BBOX: {side: [BBOX, side] for side in _SIDES}},
    }
    if np.isfinite(file.bounds).all():
        column[BBOX] = list(file.bounds)
    return {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}
