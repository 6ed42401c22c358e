"""Trees as columns, for files that others open: what a layer holds, and the rules for its columns."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from survey.cloud import Floats
from survey.files.crs import CloudCrs
from survey.files.errors import InvalidLayer

GEOMETRY: Final = "geometry"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_TAKEN: Final = frozenset({"geometry", "geom", "bbox", "fid", "ogc_fid"})
"""Names that the formats use themselves."""
UNITS: Final = ("m", "m2", "m3", "cm", "mm", "kg", "t", "deg", "s", "probability", "share", "ratio")
"""Last words of the names of measured columns."""


@dataclass(frozen=True, slots=True, eq=False)
class TreeLayer:
    """Trees of one survey.

    Attributes
    ----------
    x_m, y_m
        Easting and northing of the trees, in the CRS, converted to metres, shape (n,).
    crowns
        Polygons in the same coordinates, or None where a crown is not known, shape (n,).
    columns
        By name, each of shape (n,): text, integers, booleans or floats. A float column's name ends with its unit, one
        of `UNITS`; NaN stands for not known.
    """

    x_m: Floats
    y_m: Floats
    crowns: NDArray[np.object_]
    columns: Mapping[str, NDArray[Any]]


def check_layer(layer: TreeLayer) -> None:
    """Check that columns fit together and are named by rule.

    Raises
    ------
    InvalidLayer
        When one does not.
    """
    count = layer.x_m.shape
    for name, values in {"x_m": layer.x_m, "y_m": layer.y_m, "crowns": layer.crowns, **layer.columns}.items():
        if np.shape(values) != count or len(count) != 1:
            raise InvalidLayer(name, f"it has shape {np.shape(values)}, trees have {count}")
    if not (np.isfinite(layer.x_m).all() and np.isfinite(layer.y_m).all()):
        raise InvalidLayer("x_m, y_m", "positions are finite")
    for name, values in layer.columns.items():
        if not _NAME.fullmatch(name) or name in _TAKEN:
            raise InvalidLayer(name, "a name has small letters, digits and underscores, and is not a format's own")
        kind = np.asarray(values).dtype.kind
        if kind not in "biufUO":
            raise InvalidLayer(name, "values are text, integers, booleans or floats")
        if kind == "f" and name.rsplit("_", 1)[-1] not in UNITS:
            raise InvalidLayer(name, f"the name of a measured column ends with its unit: {', '.join(UNITS)}")
    known = np.array([crown is not None for crown in layer.crowns], dtype=np.bool_)
    kinds = set(shapely.get_type_id(layer.crowns[known])) if known.any() else set()
    if not kinds <= {3, 6}:
        raise InvalidLayer("crowns", "each is a polygon, or several")


def make_points(layer: TreeLayer, crs: CloudCrs) -> tuple[pa.Table, NDArray[np.object_]]:
    """Return the trees' columns, and a point for each in the unit of the CRS."""
    points: NDArray[np.object_] = shapely.points(layer.x_m / crs.unit_m, layer.y_m / crs.unit_m)
    return _make_table(layer, np.ones(layer.x_m.size, dtype=np.bool_)), points


def make_crowns(layer: TreeLayer, crs: CloudCrs) -> tuple[pa.Table, NDArray[np.object_]]:
    """Return the columns of the trees whose crown is known, and the crowns as multi-polygons in the unit of the CRS."""
    known = np.array([crown is not None for crown in layer.crowns], dtype=np.bool_)
    crowns = to_unit(layer.crowns[known], crs)
    parts, which = shapely.get_parts(crowns, return_index=True)
    # A crown without any part stays one.
    shapes: NDArray[np.object_] = np.full(crowns.size, shapely.MultiPolygon(), dtype=np.object_)
    shapely.multipolygons(parts, indices=which, out=shapes)
    return _make_table(layer, known), shapes


def to_unit(shapes: NDArray[np.object_], crs: CloudCrs) -> NDArray[np.object_]:
    """Return geometries whose coordinates are metres in the unit of the CRS."""
    if crs.unit_m == 1.0:
        return shapes
    scaled: NDArray[np.object_] = shapely.transform(shapes, lambda xy: xy / crs.unit_m)
    return scaled


def _make_table(layer: TreeLayer, keep: NDArray[np.bool_]) -> pa.Table:
    arrays = {}
    for name, values in layer.columns.items():
        kept = np.asarray(values)[keep]
        if kept.dtype.kind in "UO":
            arrays[name] = pa.array(kept.tolist(), type=pa.string())
        else:
            arrays[name] = pa.array(kept, from_pandas=True)  # NaN becomes null
    return pa.table(arrays)
