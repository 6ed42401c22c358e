"""CometBFT's JSON of blocks, commits and results, as its RPC speaks it.

Source: cometbft v0.38 rpc/core/types/responses.go, types/{block,validator}.go and libs/json: 64-bit numbers are text,
hashes and addresses capital hexadecimal, other bytes base64, keys tagged with their type, times RFC 3339.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from chain.network.application import Event, TxResult
from chain.network.errors import InvalidAnswer
from chain.network.forms import FLAG_ABSENT, compute_block_id, time_ns_of, timestamp_of
from chain.network.genesis import format_time, parse_time
from chain.network.light import ABSENT_VOTE, SignedHeader
from chain.wire.codec import encode_message
from chain.wire.comet import (
    Block,
    BlockId,
    Commit,
    CommitSig,
    Consensus,
    Header,
    PartSetHeader,
    PublicKey,
    Timestamp,
    ValidatorInfo,
    ValidatorSet,
)

KEY_TYPE: Final = "tendermint/PubKeyEd25519"
ZERO_TIME: Final = "0001-01-01T00:00:00Z"
"""Go's zero time, which absent votes carry."""
_HEADER_HASHES: Final = (
    "last_commit_hash",
    "data_hash",
    "validators_hash",
    "next_validators_hash",
    "consensus_hash",
    "app_hash",
    "last_results_hash",
    "evidence_hash",
    "proposer_address",
)
Json: TypeAlias = dict[str, Any]


def format_hex(raw: bytes) -> str:
    """Return bytes as capital hexadecimal."""
    return raw.hex().upper()


def format_base64(raw: bytes) -> str:
    """Return bytes as base64."""
    return base64.b64encode(raw).decode("ascii")


def format_timestamp(timestamp: Timestamp) -> str:
    """Return a timestamp as RFC 3339 in UTC."""
    return ZERO_TIME if timestamp == ABSENT_VOTE.timestamp else format_time(time_ns_of(timestamp))


def format_block_id(block_id: BlockId) -> Json:
    """Return the JSON of a block's name."""
    parts = block_id.part_set_header
    return {"hash": format_hex(block_id.hash), "parts": {"total": parts.total, "hash": format_hex(parts.hash)}}


def format_header(header: Header) -> Json:
    """Return the JSON of a header."""
    versions = {"block": header.version.block, "app": header.version.app}
    return {
        "version": {name: str(number) for name, number in versions.items() if number},
        "chain_id": header.chain_id,
        "height": str(header.height),
        "time": format_timestamp(header.time),
        "last_block_id": format_block_id(header.last_block_id),
        **{name: format_hex(getattr(header, name)) for name in _HEADER_HASHES},
    }


def format_commit(commit: Commit) -> Json:
    """Return the JSON of a commit."""
    return {
        "height": str(commit.height),
        "round": commit.round,
        "block_id": format_block_id(commit.block_id),
        "signatures": [_format_vote(vote) for vote in commit.signatures],
    }


def format_validators(validators: ValidatorSet) -> list[Json]:
    """Return the JSON of a set's members."""
    return [
        {
            "address": format_hex(member.address),
            "pub_key": format_key(member.pub_key.ed25519),
            "voting_power": str(member.voting_power),
            "proposer_priority": str(member.proposer_priority),
        }
        for member in validators.validators
    ]


def format_key(ed25519: bytes) -> Json:
    """Return the JSON of an Ed25519 key."""
    return {"type": KEY_TYPE, "value": format_base64(ed25519)}


def format_block(block: Block) -> Json:
    """Return the JSON of a block and its name."""
    return {
        "block_id": format_block_id(compute_block_id(block.header, encode_message(block))),
        "block": {
            "header": format_header(block.header),
            "data": {"txs": [format_base64(tx) for tx in block.data.txs]},
            "evidence": {"evidence": []},
            "last_commit": format_commit(block.last_commit or Commit()),
        },
    }


def format_block_meta(block: Block) -> Json:
    """Return the JSON of a block in a list of blocks."""
    raw = encode_message(block)
    return {
        "block_id": format_block_id(compute_block_id(block.header, raw)),
        "block_size": str(len(raw)),
        "header": format_header(block.header),
        "num_txs": str(len(block.data.txs)),
    }


def format_result(result: TxResult) -> Json:
    """Return the JSON of what a transaction did."""
    return {
        "code": result.code,
        "data": format_base64(result.data) if result.data else None,
        "log": result.log,
        "info": "",
        "gas_wanted": str(result.gas_wanted),
        "gas_used": str(result.gas_used),
        "events": [_format_event(event) for event in result.events],
        "codespace": result.codespace,
    }


def parse_signed_header(signed: Mapping[str, Any], members: Sequence[Mapping[str, Any]]) -> SignedHeader:
    """Return what ``signed_header`` of /commit and ``validators`` of /validators say, unchecked.

    Raises
    ------
    InvalidAnswer
        When they are not in their forms.
    """
    try:
        validators = ValidatorSet(tuple(_parse_member(member) for member in members))
        return SignedHeader(parse_header(signed["header"]), _parse_commit(signed["commit"]), validators)
    except (KeyError, TypeError, ValueError, OverflowError, binascii.Error) as error:
        raise InvalidAnswer(repr(error)) from error


def parse_header(fields: Mapping[str, Any]) -> Header:
    """Return the header of its JSON; `KeyError`, `TypeError` or `ValueError` when it is none."""
    version = fields["version"]
    return Header(
        version=Consensus(int(version.get("block", 0)), int(version.get("app", 0))),
        chain_id=str(fields["chain_id"]),
        height=int(fields["height"]),
        time=_parse_timestamp(fields["time"]),
        last_block_id=_parse_block_id(fields["last_block_id"]),
        **{name: bytes.fromhex(fields[name]) for name in _HEADER_HASHES},
    )


def _parse_commit(fields: Mapping[str, Any]) -> Commit:
    votes = tuple(_parse_vote(vote) for vote in fields["signatures"])
    return Commit(int(fields["height"]), int(fields["round"]), _parse_block_id(fields["block_id"]), votes)


def _format_vote(vote: CommitSig) -> Json:
    return {
        "block_id_flag": vote.block_id_flag,
        "validator_address": format_hex(vote.validator_address),
        "timestamp": format_timestamp(vote.timestamp),
        "signature": None if vote.block_id_flag == FLAG_ABSENT else format_base64(vote.signature),
    }


def _parse_vote(fields: Mapping[str, Any]) -> CommitSig:
    signature = base64.b64decode(fields["signature"] or "", validate=True)
    address = bytes.fromhex(fields["validator_address"])
    return CommitSig(int(fields["block_id_flag"]), address, _parse_timestamp(fields["timestamp"]), signature)


def _parse_timestamp(text: str) -> Timestamp:
    return ABSENT_VOTE.timestamp if text == ZERO_TIME else timestamp_of(parse_time(text))


def _parse_block_id(fields: Mapping[str, Any]) -> BlockId:
    parts = fields["parts"]
    return BlockId(bytes.fromhex(fields["hash"]), PartSetHeader(int(parts["total"]), bytes.fromhex(parts["hash"])))


def _parse_member(fields: Mapping[str, Any]) -> ValidatorInfo:
    if fields["pub_key"]["type"] != KEY_TYPE:
        raise ValueError(fields["pub_key"]["type"])
    key = PublicKey(base64.b64decode(fields["pub_key"]["value"], validate=True))
    return ValidatorInfo(bytes.fromhex(fields["address"]), key, int(fields["voting_power"]))


def _format_event(event: Event) -> Json:
    attributes = [{"key": name, "value": value, "index": True} for name, value in event.attributes]
    return {"type": event.kind, "attributes": attributes}
