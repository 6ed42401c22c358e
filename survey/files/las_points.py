"""Decoding the points of a LAS, LAZ or COPC file, in the process that `survey.files.decode_worker` runs."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import lazrs
import numpy as np

from survey.files.decode_job import RECORD, DecodeJob
from survey.files.laz_layers import select_layers
from survey.files.point_layout import Columns, Records, read_columns


def decode(job: DecodeJob) -> Iterator[tuple[int, Columns]]:
    """Yield how many points were decoded, and their columns.

    ``details``: ``points_at``, ``point_format``, ``point_bytes``; ``laszip`` (base64, empty where not compressed);
    ``nodes``: offset, bytes, points, first index, west, south, east and north of each chunk to decode, and ``margin``
    that its points may lie outside; absent for the whole file.
    """
    with Path(job.path).open("rb") as file:
        if job.details.get("nodes") is not None:
            steps = _read_nodes(file, job)
        elif job.details["laszip"]:
            steps = _read_compressed(file, job)
        else:
            steps = _read_plain(file, job)
        for records, index in steps:
            columns = read_columns(records, int(job.details["point_format"]), job.fields)
            if RECORD in job.fields:
                columns[RECORD] = records
            if "index" in job.fields:
                columns["index"] = index
            yield records.shape[0], columns


def _read_plain(file: BinaryIO, job: DecodeJob) -> Iterator[tuple[Records, Any]]:
    size = int(job.details["point_bytes"])
    file.seek(int(job.details["points_at"]))
    for start, count in _steps(job):
        raw = file.read(count * size)
        records = np.frombuffer(raw, np.uint8, len(raw) // size * size).reshape(-1, size)
        yield records, np.arange(start, start + records.shape[0])
        if records.shape[0] < count:
            return


def _read_compressed(file: BinaryIO, job: DecodeJob) -> Iterator[tuple[Records, Any]]:
    size = int(job.details["point_bytes"])
    file.seek(int(job.details["points_at"]))
    decompressor = lazrs.LasZipDecompressor(file, base64.b64decode(job.details["laszip"]), select_layers(job.fields))
    buffer = np.empty(min(job.chunk_points, job.point_count) * size, np.uint8)
    for start, count in _steps(job):
        part = buffer[: count * size]
        decompressor.decompress_many(part)
        yield part.reshape(-1, size), np.arange(start, start + count)


def _read_nodes(file: BinaryIO, job: DecodeJob) -> Iterator[tuple[Records, Any]]:
    """Yield the points of an octree's nodes, several together until a chunk is full."""
    size = int(job.details["point_bytes"])
    laszip = base64.b64decode(job.details["laszip"])
    for group in _group(job.details["nodes"], job.chunk_points):
        count = sum(node[2] for node in group)
        buffer = np.empty(count * size, np.uint8)
        at = 0
        for offset, length, points, _, *edges in group:
            file.seek(offset)
            part = buffer[at * size : (at + points) * size]
            lazrs.decompress_points_with_chunk_table(
                file.read(length), laszip, part, [(points, length)], select_layers(job.fields)
            )
            _check_node(part.reshape(-1, size), edges, job)
            at += points
        index = np.concatenate([np.arange(node[3], node[3] + node[2]) for node in group])
        yield buffer.reshape(-1, size), index


def _check_node(records: Records, edges: list[float], job: DecodeJob) -> None:
    """Check that points lie in their cube: where they do not, others are missing from the window."""
    margin = job.details["margin"]
    units = records[:, :8].copy().view("<i4")
    for axis in (0, 1):
        place = units[:, axis] * job.scale[axis] + job.offset[axis]
        if place.min() < edges[axis] - margin or place.max() > edges[axis + 2] + margin:
            reason = "points lie outside of their node of the octree; read the file whole, or build the octree again"
            raise ValueError(reason)


def _group(nodes: list[list[Any]], most: int) -> Iterator[list[list[Any]]]:
    group: list[list[Any]] = []
    held = 0
    for node in nodes:
        if group and held + node[2] > most:
            yield group
            group, held = [], 0
        group.append(node)
        held += node[2]
    if group:
        yield group


def _steps(job: DecodeJob) -> Iterator[tuple[int, int]]:
    for start in range(0, job.point_count, job.chunk_points):
        yield start, min(job.chunk_points, job.point_count - start)
