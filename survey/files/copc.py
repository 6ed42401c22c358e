"""A cloud as COPC 1.0 (copc.io): a LAZ file whose points stand in the nodes of an octree.

Points are decoded once into a scratch file beside the target, counted by cells, sorted by node within each chunk, and
gathered node by node, so that memory does not grow with the cloud. All dimensions and extra bytes are kept; points get
another order.
"""

import struct
import tempfile
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

import lazrs
import numpy as np
from numpy.typing import NDArray

from survey.cloud import Floats
from survey.files.clouds import CloudFile, stream_columns
from survey.files.copc_tree import ENTRY, INFO, MAX_NODE_POINTS
from survey.files.crs import CloudCrs, full_crs
from survey.files.decoder import Decoder
from survey.files.errors import NotConvertible
from survey.files.las_header import CRS_USER, WKT_RECORD
from survey.files.las_records import EVLR, EXTRA_RECORD, SPEC_USER, STANDARD_BYTES, VLR, list_vlrs
from survey.files.octree import (
    DEPTH,
    NODE_POINTS,
    Cells,
    OctreePlan,
    assign_levels,
    find_cells,
    parent_cells,
    plan_octree,
    unpack_cells,
)
from survey.files.point_layout import Records
from survey.files.records_14 import choose_format, list_needed, to_records
from survey.files.whole_file import whole_file

_CHUNK_POINTS: Final = 500_000
_HEADER: Final = struct.Struct("<4sHH16sBB32s32sHHHIIBHI5I12dQQIQ15Q")
_LEVEL_AT: Final = 3 * DEPTH
"""Bit of a node's number above which its level stands; below are its packed x, y and z."""
_WKT_BIT: Final = 1 << 4
_GPS_AT: Final = 22
_NO_DATE: Final = (6, 1980)
"""First day of GPS time: day of the year, year. The day of writing would make equal clouds differ."""


@dataclass(slots=True)
class _Facts:
    """What is learnt of the points while they are decoded."""

    count: int = 0
    lowest: NDArray[np.int64] = field(default_factory=lambda: np.full(3, np.iinfo(np.int64).max))
    highest: NDArray[np.int64] = field(default_factory=lambda: np.full(3, np.iinfo(np.int64).min))
    by_return: NDArray[np.int64] = field(default_factory=lambda: np.zeros(16, dtype=np.int64))
    gps_low: float = np.inf
    gps_high: float = -np.inf

    def note(self, records: Records) -> None:
        """Take in some points."""
        units = _units(records)
        self.count += units.shape[0]
        self.lowest = np.minimum(self.lowest, units.min(axis=0))
        self.highest = np.maximum(self.highest, units.max(axis=0))
        self.by_return += np.bincount(records[:, 14] & 0x0F, minlength=16)
        gps = np.ascontiguousarray(records[:, _GPS_AT : _GPS_AT + 8]).view("<f8")
        known = gps[np.isfinite(gps)]
        if known.size:
            self.gps_low, self.gps_high = min(self.gps_low, known.min()), max(self.gps_high, known.max())


@dataclass(frozen=True, slots=True)
class _Cube:
    """The root's cube in the file's unit, and what turns units into it."""

    least: Floats
    side: float
    scale: Floats
    offset: Floats

    def cells(self, records: Records) -> Cells:
        """Return the finest cell of each point."""
        return find_cells(_units(records) * self.scale + self.offset, self.least, self.side)


@dataclass(frozen=True, slots=True)
class _Scratch:
    """Points on the disk, `width` bytes each."""

    file: BinaryIO
    width: int
    count: int

    def read(self, start: int, count: int) -> Records:
        """Return points from `start` on."""
        self.file.seek(start * self.width)
        return np.frombuffer(self.file.read(count * self.width), np.uint8).reshape(-1, self.width)

    def write(self, start: int, records: Records) -> None:
        """Store points from `start` on."""
        self.file.seek(start * self.width)
        self.file.write(np.ascontiguousarray(records).data)

    def steps(self) -> list[tuple[int, int]]:
        """Return start and length of each chunk."""
        return [(start, min(_CHUNK_POINTS, self.count - start)) for start in range(0, self.count, _CHUNK_POINTS)]


_Runs = dict[int, list[tuple[int, int]]]
"""Where the points of each node stand in the scratch file: start and count."""


def write_copc(cloud: CloudFile, path: Path, *, crs: CloudCrs, decoder: Decoder | None = None) -> None:
    """Write a cloud as COPC, in its own unit.

    Parameters
    ----------
    cloud
        Of `survey.files.clouds.open_cloud`, any format.
    path
        Where; written whole or not at all. It should end with ``.copc.laz``.
    crs
        Of the cloud; a local frame is stored without CRS.
    decoder
        A process that is already there, for many files after each other.

    Raises
    ------
    NotConvertible
        When there is no point, points have waveforms, or millions of them stand in one place.
    InvalidCloudFile
        When its points cannot be decoded.
    """
    form = choose_format(cloud)
    with (
        tempfile.TemporaryDirectory(prefix=".copc-", dir=path.parent) as folder,
        (Path(folder) / "points").open("w+b") as file,
    ):
        scratch, facts = _decode(cloud, file, decoder)
        cube = _place_cube(cloud, facts)
        runs = _sort(scratch, cube, _count(scratch, cube))
        if max(sum(count for _, count in parts) for parts in runs.values()) > MAX_NODE_POINTS:
            raise NotConvertible(cloud.path, "millions of its points stand in one place; thin it first")
        with whole_file(path) as part, part.open("w+b") as out:
            _write(out, _Source(cloud, crs, form, facts, cube), scratch, runs)


@dataclass(frozen=True, slots=True)
class _Source:
    """What the header says."""

    cloud: CloudFile
    crs: CloudCrs
    point_format: int
    facts: _Facts
    cube: _Cube


def _decode(cloud: CloudFile, file: BinaryIO, decoder: Decoder | None) -> tuple[_Scratch, _Facts]:
    facts = _Facts()
    width = STANDARD_BYTES[choose_format(cloud)]
    needed = list_needed(cloud)
    with closing(stream_columns(cloud, chunk_points=_CHUNK_POINTS, fields=needed, decoder=decoder)) as streamed:
        for columns in streamed:
            records = to_records(cloud, columns)
            facts.note(records)
            file.write(np.ascontiguousarray(records).data)
            width = records.shape[1]
    if not facts.count:
        raise NotConvertible(cloud.path, "it has no points")
    return _Scratch(file, width, facts.count), facts


def _place_cube(cloud: CloudFile, facts: _Facts) -> _Cube:
    scale, offset = np.array(cloud.scale), np.array(cloud.offset)
    low, high = facts.lowest * scale + offset, facts.highest * scale + offset
    # The specification only asks that the cube holds all points. copclib takes its corner for the lowest point and its
    # side for the longest extent, without looking at the cube; so it is put there.
    side = max(float((high - low).max()), float(scale.max()))
    return _Cube(low, side, scale, offset)


def _count(scratch: _Scratch, cube: _Cube) -> OctreePlan:
    cells, counts = np.empty(0, np.int64), np.empty(0, np.int64)
    for start, length in scratch.steps():
        found, number = np.unique(cube.cells(scratch.read(start, length)), return_counts=True)
        cells, place = np.unique(np.concatenate([cells, found]), return_inverse=True)
        counts = np.bincount(place, np.concatenate([counts, number])).astype(np.int64)
    return plan_octree(cells, counts)


def _sort(scratch: _Scratch, cube: _Cube, plan: OctreePlan) -> _Runs:
    """Sort each chunk of the scratch file by nodes, and return where their points stand."""
    runs: _Runs = {}
    for start, length in scratch.steps():
        records = scratch.read(start, length)
        cells = cube.cells(records)
        levels = assign_levels(plan, cells, np.arange(start, start + length))
        nodes = (levels << _LEVEL_AT) | parent_cells(cells, levels)
        order = np.argsort(nodes, kind="stable")
        scratch.write(start, records[order])
        found, first, number = np.unique(nodes[order], return_index=True, return_counts=True)
        for node, at, count in zip(found.tolist(), first.tolist(), number.tolist(), strict=True):
            runs.setdefault(node, []).append((start + at, count))
    return runs


def _write(out: BinaryIO, source: _Source, scratch: _Scratch, runs: _Runs) -> None:
    extra = scratch.width - STANDARD_BYTES[source.point_format]
    laszip = lazrs.LazVlr.new_for_compression(source.point_format, extra, use_variable_size_chunks=True)
    records = _make_vlrs(source, bytes(laszip.record_data()))
    points_at = _HEADER.size + sum(len(head) + len(payload) for head, payload in records)
    out.write(bytes(points_at))
    compressor = lazrs.LasZipCompressor(out, laszip)
    nodes = sorted(runs)
    for number, node in enumerate(nodes):
        if number:
            compressor.finish_current_chunk()
        gathered = np.concatenate([scratch.read(start, count) for start, count in runs[node]])
        compressor.compress_many(gathered.reshape(-1))
    compressor.done()
    out.seek(points_at)
    chunks = lazrs.read_chunk_table(out, laszip)
    evlrs_at = out.seek(0, 2)
    tree = _make_tree(nodes, chunks, points_at)
    out.write(EVLR.pack(0, b"copc", 1000, len(tree), b"octree") + tree)
    out.seek(0)
    out.write(_make_header(source, scratch.width, points_at, evlrs_at, len(records)))
    info = _make_info(source, evlrs_at + EVLR.size, len(tree))
    out.write(b"".join(head + payload for head, payload in [(records[0][0], info), *records[1:]]))
    out.seek(0, 2)


def _make_vlrs(source: _Source, laszip: bytes) -> list[tuple[bytes, bytes]]:
    """Return the records before the points; the first, of COPC, still without its values."""
    records = [
        (VLR.pack(0, b"copc", 1, INFO.size, b"COPC"), bytes(INFO.size)),
        (VLR.pack(0, b"laszip encoded", 22204, len(laszip), b"laszip"), laszip),
    ]
    if not source.crs.is_local:
        wkt = full_crs(source.crs).to_wkt("WKT1_GDAL").encode() + b"\0"
        records.append((VLR.pack(0, CRS_USER.encode(), WKT_RECORD, len(wkt), b"CRS"), wkt))
    header = source.cloud.header
    if header is not None:
        with source.cloud.path.open("rb") as file:
            for record in list_vlrs(file, header)[0]:
                if (record.user, record.number) == (SPEC_USER, EXTRA_RECORD):
                    file.seek(record.at)
                    records.append((record.head, file.read(record.length)))
    return records


def _make_tree(nodes: list[int], chunks: list[tuple[int, int]], points_at: int) -> bytes:
    """Return the octree as one page; parents that kept no point are in it too."""
    assert len(chunks) == len(nodes), "each node is a chunk"  # noqa: S101
    entries: dict[tuple[int, int, int, int], tuple[int, int, int]] = {}
    at = points_at + 8
    for node, (count, length) in zip(nodes, chunks, strict=True):
        x, y, z = (int(value) for value in unpack_cells(np.array(node & ((1 << _LEVEL_AT) - 1))))
        level = node >> _LEVEL_AT
        entries[level, x, y, z] = (at, length, count)
        at += length
        while level:
            level, x, y, z = level - 1, x >> 1, y >> 1, z >> 1
            entries.setdefault((level, x, y, z), (0, 0, 0))
    return b"".join(ENTRY.pack(*key, *entries[key]) for key in sorted(entries))


def _make_info(source: _Source, tree_at: int, tree_length: int) -> bytes:
    cube, facts = source.cube, source.facts
    half = cube.side / 2.0
    spacing = cube.side / NODE_POINTS**0.5
    gps = (facts.gps_low, facts.gps_high) if facts.gps_low <= facts.gps_high else (0.0, 0.0)
    return INFO.pack(*(cube.least + half), half, spacing, tree_at, tree_length, *gps, *([0] * 11))


def _make_header(source: _Source, width: int, points_at: int, evlrs_at: int, vlrs: int) -> bytes:
    cloud, facts, cube = source.cloud, source.facts, source.cube
    kept: Any = (0, b"", *_NO_DATE)
    encoding = 0
    if cloud.header is not None:
        with cloud.path.open("rb") as file:
            raw = file.read(94)
        encoding = struct.unpack_from("<H", raw, 6)[0] & 1
        kept = (struct.unpack_from("<H", raw, 4)[0], raw[26:58], *struct.unpack_from("<HH", raw, 90))
    low, high = facts.lowest * cube.scale + cube.offset, facts.highest * cube.scale + cube.offset
    bounds = [value for pair in zip(high.tolist(), low.tolist(), strict=True) for value in pair]
    return _HEADER.pack(
        *(b"LASF", kept[0], encoding | _WKT_BIT, bytes(16), 1, 4, kept[1], b"CEC survey", kept[2], kept[3]),
        *(_HEADER.size, points_at, vlrs, source.point_format | 0x80, width, *([0] * 6)),
        *(*cloud.scale, *cloud.offset, *bounds),
        *(0, evlrs_at, 1, facts.count, *facts.by_return[1:].tolist()),
    )


def _units(records: Records) -> NDArray[np.int64]:
    return np.ascontiguousarray(records[:, :12]).view("<i4").astype(np.int64)
