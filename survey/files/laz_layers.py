"""Which layers of a compressed LAS 1.4 point are decoded; older formats are decoded as a whole."""

from collections.abc import Iterable
from typing import Any, Final

import lazrs

from survey.files.decode_job import RECORD

_BASE: Final = (
    lazrs.SELECTIVE_DECOMPRESS_XY_RETURNS_CHANNEL
    | lazrs.SELECTIVE_DECOMPRESS_Z
    | lazrs.SELECTIVE_DECOMPRESS_CLASSIFICATION
    | lazrs.SELECTIVE_DECOMPRESS_FLAGS
)
_LAYERS: Final = {
    "intensity": lazrs.SELECTIVE_DECOMPRESS_INTENSITY,
    "user_data": lazrs.SELECTIVE_DECOMPRESS_USER_DATA,
    "scan_angle_deg": lazrs.SELECTIVE_DECOMPRESS_SCAN_ANGLE,
    "point_source_id": lazrs.SELECTIVE_DECOMPRESS_POINT_SOURCE_ID,
    "gps_time": lazrs.SELECTIVE_DECOMPRESS_GPS_TIME,
    "red": lazrs.SELECTIVE_DECOMPRESS_RGB,
    "green": lazrs.SELECTIVE_DECOMPRESS_RGB,
    "blue": lazrs.SELECTIVE_DECOMPRESS_RGB,
    "nir": lazrs.SELECTIVE_DECOMPRESS_NIR,
    RECORD: lazrs.SELECTIVE_DECOMPRESS_ALL,
}


def select_layers(fields: Iterable[str]) -> Any:
    """Return the layers in which the base columns and some fields stand."""
    wanted = _BASE
    for name in fields:
        wanted |= _LAYERS.get(name, 0)
    return lazrs.DecompressionSelection(wanted)
