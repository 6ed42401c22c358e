"""Where webhooks may go: public addresses by https, or this machine itself; nothing inside the network unasked.

A name is looked up once for each attempt, every address that it has must be allowed, and the connection goes to the
address that was checked: a name that changes its mind in between gains nothing.
"""

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from ingest.exchange.errors import InvalidHook

MAX_URL: Final = 2_000
RESOLVE_S: Final = 5.0
"""Longest look-up of a name."""
_LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Target:
    """An address that may be connected to.

    Attributes
    ----------
    host
        As the URL says: for the TLS name and the Host header.
    address
        The IP address to connect to.
    """

    host: str
    address: str


def check_url(url: str) -> SplitResult:
    """Return the parts of a webhook's URL.

    Raises
    ------
    InvalidHook
        When it is not https, or http to this machine; when it holds a password; when it names no host.

    Examples
    --------
    >>> check_url("https://example.org/hook").hostname
    'example.org'
    """
    if len(url) > MAX_URL:
        raise InvalidHook(url, f"at most {MAX_URL} characters")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidHook(url, str(error)) from error
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        raise InvalidHook(url, "it must name a host, without user, password or fragment")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOCAL_NAMES):
        raise InvalidHook(url, "it must begin with https:// (http:// only to this machine itself)")
    return parts


async def resolve(url: str, *, allows_private: bool = False) -> Target:
    """Return where an attempt may connect to.

    Raises
    ------
    InvalidHook
        When the name is unknown, or one of its addresses is not public; `allows_private` allows those of the own
        network, never those of this machine under another name.
    """
    parts = check_url(url)
    host = parts.hostname or ""
    addresses = await _look_up(url, host, parts.port or _PORTS[parts.scheme])
    for address in addresses:
        _check_address(url, host, address, allows_private=allows_private)
    return Target(host, addresses[0])


async def _look_up(url: str, host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_S):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError, UnicodeError) as error:
        raise InvalidHook(url, f"its host has no address ({str(error) or 'no answer'})") from error
    return [str(entry[4][0]) for entry in found]


def _check_address(url: str, host: str, text: str, *, allows_private: bool) -> None:
    address = ipaddress.ip_address(text.partition("%")[0])
    # ::ffff:10.0.0.1 is 10.0.0.1 to the socket.
    mapped = getattr(address, "ipv4_mapped", None)
    address = address if mapped is None else mapped
    if address.is_loopback and host in _LOCAL_NAMES:
        return
    is_private = address.is_private and not (address.is_loopback or address.is_link_local or address.is_unspecified)
    if (address.is_global and not address.is_multicast) or (allows_private and is_private):
        return
    raise InvalidHook(url, f"{host} is {text}, which is not a public address; the operator may allow the own network")
