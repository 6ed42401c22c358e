"""What a drone's photo says of itself: where, when, how high, which way; by Exif and by the maker's XMP.

Sources: CIPA DC-008 (Exif 2.32 and 3.0), 4.6.6 (GPS); DJI, metadata of still images (the ``drone-dji`` XMP names,
gimbal angles in the NED frame). Heights: Exif's reference 0 and 1 are above and below the sea, 2 and 3 above and below
the ellipsoid. DJI writes an ellipsoidal height with reference 0 when it flies by RTK, and says so in ``AltitudeType``
alone; such a height is told as ellipsoidal here, never as one above the sea.
"""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from firmware_bridge.drone.errors import InvalidPhotoField
from firmware_bridge.drone.exif import ExifValue, parse_exif
from firmware_bridge.drone.jpeg import read_metadata

MAX_NAME: Final = 200
"""Characters of make and model in a record."""
MAX_XMP: Final = 65_536
"""Bytes of an XMP packet: those of one JPEG segment."""
_MAKE, _MODEL = 0x010F, 0x0110
_LAT_REF, _LAT, _LON_REF, _LON, _ALT_REF, _ALT, _TIME, _DATE = 1, 2, 3, 4, 5, 6, 7, 29
_MAIN_TAGS: Final = frozenset({_MAKE, _MODEL})
_GPS_TAGS: Final = frozenset({_LAT_REF, _LAT, _LON_REF, _LON, _ALT_REF, _ALT, _TIME, _DATE})
_XMP_FIELD: Final = re.compile(
    rb"drone-dji:([A-Za-z]{1,40})(?:\s{0,8}=\s{0,8}[\"']([^\"'<>]{0,80})[\"']|>([^<>]{0,80})</drone-dji:\1>)"
)
_LOWEST_M: Final = -12_000.0
_HIGHEST_M: Final = 100_000.0
_FULL_TURN: Final = 360.0
_FIRST_YEAR: Final = 1980
"""Before, there were no satellites to tell time."""
_LAST_YEAR: Final = 2199
"""Records hold times to the year 2200."""


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """A photo's own words; what it does not say is absent. The fields are those of `domain.readings.Photo`.

    Attributes
    ----------
    lon_nd, lat_nd
        Of the camera, WGS 84 or the datum of its corrections, 10^-9 degree.
    altitude_mm
        Of the camera above the sea.
    ellipsoidal_mm
        Of the camera above the ellipsoid, where the photo says that instead; a record has no field for it.
    above_ground_mm
        Height above the place of take-off.
    yaw_cd, pitch_cd, roll_cd
        Of the camera, 1/100 degree: from north, above the level (straight down: -9,000), about its axis.
    taken_ms
        POSIX milliseconds, by the satellites.
    camera
        Make and model.
    """

    lon_nd: int | None = None
    lat_nd: int | None = None
    altitude_mm: int | None = None
    ellipsoidal_mm: int | None = None
    above_ground_mm: int | None = None
    yaw_cd: int | None = None
    pitch_cd: int | None = None
    roll_cd: int | None = None
    taken_ms: int | None = None
    camera: str | None = None


def read_photo(path: Path) -> PhotoFacts:
    """Return what a JPEG photo says of itself; its pixels are never decoded.

    Raises
    ------
    UnreadablePhoto
        It is no JPEG file, or its segments break the format.
    InvalidPhotoField
        A field that it has is not what the standard says.
    """
    metadata = read_metadata(path)
    tags = parse_exif(metadata.exif, main=_MAIN_TAGS, gps=_GPS_TAGS)
    dji = _find_dji(metadata.xmp)
    lon_nd, lat_nd = _read_position(tags.gps)
    altitude_mm, ellipsoidal_mm = _read_altitude(tags.gps, dji)
    return PhotoFacts(
        lon_nd=lon_nd,
        lat_nd=lat_nd,
        altitude_mm=altitude_mm,
        ellipsoidal_mm=ellipsoidal_mm,
        above_ground_mm=_read_height(dji),
        yaw_cd=_read_angle(dji, "GimbalYawDegree"),
        pitch_cd=_read_angle(dji, "GimbalPitchDegree"),
        roll_cd=_read_angle(dji, "GimbalRollDegree"),
        taken_ms=_read_time(tags.gps, dji),
        camera=_read_camera(tags.main),
    )


def _find_dji(xmp: bytes) -> dict[str, str]:
    """Return the maker's fields, as attributes or elements; the first of a name counts.

    No XML parser touches these bytes: entities cannot be expanded and nesting costs nothing.
    """
    found: dict[str, str] = {}
    for match in _XMP_FIELD.finditer(xmp[:MAX_XMP]):
        name, attribute, element = match.groups()
        value = attribute if attribute is not None else element
        found.setdefault(name.decode("ascii"), value.decode("utf-8", "replace").strip())
    return found


def _read_position(gps: dict[int, ExifValue]) -> tuple[int | None, int | None]:
    if _LAT not in gps or _LON not in gps:
        return None, None
    latitude = _to_degrees("GPSLatitude", gps[_LAT], 90.0)
    longitude = _to_degrees("GPSLongitude", gps[_LON], 180.0)
    # Cameras without a fix write zeros; no forest stands there.
    if latitude == 0 and longitude == 0:
        return None, None
    south = _read_reference("GPSLatitudeRef", gps.get(_LAT_REF), "NS")
    west = _read_reference("GPSLongitudeRef", gps.get(_LON_REF), "EW")
    return round(longitude * 1e9) * (-1 if west else 1), round(latitude * 1e9) * (-1 if south else 1)


def _to_degrees(name: str, value: object, limit: float) -> float:
    if not isinstance(value, tuple) or not 1 <= len(value) <= 3:  # noqa: PLR2004  # degrees, minutes, seconds
        raise InvalidPhotoField(name, value, "expected degrees, minutes and seconds")
    degrees = math.fsum(_to_number(name, part) / 60**power for power, part in enumerate(value))
    if not 0 <= degrees <= limit:
        raise InvalidPhotoField(name, degrees, f"expected 0 to {limit:g} degrees")
    return degrees


def _to_number(name: str, value: float | str) -> float:
    """Return a finite number; `InvalidPhotoField` when it is none."""
    try:
        number = float(value)
    except ValueError as error:
        raise InvalidPhotoField(name, value, "expected a number") from error
    if not math.isfinite(number):
        raise InvalidPhotoField(name, value, "expected a number")
    return number


def _take_one(name: str, value: ExifValue) -> float:
    if isinstance(value, str) or len(value) != 1:
        raise InvalidPhotoField(name, value, "expected one number")
    return value[0]


def _read_reference(name: str, value: object, choices: str) -> bool:
    """Return whether a reference is the second of its two letters."""
    letter = str(value).strip("\0 ").upper()
    if len(letter) != 1 or letter not in choices:
        raise InvalidPhotoField(name, value, f"expected one of {choices}")
    return letter == choices[1]


def _read_altitude(gps: dict[int, ExifValue], dji: dict[str, str]) -> tuple[int | None, int | None]:
    """Return the height above the sea, and above the ellipsoid; at most one is there."""
    if _ALT not in gps:
        return None, None
    height_m = _to_number("GPSAltitude", _take_one("GPSAltitude", gps[_ALT]))
    reference = gps.get(_ALT_REF, (0.0,))
    code = _take_one("GPSAltitudeRef", reference)
    if code not in (0, 1, 2, 3):
        raise InvalidPhotoField("GPSAltitudeRef", reference, "expected 0 to 3")
    if code in (1, 3):
        height_m = -abs(height_m)
    height_mm = _to_mm("GPSAltitude", height_m)
    if code in (2, 3) or dji.get("AltitudeType") == "RtkAlt":
        return None, height_mm
    return height_mm, None


def _read_height(dji: dict[str, str]) -> int | None:
    if "RelativeAltitude" not in dji:
        return None
    return _to_mm("RelativeAltitude", _to_number("RelativeAltitude", dji["RelativeAltitude"]))


def _to_mm(name: str, height_m: float) -> int:
    if not _LOWEST_M <= height_m <= _HIGHEST_M:
        raise InvalidPhotoField(name, height_m, f"expected {_LOWEST_M:g} to {_HIGHEST_M:g} metres")
    return round(height_m * 1_000)


def _read_angle(dji: dict[str, str], name: str) -> int | None:
    if name not in dji:
        return None
    angle = _to_number(name, dji[name])
    if not abs(angle) <= _FULL_TURN:
        raise InvalidPhotoField(name, angle, "expected -360 to 360 degrees")
    return round(angle * 100)


def _read_time(gps: dict[int, ExifValue], dji: dict[str, str]) -> int | None:
    """Return when it was taken by the satellites: Exif's GPS stamps, else the maker's time of exposure."""
    if _DATE in gps and _TIME in gps:
        return _join_stamps(str(gps[_DATE]).strip("\0 "), gps[_TIME])
    if "UTCAtExposure" not in dji:
        return None
    text = dji["UTCAtExposure"]
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidPhotoField("UTCAtExposure", text, "expected a date and time") from error
    return _to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _join_stamps(date: str, clock: object) -> int | None:
    if not isinstance(clock, tuple) or len(clock) != 3:  # noqa: PLR2004  # hour, minute, second
        raise InvalidPhotoField("GPSTimeStamp", clock, "expected hour, minute and second")
    hour, minute, second = (_to_number("GPSTimeStamp", part) for part in clock)
    try:
        day = datetime.strptime(date, "%Y:%m:%d").replace(tzinfo=UTC)
        moment = day.replace(hour=int(hour), minute=int(minute), second=min(int(second), 59))
    except (ValueError, OverflowError) as error:
        raise InvalidPhotoField("GPSDateStamp", f"{date} {clock}", "expected YYYY:MM:DD and a time of day") from error
    return _to_ms(moment) + round(second % 1 * 1_000)


def _to_ms(moment: datetime) -> int:
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise InvalidPhotoField("time", moment, f"expected a year from {_FIRST_YEAR} to {_LAST_YEAR}")
    return round(moment.timestamp() * 1_000)


def _read_camera(main: dict[int, ExifValue]) -> str | None:
    words = [str(main.get(tag, "")).split("\0", 1)[0].strip() for tag in (_MAKE, _MODEL)]
    text = "".join(symbol for symbol in " ".join(word for word in words if word) if symbol.isprintable())
    return text[:MAX_NAME] or None
