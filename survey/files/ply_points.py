"""Decoding the vertices of a PLY file, in the process that `survey.files.decode_worker` runs."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from survey.files.decode_job import DecodeJob
from survey.files.fixed_units import to_columns
from survey.files.point_layout import Columns

_COLOUR_UNIT = 257
"""Of 16 bits in 8: 255 becomes 65,535."""


def decode(job: DecodeJob) -> Iterator[tuple[int, Columns]]:
    """Yield how many points were decoded, and their columns.

    ``details``: ``order``, ``points_at``, ``properties`` as in `survey.files.ply_header.PlyHeader`.
    """
    names = ("x", "y", "z", *(name for name in job.fields if name != "index"))
    with Path(job.path).open("rb") as file:
        file.seek(int(job.details["points_at"]))
        read = _read_text if job.details["order"] == "ascii" else _read_binary
        done = 0
        while done < job.point_count:
            wanted = min(job.chunk_points, job.point_count - done)
            values = read(file, job, wanted, names)
            count = int(values["x"].size)
            columns = to_columns(job, np.stack([values[axis] for axis in "xyz"], axis=1))
            for name in names[3:]:
                columns[name] = values[name].astype("<u2") * _COLOUR_UNIT
            if "index" in job.fields:
                columns["index"] = np.arange(done, done + count)
            yield count, columns
            if count < wanted:
                return
            done += count


def _read_binary(file: BinaryIO, job: DecodeJob, count: int, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    vertex = np.dtype([(name, job.details["order"] + kind) for name, kind in job.details["properties"]])
    raw = file.read(count * vertex.itemsize)
    vertices = np.frombuffer(raw, vertex, len(raw) // vertex.itemsize)
    return {name: vertices[name].astype(np.float64) for name in names}


def _read_text(file: BinaryIO, job: DecodeJob, count: int, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    known = [name for name, _ in job.details["properties"]]
    lines = [line.decode("ascii") for line in islice(file, count)]
    if not any(line.strip() for line in lines):
        return {name: np.empty(0) for name in names}
    places = [known.index(name) for name in names]
    values = np.loadtxt(lines, dtype=np.float64, comments=None, usecols=places, ndmin=2)
    return {name: values[:, at] for at, name in enumerate(names)}
