"""Where on Earth a cloud lies: its CRS and units, and longitude and latitude derived from it.

A CRS comes from the user, or from the file's WKT or GeoTIFF keys. Surveys are made in a projected CRS, or in a local
frame in metres; feet are converted, degrees are refused.
"""

import math
import re
import warnings
from dataclasses import dataclass, replace
from typing import Final, Literal, Protocol

import numpy as np
import pyproj
from pyproj.crs import CompoundCRS
from pyproj.database import get_units_map
from pyproj.exceptions import CRSError, ProjError
from pyproj.transformer import TransformerGroup

from survey.cloud import Floats
from survey.errors import InvalidCrs, MissingCrs
from survey.files.clouds import CloudFile
from survey.files.geokeys import (
    LINEAR_UNIT,
    MODEL_TYPE,
    PROJECTED,
    USER_DEFINED,
    VERTICAL,
    VERTICAL_UNIT,
    GeoKeys,
    parse_geokeys,
)
from survey.files.las_header import GEO_KEYS, WKT_RECORD

UNSTATED: Final = "unstated"
CONFLICT: Final = "two CRS in one file"
"""How a warning begins that tells of records that disagree."""
_VERTICAL_ASSUMED: Final = "the vertical unit is not stated; the horizontal one was assumed"
_MAX_TEXT: Final = 4_000
"""Characters of a CRS in a record."""
_LOCAL: Final = re.compile(r"local:(m|[a-z0-9-]{1,32})")
_LOCAL_WKT: Final = (
    'ENGCRS["{name}",EDATUM["a place of its own"],CS[Cartesian,2],AXIS["easting",east],AXIS["northing",north],'
    'LENGTHUNIT["metre",1]]'
)
_MAX_GIVEN: Final = 20_000
"""Characters of a CRS that a user gives; the longest WKT of the registry has about 6,000."""
_WORLD: Final = "EPSG:4326"
_GEOGRAPHIC_MODEL: Final = 2
"""Model type of degrees (GeoTIFF 1.1, 7.5.1)."""


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


class CrsSource(Protocol):
    """What a file says of its CRS: a LAS header, or any cloud."""

    @property
    def crs_records(self) -> dict[int, bytes]:
        """Payloads by their record id in LAS."""

    @property
    def prefers_wkt(self) -> bool:
        """Whether the WKT is the valid one of two CRS."""


def resolve_crs(header: CrsSource, given: str | None) -> CloudCrs:
    """Return a cloud's CRS: the given one, else the file's.

    Of WKT and GeoTIFF keys the one counts that the header's WKT bit names (LAS 1.4 R15, 2.2); where the other one
    says something else, a warning that begins with `CONFLICT` tells it.

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
    found: list[CloudCrs] = []
    failures: list[str] = []
    for read in (_from_wkt, _from_keys) if header.prefers_wkt else (_from_keys, _from_wkt):
        try:
            crs = read(header)
        except InvalidCrs as error:
            failures.append(str(error)[:200])
            continue
        found += [crs] if crs is not None else []
    if found:
        return _compare(found, failures, header)
    if failures:
        raise InvalidCrs("in the file", f"{failures[0]}; give the right one with --crs EPSG:n")
    raise MissingCrs


def resolve_cloud_crs(cloud: CloudFile, given: str | None) -> CloudCrs:
    """Return the CRS of a cloud of any format.

    Coordinates of an E57 file are metres by its standard; without a CRS it stands in a frame of its own.

    Raises
    ------
    MissingCrs
        When neither the user nor the file says one.
    InvalidCrs
        When it cannot be read, or is geographic or geocentric.
    """
    if given is None and cloud.is_metric and not cloud.crs_records:
        assumed = parse_crs("local:m")
        return replace(assumed, source="assumed", warnings=("the file has no CRS; it stands in a frame of its own",))
    return resolve_crs(cloud, given)


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


def horizontal_crs(crs: CloudCrs) -> pyproj.CRS:
    """Return the CRS that files for others state: the horizontal part, or a frame of its own.

    Examples
    --------
    >>> horizontal_crs(parse_crs("EPSG:3005")).to_epsg()
    3005
    """
    if not crs.is_local:
        return pyproj.CRS.from_wkt(crs.horizontal_wkt)
    return pyproj.CRS.from_wkt(_LOCAL_WKT.format(name=crs.text))


def full_crs(crs: CloudCrs) -> pyproj.CRS:
    """Return the horizontal CRS together with the vertical one, where the registry knows it.

    Examples
    --------
    >>> full_crs(parse_crs("EPSG:2991+6360")).is_compound
    True
    """
    horizontal = horizontal_crs(crs)
    if crs.is_local or not crs.vertical.startswith("EPSG:"):
        return horizontal
    try:
        vertical = pyproj.CRS.from_user_input(crs.vertical)
        return CompoundCRS(f"{horizontal.name} + {vertical.name}", [horizontal, vertical])
    except CRSError:
        # GeoTIFF keys may name a datum where a CRS is asked for; the horizontal part still holds.
        return horizontal


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


def _compare(found: list[CloudCrs], failures: list[str], header: CrsSource) -> CloudCrs:
    """Return the first of one or two CRS, with a warning where the other one differs or cannot be read."""
    crs, *others = found
    noted = crs.warnings
    for other in others:
        if not _is_same(crs, other):
            noted += (f"{CONFLICT}: one record says {crs.text[:80]} and another {other.text[:80]}; the first counts",)
    noted += tuple(f"{CONFLICT}: the other record cannot be read ({failure})" for failure in failures)
    unit_m = parse_geokeys(header.crs_records.get(GEO_KEYS, b"")).unit_m(VERTICAL_UNIT)
    # WKT without a vertical part says nothing of the vertical unit; keys beside it may.
    if unit_m is not None and _VERTICAL_ASSUMED in noted:
        noted = tuple(text for text in noted if text != _VERTICAL_ASSUMED)
        crs = replace(crs, vertical_unit_m=unit_m)
    return replace(crs, warnings=noted)


def _is_same(one: CloudCrs, other: CloudCrs) -> bool:
    if not math.isclose(one.unit_m, other.unit_m, rel_tol=1e-9):
        return False
    if one.text == other.text:
        return True
    left, right = pyproj.CRS.from_wkt(one.horizontal_wkt), pyproj.CRS.from_wkt(other.horizontal_wkt)
    return left.equals(right, ignore_axis_order=True)


def _from_wkt(header: CrsSource) -> CloudCrs | None:
    raw = header.crs_records.get(WKT_RECORD, b"").split(b"\0", 1)[0].strip()
    if not raw:
        return None
    text = raw.decode("utf-8", "replace")
    try:
        # WKT only: other input would have PROJ look for names that resemble it.
        return _describe(pyproj.CRS.from_wkt(text))
    except CRSError as error:
        raise InvalidCrs(text, f"PROJ does not read it as WKT ({str(error)[:120]}); give EPSG:n") from error


def _from_keys(header: CrsSource) -> CloudCrs | None:
    """Return the CRS that GeoTIFF keys name by its code.

    Parameters of a user-defined projection are not believed: writers disagree on the unit of its false easting, and the
    wrong one moves a cloud in feet by hundreds of kilometres.
    """
    keys = parse_geokeys(header.crs_records.get(GEO_KEYS, b""))
    code = keys.epsg(PROJECTED)
    if code is None:
        _refuse_unnamed(keys)
        return None
    found = _describe(_read(f"EPSG:{code}"))
    unit_m = _read_unit(keys, LINEAR_UNIT) or found.unit_m
    noted: tuple[str, ...] = (
        ()
        if math.isclose(unit_m, found.unit_m)
        else (f"the file states its own unit of {unit_m} m for EPSG:{code}; it was believed",)
    )
    vertical = keys.epsg(VERTICAL)
    vertical_unit_m = _read_unit(keys, VERTICAL_UNIT)
    if vertical_unit_m is None:
        vertical_unit_m = unit_m
        noted += (_VERTICAL_ASSUMED,)
    return replace(
        found,
        unit_m=unit_m,
        vertical_unit_m=vertical_unit_m,
        vertical=f"EPSG:{vertical}" if vertical else UNSTATED,
        warnings=noted,
    )


def _refuse_unnamed(keys: GeoKeys) -> None:
    if keys.values.get(MODEL_TYPE) == _GEOGRAPHIC_MODEL:
        raise InvalidCrs("of GeoTIFF keys", "a survey needs a projected CRS, these are degrees; reproject the cloud")
    if keys.values.get(PROJECTED) == USER_DEFINED:
        raise InvalidCrs("of GeoTIFF keys", "they define a projection by parameters, not by a code; give EPSG:n")


def _read_unit(keys: GeoKeys, key: int) -> float | None:
    """Return the metres of the unit that a key states, if it states one."""
    stated = keys.values.get(key, 0)
    if stated == 0:
        return None
    known = keys.unit_m(key)
    if known is not None:
        return known
    for unit in get_units_map(auth_name="EPSG", category="linear").values():
        if unit.code == str(stated):
            return float(unit.conv_factor)
    raise InvalidCrs("of GeoTIFF keys", f"its unit {stated} is not known; give EPSG:n")


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
        noted = (_VERTICAL_ASSUMED,)
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
    code = horizontal.to_epsg(min_confidence=70) or _identify(horizontal)
    text = f"EPSG:{code}" if code else horizontal.to_wkt()
    if len(text) > _MAX_TEXT:
        raise InvalidCrs(horizontal.name, "its WKT is too long for a record; give EPSG:n")
    return text


def _identify(horizontal: pyproj.CRS) -> int | None:
    """Return the code of the registry's CRS that is the same but for names and axes, as ESRI and others write them."""
    for known in horizontal.list_authority(auth_name="EPSG", min_confidence=25):
        candidate = pyproj.CRS.from_epsg(int(known.code))
        if candidate.is_projected and candidate.equals(horizontal, ignore_axis_order=True):
            return int(known.code)
    return None
