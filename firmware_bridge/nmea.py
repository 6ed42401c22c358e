"""GNSS receivers: GGA, RMC and GST of any talker, joined to one fix an epoch.

Source: NMEA 0183 sentences as in the u-blox 8 / M8 receiver description. GGA makes the fix; RMC of the same time adds
the date, GST the standard deviations. Other sentences of the receiver are passed over in silence.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from domain.errors import InvalidField
from domain.readings import GnssFix
from domain.schema import to_map
from firmware_bridge.errors import SentenceError, UnreadableField
from firmware_bridge.framing import Line, LineReader, Skipped
from firmware_bridge.numbers import parse_angle_nd, parse_scaled

_GGA_FIELDS: Final = 14
_RMC_FIELDS: Final = 9
_GST_FIELDS: Final = 8
_TALKER: Final = 2
_MAX_RAW: Final = 512


@dataclass(slots=True)
class _Epoch:
    """Sentences of one time of day."""

    clock: str
    mono_ms: int
    gga: Line | None = None
    rmc: Line | None = None
    gst: Line | None = None


class GnssReader:
    """Bytes of a receiver to fixes."""

    def __init__(self) -> None:
        self._lines = LineReader()
        self._epoch: _Epoch | None = None

    def feed(self, data: bytes, *, mono_ms: int) -> list[GnssFix | Skipped]:
        """Return the fixes that these bytes complete, and what had to be skipped."""
        found: list[GnssFix | Skipped] = []
        for line in self._lines.feed(data):
            if isinstance(line, Skipped):
                found.append(line)
            else:
                found += self._take(line, mono_ms)
        return found

    def flush(self) -> list[GnssFix | Skipped]:
        """Return the fix that waits for sentences that will not come: the stream has ended."""
        epoch, self._epoch = self._epoch, None
        return [] if epoch is None or epoch.gga is None else [_read_epoch(epoch)]

    def _take(self, line: Line, mono_ms: int) -> list[GnssFix | Skipped]:
        kind = line.name[_TALKER:]
        if kind not in ("GGA", "RMC", "GST") or not line.fields:
            return []
        found: list[GnssFix | Skipped] = []
        clock = line.fields[0]
        if self._epoch is None or self._epoch.clock != clock:
            found = self.flush()
            self._epoch = _Epoch(clock, mono_ms)
        setattr(self._epoch, kind.lower(), line)
        epoch = self._epoch
        if epoch.gga is not None and epoch.rmc is not None and epoch.gst is not None:
            found += self.flush()
        return found


def _read_epoch(epoch: _Epoch) -> GnssFix | Skipped:
    lines = [line for line in (epoch.gga, epoch.rmc, epoch.gst) if line is not None]
    raw = b"\r\n".join(line.raw for line in lines)
    try:
        fix = _read_gga(epoch, raw)
        if epoch.rmc is not None:
            fix = replace(fix, gnss_at_ms=_read_time(epoch.rmc))
        if epoch.gst is not None:
            fix = _add_errors(fix, epoch.gst)
        to_map(fix)  # bounds of the record, here where the line can still be told
    except SentenceError as error:
        return Skipped(error, raw)
    except InvalidField as error:
        return Skipped(UnreadableField(error.path, repr(error.value)), raw)
    return fix


def _read_gga(epoch: _Epoch, raw: bytes) -> GnssFix:
    fields = _expect(epoch.gga, _GGA_FIELDS)
    quality = parse_scaled("quality", fields[5], 1)
    if not quality:
        raise UnreadableField("quality", "no fix")
    return GnssFix(
        mono_ms=epoch.mono_ms,
        lon_nd=parse_angle_nd("longitude", fields[3], fields[4]),
        lat_nd=parse_angle_nd("latitude", fields[1], fields[2]),
        quality=quality,
        satellites=parse_scaled("satellites", fields[6], 1),
        altitude_mm=parse_scaled("altitude", fields[8], 1000),
        geoid_mm=parse_scaled("geoid", fields[10], 1000),
        hdop_c=parse_scaled("HDOP", fields[7], 100),
        raw=raw[:_MAX_RAW],
    )


def _add_errors(fix: GnssFix, line: Line) -> GnssFix:
    fields = _expect(line, _GST_FIELDS)
    north, east, up = (parse_scaled("error", text, 1000) for text in fields[5:8])
    return replace(fix, east_error_mm=east, north_error_mm=north, up_error_mm=up)


def _read_time(line: Line) -> int | None:
    """Return UTC in milliseconds since 1970 of an RMC; nothing while the receiver has no date."""
    fields = _expect(line, _RMC_FIELDS)
    clock, date = fields[0], fields[8]
    if not clock or not date:
        return None
    whole, _, fraction = clock.partition(".")
    try:
        at = datetime.strptime(date + whole, "%d%m%y%H%M%S").replace(tzinfo=UTC)
        milliseconds = int((fraction or "0").ljust(3, "0")[:3])
    except ValueError as error:
        raise UnreadableField("time", f"{date} {clock}") from error
    return round((at - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1)) + milliseconds


def _expect(line: Line | None, count: int) -> tuple[str, ...]:
    if line is None or len(line.fields) < count:
        raise UnreadableField("sentence", "" if line is None else line.raw.decode())
    return line.fields
