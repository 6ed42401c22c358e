"""``cec survey``: clouds to signed records, layers and a report, without a server."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cec.commands.survey_records import SurveyedFolder, load_keys, sign_folder, write_archive
from cec.commands.survey_report import write_report
from cec.console import Console, print_json, print_text
from cec.errors import NoSuchCloud, TooManyClouds
from domain.codes import format_code
from domain.envelope import Record
from domain.records.result import MAX_CLOUDS, Estimate, Survey, Tree
from survey.allometry import ForestType, check_forest_type
from survey.catalogue.entry import survey_catalogue
from survey.catalogue.exports import Outputs
from survey.catalogue.inventory import list_clouds
from survey.catalogue.result import CatalogueResult
from survey.catalogue.run import Progress, RunHere, open_pool
from survey.parameters import PlotParameters

_SHOWN: Final = 5
_TELL_S: Final = 2.0
"""How often progress is told."""
_LONG_MIN: Final = 90
"""Minutes from which hours are easier to read."""


@dataclass(frozen=True, slots=True)
class Science:
    """What is known of the clouds, as `survey.parameters.PlotParameters` has it."""

    crs: str | None
    forest: str
    species: str | None
    region: str | None
    min_height_m: float
    is_normalized: bool | None
    is_vendor_ground: bool


@dataclass(frozen=True, slots=True)
class Written:
    """What is written, and where."""

    out: Path | None
    report: Path | None
    is_labelled: bool
    is_geopackage: bool
    is_rasters: bool
    is_copc: bool


@dataclass(frozen=True, slots=True)
class Work:
    """How the work is cut, and who does it."""

    tile_m: float | None
    workers: int
    cluster: str | None


@dataclass(frozen=True, slots=True)
class SurveyOptions:
    """What the command line asks for."""

    clouds: tuple[Path, ...]
    science: Science
    written: Written
    work: Work
    as_json: bool


def run_survey(options: SurveyOptions) -> int:
    """Find the trees of clouds, write what was asked for, tell the figures; return 1 where a file or tile failed."""
    for cloud in options.clouds:
        if not cloud.exists():
            raise NoSuchCloud(cloud)
    count = len(list_clouds(options.clouds))
    if count > MAX_CLOUDS:
        raise TooManyClouds(count, MAX_CLOUDS)
    console = Console(is_quiet=options.as_json)
    folder = options.written.out or _name_folder(options.clouds)
    parameters = build_parameters(options.science)
    folder.mkdir(parents=True, exist_ok=True)
    # Before the work: a key that cannot be used is told at once.
    keys = load_keys(folder)
    outputs = Outputs(
        labelled=options.written.is_labelled,
        geopackage=options.written.is_geopackage,
        rasters=options.written.is_rasters,
        copc=options.written.is_copc,
    )
    with (
        console.stage("survey", f"trees are found in {_name_clouds(options.clouds)}"),
        _open_executor(options.work) as who,
    ):
        result = survey_catalogue(
            options.clouds,
            parameters,
            folder,
            executor=who,
            tile_m=options.work.tile_m,
            outputs=outputs,
            on_progress=_Teller(console),
        )
    if not result.outputs:
        raise result.failures[-1]
    surveyed = SurveyedFolder(folder, result)
    with console.stage("records", "their records are signed"):
        records = sign_folder(surveyed, key=keys.key, secret=keys.secret, at_ms=time.time_ns() // 1_000_000)
        archive = write_archive(folder, records)
    if options.written.report is not None:
        with console.stage("report", f"the report is drawn: {options.written.report}"):
            write_report(options.written.report, surveyed, _name_clouds(options.clouds), parameters)
    summary = _summarise(records, result, archive, options.written.report)
    if options.as_json:
        print_json(summary)
    else:
        _print_summary(records, result, summary)
    return 1 if result.failures else 0


def build_parameters(science: Science) -> PlotParameters:
    """Return the survey's parameters; `InvalidParameter` when one cannot be."""
    check_forest_type(science.forest)
    forest: ForestType = science.forest  # type: ignore[assignment]  # checked in the line above
    return PlotParameters(
        crs=science.crs,
        is_normalized=science.is_normalized,
        use_vendor_ground=science.is_vendor_ground,
        forest=forest,
        species=science.species,
        region=science.region,
        min_height_m=science.min_height_m,
    )


@contextmanager
def _open_executor(work: Work) -> Iterator[Executor]:
    """Give who works: this process, processes beside it, or a cluster."""
    if work.cluster is not None:
        from survey.catalogue.cluster import open_cluster  # Dask takes a second to load

        with open_cluster(work.cluster) as cluster:
            yield cluster
    elif work.workers > 1:
        with open_pool(work.workers) as pool:
            yield pool
    else:
        yield RunHere()


class _Teller:
    """Tells of progress every few seconds: what is done, and how long it still takes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told_s = 0.0

    def __call__(self, progress: Progress) -> None:
        if progress.elapsed_s - self._told_s < _TELL_S:
            return
        self._told_s = progress.elapsed_s
        left = "" if progress.left_s is None else f", about {_tell_time(progress.left_s)} left"
        self._console.say(f"    {progress.share:4.0%}  {progress.stage} {progress.done} of {progress.total}{left}")


def _tell_time(seconds: float) -> str:
    minutes = round(seconds / 60.0)
    if minutes <= 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < _LONG_MIN else f"{minutes / 60.0:.1f} h"


def _name_folder(clouds: tuple[Path, ...]) -> Path:
    """Return the folder beside the first cloud, or named after the folder of clouds."""
    first = clouds[0].resolve()
    return first.with_name(f"{first.stem if first.is_file() else first.name}-cec")


def _name_clouds(clouds: tuple[Path, ...]) -> str:
    first = clouds[0].resolve().name
    return first if len(clouds) == 1 else f"{first} and {len(clouds) - 1} more"


def _summarise(records: list[Record], result: CatalogueResult, archive: Path, report: Path | None) -> dict[str, Any]:
    survey = records[0].expect(Survey)
    trees = [record.body for record in records if isinstance(record.body, Tree)]
    return {
        "points": sum(file.points for file in result.files),
        "trees": len(trees),
        "standing_dead": result.dead_count,
        "leaning": result.leaning_count,
        "fallen": result.fallen_count,
        "area_ha": round(result.area_m2 / 10_000.0, 4),
        "carbon_t": sum(tree.carbon_g.value for tree in trees if tree.carbon_g) / 1e6,
        "crs": survey.crs[:40],
        "warnings": list(survey.warnings or ()),
        "failures": [str(failure) for failure in result.failures],
        "survey": str(records[0].cid),
        "records": str(archive),
        "report": None if report is None else str(report),
        "written": [str(path) for path in result.outputs],
        "kinds": dict(Counter(record.kind for record in records)),
    }


def _print_summary(records: list[Record], result: CatalogueResult, summary: dict[str, Any]) -> None:
    trees = [record.body for record in records if isinstance(record.body, Tree)]
    print_text(
        f"  {summary['points']:,} points on {summary['area_ha']:.2f} ha, {len(trees):,} trees, "
        f"{summary['carbon_t']:,.1f} t of carbon ({summary['crs']})"
    )
    if result.dead_count or result.leaning_count or result.fallen_count:
        print_text(
            f"  {result.dead_count:,} stand dead, {result.leaning_count:,} lean, "
            f"{result.fallen_count:,} stems lie on the ground"
        )
    for warning in summary["warnings"]:
        print_text(f"  note: {warning}")
    for failure in result.failures:
        print_text(f"  left out: {failure}")
    for tree in sorted(trees, key=lambda tree: -tree.height_mm.value if tree.height_mm else 0)[:_SHOWN]:
        stem = tree.stems[0].diameter_mm if tree.stems else None
        crown = tree.crown.diameter_mm if tree.crown else None
        print_text(
            f"  {format_code(tree.code)}  height {_show(tree.height_mm)}  crown {_show(crown)}  stem {_show(stem)}"
        )
    if len(trees) > _SHOWN:
        print_text(f"  … and {len(trees) - _SHOWN:,} more")
    print_text(f"  records: {summary['records']}")
    for path in summary["written"]:
        print_text(f"  written: {path}")


def _show(estimate: Estimate | None) -> str:
    if estimate is None:
        return "not available"
    return f"{estimate.value / 1000:.2f} ± {estimate.own_error / 1000:.2f} m"
