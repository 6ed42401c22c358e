"""Each file decoded once: its points laid down by blocks of 25 m, so that a tile reads what it needs and nothing else.

A job of its own for each file. Points keep their integers; within a chunk of the file they are sorted by block, and by
their order within a block, so that a block's points come in the file's order whatever tile asks for them.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from survey.catalogue.errors import WorkDamaged
from survey.catalogue.inventory import CatalogueFile, describe_file
from survey.catalogue.store import read_arrays, write_arrays
from survey.cloud import Floats, RawCloud
from survey.errors import DecodeFailed
from survey.files.clouds import stream_columns, to_raw
from survey.files.decode_job import RECORD
from survey.files.point_layout import Records
from survey.files.whole_file import whole_file

BLOCK_M: Final = 25.0
"""Side of a block; sides of tiles are multiples of it."""
CELL_M: Final = 5.0
"""Side of the cells by which covered ground is counted: 25 in a block, one bit each."""
_CELLS: Final = 5
CHUNK_POINTS: Final = 250_000
"""Points that are held and sorted at once."""
SPOOLED: Final = np.dtype(
    [
        ("x", "<i4"),
        ("y", "<i4"),
        ("z", "<i4"),
        ("index", "<u4"),
        ("intensity", "<u2"),
        ("classification", "u1"),
        ("return_number", "u1"),
        ("number_of_returns", "u1"),
    ]
)
"""One point: the file's integers, its place in the file from 0 (at most 4 thousand millions), what the scanner wrote of
it; 21 bytes together."""
_MAN_MADE: Final = (6, 13, 14, 15, 16, 17)
"""Buildings, wires, towers and bridges (LAS 1.4 R15, table 17), where a vendor marked them."""
_MOST_BLOCK: Final = 1 << 30
"""Blocks from the origin: 27 million km, far beyond any CRS; farther coordinates are no places."""

Blocks = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Units:
    """What turns a file's integers into metres.

    Attributes
    ----------
    scale, offset
        The file's units are ``integers * scale + offset``.
    to_m
        Metres of a unit, each axis.
    """

    scale: tuple[float, float, float]
    offset: tuple[float, float, float]
    to_m: tuple[float, float, float]

    def metres(self, integers: NDArray[np.int32], axis: int) -> Floats:
        """Return coordinates of one axis in metres, shape (n,)."""
        placed = (integers.astype(np.float64) * self.scale[axis] + self.offset[axis]) * self.to_m[axis]
        return placed.astype(np.float64, copy=False)


@dataclass(frozen=True, slots=True)
class SpoolJob:
    """One file to decode.

    Attributes
    ----------
    path, key
        Of the file; the key is checked again, so that a file that changed is not taken for the one that was listed.
    index
        Where its index goes; its points go beside it.
    to_m
        Metres of the file's units, each axis.
    keeps_records
        Whether all points are laid down a second time as they stand in the file: writing them again with more in them
        then takes no second decoding.
    """

    path: Path
    key: str
    index: Path
    to_m: tuple[float, float, float]
    keeps_records: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class SpoolIndex:
    """What a spooled file holds, run by run; a run is the points of one block in one chunk.

    Attributes
    ----------
    column, row
        Of each run's block, counted from the world's origin, shape (n,).
    start, count
        Which of the spooled points, shape (n,).
    first_count
        First echoes, shape (n,).
    covered
        Bits of the block's 5 m cells that have a point, shape (n,).
    chunk_start
        First spooled point of each chunk, and their number at the end; shape (chunks + 1,).
    chunk_first
        Place in the file of each chunk's first point, and the file's count at the end; shape (chunks + 1,).
    intensity
        Least and greatest of the file's points, shape (2,); both 0 where there are none.
    units
        Scale, offset and metres of a unit.
    """

    column: Blocks
    row: Blocks
    start: NDArray[np.int64]
    count: NDArray[np.int64]
    first_count: NDArray[np.int64]
    covered: NDArray[np.int64]
    chunk_start: NDArray[np.int64]
    chunk_first: NDArray[np.int64]
    intensity: NDArray[np.int64]
    units: Units


@dataclass(slots=True)
class _Runs:
    """The index while it grows."""

    columns: dict[str, list[NDArray[np.int64]]] = field(default_factory=dict)
    starts: list[int] = field(default_factory=lambda: [0])
    firsts: list[int] = field(default_factory=lambda: [0])
    intensity: list[int] = field(default_factory=list)

    def add(self, **arrays: NDArray[Any]) -> None:
        """Take in the runs of a chunk."""
        for name, values in arrays.items():
            self.columns.setdefault(name, []).append(values.astype(np.int64))


def spool_file(job: SpoolJob) -> None:
    """Decode a file and lay down its points; those withheld or man-made are left out.

    Raises
    ------
    InvalidCloudFile
        When it cannot be decoded, or is another than was listed.
    OSError
        When it cannot be read, or the disk is full.
    """
    file = describe_file(job.path)
    if file.key != job.key:
        raise DecodeFailed(job.path, "it was changed while it was read")
    units = Units(file.cloud.scale, file.cloud.offset, job.to_m)
    job.index.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        points = stack.enter_context(whole_file(points_path(job.index)))
        kept = job.keeps_records and file.cloud.header is not None
        records = stack.enter_context(whole_file(records_path(job.index))) if kept else None
        runs = _write_points(file, units, points, records)
    arrays = {name: np.concatenate(parts) for name, parts in runs.columns.items()}
    for name in ("column", "row", "start", "count", "first_count", "covered"):
        arrays.setdefault(name, np.empty(0, dtype=np.int64))
    arrays["chunk_start"], arrays["chunk_first"] = np.array(runs.starts), np.array(runs.firsts)
    arrays["intensity"] = np.array([min(runs.intensity, default=0), max(runs.intensity, default=0)])
    arrays["units"] = np.array([units.scale, units.offset, units.to_m])
    write_arrays(job.index, arrays)


def points_path(index: Path) -> Path:
    """Return where the points of an index stand."""
    return index.with_suffix(".points")


def records_path(index: Path) -> Path:
    """Return where the points of an index stand as they are in the file, if they were kept so."""
    return index.with_suffix(".records")


def iterate_records(index: Path, point_bytes: int) -> Iterator[Records]:
    """Yield all points of a file as they stand in it, in its order, shape (n, point_bytes).

    Raises
    ------
    WorkDamaged
        When they are not there.
    """
    path, promised = records_path(index), int(read_index(index).chunk_first[-1])
    size = path.stat().st_size if path.exists() else 0
    if size != promised * point_bytes:
        raise WorkDamaged(path, promised, size // point_bytes)
    with path.open("rb") as file:
        while (part := np.fromfile(file, np.uint8, CHUNK_POINTS * point_bytes)).size:
            yield part.reshape(-1, point_bytes)


def read_index(path: Path) -> SpoolIndex:
    """Return the index of a spooled file."""
    found = read_arrays(path)
    scale, offset, to_m = (tuple(row) for row in found.pop("units").tolist())
    return SpoolIndex(**found, units=Units(scale, offset, to_m))


def read_run(index: Path, start: int, count: int) -> NDArray[Any]:
    """Return spooled points, shape (count,), of type `SPOOLED`.

    Raises
    ------
    WorkDamaged
        When they are not there.
    """
    path = points_path(index)
    if not path.exists():
        raise WorkDamaged(path, count, 0)
    points = np.fromfile(path, SPOOLED, count, offset=start * SPOOLED.itemsize)
    if points.size != count:
        raise WorkDamaged(path, count, points.size)
    return points


def count_covered(covered: NDArray[np.int64]) -> int:
    """Return how many 5 m cells have a point.

    Examples
    --------
    >>> count_covered(np.array([0b101, 0]))
    2
    """
    return int(np.unpackbits(covered.astype("<u4").view(np.uint8)).sum())


def find_blocks(place_m: Floats) -> Blocks:
    """Return the block of each coordinate, shape (n,): the block's edges in metres decide, never a quotient's rounding.

    Examples
    --------
    >>> find_blocks(np.array([-0.5, 0.0, 24.99, 25.0])).tolist()
    [-1, 0, 0, 1]
    """
    block = np.floor(place_m / BLOCK_M)
    block -= place_m < block * BLOCK_M
    block += place_m >= (block + 1.0) * BLOCK_M
    return block.astype(np.int64)


def _write_points(file: CatalogueFile, units: Units, points_at: Path, records_at: Path | None) -> _Runs:
    runs = _Runs()
    fields = ("intensity",) if "intensity" in file.cloud.fields else ()
    if records_at is not None:
        fields = (*fields, RECORD)
    with ExitStack() as stack:
        out = stack.enter_context(points_at.open("wb"))
        records = stack.enter_context(records_at.open("wb")) if records_at is not None else None
        for columns in stream_columns(file.cloud, chunk_points=CHUNK_POINTS, fields=fields):
            raw = to_raw(file.cloud, columns)
            points = _lay_down(file.path, raw, units, runs)
            out.write(points.data)
            if records is not None:
                records.write(raw.fields[RECORD].data)
            runs.starts.append(runs.starts[-1] + points.size)
            runs.firsts.append(runs.firsts[-1] + len(raw))
    return runs


def _lay_down(path: Path, raw: RawCloud, units: Units, runs: _Runs) -> NDArray[Any]:
    """Return a chunk's points sorted by block, and note its runs."""
    kept = np.flatnonzero(~raw.withheld & ~np.isin(raw.classification, _MAN_MADE))
    integers = raw.units[kept]
    x_m, y_m = units.metres(integers[:, 0], 0), units.metres(integers[:, 1], 1)
    limit = _MOST_BLOCK * BLOCK_M
    if kept.size and not (np.abs(x_m).max() < limit and np.abs(y_m).max() < limit):
        raise DecodeFailed(path, "its coordinates lie beyond any place on Earth")
    column, row = find_blocks(x_m), find_blocks(y_m)
    order = _sort_blocks(column, row)
    column, row = column[order], row[order]
    points = np.empty(kept.size, SPOOLED)
    for at, name in enumerate("xyz"):
        points[name] = integers[order, at]
    taken = kept[order]
    points["index"] = taken + runs.firsts[-1]
    points["classification"] = raw.classification[taken]
    points["return_number"] = raw.return_number[taken]
    points["number_of_returns"] = raw.number_of_returns[taken]
    points["intensity"] = raw.fields["intensity"][taken] if "intensity" in raw.fields else 0
    if kept.size:
        runs.intensity += [int(points["intensity"].min()), int(points["intensity"].max())]
        starts = np.flatnonzero(np.r_[True, (np.diff(column) != 0) | (np.diff(row) != 0)])
        cell = _find_cells(x_m[order], column) + _CELLS * _find_cells(y_m[order], row)
        runs.add(
            column=column[starts],
            row=row[starts],
            start=starts + runs.starts[-1],
            count=np.diff(np.r_[starts, kept.size]),
            first_count=np.add.reduceat((points["return_number"] <= 1).astype(np.int64), starts),
            covered=np.bitwise_or.reduceat(np.int64(1) << cell, starts),
        )
    return points


def _sort_blocks(column: Blocks, row: Blocks) -> NDArray[np.int64]:
    """Return the order by row and column of blocks, equal ones in their order."""
    if not column.size:
        return np.empty(0, dtype=np.int64)
    width = int(np.ptp(column)) + 1
    # Numbers of 16 bits are sorted in one pass over the points.
    if width * (int(np.ptp(row)) + 1) < 1 << 16:
        small = ((row - row.min()) * width + column - column.min()).astype(np.uint16)
        return np.argsort(small, kind="stable")
    return np.lexsort((column, row))


def _find_cells(place_m: Floats, block: Blocks) -> NDArray[np.int64]:
    """Return the 5 m cell of each coordinate within its block, 0 to 4."""
    inside: NDArray[np.int64] = np.floor((place_m - block * BLOCK_M) / CELL_M).astype(np.int64)
    return np.clip(inside, 0, _CELLS - 1)
