"""Varints have one form and an end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipfs.errors import InvalidVarint
from ipfs.varint import encode_varint, parse_varint

# Source: https://github.com/multiformats/unsigned-varint, README, table of examples.
EXAMPLES = [(1, "01"), (127, "7f"), (128, "8001"), (255, "ff01"), (300, "ac02"), (16384, "808001")]


@pytest.mark.parametrize(("number", "raw"), EXAMPLES)
def test_numbers_have_the_bytes_that_the_specification_lists(number: int, raw: str) -> None:
    assert encode_varint(number).hex() == raw
    assert parse_varint(bytes.fromhex(raw)) == (number, len(raw) // 2)


@given(st.integers(0, 2**63 - 1), st.binary(max_size=3))
def test_numbers_come_back_and_what_follows_is_left(number: int, tail: bytes) -> None:
    raw = encode_varint(number)
    assert parse_varint(raw + tail) == (number, len(raw))


@pytest.mark.parametrize("raw", ["", "80", "8000", "ffffffffffffffffff01"])
def test_cut_long_and_endless_varints_are_refused(raw: str) -> None:
    with pytest.raises(InvalidVarint):
        parse_varint(bytes.fromhex(raw))


@pytest.mark.parametrize("number", [-1, 2**63])
def test_numbers_without_a_varint_are_refused(number: int) -> None:
    with pytest.raises(InvalidVarint):
        encode_varint(number)
