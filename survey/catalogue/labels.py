"""A job: a copy of one file whose points carry the number of their tree."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.catalogue.numbering import Numbering, find_numbers, read_numbering, translate_ids
from survey.catalogue.plan import Tile
from survey.catalogue.spool import BLOCK_M, iterate_records, read_index, read_run, records_path
from survey.catalogue.store import read_arrays
from survey.catalogue.window import CoreValues
from survey.files.clouds import open_cloud
from survey.files.labelled import Labels, label_points, label_records


@dataclass(frozen=True, slots=True)
class LabelJob:
    """One file to label.

    Attributes
    ----------
    path
        Of the file.
    key
        Of the file in its index and in outcomes.
    index
        Of its spooled points.
    tiles
        Tiles that have points of it, with their outcomes; of others all points are without a tree.
    files
        Keys of the catalogue's files.
    numbering
        Of all trees.
    outcome
        Where the copy goes; compressed if it ends with ``.laz``.
    """

    path: Path
    key: str
    index: Path
    tiles: tuple[tuple[Tile, Path], ...]
    files: tuple[str, ...]
    numbering: Path
    outcome: Path


def label_file(job: LabelJob) -> None:
    """Write the copy.

    Raises
    ------
    SurveyError
        When the file cannot be decoded again, or cannot carry labels.
    """
    job.outcome.parent.mkdir(parents=True, exist_ok=True)
    cloud, labels = open_cloud(job.path), iterate_labels(job)
    # A run that wanted no labels has kept no records.
    if cloud.header is not None and records_path(job.index).exists():
        label_records(cloud, iterate_records(job.index, cloud.header.point_bytes), labels, job.outcome)
    else:
        label_points(cloud, labels, job.outcome)


def iterate_labels(job: LabelJob) -> Iterator[Labels]:
    """Yield the numbers of the trees of a file's points in its order, 0 for none, chunk by chunk."""
    index = read_index(job.index)
    tiles = _Tiles(job, read_numbering(job.numbering))
    for chunk in range(index.chunk_start.size - 1):
        first, end = index.chunk_start[chunk], index.chunk_start[chunk + 1]
        from_point, to_point = index.chunk_first[chunk], index.chunk_first[chunk + 1]
        labels = np.zeros(int(to_point - from_point), dtype=np.uint32)
        places = read_run(job.index, int(first), int(end - first))["index"] - np.uint32(from_point)
        for run in np.flatnonzero((index.start >= first) & (index.start < end)).tolist():
            start, count = int(index.start[run]), int(index.count[run])
            found = tiles.find(int(index.column[run]), int(index.row[run]), start, count)
            if found is not None:
                labels[places[start - first : start - first + count]] = found
        yield labels


class _Tiles:
    """Numbers of trees by the run, from the tiles that were asked for so far."""

    def __init__(self, job: LabelJob, numbering: Numbering) -> None:
        self._key = job.key
        self._files: Sequence[str] = job.files
        self._numbering = numbering
        self._paths = {(tile.column, tile.row): path for tile, path in job.tiles}
        self._many = int(job.tiles[0][0].side_m / BLOCK_M) if job.tiles else 1
        self._open: dict[tuple[int, int], tuple[CoreValues, NDArray[np.uint32]]] = {}

    def find(self, column: int, row: int, start: int, count: int) -> NDArray[Any] | None:
        """Return the numbers of a run's points; none where its tile failed."""
        place = column // self._many, row // self._many
        if place not in self._paths:
            return None
        if place not in self._open:
            self._open[place] = self._read(self._paths[place])
        values, numbers = self._open[place]
        labels = values.find(self._key, start, count)
        return None if labels is None else numbers[labels]

    def _read(self, path: Path) -> tuple[CoreValues, NDArray[np.uint32]]:
        found = read_arrays(path, "owners", "files")
        owners = translate_ids(found["owners"], found["files"], self._files)
        return CoreValues(path), np.r_[np.uint32(0), find_numbers(self._numbering, owners)]
