"""Addresses of ports, as settings and commands write them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address
from pathlib import Path
from typing import Final, TypeAlias

from domain.quantities import ID_PATTERN
from firmware_bridge.ports.errors import InvalidAddress

MAX_TEXT: Final = 1_024
"""Longest address: paths of files are the longest part."""
MIN_BAUD, MAX_BAUD = 300, 4_000_000
"""Slower than any instrument, and as fast as USB converters go."""
MAX_CHANNEL: Final = 30
"""RFCOMM's channels (Bluetooth RFCOMM with TS 07.10, server channels 1 to 30)."""
MAX_SPEED: Final = 1_000_000.0
"""A day in a tenth of a second; 0 is faster."""
_MAX_PORT: Final = 65_535
_LABEL: Final = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")
"""A host name by its labels (RFC 1123, section 2.1)."""
_SIX: Final = re.compile(r"[0-9A-Fa-f:.]+(%[A-Za-z0-9._-]{1,32})?")
"""What an IPv6 address is made of, with a zone: Python's own reader takes any symbol into the zone."""
_ENDPOINT: Final = re.compile(r"(?:\[(?P<six>[^\[\]]+)\]|(?P<name>[^:\[\]]+)):(?P<port>[0-9]{1,5})")
_RFCOMM: Final = re.compile(r"(?P<device>(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2})@(?P<channel>[0-9]{1,2})")
_SERIAL: Final = re.compile(r"(?P<path>/.+)@(?P<baud>[0-9]{1,7})")
_LOG: Final = re.compile(rf"(?P<path>.+?)(?:@(?P<speed>[0-9]+(?:\.[0-9]+)?))?(?:#(?P<port>{ID_PATTERN}))?")


@dataclass(frozen=True, slots=True)
class SerialAddress:
    """A serial line, 8 data bits, no parity, 1 stop bit.

    Attributes
    ----------
    path
        Device file.
    baud
        Bits a second.
    """

    path: str
    baud: int

    def __str__(self) -> str:
        return f"serial:{self.path}@{self.baud}"


@dataclass(frozen=True, slots=True)
class BluetoothAddress:
    """A serial line over Bluetooth (RFCOMM).

    Attributes
    ----------
    device
        The instrument's address, six bytes in capitals.
    channel
        1 to 30; instruments use 1.
    """

    device: str
    channel: int

    def __str__(self) -> str:
        return f"rfcomm:{self.device}@{self.channel}"


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A server that sends, to which the bridge connects.

    Attributes
    ----------
    host, port
        Name or number of the host, and its port.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"tcp:{_format_endpoint(self.host, self.port)}"


@dataclass(frozen=True, slots=True)
class TcpListenAddress:
    """Where the bridge waits for an instrument that connects.

    Attributes
    ----------
    host, port
        Own address to listen on, and the port.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"tcp-listen:{_format_endpoint(self.host, self.port)}"


@dataclass(frozen=True, slots=True)
class UdpAddress:
    """Where the bridge waits for datagrams.

    Attributes
    ----------
    host, port
        Own address to listen on, and the port.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"udp:{_format_endpoint(self.host, self.port)}"


@dataclass(frozen=True, slots=True)
class LogAddress:
    """One port of a recorded log.

    Attributes
    ----------
    path
        The log.
    speed
        1 as recorded, 60 a minute a second, 0 as fast as it is taken.
    port
        Which of the log's ports; needed where it has several.
    """

    path: Path
    speed: float = 1.0
    port: str | None = None

    def __str__(self) -> str:
        return f"log:{self.path}@{self.speed:g}" + (f"#{self.port}" if self.port else "")


PortAddress: TypeAlias = SerialAddress | BluetoothAddress | TcpAddress | TcpListenAddress | UdpAddress | LogAddress


def parse_port(text: str) -> PortAddress:
    """Return the address that a text names.

    Raises
    ------
    InvalidAddress
        When it is none; the message shows one of each kind.

    Examples
    --------
    >>> parse_port("tcp:[::1]:2947")
    TcpAddress(host='::1', port=2947)
    """
    kind, colon, rest = text.partition(":")
    if len(text) > MAX_TEXT or not text.isprintable() or not colon or kind not in _PARSERS:
        raise InvalidAddress(text, "it does not begin with a kind of port")
    return _PARSERS[kind](text, rest)


def is_host(text: str) -> bool:
    """Tell whether a text is a host's name, or its number, of IPv6 without brackets.

    Examples
    --------
    >>> is_host("caster.example.org"), is_host("::1"), is_host("a..b")
    (True, True, False)
    """
    if ":" not in text:
        return _HOST.fullmatch(text) is not None
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return _SIX.fullmatch(text) is not None


def _parse_serial(text: str, rest: str) -> SerialAddress:
    match = _SERIAL.fullmatch(rest)
    if match is None or not MIN_BAUD <= int(match["baud"]) <= MAX_BAUD:
        raise InvalidAddress(text, f"a device file and a rate of {MIN_BAUD} to {MAX_BAUD} baud are needed")
    return SerialAddress(match["path"], int(match["baud"]))


def _parse_rfcomm(text: str, rest: str) -> BluetoothAddress:
    match = _RFCOMM.fullmatch(rest)
    if match is None or not 1 <= int(match["channel"]) <= MAX_CHANNEL:
        raise InvalidAddress(text, f"a Bluetooth address and a channel of 1 to {MAX_CHANNEL} are needed")
    return BluetoothAddress(match["device"].upper(), int(match["channel"]))


def _parse_endpoint(text: str, rest: str) -> tuple[str, int]:
    match = _ENDPOINT.fullmatch(rest)
    if match is None or not 1 <= int(match["port"]) <= _MAX_PORT:
        raise InvalidAddress(text, f"a host and a port of 1 to {_MAX_PORT} are needed, IPv6 in brackets")
    if match["six"] is None:
        if not is_host(match["name"]):
            raise InvalidAddress(text, "the host is not a name or number")
        return match["name"], int(match["port"])
    if ":" not in match["six"] or not is_host(match["six"]):
        raise InvalidAddress(text, "between the brackets stands no IPv6 address")
    return str(IPv6Address(match["six"])), int(match["port"])


def _parse_log(text: str, rest: str) -> LogAddress:
    match = _LOG.fullmatch(rest)
    if match is None or float(match["speed"] or 1) > MAX_SPEED:
        raise InvalidAddress(text, f"a file is needed, and a speed of 0 to {MAX_SPEED:.0f}")
    return LogAddress(Path(match["path"]), float(match["speed"] or 1), match["port"])


def _format_endpoint(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


_PARSERS: Final[dict[str, Callable[[str, str], PortAddress]]] = {
    "serial": _parse_serial,
    "rfcomm": _parse_rfcomm,
    "tcp": lambda text, rest: TcpAddress(*_parse_endpoint(text, rest)),
    "tcp-listen": lambda text, rest: TcpListenAddress(*_parse_endpoint(text, rest)),
    "udp": lambda text, rest: UdpAddress(*_parse_endpoint(text, rest)),
    "log": _parse_log,
}
