import hashlib
import json
from dataclasses import replace

import pytest

from chain.network.errors import InvalidGenesisDoc
from chain.network.genesis import (
    MAX_HEAD,
    build_head,
    compute_genesis_hash,
    encode_genesis,
    format_time,
    parse_genesis,
    parse_head,
    parse_time,
)
from domain.codec import decode_map, encode
from tests.chain.small_chain import VALIDATORS, make_genesis

GENESIS = make_genesis(VALIDATORS[:3])
HEAD = build_head(GENESIS)


def test_a_genesis_comes_back_from_its_document() -> None:
    assert parse_genesis(encode_genesis(GENESIS)) == GENESIS


def test_the_head_says_what_the_format_page_says_and_its_hash_is_the_pin() -> None:
    assert set(decode_map(HEAD)) == {"chain_id", "time_ms", "initial_height", "validators_hash", "app_state", "params"}
    assert parse_head(HEAD).app_state == hashlib.sha256(GENESIS.app_state).digest()
    assert compute_genesis_hash(HEAD) == hashlib.sha256(HEAD).digest()


@pytest.mark.parametrize(
    "other",
    [
        replace(GENESIS, chain_id="other"),
        replace(GENESIS, time_ns=GENESIS.time_ns + 1_000_000),
        replace(GENESIS, initial_height=2),
        replace(GENESIS, validators=GENESIS.validators[:2]),
        replace(GENESIS, app_state=b"{}"),
    ],
)
def test_any_other_genesis_has_another_hash(other: object) -> None:
    assert compute_genesis_hash(build_head(other)) != compute_genesis_hash(HEAD)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "[]", "{}", "{", encode_genesis(GENESIS).replace("pub_key", "key")])
def test_a_document_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidGenesisDoc):
        parse_genesis(text)


@pytest.mark.parametrize(
    "raw",
    [b"", b"\xa0", HEAD + b"\0", bytes(MAX_HEAD + 1), encode({**decode_map(HEAD), "time_ms": "now"}), encode([1])],
)
def test_a_head_that_is_none_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidGenesisDoc):
        parse_head(raw)


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        # RFC 3339 section 5.8, first example.
        (482_196_050_520_000_000, "1985-04-12T23:20:50.52Z"),
    ],
)
def test_times_are_rfc_3339_without_trailing_zeros(time_ns: int, text: str) -> None:
    assert (format_time(time_ns), parse_time(text)) == (text, time_ns)


def test_the_document_is_json_that_cometbft_reads() -> None:
    document = json.loads(encode_genesis(GENESIS))
    assert document["initial_height"] == "1"
    assert document["validators"][0]["pub_key"]["type"] == "tendermint/PubKeyEd25519"
