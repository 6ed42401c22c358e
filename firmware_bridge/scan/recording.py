"""Datagrams to a packet capture that any tool reads: classic pcap, nanoseconds, Ethernet frames.

What a socket gives has lost its frame, so one is written anew: Ethernet addresses are zero, the UDP checksum is left
out (0, as IPv4 allows).
"""

import ipaddress
import struct
from typing import Final

from firmware_bridge.scan.link import Datagram

_ETHERNET: Final = b"\0" * 12 + b"\x08\x00"
_SNAP: Final = 262_144


def encode_capture_header() -> bytes:
    """Return the first bytes of a capture.

    Examples
    --------
    >>> len(encode_capture_header())
    24
    """
    return struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, _SNAP, 1)


def encode_captured(datagram: Datagram, *, destination: str) -> bytes:
    """Return a datagram's record.

    Parameters
    ----------
    datagram
        What came.
    destination
        IPv4 address that it came to.
    """
    udp = struct.pack(">HHHH", datagram.source_port, datagram.port, 8 + len(datagram.payload), 0) + datagram.payload
    frame = _ETHERNET + _encode_ip(datagram.source, destination, len(udp)) + udp
    seconds, nanoseconds = divmod(round(datagram.at * 1e9), 1_000_000_000)
    return struct.pack("<IIII", seconds, nanoseconds, len(frame), len(frame)) + frame


def _encode_ip(source: str, destination: str, length: int) -> bytes:
    addresses = ipaddress.IPv4Address(source).packed + ipaddress.IPv4Address(destination).packed
    head = struct.pack(">BBHHHBB", 0x45, 0, 20 + length, 0, 0x4000, 64, 17)
    total = sum(struct.unpack(">10H", head + b"\0\0" + addresses))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return head + struct.pack(">H", ~total & 0xFFFF) + addresses
