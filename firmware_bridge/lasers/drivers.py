"""The drivers of hypsometers and calipers, as the catalogue lists them."""

from typing import Final

from domain.readings import HeightShot, MissingLine, StemDiameter
from firmware_bridge.driver import DriverSpec
from firmware_bridge.lasers.sentences import CALIPER, HAGLOF, LASERACE, TRUPULSE, LaserDriver
from firmware_bridge.lasers.series import JoinedHeights
from firmware_bridge.lasers.vertex3 import Vertex3Driver

_HEIGHT, _LINE, _DIAMETER = HeightShot.TYPE, MissingLine.TYPE, StemDiameter.TYPE
_PLTIT: Final = "TruPulse 200 user's manual, 6th edition, section 8"
_HVV: Final = "Vertex Laser Geo 2 user's guide, section 9.2"
_DIGITECH: Final = "Haglof Digitech serial protocol"
_PMDLA: Final = "LaserAce Pocket Series manual, issue 1.0, section 11.1"
_VERTEX3: Final = "Vertex III and Transponder T3 manual, v1.5, data format"

LASER_DRIVERS: Final[tuple[DriverSpec, ...]] = (
    DriverSpec(
        "hypsometer",
        lambda: JoinedHeights(LaserDriver()),
        "any of the below that sends $ sentences",
        (_HEIGHT, _LINE, _DIAMETER),
        f"{_PLTIT}; {_HVV}; {_PMDLA}; {_DIGITECH}",
    ),
    DriverSpec(
        "haglof",
        lambda: JoinedHeights(LaserDriver(HAGLOF)),
        "Haglof Vertex Laser, Laser Geo, Vertex Laser Geo, and calipers on one port",
        (_HEIGHT, _DIAMETER),
        f"{_PLTIT}; {_HVV}; {_DIGITECH}",
    ),
    DriverSpec(
        "trupulse",
        lambda: JoinedHeights(LaserDriver(TRUPULSE)),
        "Laser Technology TruPulse 200 and 360",
        (_HEIGHT, _LINE),
        _PLTIT,
    ),
    DriverSpec(
        "laserace",
        lambda: LaserDriver(LASERACE),
        "MDL LaserAce and Trimble LaserAce 1000: distances and angles, no heights",
        (_HEIGHT,),
        _PMDLA,
    ),
    DriverSpec("vertex3", Vertex3Driver, "Haglof Vertex III set to metric", (_HEIGHT,), _VERTEX3),
    DriverSpec("vertex3-feet", lambda: Vertex3Driver("F"), "Haglof Vertex III set to feet", (_HEIGHT,), _VERTEX3),
    DriverSpec("caliper", lambda: LaserDriver(CALIPER), "Haglof Digitech calipers", (_DIAMETER,), _DIGITECH),
)
"""Each makes a new driver of its own."""
