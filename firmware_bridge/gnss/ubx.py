"""UBX: frames of u-blox receivers and the messages of theirs that make a fix, each as its values.

Source: u-blox F9 HPG 1.32 interface description (UBX-22008968), sections UBX protocol, UBX-NAV and UBX-RXM. A frame is
B5 62, class, id, length (2 bytes, little-endian), payload, and an 8-bit Fletcher checksum from class to payload.
"""

import math
import struct
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from firmware_bridge.gnss.errors import InvalidMessage, WrongFrameChecksum
from firmware_bridge.gnss.times import compute_utc_ms

SYNC: Final = b"\xb5\x62"
MAX_PAYLOAD: Final = 8_192
"""Longest payload: RXM-RAWX of 255 measurements has 8,176 bytes, and no message of a receiver's own is longer."""
HEADER: Final = 6
CHECKSUM: Final = 2
MAX_FRAME: Final = HEADER + MAX_PAYLOAD + CHECKSUM
_CLASSES: Final = {
    0x01: "NAV", 0x02: "RXM", 0x04: "INF", 0x05: "ACK", 0x06: "CFG", 0x09: "UPD", 0x0A: "MON", 0x0B: "AID",
    0x0D: "TIM", 0x10: "ESF", 0x13: "MGA", 0x21: "LOG", 0x27: "SEC", 0x28: "HNR", 0x29: "NAV2",
}  # fmt: skip
_NAMES: Final = {
    (0x01, 0x03): "STATUS", (0x01, 0x04): "DOP", (0x01, 0x07): "PVT", (0x01, 0x14): "HPPOSLLH",
    (0x01, 0x35): "SAT", (0x01, 0x3C): "RELPOSNED", (0x01, 0x61): "EOE", (0x02, 0x13): "SFRBX", (0x02, 0x15): "RAWX",
    (0x02, 0x32): "RTCM", (0x05, 0x00): "NAK", (0x05, 0x01): "ACK", (0x0A, 0x04): "VER", (0x0D, 0x03): "TM2",
}  # fmt: skip
_PVT: Final = struct.Struct("<IH6BIi4B4i2I5i2IH")
_PVT_LENGTHS: Final = (84, 92)
"""Of u-blox 7, and of u-blox 8 and later."""
_FLAGS3: Final = struct.Struct("<H")
_HPPOSLLH: Final = struct.Struct("<B2xBI4i4b2I")
_DOP: Final = struct.Struct("<I7H")
_SAT_HEAD: Final = struct.Struct("<I2B2x")
_SAT: Final = struct.Struct("<3Bb2hI")
_RAWX_HEAD: Final = struct.Struct("<dHb2B3x")
_RAWX_MEASUREMENT: Final = 32
_WEEK_S: Final = 604_800
_TIME_IS_SURE: Final = 0b111
"""NAV-PVT's validDate, validTime, and fullyResolved: without the last the leap seconds may be wrong."""
_USED: Final = 0x08
_DEAD_RECKONING: Final = 1
_NO_POSITION: Final = (0, 5)
"""Fix types: none, and time alone."""
_CORRECTION_AGE_S: Final = (0, 1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120)
"""Upper ends of NAV-PVT's classes of correction age; class 0 is no age, 12 and beyond have no upper end."""
_MAX_DOP_C: Final = 10_000


@dataclass(frozen=True, slots=True)
class UbxFrame:
    """A frame whose checksum holds.

    Attributes
    ----------
    group, number
        Class and id.
    payload
        At most `MAX_PAYLOAD` bytes.
    raw
        The whole frame.
    """

    group: int
    number: int
    payload: bytes
    raw: bytes

    @property
    def name(self) -> str:
        """Such as ``UBX-NAV-PVT``; what is not known by name shows its number, as ``UBX-NAV-7F``."""
        group = _CLASSES.get(self.group, f"{self.group:02X}")
        return f"UBX-{group}-{_NAMES.get((self.group, self.number), f'{self.number:02X}')}"


@dataclass(frozen=True, slots=True)
class Pvt:
    """NAV-PVT: position, time, accuracy.

    Attributes
    ----------
    tow_ms
        Time of the GPS week of this epoch.
    gnss_at_ms
        UTC in milliseconds since 1970; absent while the receiver is not sure of it.
    quality
        As NMEA says it; 0 without a fix.
    satellites
        Used.
    lon_nd, lat_nd
        10^-9 degree.
    ellipsoidal_mm, altitude_mm
        Height above the ellipsoid, and above mean sea level.
    horizontal_error_mm, vertical_error_mm
        The receiver's accuracy estimates.
    pdop_c
        Dilution of precision of the position; absent when not known.
    correction_age_ms
        Upper end of the class in which the corrections' age is; absent when there are none, or beyond 120 s.
    """

    tow_ms: int
    gnss_at_ms: int | None
    quality: int
    satellites: int
    lon_nd: int
    lat_nd: int
    ellipsoidal_mm: int
    altitude_mm: int
    horizontal_error_mm: int
    vertical_error_mm: int
    pdop_c: int | None
    correction_age_ms: int | None


@dataclass(frozen=True, slots=True)
class HighPrecision:
    """NAV-HPPOSLLH: the position of an epoch with its fine digits.

    Attributes
    ----------
    tow_ms, lon_nd, lat_nd
        As in `Pvt`.
    ellipsoidal_tenth_mm, altitude_tenth_mm, horizontal_error_tenth_mm, vertical_error_tenth_mm
        As in `Pvt`, in tenths of a millimetre.
    is_valid
        Whether the receiver stands by it.
    """

    tow_ms: int
    lon_nd: int
    lat_nd: int
    ellipsoidal_tenth_mm: int
    altitude_tenth_mm: int
    horizontal_error_tenth_mm: int
    vertical_error_tenth_mm: int
    is_valid: bool


@dataclass(frozen=True, slots=True)
class Dops:
    """NAV-DOP: dilution of precision in hundredths; absent where not known."""

    tow_ms: int
    pdop_c: int | None
    hdop_c: int | None
    vdop_c: int | None


@dataclass(frozen=True, slots=True)
class Satellites:
    """NAV-SAT: satellites of an epoch.

    Attributes
    ----------
    tow_ms
        Time of the GPS week of this epoch.
    used, seen
        Satellites used, and known to be in view.
    snr_db
        Carrier to noise of those received.
    """

    tow_ms: int
    used: int
    seen: int
    snr_db: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RawHeader:
    """RXM-RAWX's header.

    Attributes
    ----------
    tow_s, week
        Receiver's time of the GPS week in seconds, and the week.
    leap_s
        GPS less UTC.
    measurements
        How many follow.
    """

    tow_s: float
    week: int
    leap_s: int
    measurements: int


def claim_length(data: bytes | bytearray, at: int) -> int:
    """Return how many bytes from `at` on must be there before more can be told; 0 when no frame begins there."""
    there = bytes(data[at : at + HEADER])
    if not there.startswith(SYNC[: len(there)]):
        return 0
    if len(there) < HEADER:
        return HEADER
    length = there[4] | there[5] << 8
    return 0 if length > MAX_PAYLOAD else HEADER + length + CHECKSUM


def parse_frame(raw: bytes) -> UbxFrame:
    """Return the frame of whole bytes that `claim_length` measured.

    Raises
    ------
    WrongFrameChecksum
        When it was damaged.

    Examples
    --------
    >>> parse_frame(bytes.fromhex("b5620501020006010f38")).name
    'UBX-ACK-ACK'
    """
    given, computed = raw[-CHECKSUM:], compute_fletcher(raw[len(SYNC) : -CHECKSUM])
    if given != computed:
        raise WrongFrameChecksum("UBX", given.hex(), computed.hex())
    return UbxFrame(raw[2], raw[3], raw[HEADER:-CHECKSUM], raw)


def compute_fletcher(data: bytes) -> bytes:
    """Return the 8-bit Fletcher checksum (RFC 1145): the sum, and the sum of sums, both modulo 256.

    Examples
    --------
    >>> compute_fletcher(bytes.fromhex("050102000601")).hex()
    '0f38'
    """
    return bytes((sum(data) & 0xFF, sum(accumulate(data)) & 0xFF))


def parse_pvt(payload: bytes) -> Pvt:
    """Return what a NAV-PVT says."""
    if len(payload) not in _PVT_LENGTHS:
        raise InvalidMessage("UBX-NAV-PVT", f"{len(payload)} bytes, not {_PVT_LENGTHS[0]} or {_PVT_LENGTHS[1]}")
    values = _PVT.unpack_from(payload)
    tow_ms, valid, nano = values[0], values[7], values[9]
    fix_type, flags, satellites = values[10], values[11], values[13]
    lon, lat, ellipsoidal_mm, altitude_mm, horizontal_mm, vertical_mm = values[14:20]
    (flags3,) = _FLAGS3.unpack_from(payload, _PVT.size) if len(payload) == _PVT_LENGTHS[1] else (0,)
    is_sure = valid & _TIME_IS_SURE == _TIME_IS_SURE
    return Pvt(
        tow_ms,
        compute_utc_ms(values[1:4], values[4:7], round(nano / 1_000_000)) if is_sure else None,
        0 if flags3 & 1 else derive_quality(fix_type, flags),
        satellites,
        lon * 100,
        lat * 100,
        ellipsoidal_mm,
        altitude_mm,
        horizontal_mm,
        vertical_mm,
        _known(values[-1]),
        _age_ms(flags3 >> 1 & 0xF),
    )


def derive_quality(fix_type: int, flags: int) -> int:
    """Return NMEA's quality of NAV-PVT's fix type and flags, by the description's table of position fix flags.

    Examples
    --------
    A three-dimensional fix that is valid (bit 0), differential (bit 1), and of fixed carrier phase (bit 7):

    >>> derive_quality(3, 0b1000_0011)
    4
    """
    if not flags & 1 or fix_type in _NO_POSITION:
        return 0
    if fix_type == _DEAD_RECKONING:
        return 6
    carrier = {1: 5, 2: 4}.get(flags >> 6)
    return carrier or (2 if flags & 2 else 1)


def parse_hpposllh(payload: bytes) -> HighPrecision:
    """Return what a NAV-HPPOSLLH says."""
    values = _unpack(_HPPOSLLH, payload, "UBX-NAV-HPPOSLLH")
    _, flags, tow_ms, lon, lat, ellipsoidal, altitude, fine_lon, fine_lat, fine_ellipsoidal, fine_altitude = values[:11]
    return HighPrecision(
        tow_ms,
        lon * 100 + fine_lon,
        lat * 100 + fine_lat,
        ellipsoidal * 10 + fine_ellipsoidal,
        altitude * 10 + fine_altitude,
        values[11],
        values[12],
        is_valid=not flags & 1,
    )


def parse_dop(payload: bytes) -> Dops:
    """Return what a NAV-DOP says."""
    tow_ms, _, pdop, _, vdop, hdop, _, _ = _unpack(_DOP, payload, "UBX-NAV-DOP")
    return Dops(tow_ms, _known(pdop), _known(hdop), _known(vdop))


def parse_sat(payload: bytes) -> Satellites:
    """Return what a NAV-SAT says."""
    if len(payload) < _SAT_HEAD.size:
        raise InvalidMessage("UBX-NAV-SAT", f"{len(payload)} bytes, less than its header")
    tow_ms, _, count = _SAT_HEAD.unpack_from(payload)
    if len(payload) != _SAT_HEAD.size + count * _SAT.size:
        raise InvalidMessage("UBX-NAV-SAT", f"{len(payload)} bytes do not hold {count} satellites")
    satellites = list(_SAT.iter_unpack(payload[_SAT_HEAD.size :]))
    used = sum(1 for one in satellites if one[6] & _USED)
    return Satellites(tow_ms, used, count, tuple(one[2] for one in satellites if one[2]))


def parse_rawx_header(payload: bytes) -> RawHeader:
    """Return a RXM-RAWX's header, checked against its length."""
    if len(payload) < _RAWX_HEAD.size:
        raise InvalidMessage("UBX-RXM-RAWX", f"{len(payload)} bytes, less than its header")
    tow_s, week, leap_s, count, _ = _RAWX_HEAD.unpack_from(payload)
    if len(payload) != _RAWX_HEAD.size + count * _RAWX_MEASUREMENT:
        raise InvalidMessage("UBX-RXM-RAWX", f"{len(payload)} bytes do not hold {count} measurements")
    # A receiver's clock may run a little past the week's end before it is steered back.
    if not math.isfinite(tow_s) or not 0 <= tow_s < _WEEK_S + 1:
        raise InvalidMessage("UBX-RXM-RAWX", f"time of week {tow_s} s is not within a week")
    return RawHeader(tow_s, week, leap_s, count)


def _unpack(form: struct.Struct, payload: bytes, name: str) -> tuple[int, ...]:
    if len(payload) != form.size:
        raise InvalidMessage(name, f"{len(payload)} bytes, not {form.size}")
    return form.unpack(payload)


def _known(dop_c: int) -> int | None:
    """Return a dilution of precision; receivers say 99.99 or more when they do not know it."""
    return dop_c if dop_c <= _MAX_DOP_C else None


def _age_ms(grade: int) -> int | None:
    return _CORRECTION_AGE_S[grade] * 1_000 if 0 < grade < len(_CORRECTION_AGE_S) else None
