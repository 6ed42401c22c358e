"""PUBLISH packets of MQTT 3.1.1, read strictly, and their acknowledgement.

Source: OASIS MQTT 3.1.1, sections 2.2, 3.3 and 3.4. Whole packets in, values out; `MalformedPacket` for anything else.
"""

from dataclasses import dataclass
from typing import Final

from ingest.broker.errors import MalformedPacket
from ingest.errors import PacketTooLarge

PUBLISH: Final = 0x30
DISCONNECT: Final = 0xE0
TYPE_MASK: Final = 0xF0
"""The bits of the first byte that say which packet it is."""
MAX_LENGTH_BYTES: Final = 4
"""Bytes of a remaining length (section 2.2.3)."""
CONTINUES: Final = 0x80
_PUBACK: Final = b"\x40\x02"
_QOS_MASK: Final = 0x06
_QOS_0: Final = 0x00
_QOS_1: Final = 0x02


@dataclass(frozen=True, slots=True)
class Publish:
    """A message as it travels.

    Attributes
    ----------
    topic, payload
        What is said, and where.
    packet_id
        Two bytes by which it is acknowledged; empty where no acknowledgement is asked for (QoS 0).
    """

    topic: str
    payload: bytes
    packet_id: bytes

    @property
    def acknowledgement(self) -> bytes:
        """The PUBACK packet that answers it; empty where none is asked for."""
        return _PUBACK + self.packet_id if self.packet_id else b""


def parse_publish(packet: bytes) -> Publish:
    """Return what a whole PUBLISH packet says.

    Raises
    ------
    MalformedPacket
        When it is none, or asks for "exactly once", which records do not need.

    Examples
    --------
    >>> parse_publish(bytes.fromhex("32070001610001") + b"hi").payload
    b'hi'
    """
    qos = packet[0] & _QOS_MASK if packet else _QOS_0
    if not packet or packet[0] & TYPE_MASK != PUBLISH or qos not in (_QOS_0, _QOS_1):
        raise MalformedPacket("expected a PUBLISH of quality of service 0 or 1")
    start = find_body(packet)
    end = start + 2 + int.from_bytes(packet[start : start + 2])
    after = end + (2 if qos else 0)
    if after > len(packet) or start + 2 > len(packet):
        raise MalformedPacket("a PUBLISH that ends early")
    try:
        topic = packet[start + 2 : end].decode()
    except UnicodeDecodeError as error:
        raise MalformedPacket("a topic is not UTF-8") from error
    packet_id = packet[end:after]
    if packet_id == b"\0\0":
        raise MalformedPacket("a packet id must not be zero")
    return Publish(topic, packet[after:], packet_id)


def find_body(packet: bytes) -> int:
    """Return where the fixed header of a packet ends.

    Raises
    ------
    MalformedPacket
        When its length runs on.
    """
    for place in range(1, min(len(packet), MAX_LENGTH_BYTES + 1)):
        if packet[place] < CONTINUES:
            return place + 1
    raise MalformedPacket("its length runs on")


def find_end(buffer: bytes | bytearray, start: int, limit: int) -> int:
    """Return where the packet that begins at `start` will end; 0 while its length has not come whole.

    Raises
    ------
    PacketTooLarge
        When it announces more than `limit` bytes after its header; nothing of it need be kept.

    Examples
    --------
    >>> find_end(bytes.fromhex("c000"), 0, 10), find_end(bytes.fromhex("3082"), 0, 10)
    (2, 0)
    """
    length = 0
    for place in range(MAX_LENGTH_BYTES):
        at = start + 1 + place
        if at >= len(buffer):
            return 0
        length |= (buffer[at] & 0x7F) << (7 * place)
        if buffer[at] < CONTINUES:
            if length > limit:
                raise PacketTooLarge(length, limit)
            return at + 1 + length
    raise PacketTooLarge(length, limit)
