"""The points that a tile needs, from all files, in an order that does not depend on the tile.

Files come in the catalogue's order, their runs as they were laid down. What a job finds out about its core's points is
kept in that order too, run by run, so that others find it again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from survey.airborne.forms import Signal
from survey.airborne.settings import TileSettings
from survey.airborne.tile import Box
from survey.catalogue.plan import Tile
from survey.catalogue.spool import BLOCK_M, SpoolIndex, read_index, read_run
from survey.catalogue.store import map_values, read_arrays, values_path
from survey.cloud import Bools, Floats, Points

OpenSpool = tuple[Path, SpoolIndex]
"""Of a file: where its index stands, and what that says."""
_READ_POINTS: Final = 100_000
"""Points that are read at once."""
FILE_SHIFT: Final = 40
"""Bit of a point's name above which its file stands; below is its place in the file."""


@dataclass(frozen=True, slots=True)
class TileJob:
    """One tile to work on.

    Attributes
    ----------
    tile
        Which.
    spools
        Indexes of the files that may have points in it or around it, in the catalogue's order.
    settings
        The same for all tiles.
    outcome
        Where what is found goes.
    grounds
        Ground tiles that it needs, and their outcomes; empty where this is one.
    """

    tile: Tile
    spools: tuple[Path, ...]
    settings: TileSettings
    outcome: Path
    grounds: tuple[tuple[Tile, Path], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """The points of one block in one chunk of a file.

    Attributes
    ----------
    file
        Which of the job's.
    column, row
        Its block.
    start
        First of its spooled points.
    x_m, y_m, z_m
        Coordinates, shape (n,).
    points
        As they were spooled, shape (n,).
    """

    file: int
    column: int
    row: int
    start: int
    x_m: Floats
    y_m: Floats
    z_m: Floats
    points: NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A tile's points with those around it.

    Attributes
    ----------
    points
        In metres; `source` is the file's number, shifted by 40 bits, and the place in the file.
    signal
        What else the scanner wrote of each; absent where it was not asked for.
    is_core
        Points whose block is the tile's, shape (n,).
    core_runs
        File, first spooled point, and first of the core's points, of each run of the core; shape (runs, 3).
    """

    points: Points
    signal: Signal | None
    is_core: Bools
    core_runs: NDArray[np.int64]


class WindowBuilder:
    """Gathers points run by run into arrays of their final size.

    Parameters
    ----------
    most
        Points that may come.
    with_signal
        Whether what else the scanner wrote of each is wanted.
    """

    def __init__(self, most: int, *, with_signal: bool = False) -> None:
        self._x, self._y, self._z = (np.empty(most) for _ in range(3))
        self._first, self._core = (np.empty(most, dtype=np.bool_) for _ in range(2))
        self._class = np.empty(most, dtype=np.uint8)
        self._source = np.empty(most, dtype=np.int64)
        self._signal: Signal | None = None
        if with_signal:
            self._signal = Signal(np.empty(most, dtype=np.uint16), np.empty(most, dtype=np.uint8))
        self._count = 0
        self._core_count = 0
        self._runs: list[tuple[int, int, int]] = []

    def add(self, run: Run, keep: Bools, classification: NDArray[np.uint8], *, is_core: bool) -> None:
        """Take in the points of a run that `keep` marks; of the core's all must be kept."""
        count = int(np.count_nonzero(keep))
        # Most runs are taken whole, and a slice is copied much faster than points that are picked.
        taken = slice(None) if count == keep.size else keep
        here = slice(self._count, self._count + count)
        for into, values in ((self._x, run.x_m), (self._y, run.y_m), (self._z, run.z_m)):
            into[here] = values[taken]
        self._first[here] = run.points["return_number"][taken] <= 1
        if self._signal is not None:
            self._signal.intensity[here] = run.points["intensity"][taken]
            self._signal.number_of_returns[here] = run.points["number_of_returns"][taken]
        self._class[here] = classification[taken]
        self._source[here] = run.points["index"][taken].astype(np.int64) | (run.file << FILE_SHIFT)
        self._core[here] = is_core
        self._count += count
        if is_core:
            self._runs.append((run.file, run.start, self._core_count))
            self._core_count += count

    def build(self) -> Window:
        """Return what was taken in."""
        end = self._count
        points = Points(
            self._x[:end], self._y[:end], self._z[:end], self._first[:end], self._class[:end], self._source[:end]
        )
        held, signal = self._signal, None
        if held is not None:
            signal = Signal(held.intensity[:end], held.number_of_returns[:end])
        return Window(points, signal, self._core[:end], np.array(self._runs, dtype=np.int64).reshape(-1, 3))


def open_spools(job: TileJob) -> list[OpenSpool]:
    """Return the files of a job with their indexes."""
    return [(path, read_index(path)) for path in job.spools]


def count_points(spools: Sequence[OpenSpool], tile: Tile, reach_m: float) -> int:
    """Return how many points lie in the blocks of a tile and `reach_m` around it."""
    return sum(int(index.count[find_runs(index, tile, reach_m)].sum()) for _, index in spools)


def iterate_runs(spools: Sequence[OpenSpool], tile: Tile, reach_m: float) -> Iterator[Run]:
    """Yield the runs of a tile's blocks and of those within reach, in the one order."""
    for number, (path, index) in enumerate(spools):
        for group in _group_runs(find_runs(index, tile, reach_m), index.count):
            first = int(index.start[group[0]])
            points = read_run(path, first, int(index.count[group].sum()))
            xyz = [index.units.metres(points[name], axis) for axis, name in enumerate("xyz")]
            for at in group.tolist():
                start = int(index.start[at])
                here = slice(start - first, start - first + int(index.count[at]))
                x_m, y_m, z_m = (values[here] for values in xyz)
                yield Run(number, int(index.column[at]), int(index.row[at]), start, x_m, y_m, z_m, points[here])


def _group_runs(found: NDArray[np.int64], count: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield runs that stand one behind the other in their file together, as far as they are few points."""
    first, held = 0, 0
    for place in range(found.size):
        size = int(count[found[place]])
        if place > first and (found[place] != found[place - 1] + 1 or held + size > _READ_POINTS):
            yield found[first:place]
            first, held = place, 0
        held += size
    if found.size:
        yield found[first:]


def is_of_tile(run: Run, tile: Tile) -> bool:
    """Tell whether a run's block is the tile's."""
    many = int(tile.side_m / BLOCK_M)
    return run.column // many == tile.column and run.row // many == tile.row


def is_within(run: Run, core: Box, reach_m: float) -> Bools:
    """Return which points of a run lie within reach of a core, shape (n,)."""
    west, south = run.column * BLOCK_M, run.row * BLOCK_M
    if (
        west >= core.west_m - reach_m
        and west + BLOCK_M <= core.east_m + reach_m
        and south >= core.south_m - reach_m
        and south + BLOCK_M <= core.north_m + reach_m
    ):
        return np.ones(run.x_m.size, dtype=np.bool_)
    inside: Bools = (
        (run.x_m >= core.west_m - reach_m)
        & (run.x_m <= core.east_m + reach_m)
        & (run.y_m >= core.south_m - reach_m)
        & (run.y_m <= core.north_m + reach_m)
    )
    return inside


class CoreValues:
    """What a job found out about its core's points, found again run by run.

    Parameters
    ----------
    outcome
        Of the job.
    """

    def __init__(self, outcome: Path) -> None:
        found = read_arrays(outcome, "runs", "files")
        self._values = map_values(values_path(outcome))
        names = found["files"].tolist()
        self._starts = {(names[file], start): first for file, start, first in found["runs"].tolist()}

    def find(self, file: str, start: int, count: int) -> NDArray[Any] | None:
        """Return the values of the run of a file that begins at a spooled point, if the job had it."""
        first = self._starts.get((file, start))
        return None if first is None else self._values[first : first + count]


def block_span(tile: Tile, reach_m: float) -> tuple[int, int, int, int]:
    """Return the first and last column, first and last row of the blocks of a tile and within reach of it."""
    core = tile.core
    edges = np.array([core.west_m - reach_m, core.east_m + reach_m, core.south_m - reach_m, core.north_m + reach_m])
    west, east, south, north = np.floor(edges / BLOCK_M).astype(np.int64).tolist()
    return west, east, south, north


def find_runs(index: SpoolIndex, tile: Tile, reach_m: float) -> NDArray[np.int64]:
    """Return which runs of a file lie in the blocks of a tile and within reach of it."""
    west, east, south, north = block_span(tile, reach_m)
    inside = (index.column >= west) & (index.column <= east) & (index.row >= south) & (index.row <= north)
    return np.flatnonzero(inside)
