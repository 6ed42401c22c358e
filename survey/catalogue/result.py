"""What a survey of many files returns, and the report that is kept beside its outputs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from survey.airborne.detection import DetectionClass
from survey.algorithm import StepDone
from survey.catalogue.errors import JobFailed
from survey.coverage import Ring
from survey.files.crs import CloudCrs


@dataclass(frozen=True, slots=True)
class FileReport:
    """One file.

    Attributes
    ----------
    path, key
        Where, and which file it was when it was surveyed (`survey.catalogue.inventory.check_unchanged`).
    points, used, trees
        In the file; those neither withheld nor man-made; trees whose apex return is the file's.
    """

    path: Path
    key: str
    points: int
    used: int
    trees: int


@dataclass(frozen=True, slots=True)
class TileReport:
    """One tile.

    Attributes
    ----------
    name
        Easting and northing of its south-western corner, metres.
    points, noise, ground, trees
        In its core; found to be noise or ground; trees whose apex return lies there.
    note
        Why it has no trees, where it could not have any.
    """

    name: str
    points: int
    noise: int
    ground: int
    trees: int
    note: str


@dataclass(frozen=True, slots=True)
class CatalogueResult:
    """A survey of many files.

    Attributes
    ----------
    tree_count
        Numbers go from 1 to this.
    dead_count, leaning_count, fallen_count
        Of them, those that stand dead and those that lean; and stems on the ground.
    crs
        In which positions stand.
    is_normalized
        Whether elevations were heights above ground.
    operation, operation_accuracy_m
        How longitude and latitude were derived; absent in a local frame, the accuracy also where none is registered.
    covered, area_m2
        Ground covered: rings of easting and northing, metres, and its area.
    density, first_density
        Points and first echoes on a square metre of it.
    files, tiles
        Each with its counts.
    tile_m
        Side of the tiles.
    detection
        How likely trees were found, by height; empty where no such figure holds.
    steps
        What was done, in order.
    warnings
        What a reader of the figures must know.
    failures
        Files and tiles that failed; all else is there.
    outputs
        Files that were written; none where trees could not be, and then nothing of an earlier run was touched.
    """

    tree_count: int
    dead_count: int
    leaning_count: int
    fallen_count: int
    crs: CloudCrs
    is_normalized: bool
    operation: str | None
    operation_accuracy_m: float | None
    covered: tuple[Ring, ...]
    area_m2: float
    density: float
    first_density: float
    files: tuple[FileReport, ...]
    tiles: tuple[TileReport, ...]
    tile_m: float
    detection: tuple[DetectionClass, ...]
    steps: tuple[StepDone, ...]
    warnings: tuple[str, ...]
    failures: tuple[JobFailed, ...]
    outputs: tuple[Path, ...]


def describe_result(result: CatalogueResult) -> dict[str, Any]:
    """Return a result as plain values for JSON."""
    return {
        "trees": result.tree_count,
        "standing_dead": result.dead_count,
        "leaning": result.leaning_count,
        "fallen": result.fallen_count,
        "crs": result.crs.text,
        "is_normalized": result.is_normalized,
        "area_m2": result.area_m2,
        "points_m2": result.density,
        "first_echoes_m2": result.first_density,
        "tile_m": result.tile_m,
        "files": [
            {"name": one.path.name, "points": one.points, "used": one.used, "trees": one.trees} for one in result.files
        ],
        "tiles": [
            {"name": one.name, "points": one.points, "noise": one.noise, "ground": one.ground, "trees": one.trees}
            | ({"note": one.note} if one.note else {})
            for one in result.tiles
        ],
        "steps": [
            {"task": step.task, "algorithm": step.algorithm, "doi": step.doi, "settings": dict(step.settings)}
            for step in result.steps
        ],
        "warnings": list(result.warnings),
        "failures": [str(failure) for failure in result.failures],
    }
