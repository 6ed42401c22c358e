"""The VLP-16's driver: data and position packets to points with GPS time.

A data packet's stamp counts microseconds past an unnamed hour. Which hour it is comes from the GNSS sentence in the
position packets, carried on by arrival times; without one, from the receiving computer's clock alone, and then the
points say so. The hour is the one that puts the stamp nearest, so clocks may differ by nearly half an hour.
"""

from typing import Final

import numpy as np

from firmware_bridge.scan.driver import Arrival, ClockSource, ScanEvent, ScanPoints, ScanSpec, SkippedPacket
from firmware_bridge.scan.errors import InvalidPacket
from firmware_bridge.scan.gps_time import to_gps_s
from firmware_bridge.scan.vlp16_packet import DUAL, check_data_packet, decode_packets, read_stamp_us
from firmware_bridge.scan.vlp16_position import POSITION_BYTES, parse_position_packet

BATCH: Final = 128
"""Data packets decoded at once: arrays of about 49,000 points, a sixth of a second."""
_HOUR_S: Final = 3_600.0
_LOWEST_YEAR_S: Final = 1_104_537_600.0
"""2005-01-01: an arrival before it is a computer without a clock."""
_FOLLOWING_S: Final = 3.0
"""A sentence names the last whole second and is repeated until the next comes; a clock further off does not follow."""
_ROLLOVER_S: Final = 1_024 * 604_800.0
_SAME_DAY_S: Final = 86_400.0


class Vlp16Driver:
    """Turns a VLP-16's packets into points; keeps up to `BATCH` data packets back until they are decoded together.

    The first batch waits for a position packet (one comes for about 14 data packets), so that the hour is known from
    the first point on.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[bytes, Arrival]] = []
        self._mode = 0
        self._ahead_s = 0.0
        self._clock: ClockSource = "arrival"

    def feed(self, packet: bytes, *, at: Arrival) -> list[ScanEvent]:
        """Return what this UDP payload completes.

        Raises
        ------
        OtherScanner
            The packet is of another model.
        """
        try:
            if len(packet) == POSITION_BYTES:
                return self._feed_position(packet, at)
            return self._feed_data(packet, at)
        except InvalidPacket as error:
            return [SkippedPacket(error, packet)]

    def flush(self) -> list[ScanEvent]:
        """Return the points of the packets that were kept back."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return []
        returns = decode_packets([raw for raw, _ in waiting], is_dual=self._mode == DUAL)
        stamps = np.array([self._place(raw, at) for raw, at in waiting])
        return [
            ScanPoints(
                x_m=returns.xyz_m[:, 0],
                y_m=returns.xyz_m[:, 1],
                z_m=returns.xyz_m[:, 2],
                gps_s=stamps[returns.packet] + returns.offset_s,
                intensity=returns.intensity,
                ring=returns.ring,
                return_number=returns.return_number,
                returns=returns.returns,
                clock=self._clock,
            )
        ]

    def _feed_data(self, packet: bytes, at: Arrival) -> list[ScanEvent]:
        mode = check_data_packet(packet)
        if self._clock == "arrival" and at < _LOWEST_YEAR_S:
            raise InvalidPacket("no GNSS sentence came yet and the computer's clock is not set, so its hour is unknown")
        done: list[ScanEvent] = []
        if self._waiting and (mode != self._mode or len(self._waiting) >= BATCH):
            done = self.flush()
        self._mode = mode
        self._waiting.append((packet, at))
        return done

    def _feed_position(self, packet: bytes, at: Arrival) -> list[ScanEvent]:
        state = parse_position_packet(packet)
        if state.utc_s is not None:
            self._ahead_s = _undo_rollover(state.utc_s - at)
            apart_s = (state.past_hour_s - state.utc_s + _HOUR_S / 2) % _HOUR_S - _HOUR_S / 2
            self._clock = "gnss" if abs(apart_s) <= _FOLLOWING_S else "free"
        return [state]

    def _place(self, raw: bytes, at: Arrival) -> float:
        """Return GPS seconds of a packet's stamp."""
        stamp_s = read_stamp_us(raw) / 1e6
        about_s = at + self._ahead_s
        return to_gps_s(round((about_s - stamp_s) / _HOUR_S) * _HOUR_S + stamp_s)


def _undo_rollover(ahead_s: float) -> float:
    """Return the clocks' difference without the 1,024 weeks that an old receiver loses each 19.6 years."""
    rest = ahead_s - round(ahead_s / _ROLLOVER_S) * _ROLLOVER_S
    return rest if abs(rest) < _SAME_DAY_S else ahead_s


SPEC: Final = ScanSpec(
    name="vlp16",
    make=Vlp16Driver,
    instruments="Velodyne VLP-16 (Puck) and Puck LITE",
    ports=(2_368, 8_308),
    source="Velodyne LiDAR, VLP-16 User Manual, 63-9243 Rev. D",
)
