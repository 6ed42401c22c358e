"""``cec stems``: a cloud from within the forest to its stems: signed records, layers and a report."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from cec.commands.survey_records import load_keys, sign_stems, write_archive
from cec.console import Console, print_json, print_text
from cec.errors import NoSuchCloud
from domain.codes import format_code
from domain.envelope import Record
from domain.records.result import Estimate, Tree
from ipfs.unixfs import plan_file
from survey.catalogue.inventory import check_unchanged, describe_file
from survey.files.layers import write_geopackage, write_geoparquet
from survey.records.stems_cloud import StemScience, StemSurvey, check_science, survey_stem_cloud
from survey.report.page import render_report
from survey.report.stems import build_stem_report
from survey.terrestrial.stem_layer import build_layer

_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class StemOptions:
    """What the command line asks for."""

    cloud: Path
    science: StemScience
    out: Path | None
    report: Path | None
    as_json: bool


def run_stems(options: StemOptions) -> None:
    """Find a cloud's stems, write records, layers and perhaps a report, tell the figures."""
    cloud = options.cloud
    if not cloud.is_file():
        raise NoSuchCloud(cloud)
    check_science(options.science)
    console = Console(is_quiet=options.as_json)
    folder = options.out or cloud.with_name(f"{cloud.stem}-stems")
    # Before the work: what is no cloud, or a key that cannot be used, is told at once.
    before = describe_file(cloud).key
    folder.mkdir(parents=True, exist_ok=True)
    keys = load_keys(folder)
    with console.stage("stems", f"stems are found in {cloud.name}"):
        surveyed = survey_stem_cloud(cloud, options.science)
    with console.stage("records", "their records are signed"):
        root = plan_file(cloud).root
        # What is signed as evidence must be what was read.
        check_unchanged(cloud, before)
        records = sign_stems(surveyed, root, keys, at_ms=time.time_ns() // 1_000_000)
        archive = write_archive(folder, records)
    written = _write_layers(folder, surveyed)
    if options.report is not None:
        _write_report(options.report, cloud.name, surveyed)
    summary = _summarise(records, surveyed, written) | {
        "records": str(archive),
        "report": None if options.report is None else str(options.report),
    }
    if options.as_json:
        print_json(summary)
    else:
        _print_summary(records, summary)


def _write_layers(folder: Path, surveyed: StemSurvey) -> list[Path]:
    layer = build_layer(surveyed.plot)
    written = [folder / "stems.parquet", folder / "stems.gpkg"]
    write_geoparquet(written[0], layer, crs=surveyed.crs, of="trees")
    write_geopackage(written[1], layer, crs=surveyed.crs)
    return written


def _write_report(path: Path, name: str, surveyed: StemSurvey) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    plot = replace(surveyed.plot, steps=surveyed.steps, warnings=surveyed.warnings)
    report = build_stem_report(f"Stems of {name}", plot, surveyed.crs.text, surveyed.coverage)
    path.write_text(render_report(report), encoding="utf-8")


def _list_trees(records: list[Record]) -> list[Tree]:
    return [record.body for record in records if isinstance(record.body, Tree)]


def _summarise(records: list[Record], surveyed: StemSurvey, written: list[Path]) -> dict[str, Any]:
    trees = _list_trees(records)
    thick_mm = [stem.diameter_mm.value for tree in trees for stem in tree.stems or ()]
    return {
        "points": surveyed.plot.points,
        "trees": len(trees),
        "stems": len(thick_mm),
        "tops_seen": sum(not tree.is_top_hidden for tree in trees),
        "area_ha": round(surveyed.area_m2 / 10_000.0, 4),
        "basal_area_m2": round(float(np.pi / 4e6 * np.square(thick_mm).sum()), 3),
        "carbon_t": sum(tree.carbon_g.value for tree in trees if tree.carbon_g) / 1e6,
        "crs": surveyed.crs.text[:40],
        "warnings": list(surveyed.warnings),
        "survey": str(records[0].cid),
        "written": [str(path) for path in written],
    }


def _print_summary(records: list[Record], summary: dict[str, Any]) -> None:
    carbon = f", {summary['carbon_t']:,.1f} t of carbon" if summary["carbon_t"] else ""
    print_text(
        f"  {summary['points']:,} points on {summary['area_ha']:.3f} ha, {summary['trees']} trees with "
        f"{summary['stems']} stems, {summary['basal_area_m2']:.2f} m2 of basal area{carbon} ({summary['crs']})"
    )
    for warning in summary["warnings"]:
        print_text(f"  note: {warning}")
    trees = _list_trees(records)
    for tree in trees[:_SHOWN]:
        print_text(f"  {format_code(tree.code)}  stem {_show_stem(tree)}  height {_show_height(tree)}")
    if len(trees) > _SHOWN:
        print_text(f"  … and {len(trees) - _SHOWN} more")
    print_text(f"  records: {summary['records']}")
    for path in summary["written"]:
        print_text(f"  written: {path}")


def _show_stem(tree: Tree) -> str:
    if not tree.stems:
        return "not available"
    stem = tree.stems[0]
    forks = f", with {len(tree.stems) - 1} more" if len(tree.stems) > 1 else ""
    width: Estimate = stem.diameter_mm
    return f"{width.value / 10:.1f} ± {width.own_error / 10:.1f} cm at {stem.at_height_mm / 1000:.2f} m{forks}"


def _show_height(tree: Tree) -> str:
    if tree.height_mm is None:
        return "not available"
    height = f"{tree.height_mm.value / 1000:.1f}"
    return f"over {height} m" if tree.is_top_hidden else f"{height} ± {tree.height_mm.own_error / 1000:.1f} m"
