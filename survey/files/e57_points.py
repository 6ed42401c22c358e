"""Decoding the scans of an E57 file into one frame, in the process that `survey.files.decode_worker` runs."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pye57
from numpy.typing import NDArray
from pye57 import libe57

from survey.cloud import Floats
from survey.files.decode_job import DecodeJob
from survey.files.fixed_units import to_columns
from survey.files.point_layout import Columns

_CARTESIAN = ("cartesianX", "cartesianY", "cartesianZ")
_SPHERICAL = ("sphericalRange", "sphericalAzimuth", "sphericalElevation")
_MOST_AT_ONCE = 100_000
"""Points that are converted together: doubles of half a million would take 80 MB."""
_FULL = 65_535
"""Intensity of the strongest echo."""


def decode(job: DecodeJob) -> Iterator[tuple[int, Columns]]:
    """Yield how many points were decoded, and their columns.

    ``details``: ``scans``, each with the values of `survey.files.e57_header.E57Scan`.
    """
    file = pye57.E57(job.path)
    first = 0
    for number, scan in enumerate(job.details["scans"]):
        done = 0
        for values in _read_scan(file, number, scan, min(job.chunk_points, _MOST_AT_ONCE)):
            columns = _to_columns(job, scan, values)
            count = columns["units"].shape[0]
            if "index" in job.fields:
                columns["index"] = np.arange(first + done, first + done + count)
            done += count
            yield count, columns
        if done != scan["point_count"]:
            return
        first += done
    file.close()


def rotate(quaternion: tuple[float, float, float, float]) -> Floats:
    """Return the matrix of a unit quaternion w, x, y, z, shape (3, 3).

    Examples
    --------
    >>> rotate((0.0, 0.0, 0.0, 1.0)).tolist()
    [[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    w, x, y, z = quaternion
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def _read_scan(file: Any, number: int, scan: dict[str, Any], most: int) -> Iterator[dict[str, NDArray[Any]]]:
    """Yield the values of up to `most` points at a time."""
    known = scan["fields"]
    wanted = list(_CARTESIAN if set(_CARTESIAN) <= set(known) else _SPHERICAL)
    wanted += [name for name in ("cartesianInvalidState", "sphericalInvalidState", "intensity") if name in known]
    buffers = libe57.VectorSourceDestBuffer()
    held: dict[str, NDArray[Any]] = {}
    for name in wanted:
        held[name] = np.empty(most, np.int8 if name.endswith("State") else np.float64)
        buffers.append(libe57.SourceDestBuffer(file.image_file, name, held[name], most, True, True))  # noqa: FBT003 - as the library names them: convert, scale
    reader = file.get_header(number).points.reader(buffers)
    while count := reader.read():
        yield {name: values[:count].copy() for name, values in held.items()}
    reader.close()


def _to_columns(job: DecodeJob, scan: dict[str, Any], values: dict[str, NDArray[Any]]) -> Columns:
    own = _to_cartesian(values)
    for name in ("cartesianInvalidState", "sphericalInvalidState"):
        if name in values:
            own[values[name] != 0] = np.nan
    columns = to_columns(job, own @ rotate(scan["rotation"]).T + np.array(scan["translation"]))
    if "intensity" in job.fields:
        least, greatest = scan["intensity"]
        share = (values.get("intensity", np.zeros(own.shape[0])) - least) / (greatest - least)
        columns["intensity"] = np.rint(np.clip(np.nan_to_num(share), 0.0, 1.0) * _FULL).astype("<u2")
    return columns


def _to_cartesian(values: dict[str, NDArray[Any]]) -> Floats:
    """Return positions in the scan's own frame, shape (n, 3); E2807, 5.3.2: the elevation counts from the horizon."""
    if _CARTESIAN[0] in values:
        return np.stack([values[name] for name in _CARTESIAN], axis=1)
    distance, azimuth, elevation = (values[name] for name in _SPHERICAL)
    flat = distance * np.cos(elevation)
    return np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), distance * np.sin(elevation)], axis=1)
