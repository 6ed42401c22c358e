"""Memory files of Haglof's Vertex Laser Geo: ``DATA.CSV``, one measurement a row.

Source: Vertex Laser Geo 2 user's guide (2024), pages 33 and 34, as public projects quote its 33 columns, parted by
semicolons: ``MARK;STATUS;TYPE;PROD;VER;SNR;ID;UNIT;TRPH;REFH;P.OFF;DECL;LAT;N/S;LON;E/W;ALTITUDE;HDOP;DATE;UTC;SEQ;``
``AREA;VOL;SD;HD;H;DIA;PITCH;AZ;X(m);Y(m);Z(m);UTM ZONE;``.

The position of a row is where the operator stood: it becomes the reading's `station`. The target lies at the end of the
vector (distance, azimuth, inclination); no position of a tree is made here.

What the documents at hand do not say is not guessed. The unit of angles is asked for, as the instrument is set; a
length's unit must be told by the row in a word that has one meaning; rows of other kinds than a height by one or three
points (``1P``, ``3P``) are skipped and told. ``DIA``, ``AREA``, ``VOL`` and the projected coordinates are left in the
row's bytes (`raw`), and so is its time, for which a height has no field.
"""

from collections.abc import Mapping
from typing import Final, Literal

from domain.errors import InvalidField
from domain.readings import HeightShot, Station
from firmware_bridge.errors import SentenceError, UnreadableField
from firmware_bridge.framing import Skipped
from firmware_bridge.lasers.errors import InvalidMemory, UnknownShot
from firmware_bridge.lasers.vector import MAX_RAW, check_reading, parse_angle_cd
from firmware_bridge.numbers import parse_decimal, parse_length_mm, parse_scaled

MAX_BYTES: Final = 16 * 1024 * 1024
"""The instrument's memory holds a few thousand rows of 200 bytes."""
NEEDED: Final = (
    "TYPE",
    "PROD",
    "ID",
    "UNIT",
    "LAT",
    "N/S",
    "LON",
    "E/W",
    "ALTITUDE",
    "HDOP",
    "SD",
    "HD",
    "H",
    "PITCH",
    "AZ",
)
"""Columns that are read."""
_HEIGHT_TYPES: Final = ("1P", "3P")
_UNITS: Final = {"M": "M", "METRIC": "M", "F": "F", "FT": "F", "FEET": "F"}
_NANO: Final = 1_000_000_000
_HEMISPHERES: Final = {"N": 1, "S": -1, "E": 1, "W": -1}


def parse_memory(data: bytes, *, angle_unit: Literal["D", "G"], mono_ms: int) -> list[HeightShot | Skipped]:
    """Return a memory's heights in the order of its rows, and why rows were skipped.

    Parameters
    ----------
    data
        The file.
    angle_unit
        ``D`` for an instrument set to degrees, ``G`` to gon.
    mono_ms
        Monotonic clock of the device when the file was taken in.

    Raises
    ------
    InvalidMemory
        When the file is too large or lacks a column.
    """
    if len(data) > MAX_BYTES:
        raise InvalidMemory(f"more than {MAX_BYTES} bytes")
    head, *rows = data.splitlines() or [b""]
    columns = [name.strip() for name in head.decode("ascii", "replace").split(";")]
    missing = [name for name in NEEDED if columns.count(name) != 1]
    if missing:
        raise InvalidMemory(f"columns absent or double: {', '.join(missing)}")
    return [_read_row(columns, row, angle_unit, mono_ms) for row in rows if row.strip()]


def _read_row(columns: list[str], row: bytes, angle_unit: str, mono_ms: int) -> HeightShot | Skipped:
    try:
        texts = [text.strip() for text in row.decode("ascii", "replace").split(";")]
        if len(texts) != len(columns) or len(row) > MAX_RAW:
            raise UnreadableField("row", row[:MAX_RAW].decode("ascii", "replace"))
        cells = dict(zip(columns, texts, strict=True))
        if cells["TYPE"] not in _HEIGHT_TYPES:
            raise UnknownShot(cells["TYPE"])
        return check_reading(_read_height(cells, row, angle_unit, mono_ms))
    except SentenceError as error:
        return Skipped(error, row[:MAX_RAW])
    except InvalidField as error:
        return Skipped(UnreadableField(error.path, repr(error.value)), row[:MAX_RAW])


def _read_height(cells: Mapping[str, str], row: bytes, angle_unit: str, mono_ms: int) -> HeightShot:
    unit = _UNITS.get(cells["UNIT"].upper())
    if unit is None:
        raise UnreadableField("UNIT", cells["UNIT"])
    height = parse_length_mm("H", cells["H"], unit)
    if height is None:
        raise UnreadableField("H", "")
    return HeightShot(
        mono_ms,
        horizontal_mm=parse_length_mm("HD", cells["HD"], unit),
        slope_mm=parse_length_mm("SD", cells["SD"], unit),
        inclination_cd=parse_angle_cd("PITCH", cells["PITCH"], angle_unit),
        azimuth_cd=parse_angle_cd("AZ", cells["AZ"], angle_unit),
        height_mm=height,
        instrument=cells["PROD"] or None,
        target=cells["ID"] or None,
        station=_read_station(cells),
        raw=row,
    )


def _read_station(cells: Mapping[str, str]) -> Station | None:
    """Return where the operator stood; nothing where the instrument had no fix."""
    if not cells["LAT"] and not cells["LON"]:
        return None
    return Station(
        _read_degrees("LON", cells["LON"], cells["E/W"], "EW"),
        _read_degrees("LAT", cells["LAT"], cells["N/S"], "NS"),
        # The altitude's own unit is not documented for instruments set to feet.
        altitude_mm=parse_scaled("ALTITUDE", cells["ALTITUDE"], 1000) if _is_metric(cells) else None,
        hdop_c=parse_scaled("HDOP", cells["HDOP"], 100),
    )


def _is_metric(cells: Mapping[str, str]) -> bool:
    return _UNITS[cells["UNIT"].upper()] == "M"


def _read_degrees(field: str, text: str, hemisphere: str, known: str) -> int:
    if len(hemisphere) != 1 or hemisphere not in known:
        raise UnreadableField(field, f"{text} {hemisphere}")
    value = parse_decimal(field, text)
    limit = 90 if known == "NS" else 180
    if not 0 <= value <= limit:
        raise UnreadableField(field, text)
    return round(value * _NANO) * _HEMISPHERES[hemisphere]
