"""All drivers by name: what a port's settings, a log's header and ``cec bridge list`` choose from."""

from difflib import get_close_matches

from firmware_bridge.driver import DriverSpec
from firmware_bridge.gnss.drivers import GNSS_DRIVERS
from firmware_bridge.lasers.drivers import LASER_DRIVERS
from firmware_bridge.lasers.errors import UnknownDriver


def list_drivers() -> tuple[DriverSpec, ...]:
    """Return every driver, in the order in which people read them."""
    return GNSS_DRIVERS + LASER_DRIVERS


def find_driver(name: str) -> DriverSpec:
    """Return the driver of this name.

    Raises
    ------
    UnknownDriver
        When there is none; it names near misses.

    Examples
    --------
    >>> find_driver("trupulse").yields
    ('height', 'missing-line')
    """
    known = {spec.name: spec for spec in list_drivers()}
    if name not in known:
        raise UnknownDriver(name, tuple(get_close_matches(name[:40], known, n=2)))
    return known[name]
