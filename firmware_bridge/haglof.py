"""Laser hypsometers that speak ``$PLTIT`` and calipers that speak ``$PHGF``.

Source: TruPulse 200 user's manual, 6th edition, section 8 (``$PLTIT,HV`` and ``HT``, which Haglof's lasers also send);
Haglof Digitech serial protocol (``$PHGF,DIA`` with ``M`` for millimetres or ``I`` for hundredths of an inch, ``SPC``).
A height comes after the shots behind it; it carries the last shot that had a distance.
"""

from decimal import Decimal
from typing import Final

from domain.errors import InvalidField
from domain.readings import HeightShot, StemDiameter
from domain.schema import to_map
from firmware_bridge.errors import SentenceError, UnreadableField
from firmware_bridge.framing import Line, LineReader, Skipped
from firmware_bridge.numbers import parse_length_mm, parse_scaled

_HV_FIELDS: Final = 9
_HT_FIELDS: Final = 3
_DIA_FIELDS: Final = 3
_CENTI_PER_GON: Final = Decimal(90)
_MM_PER_CENTI_INCH: Final = Decimal("0.254")

Event = HeightShot | StemDiameter | Skipped


class HaglofReader:
    """Bytes of a hypsometer or caliper to readings."""

    def __init__(self) -> None:
        self._lines = LineReader()
        self._shot: Line | None = None
        self._species: str | None = None

    def feed(self, data: bytes, *, mono_ms: int) -> list[Event]:
        """Return the readings that these bytes complete, and what had to be skipped."""
        found: list[Event] = []
        for line in self._lines.feed(data):
            found += [line] if isinstance(line, Skipped) else self._take(line, mono_ms)
        return found

    def _take(self, line: Line, mono_ms: int) -> list[Event]:
        try:
            reading = self._read(line, mono_ms)
            if reading is not None:
                to_map(reading)
        except SentenceError as error:
            return [Skipped(error, line.raw)]
        except InvalidField as error:
            return [Skipped(UnreadableField(error.path, repr(error.value)), line.raw)]
        return [] if reading is None else [reading]

    def _read(self, line: Line, mono_ms: int) -> HeightShot | StemDiameter | None:
        kind = (line.name, line.fields[0] if line.fields else "")
        if kind == ("PLTIT", "HV"):
            if _expect(line, _HV_FIELDS)[1]:
                self._shot = line
            return None
        if kind == ("PLTIT", "HT"):
            return self._read_height(line, mono_ms)
        if kind == ("PHGF", "DIA"):
            return self._read_diameter(line, mono_ms)
        if kind == ("PHGF", "SPC") and len(line.fields) > 1:
            self._species = line.fields[1][:40] or None
        return None

    def _read_height(self, line: Line, mono_ms: int) -> HeightShot:
        fields = _expect(line, _HT_FIELDS)
        height = parse_length_mm("height", fields[1], fields[2])
        shot, self._shot = self._shot, None
        raw = line.raw if shot is None else shot.raw + b"\r\n" + line.raw
        if shot is None:
            return HeightShot(mono_ms, height_mm=height, raw=raw)
        aimed = shot.fields
        return HeightShot(
            mono_ms,
            horizontal_mm=parse_length_mm("distance", aimed[1], aimed[2]),
            azimuth_cd=_parse_angle("azimuth", aimed[3], aimed[4]),
            inclination_cd=_parse_angle("inclination", aimed[5], aimed[6]),
            slope_mm=parse_length_mm("slope distance", aimed[7], aimed[8]),
            height_mm=height,
            raw=raw,
        )

    def _read_diameter(self, line: Line, mono_ms: int) -> StemDiameter:
        fields = _expect(line, _DIA_FIELDS)
        scales = {"M": Decimal(1), "I": _MM_PER_CENTI_INCH}
        if fields[1] not in scales:
            raise UnreadableField("unit of diameter", fields[1])
        diameter = parse_scaled("diameter", fields[2], scales[fields[1]])
        if diameter is None:
            raise UnreadableField("diameter", "")
        species, self._species = self._species, None
        return StemDiameter(mono_ms, diameter, species_code=species, raw=line.raw)


def _parse_angle(field: str, text: str, unit: str) -> int | None:
    """Return an angle in 1/100 degree; `unit` is ``D`` (degrees) or ``G`` (gon)."""
    if not text:
        return None
    scales = {"D": Decimal(100), "G": _CENTI_PER_GON}
    if unit.upper() not in scales:
        raise UnreadableField(f"unit of {field}", unit)
    return parse_scaled(field, text, scales[unit.upper()])


def _expect(line: Line, count: int) -> tuple[str, ...]:
    if len(line.fields) < count:
        raise UnreadableField("sentence", line.raw.decode())
    return line.fields
