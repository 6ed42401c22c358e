"""The first packet of a connection: MQTT 3.1.1 CONNECT, read strictly.

Source: OASIS MQTT 3.1.1, section 3.1. Bytes in, values out; `MalformedConnect` for anything else.
"""

import struct
from dataclasses import dataclass
from typing import Final

from ingest.errors import MalformedConnect

CONNECT: Final = 0x10
"""First byte of a CONNECT packet."""
MAX_CONNECT: Final = 8_192
"""Bytes of a CONNECT: a login of 4 kB, a will topic of 100 bytes, ids of 32."""
_LEVEL_311: Final = 4
_RESERVED, _CLEAN, _WILL, _WILL_QOS, _WILL_RETAIN, _PASSWORD, _USER = 0x01, 0x02, 0x04, 0x18, 0x20, 0x40, 0x80


@dataclass(frozen=True, slots=True)
class ConnectRequest:
    """Who asks to connect.

    Attributes
    ----------
    client_id, username, password
        As given; empty where absent.
    keep_alive_s
        Longest silence of the client; 0 is for ever.
    is_clean
        Whether it wants no session kept.
    will_topic
        Where its will would go, if it has one.
    will_bytes
        Size of the will.
    """

    client_id: str
    username: str
    password: str
    keep_alive_s: int
    is_clean: bool
    will_topic: str | None
    will_bytes: int


@dataclass(slots=True)
class _Cursor:
    raw: bytes
    offset: int = 0

    def take(self, count: int) -> bytes:
        if count > len(self.raw) - self.offset:
            raise MalformedConnect("it ends early")
        part = self.raw[self.offset : self.offset + count]
        self.offset += count
        return part

    def number(self) -> int:
        return int(struct.unpack("!H", self.take(2))[0])

    def binary(self) -> bytes:
        return self.take(self.number())

    def text(self) -> str:
        try:
            text = self.binary().decode()
        except UnicodeDecodeError as error:
            raise MalformedConnect("a text is not UTF-8") from error
        if "\0" in text:
            raise MalformedConnect("a text holds a null character")
        return text


def parse_connect(body: bytes) -> ConnectRequest:
    """Return what a CONNECT packet asks; `body` is what follows the fixed header.

    Raises
    ------
    MalformedConnect
        When it is not of MQTT 3.1.1, or malformed.
    """
    cursor = _Cursor(body)
    if cursor.text() != "MQTT" or cursor.take(1)[0] != _LEVEL_311:
        raise MalformedConnect("only MQTT 3.1.1 is spoken here")
    flags = cursor.take(1)[0]
    _check_flags(flags)
    keep_alive, client_id = cursor.number(), cursor.text()
    will_topic, will = (cursor.text(), cursor.binary()) if flags & _WILL else (None, b"")
    username = cursor.text() if flags & _USER else ""
    password = cursor.text() if flags & _PASSWORD else ""
    if cursor.offset != len(body):
        raise MalformedConnect("bytes follow the last field")
    return ConnectRequest(client_id, username, password, keep_alive, bool(flags & _CLEAN), will_topic, len(will))


def _check_flags(flags: int) -> None:
    if flags & _RESERVED:
        raise MalformedConnect("the reserved flag is set")
    if not flags & _WILL and flags & (_WILL_QOS | _WILL_RETAIN):
        raise MalformedConnect("will flags without a will")
    if flags & _WILL_RETAIN:
        raise MalformedConnect("a will must not be retained here")
    if flags & _PASSWORD and not flags & _USER:
        raise MalformedConnect("a password without a user name")
