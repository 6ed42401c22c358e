"""VLP-16 position packets: the state of its clock, and the GNSS sentence that it repeats.

Source: VLP-16 User Manual, 63-9243 Rev. D, 9.3.3. Offsets there count from the Ethernet header, 42 bytes before.
"""

import re
from datetime import UTC, datetime
from typing import Final, Literal

from firmware_bridge.framing import compute_checksum
from firmware_bridge.scan.driver import ClockState
from firmware_bridge.scan.errors import InvalidPacket

POSITION_BYTES: Final = 512
"""Payload of a position packet."""
HOUR_US: Final = 3_600_000_000
_STAMP: Final = 198
_PPS: Final = 202
_SENTENCE: Final = 206
_MAX_SENTENCE: Final = 128
"""NMEA 0183 allows 82; some receivers send more digits."""
_PPS_WORDS: Final[tuple[Literal["absent", "synchronising", "locked", "error"], ...]] = (
    "absent",
    "synchronising",
    "locked",
    "error",
)
# $GPRMC,hhmmss.ss,A,lat,N,lon,E,speed,course,ddmmyy,... with any talker.
_RMC: Final = re.compile(
    rb"\$([A-Z]{2}RMC,(\d{2})(\d{2})(\d{2})(\.\d{1,9})?,([AV]),(?:[^,*\r\n]*,){6}(\d{2})(\d{2})(\d{2}),?[^*\r\n]*)"
    rb"\*([0-9A-Fa-f]{2})"
)
_CENTURY: Final = 2000
"""Of the sentence's two digits of a year: the scanner was first sold in 2014."""


def parse_position_packet(raw: bytes) -> ClockState:
    """Return what a position packet says of the clock.

    Raises
    ------
    InvalidPacket
        Length, stamp or pulse state are not what the manual says, or its sentence fails its checksum.
    """
    if len(raw) != POSITION_BYTES:
        raise InvalidPacket(f"{len(raw)} bytes; a position packet has {POSITION_BYTES}")
    stamp_us = int.from_bytes(raw[_STAMP : _STAMP + 4], "little")
    if stamp_us >= HOUR_US:
        raise InvalidPacket("its time lies past the hour")
    if raw[_PPS] >= len(_PPS_WORDS):
        raise InvalidPacket(f"pulse state {raw[_PPS]} is none of 0 to 3")
    sentence = raw[_SENTENCE : _SENTENCE + _MAX_SENTENCE].split(b"\0", 1)[0]
    return ClockState(_parse_rmc(sentence), stamp_us / 1e6, _PPS_WORDS[raw[_PPS]])


def _parse_rmc(sentence: bytes) -> float | None:
    """Return POSIX seconds of a valid RMC sentence; absent when there is none, or it warns that it has no fix."""
    found = _RMC.search(sentence)
    if found is None:
        return None
    body, hour, minute, second, fraction, status, day, month, year, given = found.groups()
    if compute_checksum(body) != given.decode().upper():
        raise InvalidPacket("its GNSS sentence fails its checksum")
    if status != b"A":
        return None
    try:
        moment = datetime(
            _CENTURY + int(year), int(month), int(day), int(hour), int(minute), min(int(second), 59), tzinfo=UTC
        )
    except ValueError as error:
        raise InvalidPacket("its GNSS sentence has no such date or time") from error
    return moment.timestamp() + float(fraction or b"0")
