"""``cec stems``: a cloud from within the forest to its stems, as layers and a report."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from cec.console import Console, print_json, print_text
from cec.errors import NoSuchCloud
from survey.airborne.plot import to_points
from survey.cloud import Points, RawCloud
from survey.coverage import measure_coverage
from survey.files.clouds import CloudFile, open_cloud
from survey.files.crs import CloudCrs, resolve_cloud_crs
from survey.files.las import read_whole
from survey.files.layers import write_geopackage, write_geoparquet
from survey.report.page import render_report
from survey.report.stems import build_stem_report
from survey.terrestrial.parameters import StemParameters
from survey.terrestrial.passes import Passes
from survey.terrestrial.plot import survey_stems
from survey.terrestrial.result import StemPlot
from survey.terrestrial.stem_layer import build_layer

_SHOWN: Final = 8
_PASS_FIELDS: Final = ("point_source_id", "gps_time")


@dataclass(frozen=True, slots=True)
class StemOptions:
    """What the command line asks for."""

    cloud: Path
    crs: str | None
    parameters: StemParameters
    out: Path | None
    report: Path | None
    as_json: bool


def run_stems(options: StemOptions) -> None:
    """Find a cloud's stems, write them as layers and perhaps a report, tell the figures."""
    if not options.cloud.is_file():
        raise NoSuchCloud(options.cloud)
    console = Console(is_quiet=options.as_json)
    file = open_cloud(options.cloud)
    crs = resolve_cloud_crs(file, options.crs)
    with console.stage("stems", f"stems are found in {options.cloud.name}"):
        raw = read_whole(file, fields=_present_fields(file))
        points = to_points(raw, crs)
        plot = survey_stems(points, options.parameters, passes=_read_passes(raw, points))
    folder = options.out or options.cloud.with_name(f"{options.cloud.stem}-stems")
    folder.mkdir(parents=True, exist_ok=True)
    layer = build_layer(plot)
    written = [folder / "stems.parquet", folder / "stems.gpkg"]
    write_geoparquet(written[0], layer, crs=crs, of="trees")
    write_geopackage(written[1], layer, crs=crs)
    coverage = measure_coverage(points)
    if options.report is not None:
        options.report.parent.mkdir(parents=True, exist_ok=True)
        page = render_report(build_stem_report(f"Stems of {options.cloud.name}", plot, crs.text, coverage))
        options.report.write_text(page, encoding="utf-8")
        written.append(options.report)
    summary = _summarise(plot, crs, coverage.area_m2, written)
    if options.as_json:
        print_json(summary)
    else:
        _print_summary(plot, summary)


def _present_fields(file: CloudFile) -> tuple[str, ...]:
    return tuple(name for name in _PASS_FIELDS if name in file.fields)


def _read_passes(raw: RawCloud, points: Points) -> Passes:
    """Return from which scan and when each point was taken, where the file tells."""
    nowhere = np.zeros(len(raw), dtype=np.int64)
    station = raw.fields.get("point_source_id", nowhere).astype(np.int64)
    time_s = raw.fields.get("gps_time", nowhere).astype(np.float64)
    # A file may hold times that are no numbers; they tell no pass.
    return Passes(station[points.source], np.nan_to_num(time_s[points.source]))


def _summarise(plot: StemPlot, crs: CloudCrs, area_m2: float, written: list[Path]) -> dict[str, Any]:
    thick = [stem.diameter_cm for tree in plot.trees for stem in tree.stems]
    return {
        "trees": len(plot.trees),
        "stems": len(thick),
        "points": plot.points,
        "area_ha": round(area_m2 / 10_000.0, 4),
        "basal_area_m2": round(float(np.pi / 40_000.0 * np.square(thick).sum()), 3),
        "crs": crs.text[:40],
        "warnings": [*crs.warnings, *plot.warnings],
        "written": [str(path) for path in written],
    }


def _print_summary(plot: StemPlot, summary: dict[str, Any]) -> None:
    print_text(
        f"  {summary['points']:,} points on {summary['area_ha']:.3f} ha, {summary['trees']} trees with "
        f"{summary['stems']} stems, {summary['basal_area_m2']:.2f} m2 of basal area ({summary['crs']})"
    )
    for warning in summary["warnings"]:
        print_text(f"  note: {warning}")
    for number, tree in enumerate(plot.trees[:_SHOWN], 1):
        stem = tree.stems[0]
        height = f"over {tree.height_m:.1f} m"
        if tree.height_error_m:
            height = f"{tree.height_m:.1f} ± {tree.height_error_m:.1f} m"
        thick = f"{stem.diameter_cm:.1f} ± {stem.diameter_error_cm:.1f} cm at {stem.at_height_m:.2f} m"
        print_text(f"  {number:3}  at ({tree.x_m:.2f}, {tree.y_m:.2f})  stem {thick}  height {height}")
    if len(plot.trees) > _SHOWN:
        print_text(f"  … and {len(plot.trees) - _SHOWN} more")
    for path in summary["written"]:
        print_text(f"  written: {path}")
