"""The proof file: one record, from its bytes to validators' signatures, checked against a pinned genesis.

docs/formats.md has the bytes and the eight steps. Imports are light on purpose: a verifier needs no store, no
consensus engine and no network.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, ParamSpec, TypeAlias, TypeVar

from chain.network.application import StateProof
from chain.network.genesis import compute_genesis_hash, parse_head
from chain.network.light import MAX_VALIDATORS, SignedHeader, follow, validate_commit, validate_signed_header
from chain.proof_errors import ProofRefused
from chain.wire.codec import decode_message, encode_message, encode_varint
from chain.wire.comet import Commit, Header, ValidatorSet
from domain.codec import Value, decode_map, encode
from domain.envelope import Record, open_envelope
from domain.errors import CecError
from domain.merkle import HASH_LENGTH, MerklePath, compute_root

MAX_PROOF: Final = 1 << 20
"""Largest file read."""
MAX_RECORDS: Final = 8
MAX_TRUST_PATH: Final = 1_000
MAX_SMT_DEPTH: Final = 256
STEPS: Final = ("decode", "record", "path", "anchor", "keys", "header", "commit", "genesis")
"""What is checked, in order."""
_EMPTY: Final = bytes(HASH_LENGTH)

P = ParamSpec("P")
T = TypeVar("T")
Map: TypeAlias = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A record of a proof and its way to the anchored root."""

    envelope: bytes
    path: MerklePath


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof file, decoded.

    Attributes
    ----------
    leaves
        The record first, then those it rests on.
    root
        The anchored root.
    anchor
        That the anchor stands in the state.
    keys
        That each signing key stands in the state, in order of first use.
    block
        The signed header over that state.
    genesis
        The genesis head.
    path
        Headers between genesis and block where validators changed.
    """

    leaves: tuple[Leaf, ...]
    root: bytes
    anchor: StateProof
    keys: tuple[StateProof, ...]
    block: SignedHeader
    genesis: bytes
    path: tuple[SignedHeader, ...] = ()


@dataclass(frozen=True, slots=True)
class Pin:
    """What a verifier knows from elsewhere.

    Attributes
    ----------
    chain_id
        Which chain.
    genesis_hash
        SHA-256 of its genesis head, 32 bytes.
    """

    chain_id: str
    genesis_hash: bytes


@dataclass(frozen=True, slots=True)
class Signer:
    """Who stands behind a record, by the chain's registry."""

    key: str
    org: str
    role: str
    subject: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a proof proves.

    Attributes
    ----------
    records
        Its records, checked; the first is what the proof is about.
    root, count
        The anchored root and how many records it covers.
    anchored_ms, anchored_height
        When and in which block the anchor took effect.
    signers
        Keys that signed the records.
    height
        Block whose header carries the state.
    validators, signed_power, total_power
        Addresses (hexadecimal) of who signed that block, and with what share of the power.
    """

    records: tuple[Record, ...]
    root: bytes
    count: int
    anchored_ms: int
    anchored_height: int
    signers: tuple[Signer, ...]
    height: int
    validators: tuple[str, ...]
    signed_power: int
    total_power: int


def encode_proof(proof: Proof) -> bytes:
    """Return the file of a proof."""
    return encode(
        {
            "v": 1,
            "kind": "proof",
            "records": [_encode_leaf(leaf) for leaf in proof.leaves],
            "anchor": {"root": proof.root, "state": _encode_state(proof.anchor)},
            "keys": [{"state": _encode_state(state)} for state in proof.keys],
            "block": _encode_signed(proof.block),
            "genesis": proof.genesis,
            "path": [_encode_signed(signed) for signed in proof.path],
        }
    )


def parse_proof(raw: bytes) -> Proof:
    """Return the proof that a file holds; `ProofRefused` at step ``decode`` when it holds none."""
    if len(raw) > MAX_PROOF:
        raise ProofRefused("decode", f"{len(raw)} bytes, at most {MAX_PROOF} are read")
    return _step("decode", _parse_fields, raw)


def _parse_fields(raw: bytes) -> Proof:
    fields = _expect(decode_map(raw), "v", "kind", "records", "anchor", "keys", "block", "genesis", "path")
    if fields["kind"] != "proof" or fields["v"] != 1 or fields["v"] is True:
        raise ProofRefused("decode", "not a proof file of version 1")
    anchor = _expect(fields["anchor"], "root", "state")
    keys = _items(fields["keys"], 1, MAX_RECORDS)
    return Proof(
        leaves=tuple(_parse_leaf(item) for item in _items(fields["records"], 1, MAX_RECORDS)),
        root=_bytes(anchor["root"], HASH_LENGTH),
        anchor=_parse_state(anchor["state"]),
        keys=tuple(_parse_state(_expect(item, "state")["state"]) for item in keys),
        block=_parse_signed(fields["block"]),
        genesis=_bytes(fields["genesis"]),
        path=tuple(_parse_signed(item) for item in _items(fields["path"], 0, MAX_TRUST_PATH)),
    )


def verify_proof(raw: bytes, pin: Pin) -> Verdict:
    """Return what a proof file proves.

    Raises
    ------
    ProofRefused
        At the first step that does not hold, by its name.
    """
    proof = parse_proof(raw)
    records = tuple(_step("record", open_envelope, leaf.envelope) for leaf in proof.leaves)
    _check_paths(proof, records)
    anchor = _check_anchor(proof)
    signers = _check_keys(proof, records, anchored_ms=_number(anchor, "time_ms"))
    _step("header", validate_signed_header, proof.block, pin.chain_id)
    validators = _step("commit", validate_commit, proof.block)
    _check_genesis(proof, pin)
    members = proof.block.validators.validators
    return Verdict(
        records=records,
        root=proof.root,
        count=_number(anchor, "count"),
        anchored_ms=_number(anchor, "time_ms"),
        anchored_height=_number(anchor, "height"),
        signers=signers,
        height=proof.block.header.height,
        validators=tuple(validator.address.hex() for validator in validators),
        signed_power=sum(validator.voting_power for validator in validators),
        total_power=sum(member.voting_power for member in members),
    )


def describe(verdict: Verdict) -> tuple[str, ...]:
    """Return what holds, who signed and what is not proven, in sentences."""
    record = verdict.records[0]
    anchored = datetime.fromtimestamp(verdict.anchored_ms / 1000, UTC)
    when = f"{anchored:%Y-%m-%d %H:%M:%S} UTC in block {verdict.anchored_height}"
    who = ", ".join(f"{signer.role} {signer.subject!r} of {signer.org!r}" for signer in verdict.signers)
    alone = len(verdict.validators) == 1 and verdict.signed_power == verdict.total_power
    witness = (
        "this server alone; no outside witness yet"
        if alone
        else f"{len(verdict.validators)} validators with {verdict.signed_power} of {verdict.total_power} power"
    )
    return (
        f"Record {record.cid} ({record.kind}) is exactly what was signed by {who}.",
        f"It is one of {verdict.count} records anchored at {when}; nothing in it changed since.",
        f"The state that says so was signed in block {verdict.height} by {witness}.",
        "Not proven: that the measurements are right, nor anything that was recorded after that block.",
    )


def compute_state_root(proof: StateProof) -> bytes:
    """Return the application hash to which a state proof leads (docs/formats.md, "State").

    Raises
    ------
    InvalidMerklePath
        When the path among the modules is impossible.
    """
    node = _climb(proof)
    leaf = encode_varint(len(proof.module.encode())) + proof.module.encode() + b"\x20" + hashlib.sha256(node).digest()
    return compute_root(leaf, MerklePath(proof.module_index, proof.module_count, proof.module_path))


def _climb(proof: StateProof) -> bytes:
    """Return the root of the module's tree to which a state proof's leaf leads."""
    key_hash = hashlib.sha256(proof.key).digest()
    node = hashlib.sha256(b"\x00" + key_hash + hashlib.sha256(proof.value).digest()).digest()
    siblings = list(proof.siblings)
    for depth in range(proof.depth - 1, -1, -1):
        sibling = siblings.pop() if proof.mask[depth >> 3] >> (depth & 7) & 1 else _EMPTY
        turns_right = key_hash[depth >> 3] >> (7 - (depth & 7)) & 1
        pair = sibling + node if turns_right else node + sibling
        node = hashlib.sha256(b"\x01" + pair).digest()
    return node


def _check_paths(proof: Proof, records: Sequence[Record]) -> None:
    for leaf, record in zip(proof.leaves, records, strict=True):
        if _step("path", compute_root, bytes(record.cid), leaf.path) != proof.root:
            raise ProofRefused("path", f"the path of {record.cid} does not lead to the anchored root")


def _check_anchor(proof: Proof) -> Map:
    if (proof.anchor.module, proof.anchor.key) != ("anchor", b"a/" + proof.root):
        raise ProofRefused("anchor", "the state proof is about another entry")
    _check_state("anchor", proof.anchor, proof.block)
    anchor = _step("anchor", decode_map, proof.anchor.value)
    if any(leaf.path.count != _number(anchor, "count") for leaf in proof.leaves):
        raise ProofRefused("anchor", "the anchor covers another number of records than the paths say")
    return anchor


def _check_keys(proof: Proof, records: Sequence[Record], *, anchored_ms: int) -> tuple[Signer, ...]:
    keys = tuple(dict.fromkeys(record.key for record in records))
    if len(keys) != len(proof.keys):
        raise ProofRefused("keys", f"{len(keys)} keys signed, {len(proof.keys)} are proved")
    signers: list[Signer] = []
    for key, state in zip(keys, proof.keys, strict=True):
        if (state.module, state.key) != ("registry", b"k/" + hashlib.sha256(key.raw).digest()):
            raise ProofRefused("keys", f"the state proof is about another key than {key}")
        _check_state("keys", state, proof.block)
        entry = _step("keys", decode_map, state.value)
        _check_entry(entry, [record for record in records if record.key == key], anchored_ms)
        signers.append(Signer(str(key), str(entry["org"]), str(entry.get("role")), str(entry.get("subject"))))
    return tuple(signers)


def _check_entry(entry: Map, records: Sequence[Record], anchored_ms: int) -> None:
    for record in records:
        if entry.get("org") != record.body.org:
            raise ProofRefused("keys", f"its key speaks for {entry.get('org')!r}, the record for {record.body.org!r}")
    if "revoked_ms" in entry and _number(entry, "revoked_ms") <= anchored_ms:
        raise ProofRefused("keys", "the key was revoked before the record was anchored")


def _check_state(step: str, state: StateProof, block: SignedHeader) -> None:
    if _step(step, compute_state_root, state) != block.header.app_hash:
        raise ProofRefused(step, "the state proof does not lead to the header's application hash")


def _check_genesis(proof: Proof, pin: Pin) -> None:
    if compute_genesis_hash(proof.genesis) != pin.genesis_hash:
        raise ProofRefused("genesis", "the chain has another genesis than the one that you trust")
    head = _step("genesis", parse_head, proof.genesis)
    if head.chain_id != pin.chain_id:
        raise ProofRefused("genesis", f"its chain is {head.chain_id!r}, not {pin.chain_id!r}")
    first = proof.path[0] if proof.path else proof.block
    if first.header.validators_hash != head.validators_hash:
        raise ProofRefused("genesis", "the validators are not those of the genesis")
    if proof.path:
        _step("genesis", _follow_path, proof, pin)


def _follow_path(proof: Proof, pin: Pin) -> None:
    first, *rest = (*proof.path, proof.block)
    validate_signed_header(first, pin.chain_id)
    validate_commit(first)
    follow(first, rest, pin.chain_id)


def _step(name: str, check: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """Return what a check returns; its failure is the step's."""
    try:
        return check(*arguments, **options)
    except ProofRefused:
        raise
    except CecError as error:
        raise ProofRefused(name, str(error)) from error


def _encode_leaf(leaf: Leaf) -> Value:
    return {
        "envelope": leaf.envelope,
        "index": leaf.path.index,
        "count": leaf.path.count,
        "path": list(leaf.path.hashes),
    }


def _parse_leaf(value: Value) -> Leaf:
    fields = _expect(value, "envelope", "index", "count", "path")
    hashes = tuple(_bytes(item, HASH_LENGTH) for item in _items(fields["path"], 0, 64))
    return Leaf(_bytes(fields["envelope"]), MerklePath(_number(fields, "index"), _number(fields, "count"), hashes))


def _encode_state(state: StateProof) -> Value:
    return {
        "module": state.module,
        "key": state.key,
        "value": state.value,
        "smt": {"depth": state.depth, "mask": state.mask, "siblings": list(state.siblings)},
        "modules": {"index": state.module_index, "count": state.module_count, "path": list(state.module_path)},
    }


def _parse_state(value: Value) -> StateProof:
    fields = _expect(value, "module", "key", "value", "smt", "modules")
    smt, modules = (
        _expect(fields["smt"], "depth", "mask", "siblings"),
        _expect(fields["modules"], "index", "count", "path"),
    )
    depth, mask = _number(smt, "depth"), _bytes(smt["mask"])
    siblings = tuple(_bytes(item, HASH_LENGTH) for item in _items(smt["siblings"], 0, MAX_SMT_DEPTH))
    _check_mask(depth, mask, len(siblings))
    if not isinstance(fields["module"], str):
        raise ProofRefused("decode", "a module's name is text")
    return StateProof(
        module=fields["module"],
        key=_bytes(fields["key"]),
        value=_bytes(fields["value"]),
        depth=depth,
        mask=mask,
        siblings=siblings,
        module_index=_number(modules, "index"),
        module_count=_number(modules, "count"),
        module_path=tuple(_bytes(item, HASH_LENGTH) for item in _items(modules["path"], 0, 16)),
    )


def _check_mask(depth: int, mask: bytes, siblings: int) -> None:
    fits = depth <= MAX_SMT_DEPTH and len(mask) == -(-depth // 8)
    if not fits or int.from_bytes(mask, "little") >> depth or int.from_bytes(mask, "little").bit_count() != siblings:
        raise ProofRefused("decode", "depth, mask and siblings of a state proof do not fit")


def _encode_signed(signed: SignedHeader) -> Value:
    return {
        "header": encode_message(signed.header),
        "commit": encode_message(signed.commit),
        "validators": encode_message(signed.validators),
    }


def _parse_signed(value: Value) -> SignedHeader:
    fields = _expect(value, "header", "commit", "validators")
    signed = SignedHeader(
        decode_message(Header, _bytes(fields["header"])),
        decode_message(Commit, _bytes(fields["commit"])),
        decode_message(ValidatorSet, _bytes(fields["validators"])),
    )
    if len(signed.validators.validators) > MAX_VALIDATORS:
        raise ProofRefused("decode", f"more than {MAX_VALIDATORS} validators")
    # The set's hash covers keys and powers alone; whatever else it said would be unchecked.
    members = (replace(member, proposer_priority=0) for member in signed.validators.validators)
    if signed.validators != ValidatorSet(tuple(members)):
        raise ProofRefused("decode", "a validator set says more than its hash covers")
    return signed


def _expect(value: Value, *names: str) -> Map:
    if not isinstance(value, Mapping) or set(value) != set(names):
        raise ProofRefused("decode", f"expected a map of {', '.join(names)}")
    return value


def _items(value: Value, low: int, high: int) -> Sequence[Value]:
    if not isinstance(value, list | tuple) or not low <= len(value) <= high:
        raise ProofRefused("decode", f"expected a list of {low} to {high} items")
    return value


def _bytes(value: Value, length: int | None = None) -> bytes:
    if not isinstance(value, bytes) or (length is not None and len(value) != length):
        raise ProofRefused("decode", "expected bytes" + (f", {length} of them" if length else ""))
    return value


def _number(fields: Map, name: str) -> int:
    value = fields.get(name)
    if type(value) is not int or value < 0:
        raise ProofRefused("decode", f"expected a number for {name}")
    return value
