"""GeoTIFF keys in a LAS file, as far as they name a CRS and its units.

GeoTIFF 1.1 (OGC 19-008r4), section 7.1 (key directory) and annex A (key ids); LAS 1.4 R15, section 3.2.
"""

import struct
from dataclasses import dataclass
from typing import Final

MODEL_TYPE, GEOGRAPHIC, PROJECTED, LINEAR_UNIT, VERTICAL, VERTICAL_UNIT = 1024, 2048, 3072, 3076, 4096, 4099
USER_DEFINED: Final = 32767
_UNIT_M: Final = {9001: 1.0, 9002: 0.3048, 9003: 1200.0 / 3937.0}
"""EPSG codes of metre, international foot and US survey foot."""
_MOST_KEYS: Final = 1_000
_EPSG_CODES: Final = range(1024, 32767)
"""Codes that GeoTIFF takes from EPSG."""


@dataclass(frozen=True, slots=True)
class GeoKeys:
    """Short values of a key directory.

    Attributes
    ----------
    values
        By key id; only those stored in the directory itself.
    """

    values: dict[int, int]

    def epsg(self, key: int) -> int | None:
        """Return the EPSG code that a key states, if it does."""
        code = self.values.get(key, 0)
        return code if code in _EPSG_CODES else None

    def unit_m(self, key: int) -> float | None:
        """Return the metres of the unit that a key states, if it states a known one."""
        return _UNIT_M.get(self.values.get(key, 0))


def parse_geokeys(raw: bytes) -> GeoKeys:
    """Return the short values of a key directory; what does not fit is ignored, as every reader does.

    Examples
    --------
    >>> parse_geokeys(struct.pack("<8H", 1, 1, 0, 1, 3072, 0, 1, 3005)).epsg(PROJECTED)
    3005
    """
    words = struct.unpack(f"<{len(raw) // 2}H", raw[: len(raw) // 2 * 2])
    keys = min(words[3], _MOST_KEYS, len(words) // 4 - 1) if len(words) >= 4 else 0  # noqa: PLR2004 - one entry
    values: dict[int, int] = {}
    for entry in range(1, keys + 1):
        key, location, count, value = words[4 * entry : 4 * entry + 4]
        if location == 0 and count == 1:
            values.setdefault(key, value)
    return GeoKeys(values)
