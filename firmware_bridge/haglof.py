"""Laser hypsometers that speak ``$PLTIT`` or ``$PHGF,HVV``, and calipers that speak ``$PHGF``.

Sources: TruPulse 200 user's manual, 6th edition, section 8 (``$PLTIT,HV`` and ``HT``, which Haglof's lasers also send);
Vertex Laser Geo 2 user's guide, section 9.2 (``$PHGF,HVV``: distance, azimuth, inclination, slope distance, height);
Haglof Digitech serial protocol (``$PHGF,DIA`` with ``M`` for millimetres, ``SPC`` with number and name). That ``I``
means hundredths of an inch follows the metric form by analogy and was not seen on an instrument.

A height comes after the shots behind it and carries them: one reading for the routine. A distance that no height
follows is a reading of its own, told when the next one begins, after `ROUTINE_MS`, or at the end.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Final

from domain.errors import InvalidField
from domain.readings import HeightShot, StemDiameter
from domain.schema import to_map
from firmware_bridge.errors import SentenceError, UnknownSentence, UnreadableField
from firmware_bridge.framing import Line, LineReader, Skipped
from firmware_bridge.numbers import parse_length_mm, parse_scaled

ROUTINE_MS: Final = 180_000
"""A height routine that takes longer was given up: trigger to trigger it takes a minute."""
MAX_RAW: Final = 512
"""Bytes that a reading keeps of its lines."""
_FIELDS: Final = {"HV": 9, "HT": 3, "HVV": 11, "SPC": 2, "DIA": 3}
"""Fields of each type, its name included."""
_CENTI_PER_GON: Final = Decimal(90)
_CALIPER_STEPS: Final = {"M": Decimal(1), "I": Decimal("0.254")}
"""Millimetres of a caliper's step by its unit."""

Event = HeightShot | StemDiameter | Skipped


class HaglofReader:
    """Bytes of a hypsometer or caliper to readings."""

    def __init__(self) -> None:
        self._lines = LineReader()
        self._shot: HeightShot | None = None
        self._species: Line | None = None
        self._readers: dict[tuple[str, str], Callable[[Line, int], list[Event]]] = {
            ("PLTIT", "HV"): self._read_shot,
            ("PLTIT", "HT"): self._read_height,
            ("PHGF", "HVV"): self._read_all,
            ("PHGF", "SPC"): self._read_species,
            ("PHGF", "DIA"): self._read_diameter,
        }

    def feed(self, data: bytes, *, mono_ms: int) -> list[Event]:
        """Return the readings that these bytes complete, and what had to be skipped; no bytes let time pass."""
        found: list[Event] = []
        if self._shot is not None and mono_ms - self._shot.mono_ms > ROUTINE_MS:
            found += self.flush()
        for line in self._lines.feed(data):
            found += [line] if isinstance(line, Skipped) else self._take(line, mono_ms)
        return found

    def flush(self) -> list[Event]:
        """Return the distance that waits for a height that will not come."""
        shot, self._shot = self._shot, None
        return [] if shot is None else [shot]

    def _take(self, line: Line, mono_ms: int) -> list[Event]:
        kind = line.fields[0] if line.fields else ""
        reader = self._readers.get((line.name, kind))
        try:
            if reader is None:
                raise UnknownSentence(f"{line.name},{kind}")
            if len(line.fields) < _FIELDS[kind]:
                raise UnreadableField("sentence", line.raw.decode())
            return reader(line, mono_ms)
        except SentenceError as error:
            return [Skipped(error, line.raw)]
        except InvalidField as error:
            return [Skipped(UnreadableField(error.path, repr(error.value)), line.raw)]

    def _read_shot(self, line: Line, mono_ms: int) -> list[Event]:
        """Begin a routine with a distance; an angle alone is a step of the one that runs."""
        shot = _read_vector(line, mono_ms)
        to_map(shot)  # bounds of the record, here where the line can still be told
        if shot.horizontal_mm is None and shot.slope_mm is None and self._shot is not None:
            self._shot = _add_line(self._shot, line)
            return []
        found = self.flush()
        self._shot = shot
        return found

    def _read_height(self, line: Line, mono_ms: int) -> list[Event]:
        height = parse_length_mm("height", line.fields[1], line.fields[2])
        shot = HeightShot(mono_ms, raw=line.raw) if self._shot is None else _add_line(self._shot, line)
        shot = replace(shot, mono_ms=mono_ms, height_mm=height)
        to_map(shot)
        self._shot = None
        return [shot]

    def _read_all(self, line: Line, mono_ms: int) -> list[Event]:
        height = parse_length_mm("height", line.fields[9], line.fields[10])
        shot = replace(_read_vector(line, mono_ms), height_mm=height)
        to_map(shot)
        return [*self.flush(), shot]

    def _read_species(self, line: Line, _mono_ms: int) -> list[Event]:
        self._species = line
        return []

    def _read_diameter(self, line: Line, mono_ms: int) -> list[Event]:
        # An entry counts for the next diameter alone: a species too few is better than a wrong one.
        species, self._species = self._species, None
        unit = line.fields[1]
        if unit not in _CALIPER_STEPS:
            raise UnreadableField("unit of diameter", unit)
        diameter = parse_scaled("diameter", line.fields[2], _CALIPER_STEPS[unit])
        if diameter is None:
            raise UnreadableField("diameter", "")
        raw = line.raw if species is None else species.raw + b"\r\n" + line.raw
        reading = StemDiameter(mono_ms, diameter, species_code=_read_code(species), raw=raw)
        to_map(reading)
        return [reading]


def _read_vector(line: Line, mono_ms: int) -> HeightShot:
    fields = line.fields
    return HeightShot(
        mono_ms,
        horizontal_mm=parse_length_mm("distance", fields[1], fields[2]),
        azimuth_cd=_parse_angle("azimuth", fields[3], fields[4]),
        inclination_cd=_parse_angle("inclination", fields[5], fields[6]),
        slope_mm=parse_length_mm("slope distance", fields[7], fields[8]),
        raw=line.raw,
    )


def _read_code(species: Line | None) -> str | None:
    """Return the species' name as the caliper knows it, its number where it has none."""
    if species is None:
        return None
    names = [text for text in (*species.fields[2:3], species.fields[1]) if text]
    return names[0][:40] if names else None


def _add_line(shot: HeightShot, line: Line) -> HeightShot:
    raw = (shot.raw or b"") + b"\r\n" + line.raw
    return replace(shot, raw=raw) if len(raw) <= MAX_RAW else shot


def _parse_angle(field: str, text: str, unit: str) -> int | None:
    """Return an angle in 1/100 degree; `unit` is ``D`` (degrees) or ``G`` (gon)."""
    if not text:
        return None
    scales = {"D": Decimal(100), "G": _CENTI_PER_GON}
    if unit.upper() not in scales:
        raise UnreadableField(f"unit of {field}", unit)
    return parse_scaled(field, text, scales[unit.upper()])
