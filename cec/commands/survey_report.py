"""The report of a surveyed folder: the page, with a section through the tallest tree and a check of the terrain."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cec.commands.survey_records import SurveyedFolder
from survey.airborne.result import PlotResult
from survey.catalogue.result import CatalogueResult
from survey.cloud import Floats, RawCloud
from survey.files.clouds import Box, open_cloud, stream_points
from survey.parameters import PlotParameters
from survey.report.columns import ErrorColumns, Section, cut_section, find_owners, read_columns
from survey.report.page import Extras, build_report, render_report
from survey.report.terrain import MOST_PLACES, compare_terrain
from survey.report.totals import describe_totals

_HALF_M: Final = 40.0
"""Half the section's length: some twenty crowns in all."""
_WIDTH_M: Final = 4.0
_VENDOR_GROUND: Final = 2
_LEAST_GROUND: Final = 1_000
"""Points that a vendor calls ground, below which a map of them says nothing."""
_MOST_READ: Final = 30_000_000
"""Points that are decoded to check the terrain; of larger areas the first are looked at."""


def write_report(path: Path, surveyed: SurveyedFolder, name: str, parameters: PlotParameters) -> None:
    """Draw a surveyed folder's page and write it."""
    plot = surveyed.read_plot()
    extras = Extras(
        section=_cut(surveyed.result, plot) if plot.trees else None,
        errors=_check_terrain(surveyed, parameters),
        totals=describe_totals(plot, parameters),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_report(build_report(f"Survey of {name}", plot, extras)), encoding="utf-8")


def _check_terrain(surveyed: SurveyedFolder, parameters: PlotParameters) -> ErrorColumns | None:
    """Return how far our terrain lies above the vendor's ground points, where there are both."""
    result, raster = surveyed.result, surveyed.folder / "terrain.tif"
    if parameters.use_vendor_ground or result.is_normalized or raster not in result.outputs:
        return None
    ground = _read_ground(result)
    return compare_terrain(raster, ground, unit_m=result.crs.unit_m) if len(ground) >= _LEAST_GROUND else None


def _read_ground(result: CatalogueResult) -> Floats:
    """Return points that vendors call ground, evenly thinned, in metres, shape (n, 3)."""
    every = 1 + sum(file.points for file in result.files) // (4 * MOST_PLACES)
    parts, read = [np.empty((0, 3))], 0
    for file in result.files:
        for raw in stream_points(open_cloud(file.path)):
            if read > _MOST_READ:
                return np.vstack(parts)
            read += len(raw)
            kept = np.flatnonzero((raw.classification == _VENDOR_GROUND) & ~raw.withheld)[::every]
            parts.append(_place(result, raw, kept))
    return np.vstack(parts)


def _place(result: CatalogueResult, raw: RawCloud, kept: NDArray[np.int64]) -> Floats:
    """Return some points of a file in metres, shape (n, 3)."""
    unit, vertical = result.crs.unit_m, result.crs.vertical_unit_m
    placed: Floats = (raw.units[kept] * np.array(raw.scale) + np.array(raw.offset)) * (unit, unit, vertical)
    return placed


def _cut(result: CatalogueResult, plot: PlotResult) -> Section:
    """Return a slice from west to east through the tallest tree."""
    tallest = max(plot.trees, key=lambda tree: tree.height_m.value)
    x, y = tallest.x_m, tallest.y_m
    points = _read_window(result, Box(x - _HALF_M, y - _WIDTH_M, x + _HALF_M, y + _WIDTH_M))
    owners = find_owners(read_columns(plot), points[:, 0], points[:, 1])
    line = ((x - _HALF_M, y), (x + _HALF_M, y))
    return cut_section(points, owners, line, width_m=_WIDTH_M, is_above_ground=plot.is_normalized)


def _read_window(result: CatalogueResult, window: Box) -> Floats:
    """Return the points of all files within a window in metres, shape (n, 3)."""
    unit = result.crs.unit_m
    in_unit = Box(*(edge / unit for edge in (window.west, window.south, window.east, window.north)))
    parts = [np.empty((0, 3))]
    for file in result.files:
        cloud = open_cloud(file.path)
        # Decoding a file that says it lies elsewhere would only cost time; at worst the picture lacks its points.
        if cloud.bounds is not None and not _do_meet(cloud.bounds, in_unit):
            continue
        parts += [_place(result, raw, np.flatnonzero(~raw.withheld)) for raw in stream_points(cloud, in_unit)]
    return np.vstack(parts)


def _do_meet(one: Box, other: Box) -> bool:
    across = one.west <= other.east and other.west <= one.east
    return across and one.south <= other.north and other.south <= one.north
