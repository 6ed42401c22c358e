"""From frozen dataclasses to the maps that are encoded, and strictly back.

A record is a dataclass whose fields are annotated with their bounds; this module reads the annotations once a
class and checks every value both ways. A field that is ``None`` is absent from the map. Unknown keys are refused:
a body that says more than its version knows was not written by that version.
"""

import dataclasses
import re
import types
import typing
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeVar, cast

from domain.cid import Cid
from domain.codec import Value
from domain.errors import InvalidField

R = TypeVar("R")
_Check = Callable[[object, str], Any]
TYPE_KEY: Final = "type"
"""Key that tells which of several classes a nested map is; its value is the class's ``TYPE``."""


@dataclass(frozen=True, slots=True)
class Range:
    """Bound of an integer, both ends inclusive."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Length:
    """Bound of a text (characters), bytes or tuple (items), both ends inclusive."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """Regular expression that a whole text must match, and how to say so."""

    regex: str
    words: str


@dataclass(frozen=True, slots=True)
class OneOf:
    """Texts of which a field must be one."""

    words: tuple[str, ...]


def to_map(record: object) -> dict[str, Value]:
    """Return the map of a record's fields, each checked against its bound.

    Raises
    ------
    InvalidField
        When a value breaks its bound.
    """
    return _encode_record(record, "")


def from_map(cls: type[R], fields: Mapping[str, Value], *, path: str = "") -> R:
    """Return the record of class `cls` whose map is `fields`.

    Raises
    ------
    InvalidField
        When a key is missing, unknown, or its value breaks its bound; the error names the path.
    """
    readers = _readers(cast("Hashable", cls))
    unknown = sorted(set(fields) - set(readers))
    if unknown:
        raise InvalidField(_join(path, unknown[0]), fields[unknown[0]], "this version of the record has no such field")
    values = {}
    for name, (reader, is_optional) in readers.items():
        if name in fields:
            values[name] = reader(fields[name], _join(path, name))
        elif not is_optional:
            raise InvalidField(_join(path, name), "absent", "the field is required")
    return cls(**values)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


@cache
def _readers(cls: Any) -> dict[str, tuple[_Check, bool]]:  # noqa: ANN401 - a class, hashable for the cache
    hints = typing.get_type_hints(cls, include_extras=True)
    names = [field.name for field in dataclasses.fields(cls)]
    return {name: _reader(hints[name]) for name in names}


def _reader(hint: Any) -> tuple[_Check, bool]:  # noqa: ANN401 - a type hint has no type of its own
    options = [option for option in typing.get_args(hint) if option is not types.NoneType]
    if typing.get_origin(hint) not in (types.UnionType, typing.Union):
        return _check_of(hint), False
    is_optional = len(options) < len(typing.get_args(hint))
    check = _check_of(options[0]) if len(options) == 1 else _check_of_union(tuple(options))
    return check, is_optional


def _check_of(hint: Any) -> _Check:  # noqa: ANN401
    if typing.get_origin(hint) is typing.Annotated:
        base, *bounds = typing.get_args(hint)
        return _bounded(_check_of(base), [_bound_check(bound) for bound in bounds if _is_bound(bound)])
    if typing.get_origin(hint) is tuple:
        return _check_of_items(_reader(typing.get_args(hint)[0])[0])
    if dataclasses.is_dataclass(hint) and hint is not Cid:
        return _check_of_nested(cast("type", hint))
    return _check_of_scalar(cast("type", hint))


def _check_of_scalar(kind: type) -> _Check:
    if kind not in (int, str, bytes, bool, Cid):
        raise AssertionError(f"a record field cannot be a {kind!r}")

    def check(value: object, path: str) -> object:
        if type(value) is not kind:
            raise InvalidField(path, value, f"expected {_TYPE_WORDS[kind]}")
        return value

    return check


def _check_of_nested(cls: type) -> _Check:
    tag = getattr(cls, "TYPE", None)

    def check(value: object, path: str) -> object:
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            raise InvalidField(path, value, "expected a map")
        fields = {name: item for name, item in value.items() if tag is None or name != TYPE_KEY}
        return from_map(cls, fields, path=path)

    return check


def _check_of_union(classes: tuple[type, ...]) -> _Check:
    checks = {cast("Any", cls).TYPE: _check_of_nested(cls) for cls in classes}

    def check(value: object, path: str) -> object:
        tag = value.get(TYPE_KEY) if isinstance(value, Mapping) else getattr(value, "TYPE", None)
        if not isinstance(tag, str) or tag not in checks:
            raise InvalidField(_join(path, TYPE_KEY), tag, f"expected one of {', '.join(sorted(checks))}")
        return checks[tag](value, path)

    return check


def _check_of_items(item: _Check) -> _Check:
    def check(value: object, path: str) -> object:
        if not isinstance(value, Sequence) or isinstance(value, str | bytes):
            raise InvalidField(path, value, "expected a list")
        return tuple(item(each, f"{path}[{index}]") for index, each in enumerate(value))

    return check


def _bounded(check: _Check, bounds: list[_Check]) -> _Check:
    def checked(value: object, path: str) -> object:
        result = check(value, path)
        for bound in bounds:
            bound(result, path)
        return result

    return checked


def _is_bound(bound: object) -> bool:
    return isinstance(bound, Range | Length | Pattern | OneOf)


def _bound_check(bound: Range | Length | Pattern | OneOf) -> _Check:
    """Return the check of a bound, chosen once: every value of every record passes through one."""
    match bound:
        case Range(low, high):
            return _check_range(low, high)
        case Length(low, high):
            return _check_length(low, high)
        case Pattern(regex, words):
            return _check_pattern(re.compile(regex), words)
        case OneOf(words):
            return _check_one_of(words)


def _check_range(low: int, high: int) -> _Check:
    def check(value: Any, path: str) -> None:  # noqa: ANN401 - the type check ran before
        if not low <= value <= high:
            raise InvalidField(path, value, f"must lie between {low} and {high}")

    return check


def _check_length(low: int, high: int) -> _Check:
    def check(value: Any, path: str) -> None:  # noqa: ANN401 - the type check ran before
        if not low <= len(value) <= high:
            raise InvalidField(path, value, f"length must lie between {low} and {high}")

    return check


def _check_pattern(pattern: re.Pattern[str], words: str) -> _Check:
    def check(value: Any, path: str) -> None:  # noqa: ANN401 - the type check ran before
        if not pattern.fullmatch(value):
            raise InvalidField(path, value, f"must be {words}")

    return check


def _check_one_of(words: tuple[str, ...]) -> _Check:
    def check(value: object, path: str) -> None:
        if value not in words:
            raise InvalidField(path, value, f"must be one of {', '.join(words)}")

    return check


def _encode_record(record: object, path: str) -> dict[str, Value]:
    fields: dict[str, Value] = {}
    tag = getattr(type(record), "TYPE", None)
    if tag is not None:
        fields[TYPE_KEY] = tag
    for name, (reader, is_optional) in _readers(cast("Hashable", type(record))).items():
        value = getattr(record, name)
        if value is None and is_optional:
            continue
        fields[name] = _encode_value(reader(value, _join(path, name)), _join(path, name))
    return fields


def _encode_value(value: object, path: str) -> Value:
    if isinstance(value, tuple):
        return [_encode_value(item, f"{path}[{index}]") for index, item in enumerate(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, Cid):
        return _encode_record(value, path)
    return cast("Value", value)


_TYPE_WORDS: Final = {
    int: "an integer",
    str: "text",
    bytes: "bytes",
    bool: "true or false",
    Cid: "a link",
}
