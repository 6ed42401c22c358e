"""Unsigned varints (LEB128) as multiformats and protobuf write them, minimal or refused.

Source: https://github.com/multiformats/unsigned-varint (at most nine bytes, shortest form only). DAG-PB fields use
the same form, so one reader serves both.
"""

from typing import Final

from ipfs.errors import InvalidVarint

MAX_BYTES: Final = 9
"""Longest varint read: 63 bits, the limit of the multiformats specification."""
_CONTINUES: Final = 0x80
_PAYLOAD: Final = 0x7F


def encode_varint(number: int) -> bytes:
    """Return the varint of a number from 0 to 2**63 - 1.

    Examples
    --------
    >>> encode_varint(300).hex()
    'ac02'
    """
    if not 0 <= number < 1 << 63:
        raise InvalidVarint(f"{number} is not from 0 to 2**63 - 1")
    out = bytearray()
    while number > _PAYLOAD:
        out.append(number & _PAYLOAD | _CONTINUES)
        number >>= 7
    out.append(number)
    return bytes(out)


def parse_varint(raw: bytes, offset: int = 0) -> tuple[int, int]:
    """Return the number at `offset` and the offset behind it.

    Raises
    ------
    InvalidVarint
        When the bytes end inside it, it has more than nine bytes, or a shorter form exists.

    Examples
    --------
    >>> parse_varint(bytes.fromhex("ac02ff"))
    (300, 2)
    """
    number = 0
    for place in range(MAX_BYTES):
        if offset + place >= len(raw):
            raise InvalidVarint("the bytes end inside it")
        byte = raw[offset + place]
        number |= (byte & _PAYLOAD) << (7 * place)
        if byte < _CONTINUES:
            if byte == 0 and place:
                raise InvalidVarint("a shorter form exists")
            return number, offset + place + 1
    raise InvalidVarint(f"more than {MAX_BYTES} bytes")
