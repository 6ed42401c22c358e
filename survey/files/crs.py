"""Where on Earth a cloud lies: its CRS and units, and longitude and latitude derived from it.

A CRS comes from the user, or from the file's WKT or GeoTIFF keys. Surveys are made in a projected CRS, or in a local
frame in metres; feet are converted, degrees are refused.
"""

import math
import re
import warnings
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import pyproj
from pyproj.exceptions import CRSError, ProjError
from pyproj.transformer import TransformerGroup

from survey.cloud import Floats
from survey.errors import InvalidCrs, MissingCrs
from survey.files.geokeys import LINEAR_UNIT, PROJECTED, VERTICAL, VERTICAL_UNIT, parse_geokeys
from survey.files.las_header import GEO_KEYS, WKT_RECORD, LasHeader

UNSTATED: Final = "unstated"
_MAX_TEXT: Final = 4_000
"""Characters of a CRS in a record."""
_LOCAL: Final = re.compile(r"local:(m|[a-z0-9-]{1,32})")
_MAX_GIVEN: Final = 20_000
"""Characters of a CRS that a user gives; the longest WKT of the registry has about 6,000."""
_WORLD: Final = "EPSG:4326"


@dataclass(frozen=True, slots=True)
class CloudCrs:
    """A CRS that a survey can stand in.

    Attributes
    ----------
    text
        ``EPSG:n``, WKT, or ``local:<frame>``, as records have it.
    source
        Who said so.
    unit_m, vertical_unit_m
        Metres of the file's horizontal and vertical unit.
    vertical
        ``EPSG:n`` of the vertical CRS, ``ellipsoidal``, or ``unstated``.
    horizontal_wkt
        Of the horizontal part; empty in a local frame.
    warnings
        What was assumed.
    """

    text: str
    source: Literal["file", "user", "assumed"]
    unit_m: float
    vertical_unit_m: float
    vertical: str
    horizontal_wkt: str
    warnings: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether positions have no place on Earth yet."""
        return not self.horizontal_wkt


@dataclass(frozen=True, slots=True, eq=False)
class WorldPositions:
    """Longitude and latitude, and how they were derived.

    Attributes
    ----------
    longitude_deg, latitude_deg
        WGS 84, shape (n,).
    operation
        Name of the coordinate operation.
    accuracy_m
        As the registry states it; absent where it states none.
    """

    longitude_deg: Floats
    latitude_deg: Floats
    operation: str
    accuracy_m: float | None


def resolve_crs(header: LasHeader, given: str | None) -> CloudCrs:
    """Return a cloud's CRS: the given one, else the file's.

    Parameters
    ----------
    header
        Of the file.
    given
        What the user says: ``EPSG:n``, ``local:m``, or anything that PROJ understands.

    Raises
    ------
    MissingCrs
        When neither says one.
    InvalidCrs
        When it cannot be read, or is geographic or geocentric.
    """
    if given is not None:
        return parse_crs(given)
    failures: list[str] = []
    for read in (_from_wkt, _from_keys) if header.prefers_wkt else (_from_keys, _from_wkt):
        try:
            found = read(header)
        except InvalidCrs as error:
            failures.append(str(error))
            continue
        if found is not None:
            return found
    if failures:
        raise InvalidCrs("in the file", f"{failures[0][:200]}; give the right one with --crs EPSG:n")
    raise MissingCrs


def parse_crs(given: str) -> CloudCrs:
    """Return the CRS that a user states.

    Raises
    ------
    InvalidCrs
        When it cannot be read, or is geographic or geocentric.

    Examples
    --------
    >>> parse_crs("local:m").is_local, parse_crs("EPSG:3005").unit_m
    (True, 1.0)
    """
    local = _LOCAL.fullmatch(given.strip())
    if local:
        return CloudCrs(given.strip(), "user", 1.0, 1.0, UNSTATED, "", ("positions are in a local frame in metres",))
    if len(given) > _MAX_GIVEN:
        raise InvalidCrs(given, f"at most {_MAX_GIVEN:,} characters")
    return replace(_describe(_read(given)), source="user")


def to_world(crs: CloudCrs, x_m: Floats, y_m: Floats) -> WorldPositions:
    """Return longitude and latitude of positions by the best operation that this machine has.

    Parameters
    ----------
    crs
        Not a local frame.
    x_m, y_m
        Easting and northing in metres, shape (n,).

    Raises
    ------
    InvalidCrs
        When there is no operation to WGS 84, or a position lies where it does not hold.
    """
    with warnings.catch_warnings():
        # A finer grid that is not installed is told by the operation's name and accuracy.
        warnings.simplefilter("ignore")
        group = TransformerGroup(pyproj.CRS.from_wkt(crs.horizontal_wkt), _WORLD, always_xy=True)
    if not group.transformers:
        raise InvalidCrs(crs.text, "no operation leads to WGS 84")
    best = group.transformers[0]
    try:
        longitude, latitude = best.transform(x_m / crs.unit_m, y_m / crs.unit_m, errcheck=True)
    except ProjError as error:
        raise InvalidCrs(
            crs.text, f"positions lie outside of where it holds ({error}); is it the right one?"
        ) from error
    if not (np.isfinite(longitude).all() and np.isfinite(latitude).all()):
        raise InvalidCrs(crs.text, "positions lie outside of where it holds; is it the right one?")
    accuracy = float(best.accuracy)
    name = best.description or "unnamed"
    return WorldPositions(
        np.atleast_1d(longitude), np.atleast_1d(latitude), name[:200], accuracy if accuracy >= 0.0 else None
    )


def _from_wkt(header: LasHeader) -> CloudCrs | None:
    raw = header.crs_records.get(WKT_RECORD, b"").split(b"\0", 1)[0].strip()
    if not raw:
        return None
    text = raw.decode("utf-8", "replace")
    try:
        # WKT only: other input would have PROJ look for names that resemble it.
        return _describe(pyproj.CRS.from_wkt(text))
    except CRSError as error:
        raise InvalidCrs(text, f"PROJ does not read it as WKT ({str(error)[:120]}); give EPSG:n") from error


def _from_keys(header: LasHeader) -> CloudCrs | None:
    """Return the CRS that GeoTIFF keys name by its code; parameters of user-defined ones are not read."""
    keys = parse_geokeys(header.crs_records.get(GEO_KEYS, b""))
    code = keys.epsg(PROJECTED)
    if code is None:
        return None
    found = _describe(_read(f"EPSG:{code}"))
    unit_m = keys.unit_m(LINEAR_UNIT) or found.unit_m
    noted: tuple[str, ...] = (
        ()
        if math.isclose(unit_m, found.unit_m)
        else (f"the file states its own unit of {unit_m} m for EPSG:{code}; it was believed",)
    )
    vertical = keys.epsg(VERTICAL)
    vertical_unit_m = keys.unit_m(VERTICAL_UNIT)
    if vertical_unit_m is None:
        vertical_unit_m = unit_m
        noted += ("the vertical unit is not stated; the horizontal one was assumed",)
    return replace(
        found,
        unit_m=unit_m,
        vertical_unit_m=vertical_unit_m,
        vertical=f"EPSG:{vertical}" if vertical else UNSTATED,
        warnings=noted,
    )


def _read(text: str) -> pyproj.CRS:
    try:
        return pyproj.CRS.from_user_input(text)
    except CRSError as error:
        raise InvalidCrs(text, f"PROJ does not understand it ({str(error)[:120]}); give EPSG:n") from error


def _describe(crs: pyproj.CRS) -> CloudCrs:
    horizontal = crs.sub_crs_list[0] if crs.is_compound else crs
    if horizontal.is_bound and horizontal.source_crs is not None:
        # A shift to WGS 84 that a file brings along is no better than the registry's.
        horizontal = horizontal.source_crs
    if not horizontal.is_projected:
        raise InvalidCrs(crs.name, "a survey needs a projected CRS; reproject the cloud, say to its UTM zone")
    unit_m = float(horizontal.axis_info[0].unit_conversion_factor)
    if not math.isfinite(unit_m) or unit_m <= 0.0:
        raise InvalidCrs(crs.name, "its unit has no length")
    vertical, vertical_unit_m = _describe_vertical(crs)
    noted: tuple[str, ...] = ()
    if vertical_unit_m is None:
        vertical_unit_m = unit_m
        noted = ("the vertical unit is not stated; the horizontal one was assumed",)
    return CloudCrs(_name(horizontal), "file", unit_m, vertical_unit_m, vertical, horizontal.to_wkt(), noted)


def _describe_vertical(crs: pyproj.CRS) -> tuple[str, float | None]:
    if crs.is_compound:
        part = crs.sub_crs_list[1]
        code = part.to_epsg(min_confidence=70)
        return f"EPSG:{code}" if code else part.name[:200], float(part.axis_info[0].unit_conversion_factor)
    if len(crs.axis_info) == 3:  # noqa: PLR2004 - a third axis is ellipsoidal height
        return "ellipsoidal", float(crs.axis_info[2].unit_conversion_factor)
    return UNSTATED, None


def _name(horizontal: pyproj.CRS) -> str:
    """Return ``EPSG:n`` where the registry knows it, else its WKT."""
    code = horizontal.to_epsg(min_confidence=70)
    text = f"EPSG:{code}" if code else horizontal.to_wkt()
    if len(text) > _MAX_TEXT:
        raise InvalidCrs(horizontal.name, "its WKT is too long for a record; give EPSG:n")
    return text
