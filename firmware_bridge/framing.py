"""Lines of NMEA 0183 form out of a stream of bytes: ``$``, body, ``*`` and two hexadecimal digits, line end.

Source: NMEA 0183 (as in the u-blox 8 / M8 receiver description, section NMEA protocol). Field devices glue binary
bytes before a ``$`` (Haglof's link layer sends a 20-byte prefix), lose bytes and send noise; a line is found again at
its ``$``. It ends with its checksum, not with its line end: the next binary prefix may follow at once, and a caliper's
reading should not wait for the next one.
"""

from dataclasses import dataclass
from typing import Final

from firmware_bridge.errors import LineTooLong, Noise, SentenceError, WrongChecksum

MAX_LINE: Final = 256
"""Longest line: NMEA allows 82 characters, makers use up to 200."""
_CHECKSUM_TAIL: Final = 3
_START: Final = ord("$")
_STAR: Final = ord("*")


@dataclass(frozen=True, slots=True)
class Line:
    """A line whose checksum holds, or that has none.

    Attributes
    ----------
    name
        First field, without ``$``.
    fields
        The others.
    raw
        From ``$`` to the end of the checksum.
    """

    name: str
    fields: tuple[str, ...]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Skipped:
    """Bytes that gave no reading, and why.

    Attributes
    ----------
    error
        The rule that they break.
    raw
        The bytes, at most `MAX_LINE`.
    """

    error: SentenceError
    raw: bytes


class LineReader:
    """Joins pieces of a stream to lines; holds at most one line's bytes."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Line | Skipped]:
        """Return the lines that these bytes complete, and what had to be skipped."""
        found: list[Line | Skipped] = []
        for byte in data:
            # A line begins here, whatever stood before it.
            if byte == _START and self._buffer:
                self._end(found)
            self._buffer.append(byte)
            if byte in b"\r\n" or self._has_checksum():
                self._end(found)
            elif len(self._buffer) > MAX_LINE:
                raw = bytes(self._buffer)
                self._buffer.clear()
                found.append(Skipped(LineTooLong(MAX_LINE), raw))
        return found

    def _has_checksum(self) -> bool:
        buffer = self._buffer
        return len(buffer) > _CHECKSUM_TAIL and buffer[0] == _START and buffer[-_CHECKSUM_TAIL] == _STAR

    def _end(self, found: list[Line | Skipped]) -> None:
        raw = bytes(self._buffer).strip(b"\r\n")
        self._buffer.clear()
        if raw:
            found.append(parse_line(raw))


def parse_line(raw: bytes) -> Line | Skipped:
    """Return a line without its end as fields, or why it is none.

    Examples
    --------
    >>> parse_line(b"$PLTIT,HT,5.50,M*36").fields
    ('HT', '5.50', 'M')
    """
    if not raw.startswith(b"$") or not raw.isascii() or not raw.decode().isprintable():
        return Skipped(Noise(raw), raw)
    body, star, given = raw[1:].partition(b"*")
    if not star or len(given) != _CHECKSUM_TAIL - 1:
        return Skipped(Noise(raw), raw)
    computed = compute_checksum(body)
    if given.decode().upper() != computed:
        return Skipped(WrongChecksum(given.decode(), computed), raw)
    name, *fields = body.decode().split(",")
    return Line(name, tuple(fields), raw)


def compute_checksum(body: bytes) -> str:
    """Return the exclusive or of a line's bytes between ``$`` and ``*``, as two hexadecimal digits."""
    value = 0
    for byte in body:
        value ^= byte
    return f"{value:02X}"
