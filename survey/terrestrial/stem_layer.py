"""A plot's trees as a layer for GeoPackage and GeoParquet."""

from collections.abc import Callable
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from survey.cloud import Floats
from survey.files.tree_layer import TreeLayer
from survey.terrestrial.result import StemPlot, StemTree


def build_layer(plot: StemPlot) -> TreeLayer:
    """Return the stems' trees as a layer; figures of the thickest stem where a tree has several."""
    trees = plot.trees

    def column(read: Callable[[StemTree], float | None]) -> Floats:
        return np.array([np.nan if (value := read(tree)) is None else value for tree in trees], dtype=np.float64)

    crowns: NDArray[np.object_] = np.empty(len(trees), dtype=np.object_)
    for number, tree in enumerate(trees):
        crowns[number] = None if tree.crown_outline is None else shapely.Polygon(tree.crown_outline)
    columns: dict[str, NDArray[Any]] = {
        "number": np.arange(1, len(trees) + 1),
        "stems": np.array([len(tree.stems) for tree in trees], dtype=np.int64),
        "dbh_cm": column(lambda tree: tree.stems[0].diameter_cm),
        "dbh_error_cm": column(lambda tree: tree.stems[0].diameter_error_cm),
        "dbh_at_m": column(lambda tree: tree.stems[0].at_height_m),
        "height_m": column(lambda tree: tree.height_m),
        "height_error_m": column(lambda tree: tree.height_error_m),
        "is_height_seen": np.array([tree.is_height_seen for tree in trees], dtype=np.bool_),
        "ground_elevation_m": column(lambda tree: tree.ground_m),
        "position_error_m": column(lambda tree: tree.position_error_m),
        "lean_deg": column(lambda tree: tree.stems[0].lean_deg),
        "stem_volume_m3": column(lambda tree: sum(stem.volume_m3 for stem in tree.stems)),
        "crown_diameter_m": column(lambda tree: tree.crown_diameter_m),
    }
    return TreeLayer(column(lambda tree: tree.x_m), column(lambda tree: tree.y_m), crowns, columns)
