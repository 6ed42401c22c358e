"""Reading untrusted LAS and LAZ, and writing LAZ."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import laspy
import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from survey.cloud import RawCloud
from survey.errors import CloudTooLarge, DecodeFailed, InvalidCloudFile
from survey.files.clouds import CloudFile, describe_las, stream_columns, to_raw
from survey.files.errors import MissingField
from survey.files.las_header import LasHeader, read_header
from survey.files.point_layout import BASE, DTYPES
from survey.files.whole_file import whole_file

MAX_WHOLE_POINTS: Final = 60_000_000
"""Points of one file that is read at once: 3 GB of memory at 50 bytes each; larger flights come as tiles."""
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


def read_las(path: Path, *, fields: tuple[str, ...] = ()) -> LasFile:
    """Return a LAS, LAZ or COPC file's header and points.

    Parameters
    ----------
    path
        An untrusted file.
    fields
        Of `CloudFile.fields`: returned in `RawCloud.fields`.

    Raises
    ------
    InvalidCloudFile
        When it breaks a limit, cannot be decoded in time, or holds fewer points than it promises.
    """
    try:
        header = read_header(path)
    except OSError as error:
        raise DecodeFailed(path, error.strerror or str(error)) from error
    cloud = describe_las(path, header)
    return LasFile(header, read_whole(cloud, fields=fields), header.warnings)


def read_whole(cloud: CloudFile, *, fields: tuple[str, ...] = ()) -> RawCloud:
    """Return all points of a cloud at once.

    Parameters
    ----------
    cloud
        Of `survey.files.clouds.open_cloud`.
    fields
        Of `CloudFile.fields`: returned in `RawCloud.fields`.

    Raises
    ------
    CloudTooLarge
        When there are more than fit.
    InvalidCloudFile
        When they cannot be decoded in time, or are fewer than promised.
    """
    if cloud.point_count > MAX_WHOLE_POINTS:
        raise CloudTooLarge("points", cloud.point_count, MAX_WHOLE_POINTS)
    for name in fields:
        if name not in cloud.fields:
            raise MissingField(cloud.path, name, cloud.fields)
    names = [(name, DTYPES[name]) for name in (*BASE, *fields)]
    whole = {name: np.empty((cloud.point_count, *kind.shape), kind.base) for name, kind in names}
    at = 0
    for columns in stream_columns(cloud, fields=fields):
        count = columns["units"].shape[0]
        for name, _ in names:
            whole[name][at : at + count] = columns[name]
        at += count
    return to_raw(cloud, whole)


def write_cloud(path: Path, cloud: CloudArrays, *, epsg: int) -> None:
    """Write points as LAZ (LAS 1.4, point format 6) with their CRS as WKT; the same points give the same bytes.

    Parameters
    ----------
    path
        Where; written whole or not at all. An existing file is replaced.
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
    with whole_file(path) as part:
        las.write(part, do_compress=True)


def _fill(las: Any, cloud: CloudArrays) -> None:
    las.x, las.y, las.z = cloud.x_m, cloud.y_m, cloud.z_m
    las.intensity = cloud.intensity
    las.return_number = cloud.return_number
    las.number_of_returns = cloud.number_of_returns
    las.classification = cloud.classification
    las.scan_angle = np.round(cloud.scan_angle / _ANGLE_UNIT).astype(np.int16)
    las.gps_time = cloud.gps_time
    las.point_source_id = cloud.point_source_id
