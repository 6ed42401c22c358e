"""What a laser hypsometer sends: steps of a height routine, single shots, missing lines.

Sources: TruPulse 200 user's manual, 6th edition, section 8 (``$PLTIT``: ``HV``, ``HT``, ``ML``; Haglof's lasers send
the first two as well); Vertex Laser Geo 2 user's guide, section 9.2 (``$PHGF,HVV``: distance, azimuth, inclination,
slope distance, height); LaserAce Pocket Series manual, issue 1.0, section 11.1 (``$PMDLA,HV``, and "customer" variants
of the same fields, of which Trimble's ``$PTNLA,HV`` is one).

Not read, since no document at hand says what it means: the two fields behind ``HVV``'s height (newer firmware; public
projects take them for a remote diameter in centimetres, at a height that the sentence does not tell); they stay in
the reading's `raw`. A TruPulse 200 has no compass and sends azimuth 0.00, and says by the last digit of a distance (0
or 1) how well the target reflected; the sentence does not tell the model, so both are taken as they stand.

A height comes after the shots behind it and carries them: one reading for the routine. A distance that no height
follows is a reading of its own, told when the next one begins, after `ROUTINE_MS`, or at the end.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeAlias

from domain.readings import HeightShot, MissingLine
from firmware_bridge.errors import UnreadableField
from firmware_bridge.framing import Line
from firmware_bridge.lasers.vector import check_reading, expect_fields, join_raw, read_missing_line, read_shot
from firmware_bridge.numbers import parse_length_mm

ROUTINE_MS: Final = 180_000
"""A height routine that takes longer was given up: trigger to trigger it takes a minute."""
_HEIGHT_FIELDS: Final = 3
_ALL_FIELDS: Final = 11

Sentence: TypeAlias = tuple[str, str]
"""Name and type of a sentence, such as ``PLTIT`` and ``HV``."""
Shots: TypeAlias = list[HeightShot | MissingLine]


class Routine:
    """The height routine that runs on an instrument: at most one shot waits for its height."""

    def __init__(self) -> None:
        self._shot: HeightShot | None = None
        self.readers: dict[Sentence, Callable[[Line, int], Shots]] = {
            ("PLTIT", "HV"): self._read_step,
            ("PLTIT", "HT"): self._read_height,
            ("PLTIT", "ML"): self._read_missing_line,
            ("PHGF", "HVV"): self._read_all,
            ("PMDLA", "HV"): self._read_single,
            ("PTNLA", "HV"): self._read_single,
        }
        """What reads each sentence."""

    def expire(self, mono_ms: int) -> Shots:
        """Return the distance of a routine that was given up."""
        shot = self._shot
        return self.flush() if shot is not None and mono_ms - shot.mono_ms > ROUTINE_MS else []

    def flush(self) -> Shots:
        """Return the distance that waits for a height that will not come."""
        shot, self._shot = self._shot, None
        return [] if shot is None else [shot]

    def _read_step(self, line: Line, mono_ms: int) -> Shots:
        """Begin a routine with a distance; an angle alone is a step of the one that runs."""
        shot = read_shot(line, mono_ms)
        if shot.horizontal_mm is None and shot.slope_mm is None and self._shot is not None:
            self._shot = replace(self._shot, raw=join_raw(self._shot.raw, line.raw))
            return []
        found = self.flush()
        self._shot = shot
        return found

    def _read_height(self, line: Line, mono_ms: int) -> Shots:
        expect_fields(line, _HEIGHT_FIELDS)
        height = _read_height(line.fields[1], line.fields[2])
        shot = HeightShot(mono_ms) if self._shot is None else self._shot
        shot = check_reading(replace(shot, mono_ms=mono_ms, height_mm=height, raw=join_raw(shot.raw, line.raw)))
        self._shot = None
        return [shot]

    def _read_missing_line(self, line: Line, mono_ms: int) -> Shots:
        """Take the line between the last two shots, which stay readings of their own."""
        missing = read_missing_line(line, mono_ms)
        return [*self.flush(), missing]

    def _read_all(self, line: Line, mono_ms: int) -> Shots:
        expect_fields(line, _ALL_FIELDS)
        height = parse_length_mm("height", line.fields[9], line.fields[10])
        shot = check_reading(replace(read_shot(line, mono_ms), height_mm=height))
        return [*self.flush(), shot]

    def _read_single(self, line: Line, mono_ms: int) -> Shots:
        """Take a shot that is whole: these instruments send no height after it."""
        shot = read_shot(line, mono_ms)
        return [*self.flush(), shot]


def _read_height(text: str, unit: str) -> int:
    height = parse_length_mm("height", text, unit)
    if height is None:
        raise UnreadableField("height", "")
    return height
