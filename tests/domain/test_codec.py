import libipld
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import codec
from domain.cid import DAG_CBOR, RAW, Cid
from domain.codec import Value
from domain.errors import InvalidEncoding

cids = st.builds(Cid, st.sampled_from([RAW, DAG_CBOR]), st.binary(min_size=32, max_size=32))
# Byte strings of 36 bytes could look like a CID, which libipld would write as a link; shorter ones cannot.
scalars = st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.text(max_size=20) | st.binary(max_size=20) | cids
values: st.SearchStrategy[Value] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def as_libipld(value: object) -> object:
    """The same value with links as libipld takes them: the CID's bytes."""
    if isinstance(value, Cid):
        return bytes(value)
    if isinstance(value, list):
        return [as_libipld(item) for item in value]
    if isinstance(value, dict):
        return {key: as_libipld(item) for key, item in value.items()}
    return value


@given(values)
def test_every_value_comes_back(value: Value) -> None:
    assert codec.decode(codec.encode(value)) == value


@given(values)
def test_a_second_implementation_writes_the_same_bytes(value: Value) -> None:
    assert codec.encode(value) == libipld.encode_dag_cbor(as_libipld(value))


@given(st.binary(max_size=200))
def test_any_bytes_decode_canonically_or_are_refused(raw: bytes) -> None:
    try:
        value = codec.decode(raw)
    except InvalidEncoding:
        return
    assert codec.encode(value) == raw


@given(values, st.data())
def test_one_changed_byte_never_gives_the_same_value(value: Value, data: st.DataObject) -> None:
    raw = bytearray(codec.encode(value))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    try:
        changed = codec.decode(bytes(raw))
    except InvalidEncoding:
        return
    assert codec.encode(changed) != codec.encode(value)


# Each is well-formed CBOR (RFC 8949, appendix A or by hand) that is not canonical DAG-CBOR of a record's value.
REFUSED = {
    "an integer longer than needed": "1801",
    "keys out of order": "a2616201616102",
    "a key twice": "a2616101616102",
    "a text without end mark": "7f6161ff",
    "a list without length": "9f01ff",
    "a half float": "f97e00",
    "a double": "fb3ff0000000000000",
    "null": "f6",
    "undefined": "f7",
    "a simple value": "f820",
    "a bignum": "c249010000000000000000",
    "a date": "c11a514b67b0",
    "a regular expression": "d8236161",
    "a shared reference": "d81c01",
    "an integer key": "a1016161",
    "two documents": "0101",
    "a link without its zero byte": "d82a4101",
    "a link to a CIDv0": "d82a58230012200000000000000000000000000000000000000000000000000000000000000000",
    "a list that claims 2^64 items": "9bffffffffffffffff",
    "nothing": "",
}


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_canonical_is_refused(raw: str) -> None:
    with pytest.raises(InvalidEncoding):
        codec.decode(bytes.fromhex(raw))


def test_nesting_is_bounded() -> None:
    assert codec.decode(b"\x81" * codec.MAX_DEPTH + b"\x01")
    with pytest.raises(InvalidEncoding):
        codec.decode(b"\x81" * (codec.MAX_DEPTH + 1) + b"\x01")


def test_size_is_bounded() -> None:
    with pytest.raises(InvalidEncoding, match="at most"):
        codec.decode(bytes(codec.MAX_BYTES + 1))


@pytest.mark.parametrize("value", [1.0, None, 1 << 64, -(1 << 64) - 1, {1: 2}, [object()]])
def test_what_records_may_not_hold_is_not_encoded(value: Value) -> None:
    with pytest.raises(InvalidEncoding):
        codec.encode(value)
