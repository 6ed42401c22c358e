"""Decoding a whole LAS or LAZ file into points as they stand, in the process that `survey.files.decode_worker` runs.

Nothing is loaded but the decoder: a process for one small file starts several times faster so. Columns are read at the
near end.
"""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import lazrs

from survey.files.decode_job import FRAME, POINTS, DecodeJob
from survey.files.laz_layers import select_layers


def send(job: DecodeJob, write: Callable[[bytes | memoryview], None]) -> None:
    """Decode a file and write its frames of points."""
    size = int(job.details["point_bytes"])
    with Path(job.path).open("rb") as file:
        file.seek(int(job.details["points_at"]))
        steps = _read_compressed(file, job, size) if job.details["laszip"] else _read_plain(file, job, size)
        for part in steps:
            count = len(part) // size
            write(FRAME.pack(POINTS, count, count))
            write(part)


def _read_plain(file: BinaryIO, job: DecodeJob, size: int) -> Iterator[memoryview]:
    for count in _steps(job):
        raw = memoryview(file.read(count * size))
        whole = len(raw) // size
        yield raw[: whole * size]
        if whole < count:
            return


def _read_compressed(file: BinaryIO, job: DecodeJob, size: int) -> Iterator[memoryview]:
    laszip = base64.b64decode(job.details["laszip"])
    decompressor = lazrs.LasZipDecompressor(file, laszip, select_layers(job.fields))
    buffer = memoryview(bytearray(min(job.chunk_points, job.point_count) * size))
    for count in _steps(job):
        decompressor.decompress_many(buffer[: count * size])
        yield buffer[: count * size]


def _steps(job: DecodeJob) -> Iterator[int]:
    for start in range(0, job.point_count, job.chunk_points):
        yield min(job.chunk_points, job.point_count - start)
