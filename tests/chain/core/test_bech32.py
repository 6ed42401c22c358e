import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.core.bech32 import decode_bech32, encode_bech32, format_address, parse_address
from chain.core.errors import InvalidAddress
from chain.core.transactions import compute_address

# BIP 173, "Test vectors"; the data are its own reference decoder's five-bit groups, regrouped to bytes.
VALID = (
    ("A12UEL5L", "a", ""),
    ("a12uel5l", "a", ""),
    (
        "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
        "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio",
        "",
    ),
    ("abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", "abcdef", "00443214c74254b635cf84653a56d7c675be77df"),
    (
        "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
        "split",
        "c5f38b70305f519bf66d85fb6cf03058f3dde463ecd7918f2dc743918f2d",
    ),
    ("?1ezyfcl", "?", ""),
)
INVALID = (
    "\x201nwldj5",
    "\x7f1axkwrx",
    "\x801eym55h",
    "an84characterslonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1569pvx",
    "pzry9x0s0muk",
    "1pzry9x0s0muk",
    "x1b4n0q5v",
    "li1dgmt3",
    "de1lg7wt\xff",
    "A1G7SGD8",
    "10a06t8",
    "1qzzfhee",
)
# BIP 173, "Examples": the generator point and the hash160 in its P2WPKH addresses.
GENERATOR = bytes.fromhex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
GENERATOR_HASH = bytes.fromhex("751e76e8199196d454941c45d1b3a323f1433bd6")


@pytest.mark.parametrize(("text", "prefix", "data"), VALID)
def test_published_texts_decode(text: str, prefix: str, data: str) -> None:
    assert decode_bech32(text) == (prefix, bytes.fromhex(data))


@pytest.mark.parametrize("text", INVALID)
def test_published_wrong_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidAddress):
        decode_bech32(text)


def test_addresses_are_those_of_cosmos() -> None:
    # cosmjs packages/proto-signing/src/testutils.spec.ts: the faucet's key and address.
    key = bytes.fromhex("034f04181eeba35391b858633a765c4a0c189697b40d216354d50890d350c70290")
    assert encode_bech32("cosmos", compute_address(key)) == "cosmos1pkptre7fdkl6gfrzlesjjvhxhlc3r4gmmk8rs6"


def test_an_address_is_the_hash160_of_the_key() -> None:
    assert compute_address(GENERATOR) == GENERATOR_HASH


@given(st.binary(min_size=20, max_size=20))
def test_addresses_come_back(address: bytes) -> None:
    assert parse_address(format_address(address)) == address


@given(st.binary(max_size=40), st.from_regex(r"[a-z]{1,10}", fullmatch=True))
def test_texts_come_back(data: bytes, prefix: str) -> None:
    assert decode_bech32(encode_bech32(prefix, data)) == (prefix, data)


@given(st.text(max_size=100))
def test_any_text_parses_or_raises_our_error(text: str) -> None:
    with contextlib.suppress(InvalidAddress):
        assert format_address(parse_address(text)) == text


@given(st.binary(min_size=20, max_size=20), st.integers(4, 41), st.sampled_from("qpzry9x8gf2tvdw0s3jn54khce6mua7l"))
def test_one_mistyped_symbol_is_noticed(address: bytes, place: int, symbol: str) -> None:
    text = format_address(address)
    mistyped = text[:place] + symbol + text[place + 1 :]
    if mistyped != text:
        with pytest.raises(InvalidAddress):
            parse_address(mistyped)


@pytest.mark.parametrize(
    "text",
    [
        "cosmos1pkptre7fdkl6gfrzlesjjvhxhlc3r4gmmk8rs6",
        encode_bech32("cec", bytes(19)),
        encode_bech32("cec", bytes(32)),
        encode_bech32("cec", bytes(20)).upper(),
        "",
        "cec1",
    ],
)
def test_what_is_not_an_address_of_this_chain_is_refused(text: str) -> None:
    with pytest.raises(InvalidAddress):
        parse_address(text)


def test_a_letter_that_only_folds_to_ascii_is_refused() -> None:
    # The Kelvin sign's small letter is the ASCII k.
    text = encode_bech32("k", b"").upper().replace("K", "\N{KELVIN SIGN}")
    with pytest.raises(InvalidAddress):
        decode_bech32(text)
