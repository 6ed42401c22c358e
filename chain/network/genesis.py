"""Genesis: CometBFT's document for nodes, and the small head whose hash verifiers pin (docs/formats.md)."""

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from chain.network.application import Genesis, Validator
from chain.network.errors import InvalidGenesisDoc
from chain.network.forms import (
    build_validator_set,
    compute_consensus_hash,
    compute_validator_address,
    compute_validators_hash,
)
from domain.codec import decode_map, encode
from domain.errors import InvalidEncoding

MAX_BLOCK_BYTES: Final = 4 << 20
"""Largest block: an anchor's transaction has about 400 bytes, so 10,000 of them; CometBFT allows up to 100 MiB."""
MAX_BLOCK_GAS: Final = -1
"""No limit beside bytes: every message's cost is bounded by its gas."""
MAX_HEAD: Final = 1_024
_NS: Final = 1_000_000_000
_FIELDS: Final = {
    "chain_id": str,
    "time_ms": int,
    "initial_height": int,
    "validators_hash": bytes,
    "app_state": bytes,
    "params": bytes,
}


@dataclass(frozen=True, slots=True)
class GenesisHead:
    """What a verifier needs of a genesis.

    Attributes
    ----------
    chain_id, time_ms, initial_height
        Of the chain.
    validators_hash
        Hash of the first validator set.
    app_state
        SHA-256 of the starting state's canonical JSON.
    params
        Hash of the consensus parameters.
    """

    chain_id: str
    time_ms: int
    initial_height: int
    validators_hash: bytes
    app_state: bytes
    params: bytes


def build_head(genesis: Genesis) -> bytes:
    """Return the head of a genesis."""
    return encode(
        {
            "chain_id": genesis.chain_id,
            "time_ms": genesis.time_ns // 1_000_000,
            "initial_height": genesis.initial_height,
            "validators_hash": compute_validators_hash(build_validator_set(genesis.validators)),
            "app_state": hashlib.sha256(genesis.app_state).digest(),
            "params": compute_consensus_hash(MAX_BLOCK_BYTES, MAX_BLOCK_GAS),
        }
    )


def compute_genesis_hash(head: bytes) -> bytes:
    """Return the hash of a head: the pin."""
    return hashlib.sha256(head).digest()


def parse_head(raw: bytes) -> GenesisHead:
    """Return what a head says; `InvalidGenesisDoc` when it is none."""
    if len(raw) > MAX_HEAD:
        raise InvalidGenesisDoc(f"a head of {len(raw)} bytes")
    try:
        fields = decode_map(raw)
    except InvalidEncoding as error:
        raise InvalidGenesisDoc(str(error)) from error
    if set(fields) != set(_FIELDS) or any(type(fields[name]) is not kind for name, kind in _FIELDS.items()):
        raise InvalidGenesisDoc("the head does not have the fields of a head")
    return GenesisHead(**fields)  # type: ignore[arg-type]


def encode_genesis(genesis: Genesis) -> str:
    """Return the genesis document, as CometBFT's nodes read it."""
    return json.dumps(to_document(genesis), indent=2, sort_keys=True) + "\n"


def to_document(genesis: Genesis) -> dict[str, Any]:
    """Return the genesis as the JSON object that CometBFT's RPC gives."""
    return {
        "genesis_time": format_time(genesis.time_ns),
        "chain_id": genesis.chain_id,
        "initial_height": str(genesis.initial_height),
        "consensus_params": format_params(),
        "validators": [_format_validator(validator) for validator in genesis.validators],
        "app_hash": "",
        "app_state": json.loads(genesis.app_state),
    }


def parse_genesis(text: str) -> Genesis:
    """Return the genesis of a document that `encode_genesis` wrote; `InvalidGenesisDoc` when it is none."""
    try:
        document = json.loads(text)
        validators = tuple(
            Validator(base64.b64decode(one["pub_key"]["value"], validate=True), int(one["power"]))
            for one in document["validators"]
        )
        return Genesis(
            chain_id=document["chain_id"],
            time_ns=parse_time(document["genesis_time"]),
            initial_height=int(document["initial_height"]),
            validators=validators,
            app_state=canonical_json(document["app_state"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidGenesisDoc(f"the document cannot be read ({error})") from error


def canonical_json(value: object) -> bytes:
    """Return the one JSON form that is hashed: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def format_params() -> dict[str, Any]:
    """Return the consensus parameters as CometBFT's JSON."""
    return {
        "block": {"max_bytes": str(MAX_BLOCK_BYTES), "max_gas": str(MAX_BLOCK_GAS)},
        "evidence": {"max_age_num_blocks": "100000", "max_age_duration": "172800000000000", "max_bytes": "1048576"},
        "validator": {"pub_key_types": ["ed25519"]},
        "version": {"app": "0"},
        "abci": {"vote_extensions_enable_height": "0"},
    }


def format_time(time_ns: int) -> str:
    """Return nanoseconds since 1970 as RFC 3339 in UTC, without trailing zeros, as Go writes it.

    Examples
    --------
    >>> format_time(1_500_000_000)
    '1970-01-01T00:00:01.5Z'
    """
    seconds, nanos = divmod(time_ns, _NS)
    fraction = f".{nanos:09d}".rstrip("0").rstrip(".")
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"


def parse_time(text: str) -> int:
    """Return the nanoseconds since 1970 of an RFC 3339 time in UTC; `ValueError` when it is none."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp())
    return seconds * _NS + int(fraction.ljust(9, "0") or 0)


def _format_validator(validator: Validator) -> dict[str, Any]:
    return {
        "address": compute_validator_address(validator.public_key).hex().upper(),
        "pub_key": {"type": "tendermint/PubKeyEd25519", "value": base64.b64encode(validator.public_key).decode()},
        "power": str(validator.power),
        "name": "",
    }
