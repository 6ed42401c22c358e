"""Frames of columns: what a decoding process sends of files whose points it takes apart itself."""

import importlib
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from survey.files.decode_job import FRAME, POINTS, RECORD, DecodeJob
from survey.files.point_layout import BASE, DTYPES, Columns

DECODERS: Final = {
    "las": "survey.files.las_points",
    "e57": "survey.files.e57_points",
    "ply": "survey.files.ply_points",
}
"""Module of each kind; only what is needed is loaded, as the library for E57 takes longer than a small cloud."""


def list_columns(job: DecodeJob) -> list[tuple[str, np.dtype[Any]]]:
    """Return name and type of each column of a job's frames, in order."""
    names = () if job.kind == "raw" else (*BASE, *(name for name in job.fields if name != RECORD))
    columns = [(name, DTYPES[name]) for name in names]
    if job.kind == "raw" or RECORD in job.fields:
        columns.append((RECORD, np.dtype(("u1", (int(job.details["point_bytes"]),)))))
    return columns


def send(job: DecodeJob, write: Callable[[bytes | memoryview], None]) -> None:
    """Decode a file and write its frames of points."""
    columns = list_columns(job)
    decoder = importlib.import_module(DECODERS[job.kind])
    for decoded, found in decoder.decode(job):
        for count, part in _split(decoded, _keep_window(job, found), job.chunk_points):
            sent = int(part["units"].shape[0])
            write(FRAME.pack(POINTS, sent, count))
            if sent:
                for name, kind in columns:
                    write(np.ascontiguousarray(part[name], dtype=kind.base).data.cast("B"))


def _keep_window(job: DecodeJob, found: Columns) -> Columns:
    if job.window is None:
        return found
    keep = np.ones(found["units"].shape[0], dtype=np.bool_)
    for axis in (0, 1):
        place = found["units"][:, axis] * job.scale[axis] + job.offset[axis]
        keep &= (place >= job.window[axis]) & (place < job.window[axis + 2])
    return {name: values[keep] for name, values in found.items()}


def _split(decoded: int, found: Columns, most: int) -> Iterator[tuple[int, Columns]]:
    """Yield parts of at most `most` points; the first carries the count of those decoded."""
    sent = found["units"].shape[0]
    yield decoded, {name: values[:most] for name, values in found.items()}
    for start in range(most, sent, most):
        yield 0, {name: values[start : start + most] for name, values in found.items()}
