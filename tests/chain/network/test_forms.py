"""CometBFT's published vectors: cometbft v0.38.19 types/{block,vote}_test.go and crypto/merkle/tree_test.go."""

import hashlib
from datetime import UTC, datetime

import pytest

from chain.network.application import TxResult, Validator
from chain.network.forms import (
    build_validator_set,
    compute_commit_hash,
    compute_header_hash,
    compute_merkle_root,
    compute_results_hash,
    compute_validator_address,
    compute_validators_hash,
    encode_vote,
    time_ns_of,
    timestamp_of,
)
from chain.wire.codec import encode_delimited, encode_message
from chain.wire.comet import (
    BlockId,
    CanonicalVote,
    Commit,
    Consensus,
    Header,
    PartSetHeader,
    Timestamp,
    ValidatorSet,
)

ZERO_TIME = Timestamp(-62_135_596_800, 0)
"""Go's zero time is the year 1."""
TAIL = "2a0b088092b8c398feffffff01"
HEIGHT_AND_ROUND = "110100000000000000190100000000000000"


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def test_a_header_has_the_published_hash() -> None:
    header = Header(
        version=Consensus(1, 2),
        chain_id="chainId",
        height=3,
        time=Timestamp(int(datetime(2019, 10, 13, 16, 14, 44, tzinfo=UTC).timestamp()), 0),
        last_block_id=BlockId(bytes(32), PartSetHeader(6, bytes(32))),
        last_commit_hash=digest("last_commit_hash"),
        data_hash=digest("data_hash"),
        validators_hash=digest("validators_hash"),
        next_validators_hash=digest("next_validators_hash"),
        consensus_hash=digest("consensus_hash"),
        app_hash=digest("app_hash"),
        last_results_hash=digest("last_results_hash"),
        evidence_hash=digest("evidence_hash"),
        proposer_address=digest("proposer_address")[:20],
    )
    assert compute_header_hash(header).hex() == "f740121f553b5418c3efbd343c2dbfe9e007bb67b0d020a0741374bab65242a4"


@pytest.mark.parametrize(
    ("vote", "expected"),
    [
        (CanonicalVote(0, 0, 0, None, ZERO_TIME, ""), "0d" + TAIL),
        (CanonicalVote(2, 1, 1, None, ZERO_TIME, ""), "210802" + HEIGHT_AND_ROUND + TAIL),
        (CanonicalVote(1, 1, 1, None, ZERO_TIME, ""), "210801" + HEIGHT_AND_ROUND + TAIL),
        (CanonicalVote(0, 1, 1, None, ZERO_TIME, ""), "1f" + HEIGHT_AND_ROUND + TAIL),
        (
            CanonicalVote(0, 1, 1, None, ZERO_TIME, "test_chain_id"),
            "2e" + HEIGHT_AND_ROUND + TAIL + "320d746573745f636861696e5f6964",
        ),
    ],
)
def test_votes_are_signed_over_the_published_bytes(vote: CanonicalVote, expected: str) -> None:
    assert encode_delimited(encode_message(vote)).hex() == expected


def test_a_vote_for_no_block_names_none() -> None:
    signed = encode_vote("", Commit(1, 1), ZERO_TIME)
    assert signed.hex() == "210802" + HEIGHT_AND_ROUND + TAIL


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ([b"\1\2\3"], "054edec1d0211f624fed0cbca9d4f9400b0e491c43742af2c5b0abebf0c990d8"),
        ([b""], "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        ([b"\1\2\3", b"\4\5\6"], "82e6cfce00453804379b53962939eaa7906b39904be0813fcadd31b100773c4b"),
        (
            [b"\1\2", b"\3\4", b"\5\6", b"\7\10", b"\11\12"],
            "f326493eceab4f2d9ffbc78c59432a0a005d6ea98392045c74df5d14a113be18",
        ),
    ],
)
def test_merkle_roots_are_the_published_ones(items: list[bytes], expected: str) -> None:
    assert compute_merkle_root(items).hex() == expected


def test_nothing_has_the_hash_of_nothing() -> None:
    nothing = digest("")
    assert compute_validators_hash(ValidatorSet(())) == nothing
    assert compute_commit_hash(None) == compute_commit_hash(Commit()) == nothing
    assert compute_results_hash(()) == nothing


def test_results_hash_over_what_is_the_same_on_every_node_alone() -> None:
    plain = TxResult(1, "bank", "too little", b"x", 5, 3)
    assert compute_results_hash([plain]) == compute_results_hash([TxResult(1, "", "", b"x", 5, 3)])
    assert compute_results_hash([plain]) != compute_results_hash([TxResult(1, "bank", "too little", b"x", 5, 4)])


def test_validators_stand_by_power_then_address() -> None:
    keys = [bytes([number] * 32) for number in range(6)]
    powers = [5, 9, 5, 9, 1, 5]
    members = build_validator_set([Validator(key, power) for key, power in zip(keys, powers, strict=True)]).validators
    order = [(-member.voting_power, member.address) for member in members]
    assert order == sorted(order)
    assert {member.address for member in members} == {compute_validator_address(key) for key in keys}


@pytest.mark.parametrize("time_ns", [0, 1, 999_999_999, 1_000_000_000, 1_790_000_000_123_456_789])
def test_times_keep_their_nanoseconds(time_ns: int) -> None:
    assert time_ns_of(timestamp_of(time_ns)) == time_ns
