"""A job: the trees of a tile, which points are theirs, and its part of terrain and canopy."""

from dataclasses import astuple, dataclass, fields, replace
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from survey.airborne.forms import FallenStem
from survey.airborne.settings import TileSettings
from survey.airborne.tile import TileTrees, find_tile_trees
from survey.catalogue.ground import CLASS_OF, IS_GROUND, IS_NOISE, Codes
from survey.catalogue.patches import BlockRectangle, cut_patch, join_rectangles
from survey.catalogue.spool import BLOCK_M
from survey.catalogue.store import values_path, write_arrays, write_values
from survey.catalogue.window import (
    FILE_SHIFT,
    CoreValues,
    OpenSpool,
    Run,
    TileJob,
    Window,
    WindowBuilder,
    count_points,
    is_of_tile,
    is_within,
    iterate_runs,
    open_spools,
)
from survey.cloud import Bools
from survey.errors import NoGround, TooFewPoints
from survey.grid import Grid
from survey.ground.classify import VendorClass
from survey.ground.noise import IsolatedPoints

SCALARS: Final = (
    "x_m",
    "y_m",
    "z_m",
    "ground_m",
    "above_m",
    "height_m",
    "height_error_m",
    "crown_diameter_m",
    "crown_error_m",
    "confidence",
    "dead_probability",
    "lean_deg",
    "lean_error_deg",
    "is_hidden",
)
"""Columns of a tile's trees that are kept as they are."""
FALLEN: Final = len(fields(FallenStem))
"""Columns of stems on the ground, those of `FallenStem`."""
_NO_NOISE: Final = IsolatedPoints(reach_m=0.0, most_points=-1)
"""Noise was left out before, with all that lies around; no point is told to be noise once more."""


@dataclass(frozen=True, slots=True)
class TreeReach:
    """How far around a tile a search for trees looks.

    Attributes
    ----------
    full_m
        All points.
    ground_m
        Ground points, which decide about heights that far out.
    """

    full_m: float
    ground_m: float


def tree_settings(settings: TileSettings) -> TileSettings:
    """Return the settings of a search for trees after noise and ground were told."""
    return replace(settings, ground=VendorClass(), noise=_NO_NOISE)


def tree_reach(settings: TileSettings) -> TreeReach:
    """Return how far a search for trees looks."""
    chosen = tree_settings(settings)
    return TreeReach(chosen.noise.reach_m + chosen.search_reach_m, chosen.reach_m)


def find_trees(job: TileJob) -> None:
    """Find the trees of a tile, and keep them."""
    spools = open_spools(job)
    window, rectangles = _read(job, spools)
    try:
        found = find_tile_trees(
            window.points, tree_settings(job.settings), job.tile.core, is_clean=True, signal=window.signal
        )
    except (TooFewPoints, NoGround) as error:
        write_values(values_path(job.outcome), np.zeros(int(window.is_core.sum()), dtype=np.uint32))
        write_arrays(job.outcome, _describe(job, window) | {"note": np.array(str(error))})
        return
    owners, labels = _name_owners(window, found)
    write_values(values_path(job.outcome), labels)
    arrays = _describe(job, window) | _list_trees(spools, window, found) | _list_rasters(found, rectangles)
    write_arrays(job.outcome, arrays | {"owners": owners, "note": np.array("")})


def empty_trees() -> dict[str, NDArray[Any]]:
    """Return the columns of a tile without trees."""
    columns: dict[str, NDArray[Any]] = {name: np.empty(0) for name in SCALARS}
    return columns | {
        "is_hidden": np.empty(0, dtype=np.bool_),
        "id": np.empty(0, dtype=np.int64),
        "units": np.empty((0, 3), dtype=np.int32),
        "crown_bytes": np.empty(0, dtype=np.uint8),
        "crown_at": np.zeros(1, dtype=np.int64),
        "owners": np.empty(0, dtype=np.int64),
        "fallen": np.empty((0, FALLEN)),
        "terrain": np.empty((0, 0), dtype=np.float32),
        "canopy": np.empty((0, 0), dtype=np.float32),
        "terrain_grid": np.zeros(5),
        "canopy_grid": np.zeros(5),
    }


def _describe(job: TileJob, window: Window) -> dict[str, NDArray[Any]]:
    """Return what is kept of any tile."""
    core = window.points.classification[window.is_core]
    counts = [core.size, (core == CLASS_OF[2]).sum(), (core == CLASS_OF[1]).sum()]
    return empty_trees() | {
        "files": np.array([path.stem for path in job.spools]),
        "runs": window.core_runs,
        "counts": np.array(counts, dtype=np.int64),
    }


def _name_owners(window: Window, found: TileTrees) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Return the names of apexes that own points of the core, and for each of its points which one, from 1; 0: none."""
    owner = found.owner[window.is_core]
    owned = owner >= 0
    names, which = np.unique(window.points.source[owner[owned]], return_inverse=True)
    labels = np.zeros(owner.size, dtype=np.uint32)
    labels[owned] = which.reshape(-1) + 1
    return names, labels


def _list_trees(spools: list[OpenSpool], window: Window, found: TileTrees) -> dict[str, NDArray[Any]]:
    forms = _list_forms(found)
    columns: dict[str, NDArray[Any]] = {
        name: forms[name] if name in forms else getattr(found, name) for name in SCALARS
    }
    crowns = [crown or b"" for crown in shapely.to_wkb(found.outlines).tolist()]
    return columns | {
        "id": window.points.source[found.apex],
        "units": _find_units(spools, window, found),
        "crown_bytes": np.frombuffer(b"".join(crowns), dtype=np.uint8),
        "crown_at": np.cumsum([0, *(len(crown) for crown in crowns)]),
        "fallen": np.array([astuple(stem) for stem in found.fallen], dtype=np.float64).reshape(-1, FALLEN),
    }


def _list_forms(found: TileTrees) -> dict[str, NDArray[np.float64]]:
    """Return the figures of trees' forms, NaN where they are not told, shape (n,)."""
    names = ("dead_probability", "lean_deg", "lean_error_deg")
    return {
        name: np.array([np.nan if form is None else getattr(form, name) for form in found.forms], dtype=np.float64)
        for name in names
    }


def _find_units(spools: list[OpenSpool], window: Window, found: TileTrees) -> NDArray[np.int32]:
    """Return the file's own integers of each apex, shape (n, 3)."""
    integers = np.empty((found.apex.size, 3), dtype=np.int32)
    files = window.points.source[found.apex] >> FILE_SHIFT
    for number in np.unique(files).tolist():
        units, of_file = spools[number][1].units, files == number
        for axis, place in enumerate((found.x_m, found.y_m, found.z_m)):
            exact = (place[of_file] / units.to_m[axis] - units.offset[axis]) / units.scale[axis]
            integers[of_file, axis] = np.rint(exact)
    return integers


def _list_rasters(found: TileTrees, rectangles: list[BlockRectangle]) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    for name, (grid, values) in (("terrain", found.terrain), ("canopy", found.canopy)):
        cut, arrays[name] = cut_patch(grid, values, rectangles)
        arrays[f"{name}_grid"] = _pack_grid(cut)
    return arrays


def _pack_grid(grid: Grid) -> NDArray[np.float64]:
    return np.array([grid.west_m, grid.south_m, grid.cell_m, grid.rows, grid.columns], dtype=np.float64)


def unpack_grid(packed: NDArray[np.float64]) -> Grid:
    """Return a grid as it was kept."""
    west, south, cell, rows, columns = packed.tolist()
    return Grid(west, south, cell, int(rows), int(columns))


def _read(job: TileJob, spools: list[OpenSpool]) -> tuple[Window, list[BlockRectangle]]:
    """Return all points nearby, of those farther out the ground points, and where the core's points lie."""
    reach = tree_reach(job.settings)
    grounds = _Grounds(job)
    core = job.tile.core
    builder = WindowBuilder(count_points(spools, job.tile, reach.ground_m), with_signal=True)
    rectangles: dict[tuple[int, int], BlockRectangle] = {}
    for run in iterate_runs(spools, job.tile, reach.ground_m):
        codes, is_core = grounds.find(run), is_of_tile(run, job.tile)
        keep = is_within(run, core, reach.full_m)
        if reach.ground_m > reach.full_m:
            keep |= (codes == IS_GROUND) & is_within(run, core, reach.ground_m)
        builder.add(run, keep, CLASS_OF[codes], is_core=is_core)
        if is_core and (codes != IS_NOISE).any():
            one = _enclose(run, codes != IS_NOISE)
            place = one.column, one.row
            rectangles[place] = join_rectangles(one, rectangles.get(place, one))
    return builder.build(), list(rectangles.values())


def _enclose(run: Run, used: Bools) -> BlockRectangle:
    x_m, y_m = run.x_m[used], run.y_m[used]
    edges = (float(edge) for edge in (x_m.min(), y_m.min(), x_m.max(), y_m.max()))
    return BlockRectangle(run.column, run.row, *edges)


class _Grounds:
    """Codes of ground tiles, found by the run."""

    def __init__(self, job: TileJob) -> None:
        self._names = [path.stem for path in job.spools]
        self._paths = {(tile.column, tile.row): path for tile, path in job.grounds}
        self._many = int(job.grounds[0][0].side_m / BLOCK_M) if job.grounds else 1
        self._open: dict[tuple[int, int], CoreValues] = {}

    def find(self, run: Run) -> Codes:
        """Return the codes of a run, shape (n,)."""
        place = run.column // self._many, run.row // self._many
        if place not in self._open:
            self._open[place] = CoreValues(self._paths[place])
        codes = self._open[place].find(self._names[run.file], run.start, run.x_m.size)
        assert codes is not None, "ground was told for every run"  # noqa: S101
        return codes
