"""Where each dimension stands in a point of a LAS file, and what a reader asks of it.

ASPRS LAS 1.4 R15, tables 7 to 17.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Columns = dict[str, NDArray[Any]]
Records = NDArray[np.uint8]
"""Points as they stand, shape (n, point_bytes)."""

BASE: Final = ("units", "classification", "return_number", "number_of_returns", "withheld")
"""What each stream carries."""
DTYPES: Final = {
    "units": np.dtype(("<i4", (3,))),
    "classification": np.dtype("u1"),
    "return_number": np.dtype("u1"),
    "number_of_returns": np.dtype("u1"),
    "withheld": np.dtype("u1"),
    "intensity": np.dtype("<u2"),
    "user_data": np.dtype("u1"),
    "scan_angle_deg": np.dtype("<f4"),
    "point_source_id": np.dtype("<u2"),
    "gps_time": np.dtype("<f8"),
    "red": np.dtype("<u2"),
    "green": np.dtype("<u2"),
    "blue": np.dtype("<u2"),
    "nir": np.dtype("<u2"),
    "index": np.dtype("<i8"),
}
"""Type of each column in a stream; ``index`` is the point's place in the file, from 0."""
_FIRST_OF_14: Final = 6
_GPS_AT: Final = {1: 20, 3: 20, 4: 20, 5: 20, 6: 22, 7: 22, 8: 22, 9: 22, 10: 22}
_RGB_AT: Final = {2: 20, 3: 28, 5: 28, 7: 30, 8: 30, 10: 30}
_NIR_AT: Final = {8: 36, 10: 36}
_ANGLE_14: Final = np.float32(0.006)
"""Degrees of a unit (table 15)."""


def list_fields(point_format: int) -> tuple[str, ...]:
    """Return the further dimensions that points of a format have.

    Examples
    --------
    >>> list_fields(0)
    ('intensity', 'user_data', 'scan_angle_deg', 'point_source_id', 'index')
    """
    found = ["intensity", "user_data", "scan_angle_deg", "point_source_id"]
    found += ["gps_time"] if point_format in _GPS_AT else []
    found += ["red", "green", "blue"] if point_format in _RGB_AT else []
    found += ["nir"] if point_format in _NIR_AT else []
    return (*found, "index")


def read_columns(records: Records, point_format: int, fields: tuple[str, ...]) -> Columns:
    """Return the base columns and the asked ones of points, without ``index`` and ``record``.

    Parameters
    ----------
    records
        Points, shape (n, point_bytes), C order.
    point_format
        0 to 10.
    fields
        Of `list_fields`.
    """
    columns: Columns = {"units": _take(records, 0, "<i4", 3)}
    columns |= _read_flags_14(records) if point_format >= _FIRST_OF_14 else _read_flags_10(records)
    for name in fields:
        if name not in {"index", "record"}:
            columns[name] = _READERS[name](records, point_format)
    return columns


def _take(records: Records, at: int, form: str, count: int = 1) -> NDArray[Any]:
    """Return one dimension, or `count` neighbours as the columns of a matrix, in an array of its own."""
    kind = np.dtype(form)
    shape = (records.shape[0], count) if count > 1 else (records.shape[0],)
    strides = (records.strides[0], kind.itemsize) if count > 1 else (records.strides[0],)
    view: NDArray[Any] = np.ndarray(shape, kind, records.data, at, strides)
    return view.copy()


def _read_flags_10(records: Records) -> Columns:
    flags, kind = records[:, 14], records[:, 15]
    return {
        "classification": kind & 0x1F,
        "return_number": flags & 0x07,
        "number_of_returns": (flags >> 3) & 0x07,
        "withheld": kind >> 7,
    }


def _read_flags_14(records: Records) -> Columns:
    returns, flags = records[:, 14], records[:, 15]
    return {
        "classification": records[:, 16].copy(),
        "return_number": returns & 0x0F,
        "number_of_returns": returns >> 4,
        "withheld": (flags >> 2) & 1,
    }


def _read_angle(records: Records, point_format: int) -> NDArray[Any]:
    if point_format >= _FIRST_OF_14:
        scaled: NDArray[Any] = _take(records, 18, "<i2") * _ANGLE_14
        return scaled
    return _take(records, 16, "i1").astype("<f4")


_READERS: Final[dict[str, Callable[[Records, int], NDArray[Any]]]] = {
    "intensity": lambda records, _: _take(records, 12, "<u2"),
    "user_data": lambda records, _: _take(records, 17, "u1"),
    "scan_angle_deg": _read_angle,
    "point_source_id": lambda records, form: _take(records, 20 if form >= _FIRST_OF_14 else 18, "<u2"),
    "gps_time": lambda records, form: _take(records, _GPS_AT[form], "<f8"),
    "red": lambda records, form: _take(records, _RGB_AT[form], "<u2"),
    "green": lambda records, form: _take(records, _RGB_AT[form] + 2, "<u2"),
    "blue": lambda records, form: _take(records, _RGB_AT[form] + 4, "<u2"),
    "nir": lambda records, form: _take(records, _NIR_AT[form], "<u2"),
}
