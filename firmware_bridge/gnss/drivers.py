"""The drivers of GNSS receivers, as the catalogue lists them."""

from typing import Final

from domain.readings import GnssFix, GnssMean
from firmware_bridge.driver import DriverSpec
from firmware_bridge.gnss.nmea import NmeaDriver
from firmware_bridge.gnss.receiver import ReceiverDriver
from firmware_bridge.gnss.stops import AveragedFixes

_NMEA: Final = "NMEA 0183 version 4.11, as in u-blox's F9 HPG 1.32 interface description, UBX-22008968"

GNSS_DRIVERS: Final[tuple[DriverSpec, ...]] = (
    DriverSpec(
        "gnss",
        lambda: AveragedFixes(ReceiverDriver()),
        "any receiver that sends NMEA 0183, UBX (u-blox 7 and later) or RTCM 3, mixed on one port",
        (GnssFix.TYPE, GnssMean.TYPE),
        f"{_NMEA}; UBX protocol, same document; RTCM 10403.3, section 4",
    ),
    DriverSpec(
        "nmea",
        lambda: AveragedFixes(NmeaDriver()),
        "receivers that send NMEA 0183 alone",
        (GnssFix.TYPE, GnssMean.TYPE),
        _NMEA,
    ),
)
"""Each makes a new driver of its own."""
