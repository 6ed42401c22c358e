import contextlib

import libipld
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cid import DAG_CBOR, DAG_PB, RAW, Cid
from domain.errors import InvalidCid

cids = st.builds(Cid, st.sampled_from([RAW, DAG_PB, DAG_CBOR]), st.binary(min_size=32, max_size=32))


@given(cids)
def test_text_and_bytes_lead_back(cid: Cid) -> None:
    assert Cid.parse(str(cid)) == cid
    assert Cid.from_bytes(bytes(cid)) == cid


@given(cids)
def test_a_second_implementation_spells_it_the_same(cid: Cid) -> None:
    assert libipld.encode_cid(bytes(cid)) == str(cid)


@given(st.text(max_size=80))
def test_any_text_is_a_cid_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidCid):
        assert str(Cid.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n",  # CIDv0
        "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5f",  # stray low bits
        "BAFKREIFZJUT3TE2NHYEKKLSS27NH3K72YSCO7Y32KOAO5EEI66WOF36N5E",
        "",
    ],
)
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(InvalidCid):
        Cid.parse(text)
