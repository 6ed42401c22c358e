"""The jobs of each stage, each with the name of its outcome: a digest of all that the outcome depends on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from survey.airborne.settings import TileSettings
from survey.catalogue.ground import ground_reach
from survey.catalogue.inventory import CatalogueFile
from survey.catalogue.numbering import NumberJob
from survey.catalogue.plan import Tile
from survey.catalogue.run import Step
from survey.catalogue.spool import BLOCK_M, SpoolIndex, SpoolJob
from survey.catalogue.store import WorkFolder, make_key
from survey.catalogue.trees import tree_reach
from survey.catalogue.window import TileJob, block_span, find_runs
from survey.files.crs import CloudCrs

VERSION: Final = "2"
"""Part of every name: raised when jobs would find something else in the same points."""
GROUND_COST, NOISE_COST, TREE_COST = 3.0, 0.5, 2.5
"""Work of a point over that of decoding it."""
_NUMBER_COST: Final = 20_000.0


@dataclass(frozen=True, slots=True, eq=False)
class Spooled:
    """A file whose points were laid down.

    Attributes
    ----------
    file
        Which.
    path
        Of its index, by whose name outcomes know the file.
    index
        Its runs.
    """

    file: CatalogueFile
    path: Path
    index: SpoolIndex


@dataclass(frozen=True, slots=True, eq=False)
class Spools:
    """All files that were laid down.

    Attributes
    ----------
    files
        In the catalogue's order.
    spans
        First and last column, first and last row of each file's blocks, shape (files, 4).
    """

    files: tuple[Spooled, ...]
    spans: NDArray[np.int64]

    def near(self, tile: Tile, reach_m: float) -> list[Spooled]:
        """Return the files that may have points in a tile or within reach of it."""
        west, east, south, north = block_span(tile, reach_m)
        spans = self.spans
        meets = (spans[:, 0] <= east) & (spans[:, 1] >= west) & (spans[:, 2] <= north) & (spans[:, 3] >= south)
        return [self.files[at] for at in np.flatnonzero(meets).tolist()]


TileStep = tuple[Tile, Step]


def gather_spools(files: Sequence[Spooled]) -> Spools:
    """Return files that have points, together with where they lie."""
    kept = tuple(one for one in files if one.index.column.size)
    spans = [(one.index.column.min(), one.index.column.max(), one.index.row.min(), one.index.row.max()) for one in kept]
    return Spools(kept, np.array(spans, dtype=np.int64).reshape(-1, 4))


def plan_spools(files: Sequence[CatalogueFile], crs: CloudCrs, work: WorkFolder, *, keeps_records: bool) -> list[Step]:
    """Return the jobs that decode files."""
    to_m = (crs.unit_m, crs.unit_m, crs.vertical_unit_m)
    steps = []
    for file in files:
        index = work.spool(make_key(VERSION, file.key, repr(to_m)))
        job = SpoolJob(file.path, file.key, index, to_m, keeps_records)
        steps.append(Step("spool", file.path.name, (file.path.name,), job, index, float(file.cloud.point_count)))
    return steps


def plan_ground(tiles: Sequence[Tile], spools: Spools, settings: TileSettings, work: WorkFolder) -> list[TileStep]:
    """Return the jobs that tell noise and ground."""
    reach_m = ground_reach(settings)
    how = repr((settings.noise, settings.ground, settings.terrain_cell_m, settings.is_normalized))
    cost = GROUND_COST if reach_m > settings.noise.reach_m else NOISE_COST
    steps: list[TileStep] = []
    for tile in tiles:
        near = spools.near(tile, reach_m)
        outcome = work.done("ground", make_key(VERSION, repr(tile), how, *_keys(near)))
        job = TileJob(tile, tuple(one.path for one in near), settings, outcome)
        steps.append((tile, _make_step("ground", job, near, cost * _count(near, tile, reach_m))))
    return steps


def plan_trees(
    tiles: Sequence[Tile], spools: Spools, grounds: Sequence[TileStep], settings: TileSettings, *, work: WorkFolder
) -> list[TileStep]:
    """Return the jobs that find trees; each names the ground tiles that it needs."""
    reach = tree_reach(settings)
    steps: list[TileStep] = []
    for tile in tiles:
        near = spools.near(tile, reach.ground_m)
        needed = tuple((one, step.outcome) for one, step in grounds if _meets(one, tile, reach.ground_m))
        told = (outcome.stem for _, outcome in needed)
        outcome = work.done("trees", make_key(VERSION, repr(tile), repr(settings), *_keys(near), *told))
        job = TileJob(tile, tuple(one.path for one in near), settings, outcome, needed)
        steps.append((tile, _make_step("trees", job, near, TREE_COST * _count(near, tile, reach.full_m))))
    return steps


def plan_numbers(tiles: Sequence[TileStep], spools: Spools, work: WorkFolder) -> Step:
    """Return the job that numbers all trees."""
    outcomes = tuple(step.outcome for _, step in tiles)
    files = _keys(spools.files)
    outcome = work.done("numbers", make_key(VERSION, *files, *(path.stem for path in outcomes)))
    return Step("numbers", "all trees", (), NumberJob(outcomes, files, outcome), outcome, _NUMBER_COST)


def _keys(files: Sequence[Spooled]) -> tuple[str, ...]:
    return tuple(one.path.stem for one in files)


def _count(near: Sequence[Spooled], tile: Tile, reach_m: float) -> float:
    return float(sum(int(one.index.count[find_runs(one.index, tile, reach_m)].sum()) for one in near))


def _make_step(kind: str, job: TileJob, near: Sequence[Spooled], cost: float) -> Step:
    names = tuple(one.file.path.name for one in near)
    return Step(kind, job.tile.name, names, job, job.outcome, cost)


def _meets(one: Tile, tile: Tile, reach_m: float) -> bool:
    """Tell whether a tile of another grid has blocks within reach of a tile."""
    west, east, south, north = block_span(tile, reach_m)
    many = int(one.side_m / BLOCK_M)
    first, low = one.column * many, one.row * many
    return first <= east and first + many > west and low <= north and low + many > south
