"""One recorded packet to its UDP datagram: Ethernet with VLAN tags, Linux cooked capture, raw IPv4."""

import ipaddress
from dataclasses import dataclass
from typing import Final, TypeAlias

from firmware_bridge.scan.driver import Arrival
from firmware_bridge.scan.errors import CutDatagram, DatagramLost, FragmentedDatagram, UnknownLinkType

ETHERNET, RAW, LINUX_SLL, IPV4, LINUX_SLL2 = 1, 101, 113, 228, 276
"""Link types of the pcap registry."""
_IPV4: Final = 0x0800
_TAGS: Final = frozenset({0x8100, 0x88A8, 0x9100})
_MAX_TAGS: Final = 4
"""VLAN tags before a packet is somebody's joke."""
_UDP: Final = 17
_SHORTEST_IP: Final = 20
_UDP_HEADER: Final = 8
_TYPE_AT: Final = {ETHERNET: 12, LINUX_SLL: 14, LINUX_SLL2: 0}
_BODY_AT: Final = {ETHERNET: 14, LINUX_SLL: 16, LINUX_SLL2: 20}


@dataclass(frozen=True, slots=True)
class Datagram:
    """A UDP datagram over IPv4.

    Attributes
    ----------
    at
        When it came.
    source, source_port
        Who sent it.
    port
        UDP port that it was sent to.
    payload
        Its bytes.
    """

    at: Arrival
    source: str
    source_port: int
    port: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """A recorded packet that gave no datagram, and why.

    Attributes
    ----------
    error
        What is wrong with it.
    """

    error: DatagramLost


@dataclass(frozen=True, slots=True)
class Other:
    """A recorded packet that is no UDP datagram over IPv4, as any network carries."""


Unwrapped: TypeAlias = Datagram | Lost | Other


@dataclass(frozen=True, slots=True)
class RecordedPacket:
    """A packet as a capture holds it.

    Attributes
    ----------
    at
        When it came.
    link_type
        What its first bytes are.
    raw
        The bytes recorded.
    length
        Bytes that were on the wire.
    offset
        Byte of the capture at which its record begins.
    """

    at: Arrival
    link_type: int
    raw: bytes
    length: int
    offset: int


def unwrap(packet: RecordedPacket) -> Unwrapped:
    """Return a packet's datagram, or why it gives none.

    Raises
    ------
    UnknownLinkType
        Its link type is none that we unwrap.
    """
    start = _find_ipv4(packet)
    raw = packet.raw
    if start < 0 or len(raw) < start + _SHORTEST_IP or raw[start] >> 4 != 4:  # noqa: PLR2004  # IPv4
        return Other()
    header = (raw[start] & 15) * 4
    total = int.from_bytes(raw[start + 2 : start + 4])
    if raw[start + 9] != _UDP or header < _SHORTEST_IP:
        return Other()
    if int.from_bytes(raw[start + 6 : start + 8]) & 0x3FFF:  # more fragments, or an offset
        return Lost(FragmentedDatagram(packet.offset))
    at = start + header
    length = int.from_bytes(raw[at + 4 : at + 6])
    if len(raw) < at + _UDP_HEADER or len(raw) < at + length:
        return Lost(CutDatagram(packet.offset, max(packet.length - len(raw), 1)))
    if length < _UDP_HEADER or header + length > total:
        return Other()
    return Datagram(
        at=packet.at,
        source=str(ipaddress.IPv4Address(raw[start + 12 : start + 16])),
        source_port=int.from_bytes(raw[at : at + 2]),
        port=int.from_bytes(raw[at + 2 : at + 4]),
        payload=raw[at + _UDP_HEADER : at + length],
    )


def _find_ipv4(packet: RecordedPacket) -> int:
    """Return where the IPv4 header begins; -1 when the packet holds none."""
    if packet.link_type in (RAW, IPV4):
        return 0
    if packet.link_type not in _TYPE_AT:
        raise UnknownLinkType(packet.offset, packet.link_type)
    type_at, body = _TYPE_AT[packet.link_type], _BODY_AT[packet.link_type]
    kind = int.from_bytes(packet.raw[type_at : type_at + 2])
    for _ in range(_MAX_TAGS):
        if kind not in _TAGS:
            break
        kind = int.from_bytes(packet.raw[body + 2 : body + 4])
        body += 4
    return body if kind == _IPV4 else -1
