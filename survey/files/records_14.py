"""Points of any cloud as records of LAS 1.4: the formats 6, 7 and 8, which COPC takes.

ASPRS LAS 1.4 R15, tables 7 to 15; extra bytes follow as they are.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from survey.files.clouds import CloudFile
from survey.files.errors import NotConvertible
from survey.files.las_records import STANDARD_BYTES
from survey.files.point_layout import Columns, Records

FIRST_OF_14: Final = 6
_TARGET: Final = {0: 6, 1: 6, 2: 7, 3: 7, 6: 6, 7: 7, 8: 8}
_ANGLE_UNIT: Final = 0.006
"""Degrees (table 15)."""


def choose_format(cloud: CloudFile) -> int:
    """Return the point format of LAS 1.4 that holds all of a cloud's dimensions.

    Raises
    ------
    NotConvertible
        When points have waveforms.
    """
    if cloud.header is None:
        return 7 if "red" in cloud.fields else 6
    found = _TARGET.get(cloud.header.point_format)
    if found is None:
        raise NotConvertible(cloud.path, f"points of format {cloud.header.point_format} have waveforms, COPC has none")
    return found


def list_needed(cloud: CloudFile) -> tuple[str, ...]:
    """Return the columns of a stream that `to_records` needs."""
    if cloud.header is not None:
        return ("record",)
    return tuple(name for name in cloud.fields if name != "index")


def to_records(cloud: CloudFile, columns: Columns) -> Records:
    """Return points as records of `choose_format`, extra bytes behind, shape (n, bytes)."""
    target = choose_format(cloud)
    if cloud.header is None:
        return _from_columns(columns, target)
    source = cloud.header.point_format
    records: Records = columns["record"]
    if source >= FIRST_OF_14:
        return records
    return _from_old(records, source, target)


def _from_columns(columns: Columns, target: int) -> Records:
    records = np.zeros((columns["units"].shape[0], STANDARD_BYTES[target]), np.uint8)
    _put(records, 0, columns["units"])
    if "intensity" in columns:
        _put(records, 12, columns["intensity"])
    records[:, 14] = columns["return_number"] | (columns["number_of_returns"] << 4)
    records[:, 15] = columns["withheld"] << 2
    records[:, 16] = columns["classification"]
    if target == 7:  # noqa: PLR2004 - the format with colours
        for at, name in ((30, "red"), (32, "green"), (34, "blue")):
            _put(records, at, columns[name])
    return records


def _from_old(old: Records, source: int, target: int) -> Records:
    """Return points of the formats 0 to 3 in the wider fields of 6 and 7."""
    was, is_now = STANDARD_BYTES[source], STANDARD_BYTES[target]
    records = np.zeros((old.shape[0], is_now + old.shape[1] - was), np.uint8)
    records[:, :14] = old[:, :14]
    flags, kind = old[:, 14], old[:, 15]
    records[:, 14] = (flags & 0x07) | ((flags >> 3 & 0x07) << 4)
    records[:, 15] = (kind >> 5) | (flags & 0xC0)
    records[:, 16] = kind & 0x1F
    records[:, 17] = old[:, 17]
    angle = old[:, 16].view(np.int8).astype(np.float64)
    _put(records, 18, np.rint(angle / _ANGLE_UNIT).astype("<i2"))
    records[:, 20:22] = old[:, 18:20]
    if source in {1, 3}:
        records[:, 22:30] = old[:, 20:28]
    if source in {2, 3}:
        records[:, 30:36] = old[:, was - 6 : was]
    records[:, is_now:] = old[:, was:]
    return records


def _put(records: Records, at: int, values: NDArray[Any]) -> None:
    """Store one dimension, or neighbours that are the columns of a matrix."""
    raw = np.ascontiguousarray(values)
    raw_bytes = raw.view(np.uint8).reshape(records.shape[0], -1)
    records[:, at : at + raw_bytes.shape[1]] = raw_bytes
