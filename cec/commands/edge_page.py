"""Where the crew's page listens: ``HOST:PORT``, and what can be wrong with it."""

import errno
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from cec.errors import PortTaken
from edge.errors import InvalidSetting

_FORM: Final = re.compile(r"(?:\[([0-9A-Fa-f:.%\w]{2,100})\]|([^\s:\[\]]{1,253})):([0-9]{1,5})", re.ASCII)
_MOST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class PageAddress:
    """Where the page listens.

    Attributes
    ----------
    host
        A name, or an IPv4 or IPv6 address.
    port
        0 to 65,535; 0 for any that is free.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_page(text: str) -> PageAddress:
    """Return the address that ``HOST:PORT`` names; an IPv6 address stands in brackets.

    Raises
    ------
    InvalidSetting
        When the text has another form, or the port is none.

    Examples
    --------
    >>> parse_page("[::1]:8090")
    PageAddress(host='::1', port=8090)
    """
    match = _FORM.fullmatch(text)
    if match is None or int(match[3]) > _MOST_PORT:
        raise InvalidSetting(
            "--page", text, f"expected HOST:PORT, such as 127.0.0.1:8090 or [::1]:8090, the port 0 to {_MOST_PORT}"
        )
    return PageAddress(match[1] or match[2], int(match[3]))


@contextmanager
def bind_page(address: PageAddress) -> Iterator[socket.socket]:
    """Give a socket bound to an address; it may look the host's name up.

    Raises
    ------
    PortTaken
        When another program holds the port.
    InvalidSetting
        When nobody knows the host, or this device cannot listen there.
    """
    try:
        found = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
        )
    except (socket.gaierror, UnicodeError) as error:
        raise InvalidSetting("--page", str(address), f"nobody knows that host ({_tell(error)})") from error
    family, kind, proto, _, where = found[0]
    with socket.socket(family, kind, proto) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(where)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortTaken(address.port, "crew's page") from error
            rule = f"this device cannot listen there ({_tell(error)}): give one of its own addresses, a port from 1024"
            raise InvalidSetting("--page", str(address), rule) from error
        yield listener


def _tell(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
