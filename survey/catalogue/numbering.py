"""One number for each tree of the whole area, the same however the area was cut into tiles.

Trees are numbered by squares of 1 km, in a square by blocks of 25 m, both from the south-west by rows, in a block from
the highest down; so neighbours in number are neighbours in the land, and what is written in their order is read by
places without much search.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from survey.airborne.heights import CrownRelation, relate_crowns
from survey.catalogue.spool import BLOCK_M
from survey.catalogue.store import read_arrays, write_arrays
from survey.catalogue.trees import SCALARS
from survey.catalogue.window import FILE_SHIFT

SQUARE_M: Final = 1000.0
BATCH: Final = 4_096
"""Trees that are held at once with all that is known of them: some 10 MB."""
_OPEN_TILES: Final = 16
"""Tiles whose trees are held at once; a batch seldom has trees of more."""
_PLACE: Final = (1 << FILE_SHIFT) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Numbering:
    """Which tree has which number.

    Attributes
    ----------
    tile, row
        Of each tree in the order of numbers: which outcome, and which of its trees; shape (n,).
    ids, numbers
        Names of apexes, ascending, and the number of each one's tree, from 1; shape (n,).
    crowns
        Crown diameter over height, fitted over all canopy trees; none where they are few or alike.
    """

    tile: NDArray[np.int64]
    row: NDArray[np.int64]
    ids: NDArray[np.int64]
    numbers: NDArray[np.int64]
    crowns: CrownRelation | None


@dataclass(frozen=True, slots=True, eq=False)
class TreeBatch:
    """Trees in the order of their numbers.

    Attributes
    ----------
    first
        Number of the first.
    file
        Which of the catalogue's files has the apex return, shape (n,).
    units
        Its integers of that return, shape (n, 3).
    columns
        Those of `survey.catalogue.trees.SCALARS`, each of shape (n,).
    crowns
        Polygons, None where they are not known, shape (n,).
    """

    first: int
    file: NDArray[np.int64]
    units: NDArray[np.int32]
    columns: dict[str, NDArray[Any]]
    crowns: NDArray[np.object_]

    def __len__(self) -> int:
        return int(self.file.size)


@dataclass(frozen=True, slots=True)
class NumberJob:
    """Trees to number.

    Attributes
    ----------
    outcomes
        Of all tiles.
    files
        Keys of the catalogue's files.
    outcome
        Where the numbering goes.
    """

    outcomes: tuple[Path, ...]
    files: tuple[str, ...]
    outcome: Path


def number_trees(job: NumberJob) -> None:
    """Give each tree its number, and keep the numbering."""
    parts = [read_arrays(path, "files", "id", "x_m", "y_m", "above_m") for path in job.outcomes]
    ids = np.concatenate([translate_ids(part["id"], part["files"], job.files) for part in parts])
    x_m, y_m, above_m = (np.concatenate([part[name] for part in parts]) for name in ("x_m", "y_m", "above_m"))
    tile = np.repeat(np.arange(len(parts)), [part["id"].size for part in parts])
    row = np.concatenate([np.arange(part["id"].size) for part in parts])
    order = _sort_places(x_m, y_m, above_m)
    by_id = np.argsort(ids[order], kind="stable")
    relation = _relate(job.outcomes, tile[order], row[order])
    write_arrays(
        job.outcome,
        {
            "tile": tile[order],
            "row": row[order],
            "ids": ids[order][by_id],
            "numbers": by_id + 1,
            "crowns": np.array([] if relation is None else [relation.intercept, relation.slope]),
        },
    )


def read_numbering(path: Path) -> Numbering:
    """Return a numbering as it was kept."""
    found = read_arrays(path)
    line = found.pop("crowns").tolist()
    return Numbering(**found, crowns=CrownRelation(*line) if line else None)


def translate_ids(ids: NDArray[np.int64], of: NDArray[Any], files: Sequence[str]) -> NDArray[np.int64]:
    """Return names of points by the catalogue's files, from names by a job's own; shape (n,).

    Parameters
    ----------
    ids
        The job's names of points.
    of
        Keys of the job's files.
    files
        Keys of the catalogue's files.
    """
    place = {key: number for number, key in enumerate(files)}
    numbers = np.array([place[key] for key in of.tolist()], dtype=np.int64)
    if not ids.size:
        return ids
    translated: NDArray[np.int64] = (numbers[ids >> FILE_SHIFT] << FILE_SHIFT) | (ids & _PLACE)
    return translated


def find_numbers(numbering: Numbering, ids: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Return the number of each apex's tree, 0 where there is none, shape (n,)."""
    if not numbering.ids.size:
        return np.zeros(ids.size, dtype=np.uint32)
    at = np.minimum(np.searchsorted(numbering.ids, ids), numbering.ids.size - 1)
    return np.where(numbering.ids[at] == ids, numbering.numbers[at], 0).astype(np.uint32)


def iterate_trees(
    numbering: Numbering, outcomes: Sequence[Path], files: Sequence[str], size: int = BATCH
) -> Iterator[TreeBatch]:
    """Yield all trees in the order of their numbers, `size` at a time."""
    opened = _OpenTiles(outcomes, files)
    for first in range(0, numbering.tile.size, size):
        tile, row = numbering.tile[first : first + size], numbering.row[first : first + size]
        yield _gather(opened, tile, row, first + 1)


class _OpenTiles:
    """The trees of a few tiles, those used last."""

    def __init__(self, outcomes: Sequence[Path], files: Sequence[str]) -> None:
        self._outcomes = outcomes
        self._files = files
        self._held: dict[int, dict[str, NDArray[Any]]] = {}

    def get(self, number: int) -> dict[str, NDArray[Any]]:
        """Return the trees of a tile."""
        found = self._held.pop(number, None)
        if found is None:
            names = (*SCALARS, "id", "units", "files", "crown_bytes", "crown_at")
            found = read_arrays(self._outcomes[number], *names)
            found["file"] = translate_ids(found["id"], found["files"], self._files) >> FILE_SHIFT
        self._held[number] = found
        while len(self._held) > _OPEN_TILES:
            del self._held[next(iter(self._held))]
        return found


def _gather(opened: _OpenTiles, tile: NDArray[np.int64], row: NDArray[np.int64], first: int) -> TreeBatch:
    columns: dict[str, NDArray[Any]] = {
        name: np.empty(tile.size, dtype=np.bool_ if name == "is_hidden" else np.float64) for name in SCALARS
    }
    file, units = np.empty(tile.size, dtype=np.int64), np.empty((tile.size, 3), dtype=np.int32)
    crowns: list[bytes | None] = [None] * tile.size
    for number in np.unique(tile).tolist():
        trees, here = opened.get(number), np.flatnonzero(tile == number)
        rows = row[here]
        for name in SCALARS:
            columns[name][here] = trees[name][rows]
        file[here], units[here] = trees["file"][rows], trees["units"][rows]
        # A view of bytes is cut some times faster than an array.
        held, ends = trees["crown_bytes"].data, trees["crown_at"]
        for at, begin, end in zip(here.tolist(), ends[rows].tolist(), ends[rows + 1].tolist(), strict=True):
            crowns[at] = held[begin:end].tobytes() or None
    shapes: NDArray[np.object_] = shapely.from_wkb(np.array(crowns, dtype=np.object_))
    return TreeBatch(first, file, units, columns, shapes)


def _sort_places(x_m: NDArray[np.float64], y_m: NDArray[np.float64], above_m: NDArray[np.float64]) -> NDArray[np.int64]:
    square, block = (
        (np.floor(y_m / side).astype(np.int64), np.floor(x_m / side).astype(np.int64)) for side in (SQUARE_M, BLOCK_M)
    )
    order: NDArray[np.int64] = np.lexsort((y_m, x_m, -above_m, block[1], block[0], square[1], square[0]))
    return order


def _relate(outcomes: Sequence[Path], tile: NDArray[np.int64], row: NDArray[np.int64]) -> CrownRelation | None:
    """Return the relation of crown to height over canopy trees, summed up in the order of their numbers."""
    heights, diameters, free = np.empty(tile.size), np.empty(tile.size), np.empty(tile.size, dtype=np.bool_)
    for number, path in enumerate(outcomes):
        found, here = read_arrays(path, "height_m", "crown_diameter_m", "is_hidden"), tile == number
        rows = row[here]
        heights[here], diameters[here] = found["height_m"][rows], found["crown_diameter_m"][rows]
        free[here] = ~found["is_hidden"][rows]
    return relate_crowns(heights[free], diameters[free])
