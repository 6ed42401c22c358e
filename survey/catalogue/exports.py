"""The jobs that write what others open: labelled clouds, layers, rasters; each whole file or none."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from survey.allometry import StockModels
from survey.catalogue.copc import CopcJob
from survey.catalogue.errors import CloudInTheWay
from survey.catalogue.inventory import CatalogueFile
from survey.catalogue.labels import LabelJob
from survey.catalogue.run import Step
from survey.catalogue.stages import Spools, TileStep
from survey.catalogue.window import find_runs
from survey.files.crs import CloudCrs

LABEL_COST: Final = 2.0
"""Work of a point over that of decoding it alone."""
LAYER_COST, RASTER_COST, COPC_COST = 0.2, 0.05, 4.0
_WAVEFORM_FORMATS: Final = (4, 5)
"""LASzip does not know them: their copies stay LAS."""
LAYERS_DONE: Final = "totals.json"
"""Written after the layers: with it, all are there."""
RASTERS: Final = {"terrain": "elevation of the ground, m", "canopy": "height of the canopy above the ground, m"}


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is written beside the report.

    Attributes
    ----------
    labelled
        A copy of each LAS, LAZ or COPC file whose points carry the number of their tree, as ``labelled/<name>.laz``.
    geopackage
        ``trees.gpkg`` with the layers ``trees``, ``crowns`` and ``fallen``; these as ``.parquet`` always are.
    rasters
        ``terrain.tif`` and ``canopy.tif``, cloud-optimised.
    copc
        A copy of each file as ``copc/<name>.copc.laz``; of LAS, LAZ and COPC with the numbers of trees.
    """

    labelled: bool = True
    geopackage: bool = True
    rasters: bool = True
    copc: bool = False

    @property
    def needs_labels(self) -> bool:
        """Whether points get the numbers of their trees."""
        return self.labelled or self.copc


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What all tiles found.

    Attributes
    ----------
    spools
        The files.
    tiles
        Tiles whose trees are known, with their jobs.
    numbering
        Where the numbering is kept.
    crs, area_m2
        Of the area.
    models
        Equations for stem diameter, volume, biomass and carbon.
    """

    spools: Spools
    tiles: tuple[TileStep, ...]
    numbering: Path
    crs: CloudCrs
    models: StockModels
    area_m2: float

    @property
    def outcomes(self) -> tuple[Path, ...]:
        """Of all tiles."""
        return tuple(step.outcome for _, step in self.tiles)

    @property
    def keys(self) -> tuple[str, ...]:
        """Of all files."""
        return tuple(one.path.stem for one in self.spools.files)


@dataclass(frozen=True, slots=True)
class LayerJob:
    """Layers to write.

    Attributes
    ----------
    outcomes
        Of all tiles.
    files
        Keys and names of the catalogue's files.
    numbering
        Of all trees.
    crs
        Of the area.
    models
        Which equations.
    area_m2
        Ground covered.
    folder
        Where ``trees.parquet``, ``crowns.parquet``, ``fallen.parquet`` and ``trees.gpkg`` go.
    with_geopackage
        Whether the last is wanted.
    """

    outcomes: tuple[Path, ...]
    files: tuple[tuple[str, str], ...]
    numbering: Path
    crs: CloudCrs
    models: StockModels
    area_m2: float
    folder: Path
    with_geopackage: bool


@dataclass(frozen=True, slots=True)
class RasterJob:
    """One raster to put together.

    Attributes
    ----------
    name
        ``terrain`` or ``canopy``.
    description
        What its values are, with their unit.
    outcomes
        Of all tiles.
    crs
        Of the area.
    outcome
        Where it goes.
    """

    name: str
    description: str
    outcomes: tuple[Path, ...]
    crs: CloudCrs
    outcome: Path


def plan_exports(found: Found, outputs: Outputs, folder: Path) -> list[Step]:
    """Return the jobs that write to a folder; labels first, before the libraries of the others fill the memory.

    Those of `plan_copc` come after them.
    """
    steps = _plan_labels(found, _label_folder(outputs, folder)) if outputs.needs_labels else []
    if outputs.rasters:
        steps += [_plan_raster(found, name, folder) for name in RASTERS]
    return [*steps, _plan_layers(found, folder, with_geopackage=outputs.geopackage)]


def list_outputs(found: Found, folder: Path) -> list[Path]:
    """Return what a survey of these files may have written to a folder before: numbers of trees must agree.

    Clouds that are surveyed are never among them.
    """
    files = [one.file for one in found.spools.files]
    layers = ("trees.parquet", "crowns.parquet", "fallen.parquet", "trees.gpkg", LAYERS_DONE)
    paths = (folder / name for name in (*layers, *(f"{name}.tif" for name in RASTERS), *_name_copies(files).values()))
    inputs = {file.path.resolve() for file in files}
    return [path for path in paths if path.is_file() and path.resolve() not in inputs]


def check_targets(files: Sequence[CatalogueFile], outputs: Outputs, folder: Path) -> None:
    """Raise `CloudInTheWay` where a copy would be written over a cloud that is surveyed."""
    inputs = {file.path.resolve() for file in files}
    wanted = {kind for kind, is_wanted in (("labelled", outputs.labelled), ("copc", outputs.copc)) if is_wanted}
    for (kind, _), name in _name_copies(files).items():
        if kind in wanted and (folder / name).resolve() in inputs:
            raise CloudInTheWay(folder / name)


def name_files(paths: Sequence[Path]) -> list[str]:
    """Return a name for each file, by as much of its path as tells it from the others.

    Examples
    --------
    >>> name_files([Path("a/x.laz"), Path("b/x.laz"), Path("y.laz")])
    ['a/x.laz', 'b/x.laz', 'y.laz']
    """
    names = [path.name for path in paths]
    for depth in range(2, max((len(path.parts) for path in paths), default=0) + 1):
        taken = Counter(names)
        if len(taken) == len(names):
            break
        names = [
            "/".join(path.parts[-depth:]) if taken[name] > 1 else name for path, name in zip(paths, names, strict=True)
        ]
    return names


def _plan_layers(found: Found, folder: Path, *, with_geopackage: bool) -> Step:
    names = name_files([one.file.path for one in found.spools.files])
    files = tuple((one.path.stem, name) for one, name in zip(found.spools.files, names, strict=True))
    job = LayerJob(
        found.outcomes, files, found.numbering, found.crs, found.models, found.area_m2, folder, with_geopackage
    )
    return Step("layers", "trees and crowns", (), job, folder / LAYERS_DONE, LAYER_COST * _count_points(found))


def _plan_raster(found: Found, name: str, folder: Path) -> Step:
    target = folder / f"{name}.tif"
    job = RasterJob(name, RASTERS[name], found.outcomes, found.crs, target)
    return Step("raster", target.name, (), job, target, RASTER_COST * _count_points(found))


def plan_copc(found: Found, outputs: Outputs, folder: Path) -> list[Step]:
    """Return the jobs that write COPC files to a folder, once the jobs of `plan_exports` are done."""
    names = _name_copies([one.file for one in found.spools.files])
    steps: list[Step] = []
    for number, one in enumerate(found.spools.files):
        source = one.file.path
        if one.file.cloud.header is not None:
            source = _label_folder(outputs, folder) / Path(names["labelled", number]).name
        target = folder / names["copc", number]
        # Where the labels failed, that is told already.
        if source.exists() or target.exists():
            cost = COPC_COST * one.file.cloud.point_count
            steps.append(Step("copc", source.name, (source.name,), CopcJob(source, found.crs, target), target, cost))
    return steps


def _label_folder(outputs: Outputs, folder: Path) -> Path:
    """Return where labelled copies go: nobody who wanted COPC alone gets them twice."""
    return folder / "labelled" if outputs.labelled else folder.with_name(f"{folder.name}-labels")


def _plan_labels(found: Found, folder: Path) -> list[Step]:
    steps: list[Step] = []
    names = _name_copies([one.file for one in found.spools.files])
    for number, one in enumerate(found.spools.files):
        if one.file.cloud.header is None:
            continue
        target = folder / Path(names["labelled", number]).name
        own = tuple((tile, step.outcome) for tile, step in found.tiles if find_runs(one.index, tile, 0.0).size)
        job = LabelJob(one.file.path, one.path.stem, one.path, own, found.keys, found.numbering, target)
        cost = LABEL_COST * one.file.cloud.point_count
        steps.append(Step("labels", one.file.path.name, (one.file.path.name,), job, target, cost))
    return steps


def _name_copies(files: Sequence[CatalogueFile]) -> dict[tuple[str, int], str]:
    """Return the paths of copies below a folder, by kind and number of the file.

    Each has one of its own, also where files of two folders share their name.
    """
    names: dict[tuple[str, int], str] = {}
    taken: set[str] = set()
    for number, file in enumerate(files):
        header = file.cloud.header
        suffix = ".las" if header is not None and header.point_format in _WAVEFORM_FORMATS else ".laz"
        stem = first = file.path.stem.removesuffix(".copc")
        more = 2
        while stem in taken:
            stem, more = f"{first}-{more}", more + 1
        taken.add(stem)
        if header is not None:
            names["labelled", number] = f"labelled/{stem}{suffix}"
        names["copc", number] = f"copc/{stem}.copc.laz"
    return names


def _count_points(found: Found) -> float:
    return float(sum(one.file.cloud.point_count for one in found.spools.files))
