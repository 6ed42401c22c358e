"""CometBFT's hashes and signed bytes over its messages.

Source: cometbft v0.38 types/{block,vote,validator_set,part_set,params,results}.go and crypto/merkle. A light client in
any language recomputes these; `tests/chain/network/` holds them to CometBFT's published vectors.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from chain.network.application import TxResult, Validator
from chain.wire.codec import encode_delimited, encode_message
from chain.wire.comet import (
    BlockId,
    BytesValue,
    CanonicalBlockId,
    CanonicalVote,
    Commit,
    HashedParams,
    Header,
    Int64Value,
    PartSetHeader,
    PublicKey,
    SimpleValidator,
    StringValue,
    Timestamp,
    TxOutcome,
    ValidatorInfo,
    ValidatorSet,
)
from domain.merkle import build_tree

PART_BYTES: Final = 65_536
"""Bytes of a block's part."""
PRECOMMIT: Final = 2
FLAG_ABSENT, FLAG_COMMIT, FLAG_NIL = 1, 2, 3
ADDRESS_BYTES: Final = 20
BLOCK_PROTOCOL: Final = 11
"""Version of the block protocol in CometBFT 0.38."""
_NS: Final = 1_000_000_000


def compute_merkle_root(items: Sequence[bytes]) -> bytes:
    """Return the Tendermint simple Merkle root: RFC 9162's, and SHA-256 of nothing when there are no items."""
    return build_tree(items).root if items else hashlib.sha256(b"").digest()


def compute_validator_address(public_key: bytes) -> bytes:
    """Return the address of an Ed25519 key: the first 20 bytes of its SHA-256."""
    return hashlib.sha256(public_key).digest()[:ADDRESS_BYTES]


def compute_header_hash(header: Header) -> bytes:
    """Return the hash of a header: a Merkle root over its fields."""
    fields = (
        encode_message(header.version),
        encode_message(StringValue(header.chain_id)),
        encode_message(Int64Value(header.height)),
        encode_message(header.time),
        encode_message(header.last_block_id),
        *(
            encode_message(BytesValue(value))
            for value in (
                header.last_commit_hash,
                header.data_hash,
                header.validators_hash,
                header.next_validators_hash,
                header.consensus_hash,
                header.app_hash,
                header.last_results_hash,
                header.evidence_hash,
                header.proposer_address,
            )
        ),
    )
    return compute_merkle_root(fields)


def compute_commit_hash(commit: Commit | None) -> bytes:
    """Return the hash of a commit; that of nothing before the first block."""
    signatures = () if commit is None else commit.signatures
    return compute_merkle_root([encode_message(signature) for signature in signatures])


def compute_data_hash(txs: Sequence[bytes]) -> bytes:
    """Return the hash of a block's transactions."""
    return compute_merkle_root([hashlib.sha256(tx).digest() for tx in txs])


def compute_results_hash(results: Sequence[TxResult]) -> bytes:
    """Return the hash of a block's results: their deterministic parts."""
    outcomes = (TxOutcome(one.code, one.data, one.gas_wanted, one.gas_used) for one in results)
    return compute_merkle_root([encode_message(outcome) for outcome in outcomes])


def compute_consensus_hash(max_bytes: int, max_gas: int) -> bytes:
    """Return the hash of the consensus parameters that headers commit to."""
    return hashlib.sha256(encode_message(HashedParams(max_bytes, max_gas))).digest()


def compute_validators_hash(validators: ValidatorSet) -> bytes:
    """Return the hash of a validator set."""
    members = (SimpleValidator(one.pub_key, one.voting_power) for one in validators.validators)
    return compute_merkle_root([encode_message(member) for member in members])


def compute_block_id(header: Header, block_bytes: bytes) -> BlockId:
    """Return the name of a block: its header's hash, and the root over its parts."""
    parts = [block_bytes[start : start + PART_BYTES] for start in range(0, len(block_bytes), PART_BYTES)]
    return BlockId(compute_header_hash(header), PartSetHeader(len(parts), compute_merkle_root(parts)))


def encode_vote(chain_id: str, commit: Commit, timestamp: Timestamp) -> bytes:
    """Return what a validator signs when it precommits the block of a commit; a zero block id is for no block."""
    is_nil = commit.block_id == BlockId()
    block_id = None if is_nil else CanonicalBlockId(commit.block_id.hash, commit.block_id.part_set_header)
    vote = CanonicalVote(PRECOMMIT, commit.height, commit.round, block_id, timestamp, chain_id)
    return encode_delimited(encode_message(vote))


def build_validator_set(validators: Sequence[Validator]) -> ValidatorSet:
    """Return the set of validators in CometBFT's order: by descending power, then ascending address."""
    infos = [
        ValidatorInfo(compute_validator_address(one.public_key), PublicKey(one.public_key), one.power)
        for one in validators
    ]
    return ValidatorSet(tuple(sorted(infos, key=lambda info: (-info.voting_power, info.address))))


def timestamp_of(time_ns: int) -> Timestamp:
    """Return a time in nanoseconds since 1970 as a timestamp."""
    return Timestamp(time_ns // _NS, time_ns % _NS)


def time_ns_of(timestamp: Timestamp) -> int:
    """Return a timestamp in nanoseconds since 1970."""
    return timestamp.seconds * _NS + timestamp.nanos
