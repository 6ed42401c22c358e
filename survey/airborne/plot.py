"""One airborne cloud to trees: the steps in their order.

The result depends on the file's bytes and the parameters alone. `survey_plot` can run in a process of a pool:
parameters and result are plain values, and nothing is kept between calls.
"""

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np

from survey.airborne.canopy import MAX_TREE_HEIGHT_M, BenArie2009, rasterize_canopy
from survey.airborne.crowns import crown_metrics
from survey.airborne.detection import tell_detection
from survey.airborne.heights import ApexReturn
from survey.airborne.locate import Chazal2013, locate_trees
from survey.airborne.result import PlotResult, PointCounts
from survey.airborne.segment import Dalponte2016, segment_trees
from survey.airborne.trees import Found, PlotFacts, measure_trees
from survey.airborne.understory import Hamraz2017, locate_hidden_trees
from survey.algorithm import StepDone, describe_step
from survey.cloud import Floats, Points, RawCloud, select_points
from survey.coverage import Coverage, measure_coverage
from survey.errors import TooFewPoints
from survey.files.crs import CloudCrs, WorldPositions, resolve_crs, to_world
from survey.files.las import read_las
from survey.ground.classify import GroundAlgorithm, Pingel2013, VendorClass, classify_ground, is_normalized
from survey.ground.noise import IsolatedVoxels, find_noise
from survey.ground.terrain import Tin, normalize_height, rasterize_terrain
from survey.parameters import PlotParameters, check_parameters

LEAST_POINTS: Final = 100
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
    """A cloud that is ready to be searched for trees."""

    raw: RawCloud
    crs: CloudCrs
    points: Points
    above_m: Floats
    is_normalized: bool
    coverage: Coverage
    counts: PointCounts


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
    heights = ApexReturn()
    found = _search(cloud, chosen, log)
    log.steps.append(describe_step("estimate_heights", heights))
    world = _locate_in_world(cloud, found, log)
    facts = PlotFacts(chosen.forest, cloud.is_normalized, cloud.coverage.first_density, cloud.coverage.area_m2)
    trees = measure_trees(found, facts, world, heights)
    log.steps.append(StepDone("estimate_stocks", "jucker2017", "10.1111/gcb.13388", (("forest", chosen.forest),)))
    log.end_stage("measure")
    _warn(cloud, chosen, log)
    return PlotResult(
        trees=trees,
        crs=cloud.crs,
        is_normalized=cloud.is_normalized,
        operation=world.operation if world else None,
        operation_accuracy_m=world.accuracy_m if world else None,
        covered=cloud.coverage.rings,
        area_m2=cloud.coverage.area_m2,
        density=cloud.coverage.density,
        first_density=cloud.coverage.first_density,
        counts=cloud.counts,
        detection=tell_detection(cloud.coverage.first_density),
        steps=tuple(log.steps),
        warnings=tuple(log.warnings),
        stage_s=tuple(log.stage_s),
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


def _prepare(path: Path, chosen: PlotParameters, log: _Log) -> _Cloud:
    file = read_las(path)
    log.warnings += file.warnings
    crs = resolve_crs(file.header, chosen.crs)
    log.warnings += crs.warnings
    log.end_stage("read")
    everything = to_points(file.cloud, crs)
    voxels = IsolatedVoxels()
    noise = find_noise(everything, voxels)
    points = select_points(everything, ~noise)
    log.steps.append(describe_step("filter_noise", voxels))
    if len(points) < LEAST_POINTS:
        raise TooFewPoints(len(points), LEAST_POINTS)
    normalized = is_normalized(points) if chosen.is_normalized is None else chosen.is_normalized
    coverage = measure_coverage(points)
    log.end_stage("clean")
    above, ground = _measure_heights(points, chosen, log, normalized=normalized)
    log.end_stage("ground")
    tall = above > MAX_TREE_HEIGHT_M
    counts = PointCounts(len(file.cloud), int((~tall).sum()), int(noise.sum() + tall.sum()), ground)
    return _Cloud(file.cloud, crs, select_points(points, ~tall), above[~tall], normalized, coverage, counts)


def _measure_heights(points: Points, chosen: PlotParameters, log: _Log, *, normalized: bool) -> tuple[Floats, int]:
    """Return heights above ground, shape (n,), and the number of ground points."""
    if normalized:
        return points.z_m, 0
    algorithm: GroundAlgorithm = VendorClass() if chosen.use_vendor_ground else Pingel2013()
    is_ground = classify_ground(points, algorithm)
    tin = Tin()
    terrain = rasterize_terrain(points, is_ground, tin)
    log.steps += [describe_step("classify_ground", algorithm), describe_step("rasterize_terrain", tin)]
    return normalize_height(points, terrain), int(is_ground.sum())


def _search(cloud: _Cloud, chosen: PlotParameters, log: _Log) -> Found:
    """Return tops and crowns."""
    points, above = cloud.points, cloud.above_m
    surface, tops_by, crowns_by, hidden_by = BenArie2009(), Chazal2013(), Dalponte2016(), Hamraz2017()
    tops_by = replace(tops_by, min_height_m=chosen.min_height_m)
    canopy = rasterize_canopy(points, above, first_density=cloud.coverage.first_density, algorithm=surface)
    log.end_stage("canopy")
    tops = locate_trees(canopy, tops_by)
    labels = segment_trees(canopy, tops, crowns_by)
    crowns = crown_metrics(points, above, canopy, labels, min_height_m=chosen.min_height_m)
    log.end_stage("crowns")
    tops_xy = np.column_stack([points.x_m[crowns.apex], points.y_m[crowns.apex]])
    hidden = locate_hidden_trees(points, above, canopy, tops_xy, min_height_m=chosen.min_height_m, algorithm=hidden_by)
    log.end_stage("hidden")
    log.steps += [
        describe_step("rasterize_canopy", surface),
        describe_step("locate_trees", tops_by),
        describe_step("segment_trees", crowns_by),
        describe_step("locate_hidden_trees", hidden_by),
    ]
    return Found(cloud.raw, points, above, tops, crowns, hidden)


def _locate_in_world(cloud: _Cloud, found: Found, log: _Log) -> WorldPositions | None:
    if cloud.crs.is_local:
        return None
    # A plot without trees still tells how positions would be derived, and whether its CRS can hold it.
    apexes = found.apexes if found.apexes.size else np.zeros(1, dtype=np.int64)
    world = to_world(cloud.crs, cloud.points.x_m[apexes], cloud.points.y_m[apexes])
    log.end_stage("positions")
    return world


def _warn(cloud: _Cloud, chosen: PlotParameters, log: _Log) -> None:
    if cloud.is_normalized and chosen.is_normalized is None:
        log.warnings.append("elevations look like heights above ground and were taken as such; ground is not recorded")
    if cloud.coverage.first_density < _SPARSE:
        log.warnings.append(
            f"sparse cloud of {cloud.coverage.first_density:.1f} first echoes/m2: small trees are missed, crowns coarse"
        )
    if not tell_detection(cloud.coverage.first_density):
        log.warnings.append("no figure on how likely trees were found holds for a cloud of this density")
    if chosen.forest == "unknown":
        log.warnings.append(
            "type of forest not stated: volume, biomass and carbon lie between gymnosperms and angiosperms"
        )
