"""Reading untrusted LAS and LAZ, and writing LAZ."""

import datetime as dt
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import laspy
import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from survey.cloud import RawCloud
from survey.errors import DecodeFailed, DecodeTimedOut, InvalidCloudFile, ShortRead
from survey.files.decode_worker import POINT
from survey.files.las_header import LasHeader, read_header

_START_S: Final = 8.0
"""Starting an interpreter and its libraries, on a slow and busy machine."""
_POINTS_PER_S: Final = 100_000
"""A twentieth of what one core decodes (2 to 2.6 million points/s): slower is no longer decoding."""
_BASE_MEMORY: Final = 2 << 30
"""Address space of interpreter and libraries; most of it is never touched."""
_MEMORY_PER_BYTE: Final = 4
"""Decoders may hold the file a few times."""
_UNIT_M: Final = 0.001
"""Unit of written coordinates: finer than any scanner's error."""
_WRITTEN_FORMAT: Final = 6
_ANGLE_UNIT: Final = 0.006
"""Degrees (LAS 1.4 R15, table 15)."""


@dataclass(frozen=True, slots=True)
class LasFile:
    """A file's header and points.

    Attributes
    ----------
    header
        Checked.
    cloud
        Points, exactly as many as the header promises.
    warnings
        Oddities that did not hinder reading.
    """

    header: LasHeader
    cloud: RawCloud
    warnings: tuple[str, ...]


class CloudArrays(Protocol):
    """Points to be written, arrays of shape (n,)."""

    @property
    def x_m(self) -> NDArray[np.float64]:
        """Easting."""

    @property
    def y_m(self) -> NDArray[np.float64]:
        """Northing."""

    @property
    def z_m(self) -> NDArray[np.float64]:
        """Elevation."""

    @property
    def intensity(self) -> NDArray[np.uint16]:
        """Strength of the echo."""

    @property
    def return_number(self) -> NDArray[np.uint8]:
        """Which echo of its pulse, from 1."""

    @property
    def number_of_returns(self) -> NDArray[np.uint8]:
        """Of how many."""

    @property
    def classification(self) -> NDArray[np.uint8]:
        """ASPRS class."""

    @property
    def scan_angle(self) -> NDArray[np.float64]:
        """Degrees from nadir."""

    @property
    def gps_time(self) -> NDArray[np.float64]:
        """Adjusted standard GPS time, seconds."""

    @property
    def point_source_id(self) -> NDArray[np.uint16]:
        """Flight strip."""


def read_las(path: Path) -> LasFile:
    """Return a LAS or LAZ file's header and points.

    Parameters
    ----------
    path
        An untrusted file.

    Raises
    ------
    InvalidCloudFile
        When it breaks a limit, cannot be decoded in time, or holds fewer points than it promises.
    """
    try:
        header = read_header(path)
    except OSError as error:
        raise DecodeFailed(path, error.strerror or str(error)) from error
    if header.point_count == 0:
        return LasFile(header, _unpack(np.zeros(0, dtype=POINT), header), header.warnings)
    with tempfile.TemporaryDirectory(prefix="cec-decode-") as folder:
        target = Path(folder) / "points"
        decode_apart(path, target, compute_time_limit(header.point_count))
        points = np.fromfile(target, dtype=POINT)
    if points.size != header.point_count:
        raise ShortRead(path, header.point_count, int(points.size))
    return LasFile(header, _unpack(points, header), header.warnings)


def compute_time_limit(point_count: int) -> float:
    """Return the seconds within which that many points must be decoded.

    Examples
    --------
    >>> compute_time_limit(200_000)
    10.0
    """
    return _START_S + point_count / _POINTS_PER_S


def decode_apart(path: Path, target: Path, limit_s: float) -> None:
    """Decode a file's points into another in a process of its own, killed when it takes longer than `limit_s` seconds.

    Raises
    ------
    DecodeTimedOut
        When it was killed.
    DecodeFailed
        When the decoder refused the points or crashed.
    """
    memory = _BASE_MEMORY + _MEMORY_PER_BYTE * path.stat().st_size
    command = [sys.executable, "-m", "survey.files.decode_worker"]
    command += [str(path.absolute()), str(target), str(memory), str(int(limit_s) + 1)]
    root = Path(__file__).parents[2]
    try:
        done = subprocess.run(command, capture_output=True, timeout=limit_s, check=False, cwd=root)  # noqa: S603 - ours
    except subprocess.TimeoutExpired as error:
        raise DecodeTimedOut(path, limit_s) from error
    if done.returncode < 0:
        raise DecodeFailed(path, f"the decoder was ended by signal {-done.returncode}")
    if done.returncode > 0:
        raise DecodeFailed(path, done.stderr.decode("utf-8", "replace"))


def _unpack(points: NDArray[np.void], header: LasHeader) -> RawCloud:
    return RawCloud(
        units=np.ascontiguousarray(points["units"]),
        scale=header.scale,
        offset=header.offset,
        classification=points["classification"].copy(),
        return_number=points["return_number"].copy(),
        number_of_returns=points["number_of_returns"].copy(),
        withheld=points["withheld"] != 0,
    )


def write_cloud(path: Path, cloud: CloudArrays, *, epsg: int) -> None:
    """Write points as LAZ (LAS 1.4, point format 6) with their CRS as WKT; the same points give the same bytes.

    Parameters
    ----------
    path
        Where; an existing file is replaced.
    cloud
        Points; coordinates are rounded to millimetres.
    epsg
        Projected CRS of the coordinates.

    Raises
    ------
    InvalidCloudFile
        When there is no point, or coordinates span more than 32-bit millimetres.
    """
    axes = (cloud.x_m, cloud.y_m, cloud.z_m)
    if cloud.x_m.size == 0 or max(float(np.ptp(axis)) for axis in axes) / _UNIT_M >= np.iinfo(np.int32).max:
        raise InvalidCloudFile("Invalid cloud to write: it must have points, within 2,000 km")
    header = laspy.LasHeader(version="1.4", point_format=_WRITTEN_FORMAT)
    header.scales = np.full(3, _UNIT_M)
    header.offsets = np.array([np.floor(axis.min()) for axis in axes])
    header.add_crs(CRS.from_epsg(epsg))
    header.generating_software = "CEC survey"
    # The day of writing would make equal clouds differ; this is the first day of GPS time, read as "unknown".
    header.creation_date = dt.date(1980, 1, 6)
    las = laspy.LasData(header)
    _fill(las, cloud)
    las.write(path, do_compress=True)


def _fill(las: Any, cloud: CloudArrays) -> None:
    las.x, las.y, las.z = cloud.x_m, cloud.y_m, cloud.z_m
    las.intensity = cloud.intensity
    las.return_number = cloud.return_number
    las.number_of_returns = cloud.number_of_returns
    las.classification = cloud.classification
    las.scan_angle = np.round(cloud.scan_angle / _ANGLE_UNIT).astype(np.int16)
    las.gps_time = cloud.gps_time
    las.point_source_id = cloud.point_source_id
