"""RTCM 3: frames, and what their first bits say.

Source: RTCM 10403.3, section 4 (transport layer) and table 3.4-1 (DF002, DF003). A frame is D3, 6 zero bits, 10 bits
of length, message, and CRC-24Q over all before it. The messages themselves are kept whole for those who use them.
"""

from dataclasses import dataclass
from typing import Final

from firmware_bridge.gnss.errors import WrongFrameChecksum

PREAMBLE: Final = b"\xd3"
HEADER: Final = 3
CRC: Final = 3
MAX_MESSAGE: Final = 1_023
"""Longest message: its length has 10 bits."""
MAX_FRAME: Final = HEADER + MAX_MESSAGE + CRC
_POLYNOMIAL: Final = 0x1864CFB
_NUMBER_BYTES: Final = 2
_STATION_BYTES: Final = 3


@dataclass(frozen=True, slots=True)
class RtcmFrame:
    """A frame whose checksum holds.

    Attributes
    ----------
    number
        Message number (DF002), such as 1077; absent in an empty filler.
    station
        Reference station id (DF003): the 12 bits behind the number. Messages without a station (ephemerides,
        proprietary ones) have others there.
    raw
        The whole frame.
    """

    number: int | None
    station: int | None
    raw: bytes

    @property
    def name(self) -> str:
        """Such as ``RTCM-1077``; ``RTCM`` for an empty filler."""
        return "RTCM" if self.number is None else f"RTCM-{self.number:04d}"


def claim_length(data: bytes | bytearray, at: int) -> int:
    """Return how many bytes from `at` on must be there before more can be told; 0 when no frame begins there."""
    there = bytes(data[at : at + HEADER])
    if not there.startswith(PREAMBLE[: len(there)]) or (len(there) > 1 and there[1] >> 2):
        return 0
    return HEADER if len(there) < HEADER else HEADER + (there[1] << 8 | there[2]) + CRC


def parse_frame(raw: bytes) -> RtcmFrame:
    """Return the frame of whole bytes that `claim_length` measured.

    Raises
    ------
    WrongFrameChecksum
        When it was damaged.

    Examples
    --------
    >>> frame = parse_frame(bytes.fromhex("d300084ce0008a00000000a8f72a"))
    >>> frame.name, frame.station
    ('RTCM-1230', 0)
    """
    given, computed = int.from_bytes(raw[-CRC:], "big"), compute_crc24q(raw[:-CRC])
    if given != computed:
        raise WrongFrameChecksum("RTCM 3", f"{given:06x}", f"{computed:06x}")
    message = raw[HEADER:-CRC]
    number = message[0] << 4 | message[1] >> 4 if len(message) >= _NUMBER_BYTES else None
    station = (message[1] & 0xF) << 8 | message[2] if len(message) >= _STATION_BYTES else None
    return RtcmFrame(number, station, raw)


def compute_crc24q(data: bytes, *, start: int = 0) -> int:
    """Return the CRC-24Q of bytes: polynomial 1864CFB, most significant bit first, no final inversion.

    Parameters
    ----------
    data
        Any bytes.
    start
        Register before the first byte; RTCM begins with 0, OpenPGP (RFC 4880) with B704CE.

    Examples
    --------
    >>> hex(compute_crc24q(b"123456789"))
    '0xcde703'
    """
    crc = start
    for byte in data:
        crc = (crc << 8 & 0xFFFFFF) ^ _TABLE[crc >> 16 ^ byte]
    return crc


def _divide(byte: int) -> int:
    """Return the remainder of one byte."""
    crc = byte << 16
    for _ in range(8):
        crc = crc << 1 ^ (_POLYNOMIAL if crc & 0x800000 else 0)
    return crc


_TABLE: Final = tuple(_divide(byte) for byte in range(256))
