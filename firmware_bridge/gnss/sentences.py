"""NMEA 0183 sentences of GNSS receivers, each as its values in the units of records.

Source: NMEA 0183 version 4.11 as in the u-blox F9 HPG 1.32 interface description (UBX-22008968), section NMEA protocol.
"""

from dataclasses import dataclass
from typing import Final

from firmware_bridge.errors import UnreadableField
from firmware_bridge.framing import Line
from firmware_bridge.gnss.times import compute_utc_ms, parse_clock
from firmware_bridge.numbers import parse_angle_nd, parse_scaled

TALKER: Final = 2
"""Letters of a sentence's name that say who talks."""
_GGA_FIELDS: Final = 14
_GNS_FIELDS: Final = 12
_RMC_FIELDS: Final = 9
_GST_FIELDS: Final = 8
_ZDA_FIELDS: Final = 4
_GSA_FIELDS: Final = 17
_GSV_FIELDS: Final = 3
_SATELLITE_FIELDS: Final = 4
_DATE_DIGITS: Final = 6
_PIVOT: Final = 69
"""Years 69 to 99 of two digits are of the last century, as POSIX reads them; NMEA has no rule."""
_MODES: Final = "RFPDAEMS"
"""Mode letters, best first; what is none of them (N) is no fix."""
_QUALITIES: Final = {"R": 4, "F": 5, "P": 3, "D": 2, "A": 1, "E": 6, "M": 7, "S": 8}
_DATUMS: Final = {"W84": "WGS 84", "W72": "WGS 72", "S85": "SGS 85", "P90": "PZ-90", "999": "user-defined"}
_MAX_STATION: Final = 65_535


@dataclass(frozen=True, slots=True)
class Position:
    """What GGA and GNS say.

    Attributes
    ----------
    lon_nd, lat_nd
        10^-9 degree.
    quality
        As in GGA; 0 without a fix, and then the place says nothing.
    satellites, altitude_mm, geoid_mm, hdop_c, correction_age_ms, correction_station
        As in `domain.readings.GnssFix`.
    """

    lon_nd: int
    lat_nd: int
    quality: int
    satellites: int | None
    altitude_mm: int | None
    geoid_mm: int | None
    hdop_c: int | None
    correction_age_ms: int | None
    correction_station: int | None


@dataclass(frozen=True, slots=True)
class Dilution:
    """What one GSA says.

    Attributes
    ----------
    satellites
        Ids of the satellites used.
    pdop_c, hdop_c, vdop_c
        Dilution of precision in hundredths; absent when not told.
    """

    satellites: tuple[str, ...]
    pdop_c: int | None
    hdop_c: int | None
    vdop_c: int | None


@dataclass(frozen=True, slots=True)
class InView:
    """What one GSV of a group says.

    Attributes
    ----------
    talker
        The satellite system.
    signal
        Signal id, empty before NMEA 4.11.
    number, of
        Place in its group, and the group's size.
    seen
        Satellites of the system in view.
    snr_db
        Satellite id and carrier to noise of those received.
    """

    talker: str
    signal: str
    number: int
    of: int
    seen: int
    snr_db: tuple[tuple[str, int], ...]


def read_gga(line: Line) -> Position:
    """Return the position of a GGA."""
    fields = _expect(line, _GGA_FIELDS)
    quality = parse_scaled("quality", fields[5], 1)
    if not quality:
        raise UnreadableField("quality", "no fix")
    return Position(
        lon_nd=parse_angle_nd("longitude", fields[3], fields[4]),
        lat_nd=parse_angle_nd("latitude", fields[1], fields[2]),
        quality=quality,
        satellites=parse_scaled("satellites", fields[6], 1),
        altitude_mm=parse_scaled("altitude", fields[8], 1000),
        geoid_mm=parse_scaled("geoid", fields[10], 1000),
        hdop_c=parse_scaled("HDOP", fields[7], 100),
        correction_age_ms=parse_scaled("age of corrections", fields[12], 1000),
        correction_station=_read_station(fields[13]),
    )


def read_gns(line: Line) -> Position:
    """Return the position of a GNS; its quality is the best of its systems' modes."""
    fields = _expect(line, _GNS_FIELDS)
    quality = read_modes(fields[5])
    if not quality:
        raise UnreadableField("quality", "no fix")
    return Position(
        lon_nd=parse_angle_nd("longitude", fields[3], fields[4]),
        lat_nd=parse_angle_nd("latitude", fields[1], fields[2]),
        quality=quality,
        satellites=parse_scaled("satellites", fields[6], 1),
        altitude_mm=parse_scaled("altitude", fields[8], 1000),
        geoid_mm=parse_scaled("geoid", fields[9], 1000),
        hdop_c=parse_scaled("HDOP", fields[7], 100),
        correction_age_ms=parse_scaled("age of corrections", fields[10], 1000),
        correction_station=_read_station(fields[11]),
    )


def read_modes(letters: str) -> int:
    """Return the NMEA quality of GNS mode letters, one a satellite system; 0 when none has a fix.

    Examples
    --------
    >>> read_modes("NRAN"), read_modes("NNNN")
    (4, 0)
    """
    return next((_QUALITIES[letter] for letter in _MODES if letter in letters), 0)


def read_errors(line: Line) -> tuple[int | None, int | None, int | None]:
    """Return the standard deviations of a GST in millimetres: east, north, up."""
    fields = _expect(line, _GST_FIELDS)
    north, east, up = (parse_scaled("error", text, 1000) for text in fields[5:8])
    return east, north, up


def read_dilution(line: Line) -> Dilution:
    """Return what a GSA says."""
    fields = _expect(line, _GSA_FIELDS)
    pdop, hdop, vdop = (parse_scaled("DOP", text, 100) for text in fields[14:17])
    return Dilution(tuple(text for text in fields[2:14] if text), pdop, hdop, vdop)


def read_in_view(line: Line) -> InView:
    """Return what a GSV says; its last field is the signal's id where one stands behind whole satellites."""
    fields = _expect(line, _GSV_FIELDS)
    number, of, seen = (parse_scaled("count", text, 1) or 0 for text in (fields[1], fields[0], fields[2]))
    rest = fields[3:]
    signal = rest[-1] if len(rest) % _SATELLITE_FIELDS == 1 else ""
    satellites = [rest[at : at + _SATELLITE_FIELDS] for at in range(0, len(rest) - 3, _SATELLITE_FIELDS)]
    snr_db = tuple((one[0], parse_scaled("SNR", one[3], 1) or 0) for one in satellites if one[3])
    return InView(line.name[:TALKER], signal, number, of, seen, snr_db)


def read_datum(line: Line) -> str:
    """Return the name of a DTM's datum, or its code where that is none of NMEA's own."""
    code = _expect(line, 1)[0]
    if not code:
        raise UnreadableField("datum", "")
    return _DATUMS.get(code, code)


def read_rmc_time(line: Line) -> int | None:
    """Return UTC in milliseconds since 1970 of an RMC; nothing while the receiver has no date."""
    fields = _expect(line, _RMC_FIELDS)
    clock, date = fields[0], fields[8]
    if not clock or not date:
        return None
    if len(date) != _DATE_DIGITS or not (date.isascii() and date.isdigit()):
        raise UnreadableField("date", date)
    day, month, year = int(date[:2]), int(date[2:4]), int(date[4:])
    return compute_utc_ms((year + (1900 if year >= _PIVOT else 2000), month, day), *parse_clock(clock))


def read_zda_time(line: Line) -> int | None:
    """Return UTC in milliseconds since 1970 of a ZDA; nothing while the receiver has no date."""
    clock, *date = _expect(line, _ZDA_FIELDS)[:_ZDA_FIELDS]
    if not clock or not all(date):
        return None
    day, month, year = (parse_scaled("date", text, 1) or 0 for text in date)
    return compute_utc_ms((year, month, day), *parse_clock(clock))


def _read_station(text: str) -> int | None:
    """Return a reference station's number; some makers put a name there, which a record has no place for."""
    is_number = text.isascii() and text.isdigit() and int(text[:6]) <= _MAX_STATION
    return int(text[:6]) if is_number else None


def _expect(line: Line, count: int) -> tuple[str, ...]:
    if len(line.fields) < count:
        raise UnreadableField("sentence", line.raw.decode())
    return line.fields
