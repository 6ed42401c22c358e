"""One stream of NMEA sentences, UBX and RTCM 3 frames in any order, with garbage between, cut into its parts.

A part begins at ``$``, B5 or D3 and counts only when its checksum holds; else the search goes on at the next byte, so
that a false beginning hides nothing behind it. Work stays proportional to the stream: a false beginning costs the
checksum of what it claims, and such costs have a budget (`CREDIT`).
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from firmware_bridge.errors import LineTooLong, Noise, SentenceError
from firmware_bridge.framing import MAX_LINE, Line, Skipped, parse_line
from firmware_bridge.gnss import rtcm, ubx
from firmware_bridge.gnss.errors import WrongFrameChecksum

STALE_MS: Final = 3_000
"""How long a part may stay unfinished before its beginning counts as false. The longest UBX frame takes 2.1 s at
38,400 baud; without this, three bytes of noise could hold back a second of fixes or more."""
CREDIT: Final = 16
"""Bytes of failed checksums allowed a byte of the stream. Noise costs 0.03; where hostile bytes spend more, a false
frame is dropped whole instead of being searched again."""
FIRST_CREDIT: Final = 65_536
"""Allowed beforehand, so that a stream may begin in the middle of long frames."""
MAX_HELD: Final = max(ubx.MAX_FRAME, rtcm.MAX_FRAME, MAX_LINE)
"""Bytes held between calls: less than the longest part."""
_PIECE: Final = 4_096
"""Bytes taken at once out of a long delivery."""
_MAX_BODY: Final = MAX_LINE - len("$*hh")
_BEGINNING: Final = re.compile(rb"[$\xb5\xd3]")
_LINE: Final = re.compile(rb"\$[\x20-\x23\x25-\x29\x2b-\x7e]{1,%d}\*[0-9A-Fa-f]{2}" % _MAX_BODY)
_LINE_BEGUN: Final = re.compile(rb"\$[\x20-\x23\x25-\x29\x2b-\x7e]{0,%d}(?:\*[0-9A-Fa-f]?)?" % _MAX_BODY)
_DOLLAR: Final = ord("$")

Frame: TypeAlias = ubx.UbxFrame | rtcm.RtcmFrame
Part: TypeAlias = Line | Frame | Skipped
_Claim: TypeAlias = Callable[[bytes | bytearray, int], int]
_FRAMES: Final[Mapping[int, tuple[_Claim, Callable[[bytes], Frame]]]] = {
    ubx.SYNC[0]: (ubx.claim_length, ubx.parse_frame),
    rtcm.PREAMBLE[0]: (rtcm.claim_length, rtcm.parse_frame),
}
"""By a frame's first byte: how many bytes it claims, and the frame of them."""


class StreamSplitter:
    """Cuts a mixed stream into its parts."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._noise = bytearray()
        self._why: SentenceError | None = None
        self._credit = FIRST_CREDIT
        self._since_ms = 0

    def feed(self, data: bytes, *, mono_ms: int) -> list[Part]:
        """Return the parts that these bytes complete, and what had to be skipped; no bytes let time pass."""
        found: list[Part] = []
        while self._buffer and mono_ms - self._since_ms > STALE_MS:
            self._skip(self._buffer[:1], found)
            self._split(found, mono_ms, begin=1)
        for at in range(0, len(data), _PIECE):
            self._since_ms = self._since_ms if self._buffer else mono_ms
            self._buffer += data[at : at + _PIECE]
            self._split(found, mono_ms)
        return found

    def flush(self) -> list[Part]:
        """Return what stands behind a part that will not be finished: the stream has ended."""
        found: list[Part] = []
        while self._buffer:
            self._skip(self._buffer[:1], found)
            self._split(found, self._since_ms, begin=1)
        self._end_noise(found)
        return found

    def _split(self, found: list[Part], mono_ms: int, *, begin: int = 0) -> None:
        """Take all whole parts out of the buffer; what remains begins with an unfinished one."""
        buffer, at = self._buffer, begin
        while at < len(buffer):
            beginning = _BEGINNING.search(buffer, at)
            start = beginning.start() if beginning else len(buffer)
            self._skip(buffer[at:start], found)
            at = start
            taken = self._take(at, found) if beginning else 0
            if not taken:
                break
            at += taken
        self._credit += CREDIT * at
        del buffer[:at]
        if at:
            self._since_ms = mono_ms

    def _take(self, at: int, found: list[Part]) -> int:
        """Return how many bytes of a beginning were taken or skipped; 0 when it needs more."""
        if self._buffer[at] == _DOLLAR:
            return self._take_line(at, found)
        return self._take_frame(at, found)

    def _take_line(self, at: int, found: list[Part]) -> int:
        match = _LINE.match(self._buffer, at)
        if match:
            self._end_noise(found)
            found.append(parse_line(bytes(match.group())))
            return len(match.group())
        begun = _LINE_BEGUN.match(self._buffer, at)
        if begun and begun.end() == len(self._buffer) and len(begun.group()) < MAX_LINE:
            return 0
        if begun and len(begun.group()) > _MAX_BODY:
            self._why = self._why or LineTooLong(MAX_LINE)
        return self._skip(self._buffer[at : at + 1], found)

    def _take_frame(self, at: int, found: list[Part]) -> int:
        claim, parse = _FRAMES[self._buffer[at]]
        claimed = claim(self._buffer, at)
        if claimed > len(self._buffer) - at:
            return 0
        if not claimed:
            return self._skip(self._buffer[at : at + 1], found)
        raw = bytes(self._buffer[at : at + claimed])
        try:
            frame = parse(raw)
        except WrongFrameChecksum as error:
            self._why = self._why or error
            self._credit -= claimed
            return self._skip(raw if self._credit < 0 else raw[:1], found)
        self._end_noise(found)
        found.append(frame)
        return claimed

    def _skip(self, raw: bytes | bytearray, found: list[Part]) -> int:
        """Gather noise; what is long enough is told in pieces."""
        self._noise += raw
        while len(self._noise) >= MAX_LINE:
            self._tell_noise(bytes(self._noise[:MAX_LINE]), found)
            del self._noise[:MAX_LINE]
        return len(raw)

    def _end_noise(self, found: list[Part]) -> None:
        noise = bytes(self._noise).strip(b"\r\n")
        self._noise.clear()
        if noise:
            self._tell_noise(noise, found)
        self._why = None

    def _tell_noise(self, raw: bytes, found: list[Part]) -> None:
        found.append(Skipped(self._why or Noise(raw), raw))
        self._why = None
