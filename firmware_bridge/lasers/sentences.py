"""The driver of all instruments that send ``$`` sentences: laser hypsometers and calipers.

Trouble on the wire that it survives: a binary prefix glued before a ``$`` (Haglof's link layer sends 20 bytes), noise
bytes inside a line (that line is lost and told, the next one is read). A live sentence never carries a position: where
the operator stood must come from a receiver.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Final

from domain.errors import InvalidField
from domain.readings import Reading
from firmware_bridge.driver import Event
from firmware_bridge.errors import SentenceError, UnknownSentence, UnreadableField
from firmware_bridge.framing import Line, LineReader, Skipped
from firmware_bridge.lasers.caliper import Caliper
from firmware_bridge.lasers.routine import Routine, Sentence

CALIPER: Final[tuple[Sentence, ...]] = (("PHGF", "SPC"), ("PHGF", "DIA"))
HAGLOF: Final[tuple[Sentence, ...]] = (("PLTIT", "HV"), ("PLTIT", "HT"), ("PHGF", "HVV"), *CALIPER)
TRUPULSE: Final[tuple[Sentence, ...]] = (("PLTIT", "HV"), ("PLTIT", "HT"), ("PLTIT", "ML"))
LASERACE: Final[tuple[Sentence, ...]] = (("PMDLA", "HV"), ("PTNLA", "HV"))
ALL: Final[tuple[Sentence, ...]] = tuple(dict.fromkeys(HAGLOF + TRUPULSE + LASERACE))
"""Sentences of each make; one that its instrument should not send is told."""


class LaserDriver:
    """Bytes of a hypsometer or caliper to readings, each height for itself.

    Parameters
    ----------
    accepts
        The sentences that the instrument sends.
    """

    def __init__(self, accepts: Collection[Sentence] = ALL) -> None:
        self._lines = LineReader()
        self._routine = Routine()
        readers: dict[Sentence, Callable[[Line, int], Sequence[Reading]]] = {
            **self._routine.readers,
            **Caliper().readers,
        }
        self._readers = {sentence: readers[sentence] for sentence in accepts}

    def feed(self, data: bytes, *, mono_ms: int) -> list[Event]:
        """Return the readings that these bytes complete, and what had to be skipped; no bytes let time pass."""
        found: list[Event] = [*self._routine.expire(mono_ms)]
        for line in self._lines.feed(data):
            found += [line] if isinstance(line, Skipped) else self._take(line, mono_ms)
        return found

    def flush(self) -> list[Event]:
        """Return the distance that waits for a height that will not come."""
        return [*self._routine.flush()]

    def _take(self, line: Line, mono_ms: int) -> list[Event]:
        kind = line.fields[0] if line.fields else ""
        reader = self._readers.get((line.name, kind))
        try:
            if reader is None:
                raise UnknownSentence(f"{line.name},{kind}")
            return [*reader(line, mono_ms)]
        except SentenceError as error:
            return [Skipped(error, line.raw)]
        except InvalidField as error:
            return [Skipped(UnreadableField(error.path, repr(error.value)), line.raw)]
