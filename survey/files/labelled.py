"""The cloud again, each point with the tree that it belongs to.

All other dimensions, records and the CRS stay as they are, byte by byte; only a COPC file's octree is left out, as it
would no longer fit (`survey.files.copc` builds one). Points keep their order.
"""

import struct
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import lazrs
import numpy as np
from numpy.typing import NDArray

from survey.files.clouds import CloudFile, stream_columns
from survey.files.decode_job import RECORD
from survey.files.decoder import Decoder
from survey.files.errors import LabelsMismatch, NotConvertible
from survey.files.las_header import WAVEFORM_FORMATS, LasHeader
from survey.files.las_records import (
    EVLR,
    EXTRA_RECORD,
    SPEC_USER,
    STANDARD_BYTES,
    VLR,
    LabelPlace,
    Record,
    list_evlrs,
    list_vlrs,
    place_label,
)
from survey.files.point_layout import Records
from survey.files.whole_file import whole_file

Labels = NDArray[np.uint32]
LABEL: Final = "treeID"
"""As lidR and others name it."""
_DESCRIPTION: Final = "tree of the point, 0: none"
_LASZIP_USER, _LASZIP_RECORD = b"laszip encoded", 22204
_COPC_USER: Final = b"copc"
_CHUNK_POINTS: Final = 500_000
_BLOCK: Final = 1 << 20
_COMPRESSED: Final = 0x80
_WAVEFORMS_AT, _EVLRS_AT = 227, 235
"""Offsets in the header (LAS 1.4 R15, table 3)."""
_SINCE_WAVEFORMS, _SINCE_EVLRS = (1, 3), (1, 4)


@dataclass(frozen=True, slots=True)
class _Copy:
    """What is written before the points, and what behind them."""

    head: bytearray
    place: LabelPlace
    laszip: Any
    tail: tuple[Record, ...]


class _Queue:
    """Labels in arrays of any lengths, taken in others."""

    def __init__(self, points: int, labels: Iterable[Labels]) -> None:
        self._points = points
        self._labels: Iterator[Labels] = iter(labels)
        self._held = np.empty(0, np.uint32)
        self._taken = 0

    def take(self, count: int) -> Labels:
        """Return the next ones."""
        parts, missing = [], count
        while missing:
            if not self._held.size:
                following = next(self._labels, None)
                if following is None:
                    raise LabelsMismatch(self._points, self._taken + count - missing)
                self._held = np.asarray(following, dtype=np.uint32).reshape(-1)
                continue
            parts.append(self._held[:missing])
            self._held = self._held[missing:]
            missing -= parts[-1].size
        self._taken += count
        return np.concatenate(parts)

    def end(self) -> None:
        """Check that there was one for each point, and none is left."""
        left = self._held.size + sum(int(np.size(labels)) for labels in self._labels)
        if left or self._taken != self._points:
            raise LabelsMismatch(self._points, self._taken + left)


def label_points(cloud: CloudFile, labels: Iterable[Labels], path: Path, *, decoder: Decoder | None = None) -> None:
    """Write a copy of a LAS, LAZ or COPC file whose points carry the tree that they belong to.

    Parameters
    ----------
    cloud
        Of `survey.files.clouds.open_cloud`; LAS, LAZ or COPC.
    labels
        One for each point in the file's order, 0 for no tree: arrays that follow each other, of any lengths.
    path
        Where; written whole or not at all. Compressed if it ends with ``.laz``.
    decoder
        A process that is already there, for many files after each other.

    Raises
    ------
    LabelsMismatch
        When there is not one label for each point.
    DimensionTaken
        When the cloud has a dimension ``treeID`` of another type.
    NotConvertible
        When the cloud is no LAS file, or cannot be stored so.
    InvalidCloudFile
        When its points cannot be decoded.
    """
    _check_form(cloud)
    with closing(stream_columns(cloud, chunk_points=_CHUNK_POINTS, fields=(RECORD,), decoder=decoder)) as streamed:
        label_records(cloud, (columns[RECORD] for columns in streamed), labels, path)


def label_records(cloud: CloudFile, records: Iterable[Records], labels: Iterable[Labels], path: Path) -> None:
    """Write what `label_points` writes, from points that were decoded before.

    Parameters
    ----------
    cloud
        Of `survey.files.clouds.open_cloud`; LAS, LAZ or COPC.
    records
        All its points as they stand in it, in its order: arrays that follow each other, of any lengths.
    labels, path
        As in `label_points`.

    Raises
    ------
    LabelsMismatch, DimensionTaken, NotConvertible
        As in `label_points`.
    """
    header = _check_form(cloud)
    with cloud.path.open("rb") as source, whole_file(path) as part, part.open("w+b") as out:
        copy = _prepare(cloud.path, source, header, is_compressed=path.suffix.lower() == ".laz")
        out.write(copy.head)
        _write_points(records, _Queue(cloud.point_count, labels), copy, out)
        _write_tail(source, header, copy, out)


def _check_form(cloud: CloudFile) -> LasHeader:
    if cloud.header is None:
        raise NotConvertible(cloud.path, "only LAS, LAZ and COPC carry labels; convert it to LAZ first")
    return cloud.header


def _prepare(path: Path, source: BinaryIO, header: LasHeader, *, is_compressed: bool) -> _Copy:
    """Return the new header and records; the offsets of what follows the points are not known yet."""
    vlrs, end = list_vlrs(source, header)
    described = b""
    kept: list[tuple[bytes, bytes]] = []
    for record in vlrs:
        source.seek(record.at)
        payload = source.read(record.length)
        if (record.user, record.number) == (SPEC_USER, EXTRA_RECORD):
            described = payload
        elif record.user != _COPC_USER and (record.user, record.number) != (_LASZIP_USER, _LASZIP_RECORD):
            kept.append((record.head, payload))
    place = place_label(path, header, described, LABEL, _DESCRIPTION)
    kept.append((VLR.pack(0, SPEC_USER, EXTRA_RECORD, len(place.payload), b"extra bytes"), place.payload))
    laszip = _describe_compression(path, header, place) if is_compressed else None
    if laszip is not None:
        payload = bytes(laszip.record_data())
        kept.append((VLR.pack(0, _LASZIP_USER, _LASZIP_RECORD, len(payload), b"laszip"), payload))
    source.seek(end)
    gap = source.read(header.points_at - end)
    source.seek(0)
    head = bytearray(source.read(header.header_bytes))
    records = b"".join(one + other for one, other in kept) + gap
    form = header.point_format | (_COMPRESSED if is_compressed else 0)
    struct.pack_into("<IIBH", head, 96, len(head) + len(records), len(kept), form, place.point_bytes)
    tail = tuple(record for record in list_evlrs(source, header) if record.user != _COPC_USER)
    return _Copy(head + records, place, laszip, tail)


def _describe_compression(path: Path, header: LasHeader, place: LabelPlace) -> Any:
    extra = place.point_bytes - STANDARD_BYTES[header.point_format]
    try:
        return lazrs.LazVlr.new_for_compression(header.point_format, extra)
    except lazrs.LazrsError as error:
        raise NotConvertible(path, f"it cannot be compressed ({error}); write it as .las") from error


def _write_points(streamed: Iterable[Records], queue: _Queue, copy: _Copy, out: BinaryIO) -> None:
    compressor = lazrs.LasZipCompressor(out, copy.laszip) if copy.laszip is not None else None
    at = copy.place.at
    for records in streamed:
        labelled = np.empty((records.shape[0], copy.place.point_bytes), np.uint8)
        labelled[:, : records.shape[1]] = records
        labelled[:, at : at + 4] = queue.take(records.shape[0]).astype("<u4").view(np.uint8).reshape(-1, 4)
        if compressor is not None:
            compressor.compress_many(labelled.reshape(-1))
        else:
            out.write(labelled.data)
    queue.end()
    if compressor is not None:
        compressor.done()
    out.seek(0, 2)


def _write_tail(source: BinaryIO, header: LasHeader, copy: _Copy, out: BinaryIO) -> None:
    """Copy the records behind the points, and set their offsets in the header."""
    waveforms_at = 0
    if header.version >= _SINCE_WAVEFORMS:
        (waveforms_at,) = struct.unpack_from("<Q", copy.head, _WAVEFORMS_AT)
    evlrs_at = out.tell()
    moved_to = 0
    for record in copy.tail:
        if record.at - EVLR.size == waveforms_at:
            moved_to = out.tell()
        out.write(record.head)
        _copy(source, record.at, record.length, out)
    if header.point_format in WAVEFORM_FORMATS and not moved_to and header.points_at < waveforms_at:
        # LAS 1.3 has one extended record, which no count announces.
        moved_to = out.tell()
        source.seek(0, 2)
        _copy(source, waveforms_at, max(source.tell() - waveforms_at, 0), out)
    if moved_to:
        out.seek(_WAVEFORMS_AT)
        out.write(struct.pack("<Q", moved_to))
    if header.version >= _SINCE_EVLRS:
        out.seek(_EVLRS_AT)
        out.write(struct.pack("<QI", evlrs_at if copy.tail else 0, len(copy.tail)))


def _copy(source: BinaryIO, at: int, length: int, out: BinaryIO) -> None:
    source.seek(at)
    while length > 0:
        block = source.read(min(length, _BLOCK))
        if not block:
            return
        out.write(block)
        length -= len(block)
