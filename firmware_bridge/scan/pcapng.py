"""The pcapng form of captures: sections, interfaces, packet blocks.

Source: draft-ietf-opsawg-pcapng, sections 3 and 4. Enhanced packet blocks carry scans; simple packet blocks have no
time and are told as lost; other blocks are passed over.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from firmware_bridge.scan.errors import InvalidCapture, TruncatedCapture, UntimedDatagram
from firmware_bridge.scan.link import Lost, RecordedPacket

SECTION: Final = b"\x0a\x0d\x0d\x0a"
"""First bytes of every section; a palindrome, so that it needs no byte order."""
MAX_BLOCK: Final = 16 * 1024 * 1024
"""Longest block that is taken: the bound that the draft recommends readers to set is about this."""
MAX_INTERFACES: Final = 1_024
"""Interfaces of a section; a scan has one."""
_SECTION, _INTERFACE, _SIMPLE, _ENHANCED = 0x0A0D0D0A, 1, 3, 6
_BYTE_ORDER: Final = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
_RESOLUTION, _SHIFT = 9, 14  # options if_tsresol and if_tsoffset
_FRAME: Final = 12
_LARGEST_EXPONENT: Final = 63


@dataclass(frozen=True, slots=True)
class _Interface:
    link_type: int
    tick_s: float
    shift_s: int


@dataclass(frozen=True, slots=True)
class _Block:
    kind: int
    body: bytes
    order: str
    offset: int


def read_pcapng(stream: BinaryIO, *, max_packet: int) -> Iterator[RecordedPacket | Lost]:
    """Yield the packets of a pcapng stream whose first four bytes were read.

    Raises
    ------
    InvalidCapture
        A block breaks the format.
    """
    interfaces: list[_Interface] = []
    for block in _read_blocks(stream):
        if isinstance(block, Lost):
            yield block
        elif block.kind == _SECTION:
            interfaces = []
        elif block.kind == _INTERFACE:
            if len(interfaces) >= MAX_INTERFACES:
                raise InvalidCapture(block.offset, f"more than {MAX_INTERFACES} interfaces")
            interfaces.append(_parse_interface(block))
        elif block.kind == _ENHANCED:
            yield _parse_enhanced(block, interfaces, max_packet)
        elif block.kind == _SIMPLE:
            yield Lost(UntimedDatagram(block.offset))


def _read_blocks(stream: BinaryIO) -> Iterator[_Block | Lost]:
    """Yield blocks until the stream ends; one that is cut off is told as lost."""
    head, offset, order = SECTION, 0, ""
    while head:
        if head == SECTION:
            rest = stream.read(8)
            if len(rest) == 8:  # noqa: PLR2004  # length and byte order
                if rest[4:] not in _BYTE_ORDER:
                    raise InvalidCapture(offset + 8, "a section names no byte order")
                order = _BYTE_ORDER[rest[4:]]
        else:
            rest = stream.read(4)
        if len(head) + len(rest) < 8 or (head == SECTION and len(rest) < 8):  # noqa: PLR2004
            yield Lost(TruncatedCapture(offset))
            return
        total: int = struct.unpack(order + "I", rest[:4])[0]
        if total < _FRAME + len(rest) - 4 or total % 4 or total > MAX_BLOCK:
            raise InvalidCapture(offset + 4, f"a block of {total} bytes; expected {_FRAME} to {MAX_BLOCK}, in fours")
        body = stream.read(total - 4 - len(rest))
        if len(body) < total - 4 - len(rest):
            yield Lost(TruncatedCapture(offset))
            return
        if body[-4:] != rest[:4]:
            raise InvalidCapture(offset + total - 4, "a block's two lengths differ")
        yield _Block(struct.unpack(order + "I", head)[0], body[:-4], order, offset)
        offset += total
        head = stream.read(4)


def _parse_interface(block: _Block) -> _Interface:
    if len(block.body) < 8:  # noqa: PLR2004  # link type, reserved, snap length
        raise InvalidCapture(block.offset, "an interface block of less than 8 bytes")
    link_type: int = struct.unpack(block.order + "H", block.body[:2])[0]
    options = _parse_options(block, block.body[8:])
    resolution = options.get(_RESOLUTION, b"\x06")
    exponent = resolution[0] & 0x7F if resolution else 6
    if exponent > _LARGEST_EXPONENT:
        raise InvalidCapture(block.offset, f"a clock tick of exponent {exponent}")
    tick_s = 2.0**-exponent if resolution[:1] >= b"\x80" else 10.0**-exponent
    shift = options.get(_SHIFT, b"")
    shift_s: int = struct.unpack(block.order + "q", shift)[0] if len(shift) == 8 else 0  # noqa: PLR2004
    return _Interface(link_type, tick_s, shift_s)


def _parse_options(block: _Block, raw: bytes) -> dict[int, bytes]:
    options: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(raw):
        code, length = struct.unpack(block.order + "HH", raw[at : at + 4])
        if code == 0:
            break
        if at + 4 + length > len(raw):
            raise InvalidCapture(block.offset, "an option reaches past its block")
        options[code] = raw[at + 4 : at + 4 + length]
        at += 4 + (length + 3) // 4 * 4
    return options


def _parse_enhanced(block: _Block, interfaces: list[_Interface], max_packet: int) -> RecordedPacket:
    if len(block.body) < 20:  # noqa: PLR2004  # interface, time in two halves, two lengths
        raise InvalidCapture(block.offset, "a packet block of less than 20 bytes")
    number, high, low, held, length = struct.unpack(block.order + "IIIII", block.body[:20])
    if number >= len(interfaces):
        raise InvalidCapture(block.offset, f"a packet of interface {number}, which no block describes")
    if held > max_packet or 20 + held > len(block.body):
        raise InvalidCapture(block.offset, f"a packet of {held} bytes; at most {max_packet}, within its block")
    interface = interfaces[number]
    at = (high << 32 | low) * interface.tick_s + interface.shift_s
    return RecordedPacket(at, interface.link_type, block.body[20 : 20 + held], length, block.offset)
