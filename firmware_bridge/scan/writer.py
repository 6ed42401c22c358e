"""Placed points to LAZ 1.4, streamed: the file is there whole, with a true header, or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

import laspy
import numpy as np
from laspy.vlrs.known import WktCoordinateSystemVlr

from firmware_bridge.scan.driver import Floats, ScanPoints
from firmware_bridge.scan.errors import CannotWrite, OutOfFile
from firmware_bridge.scan.georeference import PlacedPoints, Target
from firmware_bridge.scan.gps_time import ADJUSTED_S, to_utc_s

SCALE_M: Final = 0.001
"""Steps of the stored integers: half the scanner's own 2 mm."""
_GRID_M: Final = 1_000.0
"""The offset is a whole kilometre, so that a neighbouring scan's file has the same or a plain one."""
_LARGEST: Final = 2**31 - 1
_ANGLE_DEG: Final = 0.006
"""Unit of a scan angle in point format 6 (LAS 1.4 R15, 2.6.7)."""
_INTENSITY: Final = 257
"""LAS asks for intensity over the whole 16 bits: 255 becomes 65,535."""

_MAX_NAME: Final = 32
"""Bytes of a system identifier."""


class ScanWriter:
    """Appends placed points to a LAZ stream: point format 6, adjusted standard GPS time, ring in the user data.

    Parameters
    ----------
    stream
        Where to write; must be able to seek, since the header is written again at the end.
    target
        CRS of the points.
    instrument
        Name of the scanner, kept in the header.
    source_id
        Of the scanner or flight line, 0 to 65,535.
    """

    def __init__(self, stream: BinaryIO, target: Target, *, instrument: str, source_id: int) -> None:
        self._disk, self._target, self._source_id = _Disk(stream), target, source_id
        self._instrument = instrument
        self._writer: laspy.LasWriter | None = None
        self.count = 0

    def write(self, points: ScanPoints, placed: PlacedPoints) -> None:
        """Append the placed ones of a driver's points.

        Raises
        ------
        OutOfFile
            A point lies too far from the first for the file's integers.
        """
        number = placed.easting_m.shape[0]
        if not number:
            return
        kept = placed.is_placed
        if self._writer is None:
            self._writer = self._open(placed, float(points.gps_s[kept][0]))
        header = self._writer.header
        record = laspy.ScaleAwarePointRecord.zeros(number, header=header)
        for axis, values in (("X", placed.easting_m), ("Y", placed.northing_m), ("Z", placed.height_m)):
            record[axis] = _scale(axis, values, float(header.offsets["XYZ".index(axis)]))
        record["intensity"] = points.intensity[kept].astype(np.uint16) * _INTENSITY
        record["return_number"] = points.return_number[kept]
        record["number_of_returns"] = points.returns[kept]
        record["scan_angle"] = np.round(placed.scan_angle_deg / _ANGLE_DEG).astype(np.int16)
        record["user_data"] = points.ring[kept]
        record["point_source_id"] = np.full(number, self._source_id, dtype=np.uint16)
        record["gps_time"] = points.gps_s[kept] - ADJUSTED_S
        with self._disk.telling():
            self._writer.write_points(record)
        self.count += number

    def finish(self) -> None:
        """Write what is buffered and the true header; nothing when no point came."""
        if self._writer is not None:
            with self._disk.telling():
                self._writer.close()

    def _open(self, placed: PlacedPoints, first_gps_s: float) -> laspy.LasWriter:
        header = laspy.LasHeader(version="1.4", point_format=6)
        header.scales = np.full(3, SCALE_M)
        first = (placed.easting_m[0], placed.northing_m[0], placed.height_m[0])
        header.offsets = np.array([np.floor(value / _GRID_M) * _GRID_M for value in first])
        header.vlrs.append(WktCoordinateSystemVlr(self._target.wkt))
        header.global_encoding.wkt = True
        header.global_encoding.gps_time_type = laspy.header.GpsTimeType.STANDARD
        header.file_source_id = self._source_id
        header.system_identifier = self._instrument[:_MAX_NAME]
        header.generating_software = "cec"
        header.creation_date = datetime.fromtimestamp(to_utc_s(first_gps_s), tz=UTC).date()
        # One thread: a board that records at the same time has no core to spare, and this is faster than scanners are.
        return laspy.LasWriter(self._disk, header, do_compress=True, laz_backend=laspy.LazBackend.Lazrs, closefd=False)


class _Disk:
    """A stream that remembers why it failed: the compressor swallows the disk's own words."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._failure: OSError | None = None
        self.seek, self.tell, self.flush = stream.seek, stream.tell, stream.flush

    def write(self, raw: bytes) -> int:
        try:
            return self._stream.write(raw)
        except OSError as error:
            self._failure = error
            raise

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Raise the disk's failure in place of what the block made of it."""
        try:
            yield
        except Exception as error:
            if self._failure is None or error is self._failure:
                raise
            raise self._failure from error


def _scale(axis: str, values: Floats, offset: float) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    scaled = np.round((values - offset) / SCALE_M)
    worst = int(np.argmax(np.abs(scaled)))
    if abs(scaled[worst]) > _LARGEST:
        raise OutOfFile(axis, float(values[worst]))
    return scaled.astype(np.int32)


@contextmanager
def open_whole(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes its name only when the block ends well: synced, then renamed.

    Whatever fails, the power too, the name then holds what it held before.
    """
    part = path.with_name(path.name + ".part")
    try:
        part.unlink(missing_ok=True)
        with part.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise CannotWrite(path, error.strerror or str(error)) from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
