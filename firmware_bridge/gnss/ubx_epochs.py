"""UBX messages of one time of the week joined to one fix.

NAV-PVT makes the fix. NAV-HPPOSLLH of the same epoch refines its place, NAV-DOP adds the dilution of precision. A fix
is told with NAV-EOE, when a message of another time of the week comes, when all kinds have come that this receiver was
seen to send, or after two seconds. NAV-SAT is told at once. Any other message is `Passed`, RXM-RAWX after its header
was checked.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from domain.errors import InvalidField
from domain.readings import GnssFix
from domain.schema import to_map
from firmware_bridge.driver import Event, Passed, SkyView
from firmware_bridge.errors import SentenceError, UnreadableField
from firmware_bridge.framing import MAX_LINE, Skipped
from firmware_bridge.gnss.kinds import WAIT_MS, SeenKinds
from firmware_bridge.gnss.sky import average_strongest
from firmware_bridge.gnss.times import RELEASED_MS, resolve_rollover
from firmware_bridge.gnss.ubx import (
    Dops,
    HighPrecision,
    Pvt,
    Satellites,
    UbxFrame,
    parse_dop,
    parse_hpposllh,
    parse_pvt,
    parse_rawx_header,
    parse_sat,
)

_Message: TypeAlias = Pvt | HighPrecision | Dops | Satellites
_PARSERS: Final[dict[str, Callable[[bytes], _Message]]] = {
    "UBX-NAV-PVT": parse_pvt,
    "UBX-NAV-HPPOSLLH": parse_hpposllh,
    "UBX-NAV-DOP": parse_dop,
    "UBX-NAV-SAT": parse_sat,
}
_RAWX: Final = "UBX-RXM-RAWX"
_END: Final = "UBX-NAV-EOE"
_AT_FIRST: Final = frozenset({Pvt.__name__, HighPrecision.__name__, Dops.__name__})
"""What the first epoch waits for; a receiver that sends less has its first fix when the second epoch begins."""


@dataclass(slots=True)
class _Epoch:
    """Messages of one time of the week."""

    tow_ms: int
    mono_ms: int
    pvt: Pvt | None = None
    fine: HighPrecision | None = None
    dops: Dops | None = None
    raw: list[bytes] = field(default_factory=list)
    is_told: bool = False

    @property
    def kinds(self) -> frozenset[str]:
        """What has come."""
        return frozenset(type(one).__name__ for one in (self.pvt, self.fine, self.dops) if one is not None)


class UbxEpochs:
    """UBX frames to fixes."""

    def __init__(self) -> None:
        self._seen = SeenKinds(_AT_FIRST)
        self._epoch: _Epoch | None = None
        self._quality = 0
        self._hdop_c: int | None = None

    def take(self, frame: UbxFrame, *, mono_ms: int) -> list[Event]:
        """Return what this frame completes."""
        name = frame.name
        try:
            if name == _RAWX:
                parse_rawx_header(frame.payload)
            message = _PARSERS[name](frame.payload) if name in _PARSERS else None
        except SentenceError as error:
            return [Skipped(error, frame.raw[:MAX_LINE])]
        if name == _END:
            return self._end()
        if message is None:
            return [Passed(name, frame.raw)]
        if isinstance(message, Satellites):
            return [self._view(message, mono_ms)]
        return self._join(message, frame, mono_ms)

    def wait(self, *, mono_ms: int) -> list[Event]:
        """Return the fix that has waited long enough for other messages of its epoch."""
        epoch = self._epoch
        if epoch is None or epoch.is_told or mono_ms - epoch.mono_ms <= WAIT_MS:
            return []
        return self._tell(epoch)

    def flush(self) -> list[Event]:
        """Return the fix that waits for messages that will not come."""
        return self._end()

    def _join(self, message: Pvt | HighPrecision | Dops, frame: UbxFrame, mono_ms: int) -> list[Event]:
        found: list[Event] = []
        epoch = self._epoch
        if epoch is None or epoch.tow_ms != message.tow_ms or type(message).__name__ in epoch.kinds:
            found = self._end()
            epoch = self._epoch = _Epoch(message.tow_ms, mono_ms)
        self._seen.note(type(message).__name__)
        epoch.raw.append(frame.raw)
        if isinstance(message, Pvt):
            epoch.pvt = message
        elif isinstance(message, HighPrecision):
            epoch.fine = message
        else:
            epoch.dops = message
        if not epoch.is_told and epoch.pvt is not None and self._seen.are_all_in(epoch.kinds):
            found += self._tell(epoch)
        return found

    def _end(self) -> list[Event]:
        epoch, self._epoch = self._epoch, None
        if epoch is None:
            return []
        found = [] if epoch.is_told else self._tell(epoch)
        self._seen.begin_epoch()
        return found

    def _tell(self, epoch: _Epoch) -> list[Event]:
        epoch.is_told = True
        pvt = epoch.pvt
        if pvt is None:
            return []
        self._quality = pvt.quality
        self._hdop_c = epoch.dops.hdop_c if epoch.dops else None
        raw = b"".join(epoch.raw)
        if not pvt.quality:
            return [Skipped(UnreadableField("quality", "no fix"), raw[:MAX_LINE])]
        fix = _make_fix(epoch, pvt, raw)
        try:
            to_map(fix)
        except InvalidField as error:
            return [Skipped(UnreadableField(error.path, repr(error.value)), raw[:MAX_LINE])]
        return [fix]

    def _view(self, satellites: Satellites, mono_ms: int) -> SkyView:
        quality = self._quality
        if self._epoch is not None and self._epoch.pvt is not None:
            quality = self._epoch.pvt.quality
        best = average_strongest(satellites.snr_db)
        return SkyView(mono_ms, satellites.used, satellites.seen, quality, self._hdop_c, best)


def _make_fix(epoch: _Epoch, pvt: Pvt, raw: bytes) -> GnssFix:
    dops, fine = epoch.dops, epoch.fine
    fix = GnssFix(
        epoch.mono_ms,
        lon_nd=pvt.lon_nd,
        lat_nd=pvt.lat_nd,
        quality=pvt.quality,
        satellites=pvt.satellites,
        altitude_mm=pvt.altitude_mm,
        geoid_mm=pvt.ellipsoidal_mm - pvt.altitude_mm,
        hdop_c=dops.hdop_c if dops else None,
        vdop_c=dops.vdop_c if dops else None,
        pdop_c=pvt.pdop_c,
        horizontal_error_mm=pvt.horizontal_error_mm,
        vertical_error_mm=pvt.vertical_error_mm,
        correction_age_ms=pvt.correction_age_ms,
        gnss_at_ms=None if pvt.gnss_at_ms is None else resolve_rollover(pvt.gnss_at_ms, RELEASED_MS),
        raw=raw,
    )
    if fine is None or not fine.is_valid:
        return fix
    return replace(
        fix,
        lon_nd=fine.lon_nd,
        lat_nd=fine.lat_nd,
        altitude_mm=_to_mm(fine.altitude_tenth_mm),
        geoid_mm=_to_mm(fine.ellipsoidal_tenth_mm - fine.altitude_tenth_mm),
        horizontal_error_mm=_to_mm(fine.horizontal_error_tenth_mm),
        vertical_error_mm=_to_mm(fine.vertical_error_tenth_mm),
    )


def _to_mm(tenths: int) -> int:
    """Return whole millimetres of tenths; halves go up."""
    return (tenths + 5) // 10
