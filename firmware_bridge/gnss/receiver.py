"""A receiver's port, whatever it speaks: NMEA 0183, UBX and RTCM 3 in one stream."""

from typing import Final

from domain.readings import GnssFix
from firmware_bridge.driver import Event, Passed
from firmware_bridge.framing import Line, Skipped
from firmware_bridge.gnss.nmea import NmeaEpochs
from firmware_bridge.gnss.stream import Part, StreamSplitter
from firmware_bridge.gnss.ubx import UbxFrame
from firmware_bridge.gnss.ubx_epochs import UbxEpochs

UBX_LEADS_MS: Final = 2_500
"""While UBX positions come at least this often, NMEA's fixes of the same receiver are passed: they are the same, told
less finely, and a mean would count them twice."""
POSITION: Final = "UBX-NAV-PVT"


class ReceiverDriver:
    """Bytes of a GNSS receiver to fixes."""

    def __init__(self) -> None:
        self._stream = StreamSplitter()
        self._nmea = NmeaEpochs()
        self._ubx = UbxEpochs()
        self._ubx_ms: int | None = None
        self._mono_ms = 0

    def feed(self, data: bytes, *, mono_ms: int) -> list[Event]:
        """Return what these bytes complete; no bytes let time pass."""
        self._mono_ms = mono_ms
        found = self._ubx.wait(mono_ms=mono_ms) + self._follow(self._nmea.wait(mono_ms=mono_ms))
        parts = self._stream.feed(data, mono_ms=mono_ms)
        return found + [event for part in parts for event in self._read(part, mono_ms)]

    def flush(self) -> list[Event]:
        """Return what waits for bytes that will not come: the stream has ended."""
        found = [event for part in self._stream.flush() for event in self._read(part, self._mono_ms)]
        return found + self._ubx.flush() + self._follow(self._nmea.flush())

    def _read(self, part: Part, mono_ms: int) -> list[Event]:
        if isinstance(part, Skipped):
            return [part]
        if isinstance(part, Line):
            return self._follow(self._nmea.take(part, mono_ms=mono_ms))
        if isinstance(part, UbxFrame):
            self._ubx_ms = mono_ms if part.name == POSITION else self._ubx_ms
            return self._ubx.take(part, mono_ms=mono_ms)
        return [Passed(part.name, part.raw)]

    def _follow(self, events: list[Event]) -> list[Event]:
        """Return NMEA's events, without fixes while UBX leads."""
        return [self._follow_one(event) for event in events]

    def _follow_one(self, event: Event) -> Event:
        since = self._ubx_ms
        if not isinstance(event, GnssFix) or since is None or abs(event.mono_ms - since) > UBX_LEADS_MS:
            return event
        return Passed("NMEA-fix", event.raw or b"")
