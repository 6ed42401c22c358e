"""Envelopes whose body is off by one value, truly signed, so that fields decide and no signature."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from domain.cid import Cid
from domain.codec import encode
from domain.envelope import encode_body
from tests.domain.samples import BODIES, CREW_DAY, GONE, KEY, LINK, PROGRESS

STRANGE: Final[tuple[Any, ...]] = (
    True,
    "",
    "x",
    "X" * 201,
    -1,
    0,
    1 << 53,
    (1 << 53) + 1,
    b"",
    b"x" * 32,
    LINK,
    [],
    {},
)
"""One value of each type that a body can hold, and some beyond bounds."""


def make_mutants() -> Iterator[bytes]:
    """Yield each sample with each field replaced, each left out, and one more field in each map."""
    for body in (*BODIES.values(), CREW_DAY, PROGRESS, GONE):
        fields = encode_body(body)
        for path in list_paths(fields):
            yield from (sign(replace(fields, path, value)) for value in STRANGE)
            yield sign(remove(fields, path))
        for path in [(), *list_paths(fields)]:
            if isinstance(find(fields, path), dict):
                yield sign(replace(fields, (*path, "more"), 1))


def sign(fields: Any) -> bytes:  # noqa: ANN401 - a body that is none yet
    """Return the envelope around `fields` as they are."""
    kind = fields.get("kind")
    message = b"cec/v1/" + (kind if isinstance(kind, str) else "").encode() + b"\0" + encode(fields)
    return encode({"body": fields, "key": KEY.public.raw, "sig": KEY.sign(message)})


def list_paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401
    """Yield the way to each value within a value; of a list of plain values, to the first only."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield (*path, name)
            yield from list_paths(item, (*path, name))
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes | Cid) and value:
        for index, item in enumerate(value if isinstance(value[0], Mapping) else value[:1]):
            yield (*path, index)
            yield from list_paths(item, (*path, index))


def find(value: Any, path: tuple[Any, ...]) -> Any:  # noqa: ANN401
    """Return what stands at a path."""
    for step in path:
        value = value[step]
    return value


def replace(value: Any, path: tuple[Any, ...], new: Any) -> Any:  # noqa: ANN401
    """Return a copy with another value at a path."""
    if not path:
        return new
    step, *rest = path
    copy = list(value) if isinstance(step, int) else dict(value)
    copy[step] = replace(value[step], tuple(rest), new) if rest else new
    return copy


def remove(value: Any, path: tuple[Any, ...]) -> Any:  # noqa: ANN401
    """Return a copy without what stands at a path."""
    holder = find(value, path[:-1])
    if isinstance(holder, Mapping):
        less: Any = {name: item for name, item in holder.items() if name != path[-1]}
    else:
        less = [item for index, item in enumerate(holder) if index != path[-1]]
    return replace(value, path[:-1], less)
