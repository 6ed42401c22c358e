from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cid import DAG_CBOR, Cid
from domain.errors import CecError, InvalidEncoding, InvalidField
from domain.inquiry import MAX_ASKED, MAX_HELD, MAX_INQUIRY, Inquiry, encode_inquiry, parse_inquiry

cids = st.integers(0, 1 << 64).map(lambda number: Cid.of(DAG_CBOR, str(number).encode()))


@given(st.none() | st.lists(cids, min_size=1, max_size=5), st.none() | st.lists(cids, max_size=5))
def test_an_inquiry_comes_back_as_it_was(progress: list[Cid] | None, frames: list[Cid] | None) -> None:
    inquiry = Inquiry(None if progress is None else tuple(progress), None if frames is None else tuple(frames))
    assert parse_inquiry(encode_inquiry(inquiry)) == inquiry


@given(st.binary(max_size=200))
def test_any_bytes_are_an_inquiry_or_refused(message: bytes) -> None:
    with suppress(CecError):
        assert encode_inquiry(parse_inquiry(message)) == message


def test_the_largest_inquiry_fits_its_message() -> None:
    cid = Cid.of(DAG_CBOR, b"")
    largest = Inquiry((cid,) * MAX_ASKED, (cid,) * MAX_HELD)
    assert len(encode_inquiry(largest)) <= MAX_INQUIRY


def test_an_inquiry_beyond_its_bounds_is_refused() -> None:
    cid = Cid.of(DAG_CBOR, b"")
    with pytest.raises(InvalidField):
        encode_inquiry(Inquiry((cid,) * (MAX_ASKED + 1)))
    with pytest.raises(InvalidEncoding):
        parse_inquiry(bytes(MAX_INQUIRY + 1))
