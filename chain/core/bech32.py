"""Addresses as people see them: bech32 with the prefix ``cec``.

Source: BIP 173 (checksum, character set, its vectors). Addresses are 20 bytes: RIPEMD-160 of SHA-256 of the
compressed secp256k1 key, as in cosmos-sdk.
"""

from typing import Final

from chain.core.errors import InvalidAddress

PREFIX: Final = "cec"
ADDRESS_BYTES: Final = 20
_CHARSET: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECK_SYMBOLS: Final = 6
_MAX_TEXT: Final = 90


def encode_bech32(prefix: str, data: bytes) -> str:
    """Return the bech32 text of bytes.

    Examples
    --------
    >>> encode_bech32("cec", bytes(20))
    'cec1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq3vsxgy'
    """
    symbols = _regroup(data, 8, 5)
    check = _polymod(_expand(prefix) + symbols + [0] * _CHECK_SYMBOLS) ^ 1
    symbols += [check >> 5 * (5 - place) & 31 for place in range(_CHECK_SYMBOLS)]
    return prefix + "1" + "".join(_CHARSET[symbol] for symbol in symbols)


def decode_bech32(text: str) -> tuple[str, bytes]:
    """Return prefix and bytes of a bech32 text; `InvalidAddress` when it is none."""
    if len(text) > _MAX_TEXT or not text.isascii() or (text.lower() != text and text.upper() != text):
        raise InvalidAddress(text, "too long, not ASCII, or capitals and small letters mixed")
    prefix, separator, rest = text.lower().rpartition("1")
    if not separator or not prefix or any(symbol not in _CHARSET for symbol in rest):
        raise InvalidAddress(text, "not bech32")
    if not all("!" <= letter <= "~" for letter in prefix):
        raise InvalidAddress(text, "not bech32")
    symbols = [_CHARSET.index(symbol) for symbol in rest]
    if len(symbols) < _CHECK_SYMBOLS or _polymod(_expand(prefix) + symbols) != 1:
        raise InvalidAddress(text, "a symbol was mistyped: the checksum does not fit")
    body = symbols[:-_CHECK_SYMBOLS]
    spare = 5 * len(body) % 8
    if spare >= 5 or (body and body[-1] & ((1 << spare) - 1)):  # noqa: PLR2004  # a whole symbol of padding
        raise InvalidAddress(text, "stray bits at its end")
    return prefix, bytes(_regroup(bytes(body), 5, 8))


def format_address(address: bytes) -> str:
    """Return the text of a 20-byte address."""
    return encode_bech32(PREFIX, address)


def parse_address(text: str) -> bytes:
    """Return the 20 bytes of an address of this chain; `InvalidAddress` when it is none."""
    prefix, address = decode_bech32(text)
    if prefix != PREFIX or len(address) != ADDRESS_BYTES or text != text.lower():
        raise InvalidAddress(text, f"expected {PREFIX}1… with 20 bytes, in small letters")
    return address


def _polymod(symbols: list[int]) -> int:
    check = 1
    for symbol in symbols:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ symbol
        for place, generator in enumerate(_GENERATOR):
            if top >> place & 1:
                check ^= generator
    return check


def _expand(prefix: str) -> list[int]:
    return [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix]


def _regroup(data: bytes, from_bits: int, to_bits: int) -> list[int]:
    """Return groups of bits of another size; towards five bits the last is filled with zeros."""
    value, bits, out = 0, 0, list[int]()
    for group in data:
        value = value << from_bits | group
        bits += from_bits
        while bits >= to_bits:
            bits -= to_bits
            out.append(value >> bits & ((1 << to_bits) - 1))
        value &= (1 << bits) - 1
    if bits and to_bits < from_bits:
        out.append(value << (to_bits - bits))
    return out
