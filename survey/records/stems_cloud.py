"""One file from within the forest to stems and what records say of them, whoever asks: a command or a server."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from survey.airborne.detection import DetectionClass
from survey.airborne.plot import to_points
from survey.algorithm import StepDone
from survey.allometry import ForestType, StockModels, choose_models
from survey.cloud import Points, RawCloud
from survey.coverage import Coverage, Ring, measure_coverage
from survey.errors import CloudTooLarge
from survey.files.clouds import CloudFile, open_cloud
from survey.files.crs import CloudCrs, WorldPositions, resolve_cloud_crs, to_world
from survey.files.las import read_whole
from survey.records.stems_stocks import TreeStocks, estimate_tree_stocks
from survey.terrestrial.parameters import StemParameters, check_stem_parameters
from survey.terrestrial.passes import Passes
from survey.terrestrial.plot import survey_stems
from survey.terrestrial.result import StemPlot

_PASS_FIELDS: Final = ("point_source_id", "gps_time")
_UNNAMED: Final = "local:m"
"""A frame in metres that is one cloud's own."""
MOST_POINTS: Final = 25_000_000
"""Points of one cloud: 6 GB of memory at 240 bytes each; a denser one shows no more when it is thinned to this."""
_MEASURED: Final = "measure_diameter"


@dataclass(frozen=True, slots=True)
class StemScience:
    """What is known of a cloud, and what is asked of it.

    Attributes
    ----------
    crs
        ``EPSG:n``, ``local:m`` or ``local:<frame>``; by default the file's own.
    stems
        How stems are measured.
    forest, species, region
        Whose equations, as `survey.parameters.PlotParameters` has it.
    """

    crs: str | None = None
    stems: StemParameters = field(default_factory=StemParameters)
    forest: ForestType = "unknown"
    species: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class StemSurvey:
    """A survey of one file from within the forest.

    Attributes
    ----------
    plot
        Its trees.
    crs
        In which positions stand.
    evidence
        Integers, as stored in the file, of the point from which each tree's code comes; shape (n, 3).
    world
        Longitude and latitude of each tree; absent in a local frame.
    stocks
        What stands in each tree.
    coverage
        Ground that the points cover.
    steps
        What was done, in order.
    warnings
        What a reader of the figures must know.
    """

    plot: StemPlot
    crs: CloudCrs
    evidence: tuple[tuple[int, int, int], ...]
    world: WorldPositions | None
    stocks: tuple[TreeStocks, ...]
    coverage: Coverage
    steps: tuple[StepDone, ...]
    warnings: tuple[str, ...]

    @property
    def covered(self) -> tuple[Ring, ...]:
        """Rings of easting and northing, metres."""
        return self.coverage.rings

    @property
    def area_m2(self) -> float:
        """Ground covered."""
        return self.coverage.area_m2

    @property
    def detection(self) -> tuple[DetectionClass, ...]:
        """None: what is found from within depends on where the scanner stood, which files do not tell."""
        return ()


def check_science(science: StemScience) -> StockModels:
    """Return the equations for a forest; `SurveyError` when a setting is out of range."""
    check_stem_parameters(science.stems)
    return choose_models(science.species, science.forest, science.region)


def survey_stem_cloud(path: Path, science: StemScience | None = None) -> StemSurvey:
    """Return the stems of one file from tripods or a carried scanner.

    Parameters
    ----------
    path
        LAS, LAZ, COPC, E57 or PLY, untrusted.
    science
        What is known of it.

    Raises
    ------
    SurveyError
        When the file cannot be read, has no CRS, or shows no forest from within.
    """
    chosen = science or StemScience()
    models = check_science(chosen)
    file = open_cloud(path)
    if file.point_count > MOST_POINTS:
        raise CloudTooLarge("points from within the forest", file.point_count, MOST_POINTS)
    crs = resolve_cloud_crs(file, chosen.crs)
    raw = read_whole(file, fields=_present_fields(file))
    points = to_points(raw, crs)
    plot = survey_stems(points, chosen.stems, passes=_read_passes(raw, points))
    coverage = measure_coverage(points)
    stocks, notes = estimate_tree_stocks(plot.trees, models, coverage.area_m2)
    evidence = raw.units[[tree.evidence_point for tree in plot.trees]] if plot.trees else np.empty((0, 3), np.int32)
    return StemSurvey(
        plot=plot,
        crs=crs,
        evidence=tuple((x, y, z) for x, y, z in evidence.tolist()),
        world=_locate_in_world(plot, crs, points),
        stocks=stocks,
        coverage=coverage,
        steps=(*_list_steps(plot, chosen.stems), _describe_stocks(models)),
        warnings=(*file.warnings, *crs.warnings, *plot.warnings, *_warn(plot, crs), *notes, *_tell_forest(chosen)),
    )


def _present_fields(file: CloudFile) -> tuple[str, ...]:
    return tuple(name for name in _PASS_FIELDS if name in file.fields)


def _read_passes(raw: RawCloud, points: Points) -> Passes:
    """Return from which scan and when each point was taken, where the file tells."""
    nowhere = np.zeros(len(raw), dtype=np.int64)
    station = raw.fields.get("point_source_id", nowhere).astype(np.int64)
    time_s = raw.fields.get("gps_time", nowhere).astype(np.float64)
    # A file may hold times that are no numbers; they tell no pass.
    return Passes(station[points.source], np.nan_to_num(time_s[points.source]))


def _locate_in_world(plot: StemPlot, crs: CloudCrs, points: Points) -> WorldPositions | None:
    if crs.is_local:
        return None
    # A plot without trees still tells how positions would be derived, and whether its CRS can hold it.
    x_m = np.array([tree.x_m for tree in plot.trees]) if plot.trees else points.x_m[:1]
    y_m = np.array([tree.y_m for tree in plot.trees]) if plot.trees else points.y_m[:1]
    return to_world(crs, x_m, y_m)


def _list_steps(plot: StemPlot, parameters: StemParameters) -> list[StepDone]:
    """Return the survey's steps with what the user chose."""
    chosen = (
        ("breast_height_m", f"{parameters.breast_height_m}"),
        ("ground_side", parameters.ground_side),
        ("least_dbh_cm", f"{parameters.least_dbh_cm}"),
    )
    return [
        StepDone(step.task, step.algorithm, step.doi, chosen + step.settings) if step.task == _MEASURED else step
        for step in plot.steps
    ]


def _describe_stocks(models: StockModels) -> StepDone:
    """Return what records say of the equations; here biomass follows the measured diameter."""
    # The paper is the first word of an equation's id; each figure's record names the whole id.
    first = next(iter(models.biomass_by_dbh or models.volume), None)
    settings = {"forest": models.forest, "species": models.species, "region": models.region}
    return StepDone(
        "estimate_stocks",
        first.id.partition("-")[0] if first else "none",
        first.source.doi if first else None,
        tuple((name, text) for name, text in settings.items() if text),
    )


def _warn(plot: StemPlot, crs: CloudCrs) -> list[str]:
    hidden = sum(not tree.is_height_seen for tree in plot.trees)
    notes = []
    if hidden:
        notes.append(
            f"{hidden} of {len(plot.trees)} trees are at least as tall as told: their tops are hidden from below"
        )
    if not crs.is_local:
        notes.append("errors of positions hold within the cloud; how well the cloud itself is placed is not known")
    elif crs.text == _UNNAMED:
        notes.append(
            "the frame is this cloud's own: trees of other surveys are not known again in it; "
            "georeference the cloud, or name a frame that its surveys share, such as local:plot-7"
        )
    return notes


def _tell_forest(science: StemScience) -> list[str]:
    if science.species is not None or science.forest != "unknown":
        return []
    return ["type of forest not stated: volume, biomass and carbon lie between gymnosperms and angiosperms"]
