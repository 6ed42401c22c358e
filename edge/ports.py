"""Instruments at the device's ports: which driver reads which port, and the agent's reading of them."""

import re
from dataclasses import dataclass
from typing import Final

from domain.quantities import ID_PATTERN
from edge.capture import BATCH_S, Capture
from edge.errors import InvalidPort
from firmware_bridge.catalogue import find_driver
from firmware_bridge.driver import DriverSpec
from firmware_bridge.ports.address import PortAddress, parse_port
from firmware_bridge.ports.opening import open_port

_SETTING: Final = re.compile(f"({ID_PATTERN})=({ID_PATTERN})@(.+)")


@dataclass(frozen=True, slots=True)
class PortSetting:
    """One instrument.

    Attributes
    ----------
    name
        As the crew calls it.
    driver
        What reads it.
    address
        Where it is.
    """

    name: str
    driver: DriverSpec
    address: PortAddress


def parse_setting(text: str) -> PortSetting:
    """Return the instrument that ``NAME=DRIVER@ADDRESS`` names.

    Raises
    ------
    InvalidPort
        When the text has another form.
    UnknownDriver
        When there is no such driver.
    InvalidAddress
        When the address is none.

    Examples
    --------
    >>> parse_setting("laser=trupulse@rfcomm:00:11:22:33:44:55@1").address
    BluetoothAddress(device='00:11:22:33:44:55', channel=1)
    """
    match = _SETTING.fullmatch(text)
    if match is None:
        raise InvalidPort(text)
    name, driver, address = match.groups()
    return PortSetting(name, find_driver(driver), parse_port(address))


async def read_port(setting: PortSetting, capture: Capture) -> None:
    """Take what an instrument sends until its port ends; a live one is opened again for ever."""
    async with open_port(setting.address, idle_s=BATCH_S / 2) as deliveries:
        await capture.run_port(deliveries, setting.driver.make())
