"""One airborne cloud to trees: the steps in their order.

The result depends on the file's bytes and the parameters alone. `survey_plot` can run in a process of a pool:
parameters and result are plain values, and nothing is kept between calls.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from survey.airborne.detection import tell_detection
from survey.airborne.forms import Signal, describe_forms, warn_of_forms
from survey.airborne.result import PlotResult, PointCounts
from survey.airborne.settings import CloudFacts, TileSettings, choose_settings, describe_settings, tell_form_facts
from survey.airborne.tile import LEAST_POINTS, Box, TileTrees, find_tile_trees
from survey.airborne.trees import PlotFacts, describe_stocks, measure_trees, warn_of_dead
from survey.algorithm import StepDone
from survey.allometry import choose_models
from survey.cloud import Points, RawCloud, select_points
from survey.coverage import Coverage, measure_coverage
from survey.errors import TooFewPoints
from survey.files.crs import CloudCrs, WorldPositions, resolve_crs, to_world
from survey.files.las import read_las
from survey.ground.classify import is_normalized
from survey.ground.noise import find_noise, find_strays
from survey.parameters import PlotParameters, check_parameters

_MAN_MADE: Final = (6, 13, 14, 15, 16, 17)
"""Buildings, wires, towers and bridges (LAS 1.4 R15, table 17), where a vendor marked them."""
_SPARSE: Final = 4.0
"""First echoes a square metre below which small trees fall between echoes."""


@dataclass(slots=True)
class _Log:
    """What a survey notes on its way."""

    steps: list[StepDone] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    stage_s: list[tuple[str, float]] = field(default_factory=list)
    started_s: float = field(default_factory=time.perf_counter)

    def end_stage(self, name: str) -> None:
        """Note the seconds since the last stage ended."""
        now = time.perf_counter()
        self.stage_s.append((name, now - self.started_s))
        self.started_s = now


@dataclass(frozen=True, slots=True, eq=False)
class _Cloud:
    """A cloud that is ready to be searched for trees.

    Attributes
    ----------
    raw, crs, points
        The file's points, their reference system, and those in metres without strays.
    strays
        How many were left out as such.
    coverage, settings
        What the points cover, and how they are surveyed.
    """

    raw: RawCloud
    crs: CloudCrs
    points: Points
    strays: int
    coverage: Coverage
    settings: TileSettings


def survey_plot(path: Path, parameters: PlotParameters | None = None) -> PlotResult:
    """Return the trees of one airborne cloud.

    Parameters
    ----------
    path
        LAS or LAZ, untrusted.
    parameters
        What the user chose.

    Raises
    ------
    SurveyError
        When the file cannot be read, has no CRS, or shows no ground.
    """
    chosen = parameters or PlotParameters()
    check_parameters(chosen)
    log = _Log()
    cloud = _prepare(path, chosen, log)
    signal = take_signal(cloud.raw, cloud.points)
    found = find_tile_trees(cloud.points, cloud.settings, enclose(cloud.points), signal=signal)
    forms = tell_form_facts(cloud.settings), cloud.settings.forms
    log.steps += [*describe_settings(cloud.settings), *describe_forms(*forms)]
    log.warnings += warn_of_forms(*forms)
    log.end_stage("trees")
    world = _locate_in_world(cloud, found, log)
    models = choose_models(chosen.species, chosen.forest, chosen.region)
    facts = PlotFacts(models, cloud.settings.is_normalized, cloud.coverage.area_m2)
    units = cloud.raw.units[cloud.points.source[found.apex]]
    trees = measure_trees(found, units, facts, world, heights=cloud.settings.heights)
    log.steps.append(describe_stocks(models))
    dead = sum(tree.form is not None and tree.form.status == "standing-dead" for tree in trees)
    log.warnings += [*models.notes, *warn_of_dead(dead)]
    log.end_stage("measure")
    _warn(cloud, found, chosen, log)
    return PlotResult(
        trees=trees,
        crs=cloud.crs,
        is_normalized=cloud.settings.is_normalized,
        operation=world.operation if world else None,
        operation_accuracy_m=world.accuracy_m if world else None,
        covered=cloud.coverage.rings,
        area_m2=cloud.coverage.area_m2,
        density=cloud.coverage.density,
        first_density=cloud.coverage.first_density,
        counts=_count(cloud, found),
        detection=tell_detection(cloud.coverage.first_density),
        steps=tuple(log.steps),
        warnings=tuple(log.warnings),
        stage_s=tuple(log.stage_s),
        fallen=found.fallen,
    )


def to_points(raw: RawCloud, crs: CloudCrs) -> Points:
    """Return a file's points in metres, without those withheld and those that a vendor marked as man-made."""
    kept = np.flatnonzero(~raw.withheld & ~np.isin(raw.classification, _MAN_MADE))
    units = raw.units[kept]
    axes = (units * np.array(raw.scale) + np.array(raw.offset)).astype(np.float64)
    to_m = (crs.unit_m, crs.unit_m, crs.vertical_unit_m)
    x_m, y_m, z_m = (np.ascontiguousarray(axes[:, axis] * to_m[axis]) for axis in range(3))
    return Points(
        x_m,
        y_m,
        z_m,
        raw.return_number[kept] <= 1,
        raw.classification[kept],
        kept,
    )


def take_signal(raw: RawCloud, points: Points) -> Signal:
    """Return what the scanner wrote of points beside their places, of a file that was read with its intensity."""
    at = points.source
    return Signal(raw.fields["intensity"][at], raw.number_of_returns[at])


def enclose(points: Points) -> Box:
    """Return a core that holds all points; its edges are whole metres."""
    west, south = np.floor(points.x_m.min()), np.floor(points.y_m.min())
    return Box(
        float(west), float(south), float(np.floor(points.x_m.max())) + 1.0, float(np.floor(points.y_m.max())) + 1.0
    )


def _prepare(path: Path, chosen: PlotParameters, log: _Log) -> _Cloud:
    file = read_las(path, fields=("intensity",))
    log.warnings += file.warnings
    crs = resolve_crs(file.header, chosen.crs)
    log.warnings += crs.warnings
    log.end_stage("read")
    everything = to_points(file.cloud, crs)
    strays = find_strays(everything)
    points = select_points(everything, ~strays) if strays.any() else everything
    clean = select_points(points, ~find_noise(points))
    if len(clean) < LEAST_POINTS:
        raise TooFewPoints(len(clean), LEAST_POINTS)
    coverage = measure_coverage(clean)
    # Looked at only where the user does not say.
    looks = is_normalized(clean) if chosen.is_normalized is None else chosen.is_normalized
    intensity = file.cloud.fields["intensity"]
    # Where it was not recorded it is all the same.
    has_intensity = bool(intensity.min() < intensity.max())
    facts = CloudFacts(looks, coverage.density, coverage.first_density, has_intensity)
    log.end_stage("clean")
    return _Cloud(file.cloud, crs, points, int(strays.sum()), coverage, choose_settings(chosen, facts))


def _count(cloud: _Cloud, found: TileTrees) -> PointCounts:
    left_out = found.counts.noise + found.counts.unmeasured
    noise = cloud.strays + found.counts.noise
    return PointCounts(len(cloud.raw), len(cloud.points) - left_out, noise, found.counts.ground)


def _locate_in_world(cloud: _Cloud, found: TileTrees, log: _Log) -> WorldPositions | None:
    if cloud.crs.is_local:
        return None
    # A plot without trees still tells how positions would be derived, and whether its CRS can hold it.
    x_m, y_m = (found.x_m, found.y_m) if found.apex.size else (cloud.points.x_m[:1], cloud.points.y_m[:1])
    world = to_world(cloud.crs, x_m, y_m)
    log.end_stage("positions")
    return world


def _warn(cloud: _Cloud, found: TileTrees, chosen: PlotParameters, log: _Log) -> None:
    if cloud.settings.is_normalized and chosen.is_normalized is None:
        log.warnings.append("elevations look like heights above ground and were taken as such; ground is not recorded")
    if found.counts.unmeasured:
        log.warnings.append(f"{found.counts.unmeasured:,} points lie far from all ground and were left out")
    if cloud.coverage.first_density < _SPARSE:
        log.warnings.append(
            f"sparse cloud of {cloud.coverage.first_density:.1f} first echoes/m2: small trees are missed, crowns coarse"
        )
    if not tell_detection(cloud.coverage.first_density):
        log.warnings.append("no figure on how likely trees were found holds for a cloud of this density")
    if chosen.forest == "unknown" and chosen.species is None:
        log.warnings.append(
            "type of forest not stated: volume, biomass and carbon lie between gymnosperms and angiosperms"
        )
