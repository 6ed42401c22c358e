"""WebSocket frames (RFC 6455), as far as a server that answers questions needs them; bytes in, messages out.

CometBFT's own light client keeps such a connection to its node open. No extension, no subprotocol.
"""

import base64
import hashlib
from dataclasses import dataclass
from typing import Final

from chain.network.errors import InvalidFrame

MAX_MESSAGE: Final = 1_000_000
"""Bytes of a message, as of an HTTP request's body."""
TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
_CONTINUATION: Final = 0x0
_FINAL, _RESERVED, _OPCODE, _MASKED, _LENGTH = 0x80, 0x70, 0x0F, 0x80, 0x7F
_LENGTH_16, _LENGTH_64 = 126, 127
_MAX_CONTROL: Final = 125
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""Proves that the server understood the request (RFC 6455 section 1.3)."""
_KEY_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message.

    Attributes
    ----------
    opcode
        ``TEXT``, ``BINARY``, ``CLOSE``, ``PING`` or ``PONG``.
    payload
        Its bytes.
    """

    opcode: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class _Frame:
    opcode: int
    is_final: bool
    payload: bytes


def compute_accept(key: bytes) -> bytes:
    """Return the answer to a client's ``Sec-WebSocket-Key``; `InvalidFrame` when it is none.

    Examples
    --------
    >>> compute_accept(b"dGhlIHNhbXBsZSBub25jZQ==")
    b's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
    """
    try:
        nonce = base64.b64decode(key, validate=True)
    except ValueError as error:
        raise InvalidFrame("the key is not base64") from error
    if len(nonce) != _KEY_BYTES:
        raise InvalidFrame(f"a key of {len(nonce)} bytes, it has {_KEY_BYTES}")
    return base64.b64encode(hashlib.sha1(key + _GUID).digest())  # noqa: S324 - the protocol's, not a protection


def encode_frame(opcode: int, payload: bytes) -> bytes:
    """Return a server's frame: final, not masked."""
    length = len(payload)
    if length < _LENGTH_16:
        head = bytes((length,))
    elif length < 1 << 16:
        head = bytes((_LENGTH_16,)) + length.to_bytes(2, "big")
    else:
        head = bytes((_LENGTH_64,)) + length.to_bytes(8, "big")
    return bytes((_FINAL | opcode,)) + head + payload


class MessageReader:
    """Puts messages together from bytes as they come."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._opcode = 0
        self._parts = bytearray()

    def feed(self, raw: bytes) -> list[Message]:
        """Return the messages that are whole now.

        Raises
        ------
        InvalidFrame
            When a frame is not masked, too large, or out of order.
        """
        self._buffer += raw
        messages: list[Message] = []
        while (frame := self._take_frame()) is not None:
            if frame.opcode >= CLOSE:
                messages.append(Message(frame.opcode, frame.payload))
            elif (message := self._join(frame)) is not None:
                messages.append(message)
        return messages

    def _join(self, frame: _Frame) -> Message | None:
        if (frame.opcode == _CONTINUATION) == (self._opcode == 0):
            raise InvalidFrame("a continuation of nothing, or a message within another")
        self._opcode = frame.opcode or self._opcode
        self._parts += frame.payload
        if len(self._parts) > MAX_MESSAGE:
            raise InvalidFrame(f"a message of more than {MAX_MESSAGE} bytes")
        if not frame.is_final:
            return None
        message = Message(self._opcode, bytes(self._parts))
        self._opcode, self._parts = 0, bytearray()
        return message

    def _take_frame(self) -> _Frame | None:
        """Return the next frame and take it off the buffer; None until it is whole."""
        head = bytes(self._buffer[:14])
        if len(head) < 2:  # noqa: PLR2004 - the two bytes that every frame begins with
            return None
        opcode, is_final = head[0] & _OPCODE, bool(head[0] & _FINAL)
        _check_head(head, opcode, is_final=is_final)
        length, offset = _read_length(head)
        if length is None:
            return None
        if length > (_MAX_CONTROL if opcode >= CLOSE else MAX_MESSAGE):
            raise InvalidFrame(f"a frame of {length} bytes")
        end = offset + 4 + length
        if len(self._buffer) < end:
            return None
        mask, masked = self._buffer[offset : offset + 4], self._buffer[offset + 4 : end]
        del self._buffer[:end]
        return _Frame(opcode, is_final, _unmask(bytes(masked), bytes(mask)))


def _check_head(head: bytes, opcode: int, *, is_final: bool) -> None:
    if head[0] & _RESERVED or opcode not in (_CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
        raise InvalidFrame(f"first byte {head[0]:#04x}")
    if not head[1] & _MASKED:
        raise InvalidFrame("a client masks its frames")
    if opcode >= CLOSE and not is_final:
        raise InvalidFrame("a control frame in pieces")


def _read_length(head: bytes) -> tuple[int | None, int]:
    """Return the payload's length (None until its bytes are here) and where the mask begins."""
    length = head[1] & _LENGTH
    if length < _LENGTH_16:
        return length, 2
    size = 2 if length == _LENGTH_16 else 8
    if len(head) < 2 + size:
        return None, 2
    return int.from_bytes(head[2 : 2 + size], "big"), 2 + size


def _unmask(payload: bytes, mask: bytes) -> bytes:
    repeated = (mask * (len(payload) // 4 + 1))[: len(payload)]
    number = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
    return number.to_bytes(len(payload), "big")
