"""Tree codes: one for each tree, for life.

80 bits as 16 Crockford base-32 symbols and a check symbol by Luhn mod 32, which finds every single misread
symbol and nearly every swap of neighbours. A new tree's code is a keyed hash of its first evidence, so that the same
evidence gives the same code and the code tells no position.
"""

import hashlib
import hmac
import re
from typing import Final

from domain.cid import Cid
from domain.codec import encode
from domain.errors import InvalidTreeCode, WrongCheckSymbol

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O, U."""
CODE_PATTERN: Final = f"[{ALPHABET}]{{17}}"
SECRET_LENGTH: Final = 32
_BASE: Final = 32
_SYMBOLS: Final = 16
_CODE_BYTES: Final = 10
_DOMAIN: Final = b"cec/v1/code\0"
_LOOKALIKES: Final = str.maketrans("ILO", "110", "- ")
_LINK_PREFIX: Final = "8003"
"""GS1's application identifier of a returnable asset, the nearest to an individual thing without a company."""
_MAX_TEXT: Final = 200


def mint_cloud_code(secret: bytes, cloud: Cid, apex: tuple[int, int, int]) -> str:
    """Return the code of a tree first seen in a cloud.

    Parameters
    ----------
    secret
        The campaign's secret, 32 bytes.
    cloud
        The file's UnixFS root.
    apex
        Integer x, y, z of the apex return as stored in the file (before scale and offset).

    Returns
    -------
    str
        17 symbols without hyphens.
    """
    return _mint(secret, encode(["cloud", cloud, *apex]))


def mint_reading_code(secret: bytes, observation: Cid, index: int) -> str:
    """Return the code of a tree first seen as reading `index` (from 0) of an observation; see `mint_cloud_code`."""
    return _mint(secret, encode(["reading", observation, index]))


def parse_code(text: str) -> str:
    """Return the 17 symbols of a code that a person typed or a label shows.

    Hyphens and spaces are dropped, small letters raised, I and L read as 1, O as 0; of a URL the last path
    segment counts, whatever the host.

    Raises
    ------
    InvalidTreeCode
        When the text has another number of symbols or a foreign one.
    WrongCheckSymbol
        When the check symbol does not fit.

    Examples
    --------
    >>> parse_code("0000-0000-0000-00000")
    '00000000000000000'
    """
    if len(text) > _MAX_TEXT:
        raise InvalidTreeCode(text, "longer than any label")
    last = re.split(r"[?#]", text.strip())[0].rstrip("/").rsplit("/", 1)[-1]
    symbols = last.upper().translate(_LOOKALIKES)
    if not re.fullmatch(CODE_PATTERN, symbols):
        raise InvalidTreeCode(text, "expected 17 symbols of 0-9 and A-Z without U, such as 4T7W-9K2M-QX5Z-0B3HD")
    if compute_check_symbol(symbols[:_SYMBOLS]) != symbols[_SYMBOLS]:
        raise WrongCheckSymbol(text)
    return symbols


def format_code(code: str) -> str:
    """Return a code as people read it, 4-4-4-5.

    Examples
    --------
    >>> format_code("00000000000000000")
    '0000-0000-0000-00000'
    """
    return "-".join((code[:4], code[4:8], code[8:12], code[12:]))


def format_link(code: str, host: str) -> str:
    """Return the URL of a label, in capitals so that a QR needs its small alphabet only.

    Examples
    --------
    >>> format_link("00000000000000000", "http://127.0.0.1:8080")
    'HTTP://127.0.0.1:8080/8003/00000000000000000'
    """
    return f"{host.rstrip('/')}/{_LINK_PREFIX}/{code}".upper()


def compute_check_symbol(symbols: str) -> str:
    """Return the Luhn mod 32 check symbol of `symbols`.

    Examples
    --------
    >>> compute_check_symbol("0000000000000001")
    'Y'
    """
    total = 0
    for place, symbol in enumerate(reversed(symbols)):
        value = ALPHABET.index(symbol) * (2 if place % 2 == 0 else 1)
        total += value // _BASE + value % _BASE
    return ALPHABET[-total % _BASE]


def _mint(secret: bytes, evidence: bytes) -> str:
    if len(secret) != SECRET_LENGTH:
        raise AssertionError(f"a campaign's secret has {SECRET_LENGTH} bytes, not {len(secret)}")
    digest = hmac.digest(secret, _DOMAIN + evidence, hashlib.sha256)
    number = int.from_bytes(digest[:_CODE_BYTES], "big")
    symbols = "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(_SYMBOLS)))
    return symbols + compute_check_symbol(symbols)
