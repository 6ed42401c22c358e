"""NMEA 0183 of any talker: the sentences of one time of day joined to one fix, in whatever order they come.

GGA, or GNS where there is none, makes the fix. Of the same epoch ZDA gives date and time (RMC where there is none: its
year has two digits), GST the standard deviations, GSA the dilution of precision, DTM the datum of what follows. A fix
is told when all kinds have come that this receiver was seen to send (`firmware_bridge.gnss.kinds`), when a sentence of
another time of day or a second of the same kind begins the next epoch, or after two seconds. Sentences without a time
of day belong to the epoch they come in. VTG is passed over; any other sentence is `Passed`.

A date that old firmware's GPS week roll-over has set back is resolved (`resolve_rollover`): the fix has the resolved
time, and its raw sentences what the receiver said.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from domain.errors import InvalidField
from domain.readings import GnssFix
from domain.schema import to_map
from firmware_bridge.driver import Event, Passed
from firmware_bridge.errors import SentenceError, UnreadableField
from firmware_bridge.framing import Line, LineReader, Skipped
from firmware_bridge.gnss.kinds import WAIT_MS, SeenKinds
from firmware_bridge.gnss.sentences import (
    TALKER,
    Dilution,
    Position,
    read_datum,
    read_dilution,
    read_errors,
    read_gga,
    read_gns,
    read_in_view,
    read_rmc_time,
    read_zda_time,
)
from firmware_bridge.gnss.sky import merge_dilutions, view_sky
from firmware_bridge.gnss.times import RELEASED_MS, resolve_rollover

MAX_RAW: Final = 512
"""Bytes that a fix keeps of its sentences (`domain.readings.Raw`); a sentence that does not fit is left out whole."""
MAX_LINES: Final = 64
"""Sentences of an epoch: four systems of two signals, six GSV each, come to 48 and the others."""
_TIMED: Final = ("GGA", "GNS", "RMC", "GST", "ZDA")
_UNTIMED: Final = ("GSA", "GSV", "DTM")
_PASSED_OVER: Final = "VTG"
_RAW_ORDER: Final = ("GGA", "GNS", "RMC", "ZDA", "GST", "DTM", "GSA")
_AT_FIRST: Final = frozenset({"GGA", "RMC", "GST"})
_NAME: Final = 5
_GSA_SYSTEM: Final = 17

T = TypeVar("T")


@dataclass(slots=True)
class _Epoch:
    """Sentences of one time of day."""

    mono_ms: int
    clock: str = ""
    lines: list[Line] = field(default_factory=list)
    marks: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)
    is_told: bool = False


class NmeaEpochs:
    """Sentences to fixes."""

    def __init__(self) -> None:
        self._seen = SeenKinds(_AT_FIRST)
        self._epoch: _Epoch | None = None
        self._datum: str | None = None

    def take(self, line: Line, *, mono_ms: int) -> list[Event]:
        """Return what this sentence completes."""
        kind = _kind_of(line)
        if kind == _PASSED_OVER:
            return []
        if kind not in _TIMED + _UNTIMED:
            return [Passed(line.name, line.raw)]
        clock = line.fields[0] if kind in _TIMED and line.fields else ""
        mark, whole = _mark(line, kind)
        found: list[Event] = []
        epoch = self._epoch
        if epoch is None or self._is_next(epoch, clock, mark, kind):
            found = self._end()
            epoch = self._epoch = _Epoch(mono_ms)
        if kind == "DTM":
            self._datum = next(iter(_read_each([line], read_datum, found)), self._datum)
        epoch.clock = epoch.clock or clock
        epoch.lines.append(line)
        epoch.marks.add(mark)
        if whole:
            epoch.whole.add(whole)
            self._seen.note(whole)
        has_place = bool(epoch.whole & {"GGA", "GNS"})
        if has_place and not epoch.is_told and self._seen.are_all_in(epoch.whole):
            found += self._tell(epoch)
        return found

    def wait(self, *, mono_ms: int) -> list[Event]:
        """Return the fix that has waited long enough for other sentences of its epoch."""
        epoch = self._epoch
        if epoch is None or epoch.is_told or mono_ms - epoch.mono_ms <= WAIT_MS:
            return []
        return self._tell(epoch)

    def flush(self) -> list[Event]:
        """Return the fix that waits for sentences that will not come."""
        return self._end()

    def _is_next(self, epoch: _Epoch, clock: str, mark: str, kind: str) -> bool:
        """Tell whether a sentence begins another epoch."""
        if clock and epoch.clock and clock != epoch.clock:
            return True
        follows_gsa = kind == "GSA" and _kind_of(epoch.lines[-1]) == "GSA"
        return (mark in epoch.marks and not follows_gsa) or len(epoch.lines) >= MAX_LINES

    def _end(self) -> list[Event]:
        epoch, self._epoch = self._epoch, None
        if epoch is None:
            return []
        found = [] if epoch.is_told else self._tell(epoch)
        self._seen.begin_epoch()
        return found

    def _tell(self, epoch: _Epoch) -> list[Event]:
        """Return an epoch's view of the sky and its fix, or why it has none."""
        epoch.is_told = True
        lines = {kind: [line for line in epoch.lines if _kind_of(line) == kind] for kind in _RAW_ORDER}
        found: list[Event] = []
        dilution = merge_dilutions(_read_each(lines["GSA"], read_dilution, found))
        in_view = _read_each([line for line in epoch.lines if _kind_of(line) == "GSV"], read_in_view, found)
        places: list[Position] = []
        if lines["GGA"] or lines["GNS"]:
            found.append(_read_fix(epoch.mono_ms, lines, dilution, self._datum))
            if isinstance(found[-1], GnssFix):
                places = [_read_place(lines)]
        if dilution.satellites or in_view:
            found.append(view_sky(epoch.mono_ms, dilution, in_view, places[0] if places else None))
        return found


class NmeaDriver:
    """Bytes of a receiver that speaks NMEA 0183 alone to fixes."""

    def __init__(self) -> None:
        self._lines = LineReader()
        self._epochs = NmeaEpochs()

    def feed(self, data: bytes, *, mono_ms: int) -> list[Event]:
        """Return the fixes that these bytes complete, and what had to be skipped; no bytes let time pass."""
        found = self._epochs.wait(mono_ms=mono_ms)
        for line in self._lines.feed(data):
            found += [line] if isinstance(line, Skipped) else self._epochs.take(line, mono_ms=mono_ms)
        return found

    def flush(self) -> list[Event]:
        """Return the fix that waits for sentences that will not come: the stream has ended."""
        return self._epochs.flush()


def _kind_of(line: Line) -> str:
    """Return a sentence's kind; a proprietary one has none."""
    return line.name[TALKER:] if len(line.name) == _NAME and not line.name.startswith("P") else ""


def _mark(line: Line, kind: str) -> tuple[str, str]:
    """Return what makes a sentence the second of its kind in an epoch, and which kind is whole with it, if one is."""
    if kind == "GSV":
        signal = line.fields[-1] if len(line.fields) % 4 == 0 else ""
        of, number = [*line.fields[:2], "", ""][:2]
        group = f"{line.name} {signal}"
        return f"{group} {number}", group if of == number else ""
    if kind == "GSA":
        mark = f"{line.name} {line.fields[_GSA_SYSTEM] if len(line.fields) > _GSA_SYSTEM else ''}"
        return mark, mark
    # Two talkers may each send a GGA; either is the epoch's.
    return line.name, kind


def _read_each(lines: list[Line], read: Callable[[Line], T], found: list[Event]) -> list[T]:
    """Return what each sentence says; those that cannot be read go to `found`."""
    values: list[T] = []
    for line in lines:
        try:
            values.append(read(line))
        except SentenceError as error:
            found.append(Skipped(error, line.raw))
    return values


def _read_fix(mono_ms: int, lines: dict[str, list[Line]], dilution: Dilution, datum: str | None) -> GnssFix | Skipped:
    raw = _join([line for kind in _RAW_ORDER for line in lines[kind]])
    try:
        place = _read_place(lines)
        fix = GnssFix(
            mono_ms,
            lon_nd=place.lon_nd,
            lat_nd=place.lat_nd,
            quality=place.quality,
            satellites=place.satellites,
            altitude_mm=place.altitude_mm,
            geoid_mm=place.geoid_mm,
            hdop_c=dilution.hdop_c if place.hdop_c is None else place.hdop_c,
            vdop_c=dilution.vdop_c,
            pdop_c=dilution.pdop_c,
            correction_age_ms=place.correction_age_ms,
            correction_station=place.correction_station,
            gnss_at_ms=_read_time(lines),
            datum=datum,
            raw=raw,
        )
        if lines["GST"]:
            east, north, up = read_errors(lines["GST"][0])
            fix = replace(fix, east_error_mm=east, north_error_mm=north, up_error_mm=up)
        to_map(fix)  # bounds of the record, here where the line can still be told
    except SentenceError as error:
        return Skipped(error, raw)
    except InvalidField as error:
        return Skipped(UnreadableField(error.path, repr(error.value)), raw)
    return fix


def _read_place(lines: dict[str, list[Line]]) -> Position:
    return read_gga(lines["GGA"][0]) if lines["GGA"] else read_gns(lines["GNS"][0])


def _read_time(lines: dict[str, list[Line]]) -> int | None:
    told = [read_zda_time(line) for line in lines["ZDA"]] + [read_rmc_time(line) for line in lines["RMC"]]
    at_ms = next((one for one in told if one is not None), None)
    return None if at_ms is None else resolve_rollover(at_ms, RELEASED_MS)


def _join(lines: list[Line]) -> bytes:
    raw = lines[0].raw
    for line in lines[1:]:
        if len(raw) + 2 + len(line.raw) <= MAX_RAW:
            raw += b"\r\n" + line.raw
    return raw
