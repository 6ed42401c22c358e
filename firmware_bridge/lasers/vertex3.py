"""Vertex III: a block of five plain lines, without checksum, over infrared or serial.

Source: Vertex III and Transponder T3 manual, v1.5 (2007), "Data format": 40 signs, five lines of a line number, a
space, four digits (the fifth: sign and three digits), carriage return and line feed. Heights: lines 1 to 3 in
decimetres or feet x 10, line 4 the horizontal distance ("dm x 10" or feet x 10), line 5 the angle ("centesimal
gradients x 10"). Distances: line 1 in centimetres or feet x 10, lines 2 to 4 empty, line 5 as before; an angle other
than 0 makes the distance the horizontal one, which it is without an angle too.

Read by the manual's own grammar, "unit x 10" is a number that counts tenths of the unit: line 4 counts centimetres,
as line 1 of a distance does; line 5 counts tenths of a gon. No instrument was at hand to confirm it. The block does
not say whether it is metric: the driver is made for one or the other, as the instrument is set. A height of 0 was not
taken. Without a checksum, a digit that was damaged to another digit cannot be seen.
"""

import re
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal

from domain.errors import InvalidField
from domain.readings import HeightShot
from firmware_bridge.driver import Event
from firmware_bridge.errors import LineTooLong, Noise, UnreadableField
from firmware_bridge.framing import Skipped
from firmware_bridge.lasers.errors import BrokenBlock
from firmware_bridge.lasers.vector import CENTI_PER_GON, check_reading
from firmware_bridge.numbers import MM_PER_UNIT

LINES: Final = 5
MAX_LINE: Final = 40
"""Bytes of a whole block: a line that is longer is none."""
BLOCK_MS: Final = 5_000
"""A block is sent in a third of a second; a half one that is older will not be completed."""
_LINE: Final = re.compile(rb"([1-5]) ?([+-]?[0-9]{3,4}|)[ ]*")
_HEIGHTS: Final = 3
_TENTH: Final = Decimal("0.1")
_STEPS: Final = {"M": (Decimal(100), Decimal(10)), "F": (MM_PER_UNIT["F"] * _TENTH, MM_PER_UNIT["F"] * _TENTH)}
"""Millimetres that a height counts, and a distance."""


class Vertex3Driver:
    """Bytes of a Vertex III to readings.

    Parameters
    ----------
    unit
        ``M`` for an instrument set to metric, ``F`` to feet.
    """

    def __init__(self, unit: Literal["M", "F"] = "M") -> None:
        self._steps = _STEPS[unit]
        self._buffer = bytearray()
        self._lines: list[bytes] = []
        self._began_ms = 0

    def feed(self, data: bytes, *, mono_ms: int) -> list[Event]:
        """Return the readings that these bytes complete, and what had to be skipped; no bytes let time pass."""
        found: list[Event] = []
        if self._lines and mono_ms - self._began_ms > BLOCK_MS:
            found += self._give_up("the time was over")
        for byte in data:
            if byte in b"\r\n":
                found += self._end_line(mono_ms)
                continue
            self._buffer.append(byte)
            if len(self._buffer) > MAX_LINE:
                raw = bytes(self._buffer)
                self._buffer.clear()
                found.append(Skipped(LineTooLong(MAX_LINE), raw))
        return found

    def flush(self) -> list[Event]:
        """Tell the half block that waits for lines that will not come."""
        return self._give_up("the stream's end")

    def _end_line(self, mono_ms: int) -> list[Event]:
        raw = bytes(self._buffer)
        self._buffer.clear()
        if not raw:
            return []
        match = _LINE.fullmatch(raw)
        if match is None:
            return [Skipped(Noise(raw), raw)]
        found: list[Event] = []
        number, expected = int(match[1]), len(self._lines) + 1
        if number != expected and self._lines:
            found = self._give_up(raw.decode())
        if number != len(self._lines) + 1:
            return [*found, Skipped(BrokenBlock(1, raw.decode()), raw)]
        if not self._lines:
            self._began_ms = mono_ms
        self._lines.append(raw)
        return found if number < LINES else [*found, self._read_block(mono_ms)]

    def _give_up(self, given: str) -> list[Event]:
        lines, self._lines = self._lines, []
        return [Skipped(BrokenBlock(len(lines) + 1, given), b"\r\n".join(lines))] if lines else []

    def _read_block(self, mono_ms: int) -> Event:
        lines, self._lines = self._lines, []
        raw = b"\r\n".join(lines)
        try:
            return check_reading(_read_shot([_read_number(line) for line in lines], self._steps, mono_ms, raw))
        except InvalidField as error:
            return Skipped(UnreadableField(error.path, repr(error.value)), raw)


def _read_number(line: bytes) -> int:
    """Return the number behind a line's own; 0 for an empty one."""
    digits = line[1:].strip()
    return int(digits) if digits else 0


def _read_shot(numbers: list[int], steps: tuple[Decimal, Decimal], mono_ms: int, raw: bytes) -> HeightShot:
    of_height, of_distance = steps
    distance, angle = numbers[_HEIGHTS], round(numbers[-1] * _TENTH * CENTI_PER_GON)
    if distance == 0 and not any(numbers[1:_HEIGHTS]):
        horizontal = round(numbers[0] * of_distance)
        return HeightShot(mono_ms, horizontal_mm=horizontal, inclination_cd=angle, raw=raw)
    shots = tuple(round(number * of_height) for number in numbers[:_HEIGHTS] if number)
    return HeightShot(
        mono_ms,
        horizontal_mm=round(distance * of_distance),
        inclination_cd=angle,
        height_mm=round(Fraction(sum(shots), len(shots))) if shots else None,
        shots_mm=shots if len(shots) > 1 else None,
        raw=raw,
    )
