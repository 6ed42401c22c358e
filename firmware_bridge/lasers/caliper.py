"""What a Haglof caliper sends: a species entry, then a stem's diameter.

Source: Haglof Digitech serial protocol (``$PHGF,DIA`` with ``M`` for millimetres, ``$PHGF,SPC`` with number and name).
That ``I`` means hundredths of an inch follows the metric form by analogy and was not seen on an instrument.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from domain.readings import StemDiameter
from firmware_bridge.errors import UnreadableField
from firmware_bridge.framing import Line
from firmware_bridge.lasers.vector import check_reading, expect_fields, join_raw
from firmware_bridge.numbers import parse_scaled

_SPECIES_FIELDS: Final = 2
_DIAMETER_FIELDS: Final = 3
_MAX_CODE: Final = 40
"""Characters of a species' code in a record."""
_STEPS: Final = {"M": Decimal(1), "I": Decimal("0.254")}
"""Millimetres of a caliper's step by its unit."""


class Caliper:
    """The species entry that waits for its diameter."""

    def __init__(self) -> None:
        self._species: Line | None = None
        self.readers: dict[tuple[str, str], Callable[[Line, int], list[StemDiameter]]] = {
            ("PHGF", "SPC"): self._read_species,
            ("PHGF", "DIA"): self._read_diameter,
        }
        """What reads each sentence."""

    def _read_species(self, line: Line, _mono_ms: int) -> list[StemDiameter]:
        expect_fields(line, _SPECIES_FIELDS)
        self._species = line
        return []

    def _read_diameter(self, line: Line, mono_ms: int) -> list[StemDiameter]:
        # An entry counts for the next diameter alone: a species too few is better than a wrong one.
        species, self._species = self._species, None
        expect_fields(line, _DIAMETER_FIELDS)
        unit = line.fields[1]
        if unit not in _STEPS:
            raise UnreadableField("unit of diameter", unit)
        diameter = parse_scaled("diameter", line.fields[2], _STEPS[unit])
        if diameter is None:
            raise UnreadableField("diameter", "")
        raw = join_raw(None if species is None else species.raw, line.raw)
        return [check_reading(StemDiameter(mono_ms, diameter, species_code=_read_code(species), raw=raw))]


def _read_code(species: Line | None) -> str | None:
    """Return the species' name as the caliper knows it, its number where it has none."""
    if species is None:
        return None
    names = [text for text in (*species.fields[2:3], species.fields[1]) if text]
    return names[0][:_MAX_CODE] if names else None
