"""The one encoding of everything that is hashed or signed: canonical DAG-CBOR without floats and nulls.

Source: https://ipld.io/specs/codecs/dag-cbor/spec/ (strictness, tag 42), RFC 8949 section 4.2. Decoding refuses
what encoding would not have written, so that one value has one form and no relay can change a CID under a valid
signature. ``cbor2`` does the byte work; this module alone imports it.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Never, TypeAlias, cast

import cbor2

from domain.cid import Cid
from domain.errors import InvalidCid, InvalidEncoding

Value: TypeAlias = "bool | int | str | bytes | Cid | Sequence[Value] | Mapping[str, Value]"
"""What a record may hold. Unknown is absent; quantities are integers with the unit in the key."""

MAX_BYTES: Final = 1 << 20
"""Largest document decoded: four times an MQTT message (256 KiB), the largest thing a stranger sends as CBOR."""
MAX_DEPTH: Final = 16
"""Deepest nesting; the deepest record (a polygon's rings in an area) has 6 levels."""
MAX_INT: Final = (1 << 64) - 1
MIN_INT: Final = -(1 << 64)

_LINK_TAG: Final = 42
# Tags that cbor2 would otherwise turn into dates, bignums, regular expressions, shared references and so on.
_FOREIGN_TAGS: Final = (*range(6), 25, 28, 29, 30, 35, 36, 37, 43000, 52, 54, 100, 256, 258, 260, 261, 1004, 55799)


def encode(value: Value) -> bytes:
    """Return the canonical bytes of `value`.

    Raises
    ------
    InvalidEncoding
        When the value holds a float, a null, an integer beyond 64 bits, a key that is not text, or is too deep.

    Examples
    --------
    >>> encode({"b": 1, "a": [True, b"x"]}).hex()
    'a2616182f54178616201'
    """
    _check(value, depth=0)
    return cbor2.dumps(value, canonical=True, default=_encode_link)


def decode(raw: bytes) -> Value:
    """Return the value whose canonical bytes are `raw`.

    Raises
    ------
    InvalidEncoding
        When the bytes are too many, not DAG-CBOR, or not the canonical form of what they say.
    """
    if len(raw) > MAX_BYTES:
        raise InvalidEncoding(f"{len(raw)} bytes, at most {MAX_BYTES} are read")
    value = _loads(raw)
    # One comparison catches every non-canonical form (long integers, key order, trailing bytes) at once.
    if encode(value) != raw:
        raise InvalidEncoding("not in canonical form")
    return value


def decode_map(raw: bytes) -> Mapping[str, Value]:
    """Return the map whose canonical bytes are `raw`; any other value raises `InvalidEncoding`."""
    value = decode(raw)
    if not isinstance(value, dict):
        raise InvalidEncoding("expected a map")
    return value


def decode_list(raw: bytes) -> Sequence[Value]:
    """Return the list whose canonical bytes are `raw`; any other value raises `InvalidEncoding`."""
    value = decode(raw)
    if not isinstance(value, list):
        raise InvalidEncoding("expected a list")
    return value


def _loads(raw: bytes) -> Value:
    try:
        return cast(
            "Value",
            cbor2.loads(
                raw,
                tag_hook=_refuse_tag,
                semantic_decoders=_SEMANTIC_DECODERS,
                max_depth=MAX_DEPTH + 1,
                allow_indefinite=False,
                allow_duplicate_keys=False,
                strict_hashable_types=True,
            ),
        )
    except _DECODE_FAILURES as error:
        cause = error.__cause__
        raise cause if isinstance(cause, InvalidEncoding) else InvalidEncoding(_first_line(error)) from error


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _refuse_tag(_value: object, _immutable: object) -> Never:
    raise InvalidEncoding("a tag other than 42 (link)")


def _decode_link(raw: object, _immutable: object) -> Cid:
    if not isinstance(raw, bytes) or raw[:1] != b"\0":
        raise InvalidEncoding("a link is a byte string that starts with 0x00")
    try:
        return Cid.from_bytes(raw[1:])
    except InvalidCid as error:
        raise InvalidEncoding(str(error)) from error


def _encode_link(encoder: cbor2.CBOREncoder, value: object) -> None:
    if not isinstance(value, Cid):
        raise AssertionError(f"checked values hold no {type(value).__name__}")  # noqa: TRY004 - a bug, not an input
    encoder.encode(cbor2.CBORTag(_LINK_TAG, b"\0" + bytes(value)))


_DECODE_FAILURES: Final = (cbor2.CBORError, InvalidEncoding, ValueError, TypeError, OverflowError, RecursionError)
_PLAIN: Final = (bool, str, bytes, Cid)
"""Most values; told apart before the patterns, since every record passes here twice."""
_SEMANTIC_DECODERS: Final = {**dict.fromkeys(_FOREIGN_TAGS, _refuse_tag), _LINK_TAG: _decode_link}


def _check(value: object, *, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidEncoding(f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, _PLAIN):
        return
    match value:
        case int():
            if not MIN_INT <= value <= MAX_INT:
                raise InvalidEncoding(f"integer {value} beyond 64 bits")
        case list() | tuple():
            for item in value:
                _check(item, depth=depth + 1)
        case dict():
            for key, item in value.items():
                if not isinstance(key, str):
                    raise InvalidEncoding(f"map key {key!r} is not text")
                _check(item, depth=depth + 1)
        case _:
            raise InvalidEncoding(f"{type(value).__name__} has no place in a record")
