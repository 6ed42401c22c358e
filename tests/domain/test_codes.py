import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import codes
from domain.cid import RAW, Cid
from domain.codes import ALPHABET
from domain.errors import InvalidTreeCode, WrongCheckSymbol

SECRET = bytes(range(32))
CLOUD = Cid.of(RAW, b"cloud")

bodies = st.text(ALPHABET, min_size=16, max_size=16)
whole_codes = bodies.map(lambda body: body + codes.compute_check_symbol(body))


@given(whole_codes)
def test_every_way_a_person_writes_a_code_is_read(code: str) -> None:
    assert codes.parse_code(code) == code
    assert codes.parse_code(codes.format_code(code).lower()) == code
    assert codes.parse_code(codes.format_link(code, "https://example.org")) == code
    assert codes.parse_code(f" {code.replace('0', 'O').replace('1', 'l')} ") == code


@given(whole_codes, st.integers(0, 16), st.sampled_from(ALPHABET))
def test_one_misread_symbol_is_always_found(code: str, place: int, symbol: str) -> None:
    misread = code[:place] + symbol + code[place + 1 :]
    if misread != code:
        with pytest.raises(WrongCheckSymbol):
            codes.parse_code(misread)


def test_swapped_neighbours_are_found_but_for_one_pair() -> None:
    """Luhn mod N misses only the swap of the first and the last symbol of its alphabet."""
    missed = {
        frozenset((a, b))
        for a in ALPHABET
        for b in ALPHABET
        if a != b and codes.compute_check_symbol(a + b) == codes.compute_check_symbol(b + a)
    }
    assert missed == {frozenset(("0", "Z"))}


def test_the_same_evidence_gives_the_same_code_and_other_evidence_another() -> None:
    code = codes.mint_cloud_code(SECRET, CLOUD, (1, 2, 3))
    assert code == codes.mint_cloud_code(SECRET, CLOUD, (1, 2, 3))
    others = {
        codes.mint_cloud_code(SECRET, CLOUD, (1, 2, 4)),
        codes.mint_cloud_code(bytes(32), CLOUD, (1, 2, 3)),
        codes.mint_reading_code(SECRET, CLOUD, 1),
    }
    assert code not in others
    assert len(others) == 3
    assert codes.parse_code(code) == code


@pytest.mark.parametrize("text", ["", "0000", "U" * 17, "0" * 18, "x" * 300, "https://example.org/8003/"])
def test_what_is_no_code_is_refused(text: str) -> None:
    with pytest.raises(InvalidTreeCode):
        codes.parse_code(text)
