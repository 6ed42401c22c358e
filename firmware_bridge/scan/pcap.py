"""Packet captures to datagrams: classic pcap and pcapng, streamed, with bounded memory.

Sources: the IETF drafts draft-ietf-opsawg-pcap (classic; both byte orders, microseconds and nanoseconds) and
draft-ietf-opsawg-pcapng.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

from firmware_bridge.scan.errors import InvalidCapture, TruncatedCapture
from firmware_bridge.scan.link import Datagram, Lost, RecordedPacket, unwrap
from firmware_bridge.scan.pcapng import SECTION, read_pcapng

MAX_PACKET: Final = 262_144
"""Longest packet of a capture: the largest snap length that recorders set."""
_HEADER: Final = 24
_RECORD: Final = 16
_MAGIC: Final = {
    b"\xa1\xb2\xc3\xd4": (">", 1e-6),
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6),
    b"\xa1\xb2\x3c\x4d": (">", 1e-9),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9),
}


def read_datagrams(stream: BinaryIO) -> Iterator[Datagram | Lost]:
    """Yield a capture's UDP datagrams, and what was lost of them, in the order recorded.

    A capture that ends within a packet ends with `TruncatedCapture` as the last thing lost; packets of other kinds
    are passed over.

    Raises
    ------
    InvalidCapture
        The bytes are no capture, or cannot be read on; what was yielded before is whole.
    """
    magic = stream.read(4)
    if magic in _MAGIC:
        packets = _read_classic(stream, magic)
    elif magic == SECTION:
        packets = read_pcapng(stream, max_packet=MAX_PACKET)
    else:
        raise InvalidCapture(0, "it begins like neither pcap nor pcapng")
    for packet in packets:
        if isinstance(packet, Lost):
            yield packet
            continue
        unwrapped = unwrap(packet)
        if isinstance(unwrapped, Datagram | Lost):
            yield unwrapped


def _read_classic(stream: BinaryIO, magic: bytes) -> Iterator[RecordedPacket | Lost]:
    order, tick_s = _MAGIC[magic]
    header = stream.read(_HEADER - 4)
    if len(header) < _HEADER - 4:
        raise InvalidCapture(len(header) + 4, "it ends within its header")
    # The upper half of the last field says how long a frame check sequence is, which we do not need.
    link_type = struct.unpack(order + "I", header[-4:])[0] & 0xFFFF
    record = struct.Struct(order + "IIII")
    offset = _HEADER
    while head := stream.read(_RECORD):
        if len(head) < _RECORD:
            yield Lost(TruncatedCapture(offset))
            return
        seconds, ticks, held, length = record.unpack(head)
        if held > MAX_PACKET:
            raise InvalidCapture(offset, f"a packet of {held} bytes; at most {MAX_PACKET}")
        raw = stream.read(held)
        if len(raw) < held:
            yield Lost(TruncatedCapture(offset))
            return
        yield RecordedPacket(seconds + ticks * tick_s, link_type, raw, length, offset)
        offset += _RECORD + held
