"""CometBFT 0.38's messages that blocks, commits and proofs consist of.

Source: cometbft v0.38 proto/tendermint/{types,version,crypto}/*.proto and types/canonical.go. Hashes over them are in
`chain.network.forms`.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from chain.wire.codec import Field, Kind


@dataclass(frozen=True, slots=True)
class Timestamp:
    """google.protobuf.Timestamp: seconds since 1970 and nanoseconds, 0 to 999,999,999."""

    FIELDS: ClassVar = (Field(1, "seconds", Kind.INT), Field(2, "nanos", Kind.INT))
    seconds: int = 0
    nanos: int = 0


@dataclass(frozen=True, slots=True)
class PartSetHeader:
    """Parts of a block's bytes: how many, and their Merkle root."""

    FIELDS: ClassVar = (Field(1, "total", Kind.UINT), Field(2, "hash", Kind.BYTES))
    total: int = 0
    hash: bytes = b""


@dataclass(frozen=True, slots=True)
class BlockId:
    """Names a block: hash of its header, and its parts."""

    FIELDS: ClassVar = (
        Field(1, "hash", Kind.BYTES),
        Field(2, "part_set_header", Kind.MESSAGE, PartSetHeader, always=True),
    )
    hash: bytes = b""
    part_set_header: PartSetHeader = field(default_factory=PartSetHeader)


@dataclass(frozen=True, slots=True)
class Consensus:
    """Versions of the block protocol and the application."""

    FIELDS: ClassVar = (Field(1, "block", Kind.UINT), Field(2, "app", Kind.UINT))
    block: int = 0
    app: int = 0


@dataclass(frozen=True, slots=True)
class Header:
    """A block's header; its hash is what validators sign."""

    FIELDS: ClassVar = (
        Field(1, "version", Kind.MESSAGE, Consensus, always=True),
        Field(2, "chain_id", Kind.TEXT),
        Field(3, "height", Kind.INT),
        Field(4, "time", Kind.MESSAGE, Timestamp, always=True),
        Field(5, "last_block_id", Kind.MESSAGE, BlockId, always=True),
        Field(6, "last_commit_hash", Kind.BYTES),
        Field(7, "data_hash", Kind.BYTES),
        Field(8, "validators_hash", Kind.BYTES),
        Field(9, "next_validators_hash", Kind.BYTES),
        Field(10, "consensus_hash", Kind.BYTES),
        Field(11, "app_hash", Kind.BYTES),
        Field(12, "last_results_hash", Kind.BYTES),
        Field(13, "evidence_hash", Kind.BYTES),
        Field(14, "proposer_address", Kind.BYTES),
    )
    version: Consensus
    chain_id: str
    height: int
    time: Timestamp
    last_block_id: BlockId
    last_commit_hash: bytes
    data_hash: bytes
    validators_hash: bytes
    next_validators_hash: bytes
    consensus_hash: bytes
    app_hash: bytes
    last_results_hash: bytes
    evidence_hash: bytes
    proposer_address: bytes


@dataclass(frozen=True, slots=True)
class CommitSig:
    """One validator's part of a commit: flag 1 absent, 2 for the block, 3 for nothing."""

    FIELDS: ClassVar = (
        Field(1, "block_id_flag", Kind.INT),
        Field(2, "validator_address", Kind.BYTES),
        Field(3, "timestamp", Kind.MESSAGE, Timestamp, always=True),
        Field(4, "signature", Kind.BYTES),
    )
    block_id_flag: int
    validator_address: bytes
    timestamp: Timestamp
    signature: bytes


@dataclass(frozen=True, slots=True)
class Commit:
    """Signatures over a block."""

    FIELDS: ClassVar = (
        Field(1, "height", Kind.INT),
        Field(2, "round", Kind.INT),
        Field(3, "block_id", Kind.MESSAGE, BlockId, always=True),
        Field(4, "signatures", Kind.MESSAGE, CommitSig, many=True),
    )
    height: int = 0
    round: int = 0
    block_id: BlockId = field(default_factory=BlockId)
    signatures: tuple[CommitSig, ...] = ()


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A validator's key: Ed25519 only."""

    FIELDS: ClassVar = (Field(1, "ed25519", Kind.BYTES),)
    ed25519: bytes = b""


@dataclass(frozen=True, slots=True)
class ValidatorInfo:
    """A member of a validator set."""

    FIELDS: ClassVar = (
        Field(1, "address", Kind.BYTES),
        Field(2, "pub_key", Kind.MESSAGE, PublicKey, always=True),
        Field(3, "voting_power", Kind.INT),
        Field(4, "proposer_priority", Kind.INT),
    )
    address: bytes
    pub_key: PublicKey
    voting_power: int
    proposer_priority: int = 0


@dataclass(frozen=True, slots=True)
class ValidatorSet:
    """Who may sign, by descending power, then ascending address."""

    FIELDS: ClassVar = (
        Field(1, "validators", Kind.MESSAGE, ValidatorInfo, many=True),
        Field(2, "proposer", Kind.MESSAGE, ValidatorInfo),
        Field(3, "total_voting_power", Kind.INT),
    )
    validators: tuple[ValidatorInfo, ...]
    proposer: ValidatorInfo | None = None
    total_voting_power: int = 0


@dataclass(frozen=True, slots=True)
class SimpleValidator:
    """What the hash of a validator set covers of each member."""

    FIELDS: ClassVar = (Field(1, "pub_key", Kind.MESSAGE, PublicKey), Field(2, "voting_power", Kind.INT))
    pub_key: PublicKey
    voting_power: int


@dataclass(frozen=True, slots=True)
class CanonicalBlockId:
    """A block's name as votes sign it."""

    FIELDS: ClassVar = BlockId.FIELDS
    hash: bytes
    part_set_header: PartSetHeader


@dataclass(frozen=True, slots=True)
class CanonicalVote:
    """What a validator signs; type 2 is a precommit."""

    FIELDS: ClassVar = (
        Field(1, "type", Kind.INT),
        Field(2, "height", Kind.SFIXED),
        Field(3, "round", Kind.SFIXED),
        Field(4, "block_id", Kind.MESSAGE, CanonicalBlockId),
        Field(5, "timestamp", Kind.MESSAGE, Timestamp, always=True),
        Field(6, "chain_id", Kind.TEXT),
    )
    type: int
    height: int
    round: int
    block_id: CanonicalBlockId | None
    timestamp: Timestamp
    chain_id: str


@dataclass(frozen=True, slots=True)
class HashedParams:
    """What the consensus hash covers."""

    FIELDS: ClassVar = (Field(1, "block_max_bytes", Kind.INT), Field(2, "block_max_gas", Kind.INT))
    block_max_bytes: int
    block_max_gas: int


@dataclass(frozen=True, slots=True)
class TxOutcome:
    """The deterministic part of a transaction's result."""

    FIELDS: ClassVar = (
        Field(1, "code", Kind.UINT),
        Field(2, "data", Kind.BYTES),
        Field(5, "gas_wanted", Kind.INT),
        Field(6, "gas_used", Kind.INT),
    )
    code: int
    data: bytes
    gas_wanted: int
    gas_used: int


@dataclass(frozen=True, slots=True)
class TxList:
    """A block's transactions."""

    FIELDS: ClassVar = (Field(1, "txs", Kind.BYTES, many=True),)
    txs: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class EvidenceList:
    """Evidence of misbehaviour; a solo chain has none."""

    FIELDS: ClassVar = (Field(1, "evidence", Kind.BYTES, many=True),)
    evidence: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """A whole block."""

    FIELDS: ClassVar = (
        Field(1, "header", Kind.MESSAGE, Header, always=True),
        Field(2, "data", Kind.MESSAGE, TxList, always=True),
        Field(3, "evidence", Kind.MESSAGE, EvidenceList, always=True),
        Field(4, "last_commit", Kind.MESSAGE, Commit),
    )
    header: Header
    data: TxList
    evidence: EvidenceList
    last_commit: Commit | None


@dataclass(frozen=True, slots=True)
class StringValue:
    """google.protobuf.StringValue."""

    FIELDS: ClassVar = (Field(1, "value", Kind.TEXT),)
    value: str


@dataclass(frozen=True, slots=True)
class Int64Value:
    """google.protobuf.Int64Value."""

    FIELDS: ClassVar = (Field(1, "value", Kind.INT),)
    value: int


@dataclass(frozen=True, slots=True)
class BytesValue:
    """google.protobuf.BytesValue."""

    FIELDS: ClassVar = (Field(1, "value", Kind.BYTES),)
    value: bytes
