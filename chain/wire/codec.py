"""A strict codec for the subset of protobuf that consensus and transactions use.

Source: https://protobuf.dev/programming-guides/encoding/ and, for one form a value, Cosmos ADR 027: fields ascend,
scalars of value zero are absent, varints are minimal, nothing unknown. A message is a frozen dataclass with a `FIELDS`
table; `ALWAYS` marks gogoproto's non-nullable messages, which are written even when empty.
"""

# ruff: noqa: ANN401  # a codec driven by tables of fields cannot name their types

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeVar

from chain.wire.errors import InvalidWire

M = TypeVar("M")

MAX_BYTES: Final = 4 << 20
"""Largest message decoded: a block (`chain.network.genesis.MAX_BLOCK_BYTES`)."""
MAX_REPEATED: Final = 100_000
"""Most items of a repeated field: a transaction has at least 40 bytes, a block at most 4 MiB."""
MAX_DEPTH: Final = 10
"""Deepest nesting; the deepest message (block, commit, signature, time) has 4 levels."""
_MAX_VARINT: Final = 10
_CONTINUES: Final = 0x80
_U64: Final = 1 << 64
_VARINT, _FIXED64, _BYTES = 0, 1, 2


class Kind(Enum):
    """How a field stands in the bytes."""

    UINT = "uint"
    INT = "int"
    """int32 and int64: negative numbers in ten bytes."""
    SFIXED = "sfixed64"
    BYTES = "bytes"
    TEXT = "string"
    MESSAGE = "message"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message.

    Attributes
    ----------
    number, name
        In the bytes, and in the dataclass.
    kind
        Its encoding.
    message
        Class of a nested message.
    many
        Whether it repeats (a tuple).
    always
        Whether it is written even when empty.
    """

    number: int
    name: str
    kind: Kind
    message: Any = None
    many: bool = False
    always: bool = False


def encode_message(message: Any) -> bytes:
    """Return the canonical bytes of a message: a dataclass with a `FIELDS` table."""
    return b"".join(part for field in message.FIELDS for part in _encode_field(field, getattr(message, field.name)))


def decode_message(cls: type[M], raw: bytes) -> M:
    """Return the message of class `cls` whose canonical bytes are `raw`.

    Raises
    ------
    InvalidWire
        When the bytes are too many, not of this message, or not its canonical form.
    """
    if len(raw) > MAX_BYTES:
        raise InvalidWire(cls.__name__, f"{len(raw)} bytes, at most {MAX_BYTES} are read")
    message = _decode(cls, raw, 0)
    if encode_message(message) != raw:
        raise InvalidWire(cls.__name__, "not the canonical form of what it says")
    return message


def encode_varint(number: int) -> bytes:
    """Return the varint of a number from 0 to 2**64 - 1."""
    out = bytearray()
    while number >= _CONTINUES:
        out.append(number & 0x7F | _CONTINUES)
        number >>= 7
    out.append(number)
    return bytes(out)


def encode_delimited(raw: bytes) -> bytes:
    """Return bytes behind their length."""
    return encode_varint(len(raw)) + raw


def _encode_field(field: Field, value: Any) -> Iterator[bytes]:
    values = value if field.many else (value,)
    for one in values:
        if field.kind is Kind.MESSAGE:
            if one is not None:
                yield _tag(field, _BYTES) + encode_delimited(encode_message(one))
        elif one or field.many:
            yield _encode_scalar(field, one)


def _encode_scalar(field: Field, value: Any) -> bytes:
    if field.kind is Kind.BYTES:
        return _tag(field, _BYTES) + encode_delimited(value)
    if field.kind is Kind.TEXT:
        return _tag(field, _BYTES) + encode_delimited(value.encode())
    if field.kind is Kind.SFIXED:
        return _tag(field, _FIXED64) + int(value).to_bytes(8, "little", signed=True)
    return _tag(field, _VARINT) + encode_varint(value % _U64)


def _tag(field: Field, wire: int) -> bytes:
    return encode_varint(field.number << 3 | wire)


def _decode(cls: type[M], raw: bytes, depth: int) -> M:
    if depth > MAX_DEPTH:
        raise InvalidWire(cls.__name__, f"nested deeper than {MAX_DEPTH}")
    fields: Mapping[int, Field] = {field.number: field for field in cls.FIELDS}  # type: ignore[attr-defined]
    found: dict[str, Any] = {field.name: [] for field in fields.values() if field.many}
    last = 0
    for number, wire, value in _read_fields(cls.__name__, raw):
        field = fields.get(number)
        if field is None:
            raise InvalidWire(cls.__name__, f"unknown field {number}")
        if number < last or (number == last and not field.many):
            raise InvalidWire(cls.__name__, f"field {number} is out of order or doubled")
        last = number
        _keep(found, field, _decode_value(cls.__name__, field, wire, value, depth=depth))
    for field in fields.values():
        if field.many:
            found[field.name] = tuple(found[field.name])
        elif field.always and field.name not in found:
            raise InvalidWire(cls.__name__, f"field {field.number} is missing")
    return _build(cls, found)


def _keep(found: dict[str, Any], field: Field, value: Any) -> None:
    if not field.many:
        found[field.name] = value
        return
    found[field.name].append(value)
    if len(found[field.name]) > MAX_REPEATED:
        raise InvalidWire(field.name, f"more than {MAX_REPEATED} items")


def _build(cls: type[M], found: dict[str, Any]) -> M:
    absent: dict[Kind, Any] = {Kind.BYTES: b"", Kind.TEXT: "", Kind.MESSAGE: None}
    for field in cls.FIELDS:  # type: ignore[attr-defined]
        found.setdefault(field.name, absent.get(field.kind, 0))
    assert dataclasses.is_dataclass(cls), cls  # noqa: S101
    return cls(**found)


def _decode_value(name: str, field: Field, wire: int, value: int | bytes, *, depth: int) -> Any:
    expected = _FIXED64 if field.kind is Kind.SFIXED else _VARINT if field.kind in (Kind.UINT, Kind.INT) else _BYTES
    if wire != expected:
        raise InvalidWire(name, f"field {field.number} has wire type {wire}")
    if isinstance(value, int):
        return value - _U64 if field.kind is not Kind.UINT and value >= _U64 // 2 else value
    if field.kind is Kind.MESSAGE:
        return _decode(field.message, value, depth + 1)
    if field.kind is Kind.TEXT:
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise InvalidWire(name, f"field {field.number} is not UTF-8") from error
    return value


def _read_fields(name: str, raw: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    offset = 0
    while offset < len(raw):
        tag, offset = _read_varint(name, raw, offset)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, offset = _read_varint(name, raw, offset)
            yield number, wire, value
            continue
        if wire not in (_FIXED64, _BYTES):
            raise InvalidWire(name, f"wire type {wire}")
        length, offset = (8, offset) if wire == _FIXED64 else _read_varint(name, raw, offset)
        if length > len(raw) - offset:
            raise InvalidWire(name, f"field {number} says {length} bytes, {len(raw) - offset} follow")
        part = raw[offset : offset + length]
        offset += length
        yield number, wire, int.from_bytes(part, "little") if wire == _FIXED64 else part


def _read_varint(name: str, raw: bytes, offset: int) -> tuple[int, int]:
    number = 0
    for place in range(_MAX_VARINT):
        if offset + place >= len(raw):
            raise InvalidWire(name, "ends inside a number")
        byte = raw[offset + place]
        number |= (byte & 0x7F) << (7 * place)
        if byte < _CONTINUES:
            if number >= _U64:
                break
            return number, offset + place + 1
    raise InvalidWire(name, "a number beyond 64 bits")
