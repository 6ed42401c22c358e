"""Many clouds to trees, layers, rasters and labelled clouds: the stages in their order.

Each stage is a set of jobs that do not need one another. What a job finds is a file in the work folder, named by a
digest of all that it depends on; so a survey that was stopped, or killed, goes on where it was.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from survey.airborne.detection import tell_detection
from survey.airborne.forms import describe_forms
from survey.airborne.settings import TileSettings, choose_settings, describe_settings, tell_form_facts
from survey.airborne.trees import describe_stocks, warn_of_dead
from survey.allometry import choose_models
from survey.catalogue.covered import outline_area
from survey.catalogue.errors import JobFailed, NoClouds, TileFailed
from survey.catalogue.exports import (
    COPC_COST,
    LABEL_COST,
    LAYER_COST,
    LAYERS_DONE,
    RASTER_COST,
    RASTERS,
    Found,
    Outputs,
    check_targets,
    list_outputs,
    plan_copc,
    plan_exports,
)
from survey.catalogue.facts import AreaFacts, measure_facts
from survey.catalogue.ground import ground_reach
from survey.catalogue.hold import hold_folder
from survey.catalogue.inventory import Catalogue, check_unchanged, open_catalogue
from survey.catalogue.plan import GROUND_POINTS, BlockCounts, check_side, choose_side, count_blocks, list_tiles
from survey.catalogue.result import CatalogueResult, describe_result
from survey.catalogue.run import Progress, Step, Tracker, ignore_progress, run_steps
from survey.catalogue.spool import read_index
from survey.catalogue.stages import (
    VERSION,
    Spooled,
    Spools,
    TileStep,
    gather_spools,
    plan_ground,
    plan_numbers,
    plan_spools,
    plan_trees,
)
from survey.catalogue.store import WorkFolder, make_key
from survey.catalogue.tell import count_forms, report_files, report_tiles, tell_warnings
from survey.catalogue.trees import tree_reach
from survey.files.crs import to_world
from survey.files.whole_file import whole_file
from survey.parameters import PlotParameters, check_parameters

WORK: Final = ".work"
REPORT: Final = "catalogue.json"
_GUESS: Final = {"ground": 2.0, "trees": 3.5, "layers": LAYER_COST}
"""Work of stages that are not planned yet, a point of all files."""


@dataclass(slots=True)
class _Survey:
    """A survey on its way."""

    catalogue: Catalogue
    parameters: PlotParameters
    work: WorkFolder
    executor: Executor
    tracker: Tracker
    failures: list[JobFailed]

    def run(self, steps: Sequence[Step]) -> list[Step]:
        """Do jobs and return those whose outcome is there."""
        self.failures += run_steps(steps, self.executor, self.tracker)
        return [step for step in steps if step.outcome.exists()]

    def run_tiles(self, steps: Sequence[TileStep]) -> list[TileStep]:
        """Do the jobs of tiles and return those whose outcome is there."""
        self.run([step for _, step in steps])
        return [(tile, step) for tile, step in steps if step.outcome.exists()]


def survey_catalogue(  # noqa: PLR0913 - the door of the room: what, how, where to, on what
    paths: Sequence[Path],
    parameters: PlotParameters,
    out_folder: Path,
    *,
    executor: Executor,
    tile_m: float | None = None,
    outputs: Outputs | None = None,
    on_progress: Callable[[Progress], None] = ignore_progress,
) -> CatalogueResult:
    """Survey many clouds as one; the result does not depend on tiles, workers, or how often it was stopped.

    Parameters
    ----------
    paths
        Files, and folders of files.
    parameters
        What the user chose.
    out_folder
        Where outputs go, and meanwhile the work folder: some 25 bytes a point, and with labelled
        clouds each point once more as its file has it, not compressed.
    executor
        Who works: `survey.catalogue.run.RunHere`, a pool of `open_pool`, or a cluster's that sees the same files.
    tile_m
        Side of the tiles, a multiple of 25; by default it follows the density.
    outputs
        What is written.
    on_progress
        Is told of each job that ends.

    Raises
    ------
    CatalogueError
        When there is nothing to survey, files do not go together or change meanwhile, or workers are lost.
    CrsError
        When a file's CRS cannot be told.
    InvalidParameter
        When a setting is out of range.
    """
    check_parameters(parameters)
    if tile_m is not None:
        check_side(tile_m)
    catalogue = open_catalogue(paths, parameters.crs)
    chosen = outputs or Outputs()
    check_targets(catalogue.files, chosen, out_folder)
    out_folder.mkdir(parents=True, exist_ok=True)
    work = WorkFolder(out_folder / WORK)
    with hold_folder(out_folder):
        _sweep(work.path)
        tracker = Tracker(on_progress, _guess_work(catalogue, chosen))
        survey = _Survey(catalogue, parameters, work, executor, tracker, list(catalogue.failures))
        result = _run(survey, out_folder, tile_m, chosen)
        if not result.failures:
            shutil.rmtree(work.path, ignore_errors=True)
    return result


def _guess_work(catalogue: Catalogue, outputs: Outputs) -> dict[str, float]:
    """Return the work of each kind of job that will come."""
    points = sum(file.cloud.point_count for file in catalogue.files)
    # Files of other formats than LAS carry no labels.
    labelled = sum(file.cloud.point_count for file in catalogue.files if file.cloud.header is not None)
    work = {kind: share * points for kind, share in _GUESS.items()}
    if outputs.rasters:
        work["raster"] = len(RASTERS) * RASTER_COST * points
    if outputs.needs_labels:
        work["labels"] = LABEL_COST * labelled
    if outputs.copc:
        work["copc"] = COPC_COST * points
    return work


def _run(survey: _Survey, out_folder: Path, tile_m: float | None, outputs: Outputs) -> CatalogueResult:
    spools = _lay_down(survey, keeps_records=outputs.needs_labels)
    blocks = count_blocks([one.index for one in spools.files])
    stated = survey.parameters.is_normalized
    facts = measure_facts(blocks, [(one.path, one.index) for one in spools.files], stated=stated)
    settings = choose_settings(survey.parameters, facts.cloud)
    tiles = _search(survey, spools, (blocks, settings), tile_m)
    numbers = plan_numbers(tiles, spools, survey.work)
    if tiles:
        survey.run([numbers])
    chosen = survey.parameters
    models = choose_models(chosen.species, chosen.forest, chosen.region)
    found = Found(spools, tuple(tiles), numbers.outcome, survey.catalogue.crs, models, facts.area_m2)
    # Without trees there is nothing to write, and what failed is told already.
    written = _export(survey, found, outputs, out_folder) if numbers.outcome.exists() else ()
    return _conclude(survey, found, (facts, blocks, settings), written, out_folder)


def _lay_down(survey: _Survey, *, keeps_records: bool) -> Spools:
    """Decode all files; those that fail are left out."""
    catalogue = survey.catalogue
    steps = plan_spools(catalogue.files, catalogue.crs, survey.work, keeps_records=keeps_records)
    done = {step.outcome for step in survey.run(steps)}
    pairs = [(file, step.outcome) for file, step in zip(catalogue.files, steps, strict=True) if step.outcome in done]
    spools = gather_spools([Spooled(file, path, read_index(path)) for file, path in pairs])
    if not spools.files:
        raise NoClouds(", ".join(str(failure) for failure in survey.failures) or "without points")
    return spools


def _search(
    survey: _Survey, spools: Spools, given: tuple[BlockCounts, TileSettings], tile_m: float | None
) -> list[TileStep]:
    """Find the trees of all tiles and return the tiles that were surveyed."""
    blocks, settings = given
    side = tile_m or choose_side(blocks, ground_reach(settings), GROUND_POINTS)
    planned = plan_ground(list_tiles(blocks, side), spools, settings, survey.work)
    grounds = survey.run_tiles(planned)
    side = tile_m or choose_side(blocks, tree_reach(settings).full_m)
    steps = plan_trees(list_tiles(blocks, side), spools, planned, settings, work=survey.work)
    known = {step.outcome for _, step in grounds}
    ready = [(tile, step) for tile, step in steps if all(path in known for _, path in step.job.grounds)]
    started = {step.outcome for _, step in ready}
    survey.failures += [
        TileFailed(tile.name, step.files, "ground that it needs could not be told")
        for tile, step in steps
        if step.outcome not in started
    ]
    return survey.run_tiles(ready)


def _export(survey: _Survey, found: Found, outputs: Outputs, out_folder: Path) -> tuple[Path, ...]:
    """Write what was asked for, and then put it in its place at once."""
    key = make_key(VERSION, found.numbering.stem, repr(found.models), found.crs.text, repr(outputs))
    folder = survey.work.path / "exports" / key
    survey.run(plan_exports(found, outputs, folder))
    if outputs.copc:
        survey.run(plan_copc(found, outputs, folder))
    for one in found.spools.files:
        check_unchanged(one.file.path, one.file.key)
    if not (folder / LAYERS_DONE).exists():
        # Without trees nothing is delivered; what an earlier run delivered stays as it is.
        return ()
    for old in list_outputs(found, out_folder):
        old.unlink()
    written = []
    # The marker first: a run that is stopped here makes the layers again, in place of missing those that have moved.
    for path in sorted(folder.rglob("*"), key=lambda path: (path.name != LAYERS_DONE, path)):
        if path.is_file() and not path.name.startswith("."):
            target = out_folder / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            written.append(path.replace(target))
    return tuple(written)


def _conclude(
    survey: _Survey,
    found: Found,
    how: tuple[AreaFacts, BlockCounts, TileSettings],
    written: tuple[Path, ...],
    out_folder: Path,
) -> CatalogueResult:
    facts, blocks, settings = how
    covered = outline_area(blocks)
    world = None if found.crs.is_local else to_world(found.crs, *(np.array([edge]) for edge in covered[0][0]))
    tiles = report_tiles(found)
    forms = describe_forms(tell_form_facts(settings), settings.forms)
    dead, leaning, fallen = count_forms(found, settings.forms.lean)
    result = CatalogueResult(
        tree_count=sum(tile.trees for tile in tiles),
        dead_count=dead,
        leaning_count=leaning,
        fallen_count=fallen,
        crs=found.crs,
        is_normalized=settings.is_normalized,
        operation=world.operation if world else None,
        operation_accuracy_m=world.accuracy_m if world else None,
        covered=covered,
        area_m2=facts.area_m2,
        density=facts.cloud.density,
        first_density=facts.cloud.first_density,
        files=report_files(found),
        tiles=tiles,
        tile_m=found.tiles[0][0].side_m if found.tiles else 0.0,
        detection=tell_detection(facts.cloud.first_density),
        steps=(*describe_settings(settings), *forms, describe_stocks(found.models)),
        warnings=(
            *tell_warnings(survey.catalogue, survey.parameters, settings, tiles),
            *found.models.notes,
            *warn_of_dead(dead),
        ),
        failures=tuple(survey.failures),
        outputs=(*written, out_folder / REPORT) if written else (),
    )
    if not written:
        return result
    with whole_file(out_folder / REPORT) as part:
        part.write_text(json.dumps(describe_result(result), indent=1), encoding="utf-8")
    return result


def _sweep(folder: Path) -> None:
    """Remove files that were being written when a process was killed."""
    for path in folder.rglob(".*"):
        if path.is_file():
            path.unlink(missing_ok=True)
