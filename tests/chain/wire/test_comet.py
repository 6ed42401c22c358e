"""The codec against Google's protobuf, on every message of consensus."""

import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.wire import comet
from chain.wire.codec import Field, Kind, decode_message, encode_message, encode_varint
from chain.wire.errors import InvalidWire

descriptor_pb2 = pytest.importorskip("google.protobuf.descriptor_pb2", reason="needs the protobuf package to compare")
descriptor_pool = pytest.importorskip("google.protobuf.descriptor_pool")
message_factory = pytest.importorskip("google.protobuf.message_factory")

MESSAGES = [one for _, one in inspect.getmembers(comet, inspect.isclass) if hasattr(one, "FIELDS")]
NAMES = {message: message.__name__ for message in MESSAGES}
TYPES = {
    Kind.UINT: descriptor_pb2.FieldDescriptorProto.TYPE_UINT64,
    Kind.INT: descriptor_pb2.FieldDescriptorProto.TYPE_INT64,
    Kind.SFIXED: descriptor_pb2.FieldDescriptorProto.TYPE_SFIXED64,
    Kind.BYTES: descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
    Kind.TEXT: descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
    Kind.MESSAGE: descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE,
}
SCALARS: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.UINT: st.integers(0, 2**64 - 1),
    Kind.INT: st.integers(-(2**63), 2**63 - 1),
    Kind.SFIXED: st.integers(-(2**63), 2**63 - 1),
    Kind.BYTES: st.binary(max_size=200),
    Kind.TEXT: st.text(max_size=20),
}


def describe() -> dict[str, Any]:
    """Return Google's class of every message."""
    file = descriptor_pb2.FileDescriptorProto(name="comet.proto", package="comet", syntax="proto3")
    for message in MESSAGES:
        described = file.message_type.add(name=NAMES[message])
        for field in message.FIELDS:
            label = 3 if field.many else 1
            one = described.field.add(name=field.name, number=field.number, type=TYPES[field.kind], label=label)
            if field.kind is Kind.MESSAGE:
                one.type_name = f".comet.{NAMES[field.message]}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"comet.{name}")) for name in NAMES.values()
    }


GOOGLE = describe()


def draw_message(message: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - a class with a FIELDS table
    return st.builds(message, **{field.name: draw_field(field) for field in message.FIELDS})


def draw_field(field: Field) -> st.SearchStrategy[Any]:
    one = draw_message(field.message) if field.kind is Kind.MESSAGE else SCALARS[field.kind]
    if field.many:
        return st.lists(one, max_size=3).map(tuple)
    return one if field.always or field.kind is not Kind.MESSAGE else st.none() | one


def to_google(message: Any) -> Any:  # noqa: ANN401 - as above
    return fill(GOOGLE[type(message).__name__](), message)


def fill(target: Any, message: Any) -> Any:  # noqa: ANN401 - as above
    for field in message.FIELDS:
        value = getattr(message, field.name)
        if field.kind is not Kind.MESSAGE and not field.many:
            setattr(target, field.name, value)
        elif field.kind is not Kind.MESSAGE:
            getattr(target, field.name).extend(value)
        elif field.many:
            for one in value:
                fill(getattr(target, field.name).add(), one)
        elif value is not None:
            nested = getattr(target, field.name)
            nested.SetInParent()
            fill(nested, value)
    return target


@pytest.mark.parametrize("message", MESSAGES, ids=NAMES.get)
def test_a_message_has_google_s_bytes_and_comes_back(message: Any) -> None:  # noqa: ANN401 - as above
    @given(draw_message(message))
    def check(value: Any) -> None:  # noqa: ANN401 - as above
        raw = encode_message(value)
        assert raw == to_google(value).SerializeToString(deterministic=True)
        assert decode_message(message, raw) == value

    check()


@pytest.mark.parametrize("message", MESSAGES, ids=NAMES.get)
def test_any_bytes_are_a_message_in_its_one_form_or_refused(message: Any) -> None:  # noqa: ANN401 - as above
    @given(st.binary(max_size=60))
    def check(raw: bytes) -> None:
        try:
            value = decode_message(message, raw)
        except InvalidWire:
            return
        assert encode_message(value) == raw

    check()


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("0800", "canonical"),
        ("088000", "canonical"),
        ("10010801", "out of order"),
        ("08010801", "doubled"),
        ("1801", "unknown field 3"),
        ("0a00", "wire type"),
        ("0d00000000", "wire type"),
        ("08", "ends inside"),
        ("08ffffffffffffffffff02", "beyond 64 bits"),
        ("08ffffffffffffffffffff01", "beyond 64 bits"),
        ("12ff01", "bytes"),
    ],
)
def test_what_protobuf_allows_and_one_form_does_not_is_refused(raw: str, words: str) -> None:
    with pytest.raises(InvalidWire, match=words):
        decode_message(comet.Timestamp, bytes.fromhex(raw))


def test_a_part_that_is_always_written_may_not_be_missing() -> None:
    with pytest.raises(InvalidWire, match="field 2 is missing"):
        decode_message(comet.BlockId, bytes.fromhex("0a0101"))


@pytest.mark.parametrize(("number", "raw"), [(0, "00"), (127, "7f"), (128, "8001"), (300, "ac02")])
def test_varints_are_those_of_the_standard(number: int, raw: str) -> None:
    # 300 is the example of https://protobuf.dev/programming-guides/encoding/.
    assert encode_varint(number).hex() == raw
