"""Write `proof/`: valid proofs, and what each becomes by one change, with the step that must refuse it.

Run ``python -m tests.vectors.make_proof`` only when a format changes on purpose; a test compares the files with what
the code gives today. `proof.json` names for each valid file its pin and what it proves; a case gives its bytes as a
change of a valid file: at `at`, `remove` bytes go and `insert` comes. The P-256 envelope is kept from run to run,
because ECDSA signatures are random.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chain.network.application import Genesis, StateProof, Validator
from chain.network.forms import FLAG_ABSENT, FLAG_COMMIT, FLAG_NIL, build_validator_set, compute_validators_hash
from chain.network.genesis import build_head
from chain.network.light import SignedHeader
from chain.proof import Leaf, Pin, Proof, encode_proof, parse_proof
from chain.wire.comet import Timestamp, ValidatorInfo, ValidatorSet
from domain.codec import decode_map, encode
from domain.envelope import Record, open_envelope, seal
from domain.keys import P256_ORDER, SigningKey
from domain.merkle import MerklePath, build_sorted_tree
from tests.chain.small_chain import VALIDATORS, SmallChain, make_genesis, run_chain, sign_header
from tests.domain.samples import BODIES, KEY, OBSERVATION, P256_KEY

FOLDER = Path(__file__).with_name("proof")
CASES = FOLDER / "proof.json"
OTHER_ORG_KEY = SigningKey.from_seed(bytes([77] * 32))
LOST_KEY = SigningKey.from_seed(bytes([78] * 32))


@dataclass(frozen=True, slots=True)
class Valid:
    """A valid proof.

    Attributes
    ----------
    proof
        Decoded.
    pin
        What its verifier knows.
    """

    proof: Proof
    pin: Pin


def make_valid() -> dict[str, Valid]:
    """Return the valid proofs by name."""
    return asyncio.run(_make_valid())


async def _make_valid() -> dict[str, Valid]:
    solo = await _prove_on(make_genesis())
    forged = await _prove_on(make_genesis(VALIDATORS[7:8]), VALIDATORS[7])
    network_genesis = make_genesis(VALIDATORS[:4])
    network = _sign_by_network(await _prove_on(network_genesis))
    path, skip = _sign_by_successors(network), _sign_by_half_of_them(network)
    return {"solo": solo, "network": network, "path": path, "skip": skip, "forged": forged}


async def _prove_on(genesis: Genesis, validator: SigningKey = VALIDATORS[0]) -> Valid:
    async with run_chain(genesis, validator) as chain:
        await _accredit(chain)
        records = make_records()
        tree = build_sorted_tree(sorted(bytes(record.cid) for record in records))
        await chain.anchor(tree.root, tree.count)
        return Valid(parse_proof(_build(chain, records, records[:2])), chain.reader.pin)


async def _accredit(chain: SmallChain) -> None:
    await chain.register(KEY.public)
    await chain.accredit(P256_KEY.public, "device", "rover-1")
    for number in range(4):
        await chain.anchor(bytes([number] * 32), 1)


def make_records() -> list[Record]:
    """Return the records that the proofs' batch holds; the first two are proved."""
    signed = [seal(BODIES[kind], KEY) for kind in ("tree", "survey", "result", "campaign", "area")]
    return [signed[0], load_observation(), *signed[1:]]


def load_observation() -> Record:
    """Return the observation that the P-256 key signed once."""
    file = FOLDER / "observation.cbor"
    return open_envelope(file.read_bytes()) if file.exists() else seal(OBSERVATION, P256_KEY)


def _build(chain: SmallChain, batch: Sequence[Record], proved: Sequence[Record]) -> bytes:
    leaves = sorted(bytes(record.cid) for record in batch)
    tree = build_sorted_tree(leaves)
    paths = [(record.raw, tree.path(leaves.index(bytes(record.cid)))) for record in proved]
    return chain.reader.build_proof(paths, tree.root)


def _sign_by_network(valid: Valid) -> Valid:
    """Three of four validators sign; one votes for nothing."""
    block = valid.proof.block
    flags = (FLAG_COMMIT, FLAG_NIL, FLAG_COMMIT, FLAG_COMMIT)
    signed = sign_header(block.header, block.validators, VALIDATORS, flags)
    return Valid(replace(valid.proof, block=signed), valid.pin)


def _sign_by_successors(valid: Valid) -> Valid:
    """Those of the genesis announce a new set, which signs the next block."""
    block = valid.proof.block
    successors = build_validator_set([Validator(key.public.raw[2:], 10) for key in VALIDATORS[4:7]])
    new_hash = compute_validators_hash(successors)
    announcing = replace(block.header, next_validators_hash=new_hash)
    following = replace(
        block.header,
        height=block.header.height + 1,
        time=Timestamp(block.header.time.seconds + 5, 0),
        validators_hash=new_hash,
        next_validators_hash=new_hash,
    )
    first = sign_header(announcing, block.validators, VALIDATORS, (FLAG_COMMIT, FLAG_ABSENT, FLAG_COMMIT, FLAG_COMMIT))
    return Valid(replace(valid.proof, block=sign_header(following, successors, VALIDATORS), path=(first,)), valid.pin)


def _sign_by_half_of_them(valid: Valid) -> Valid:
    """Much later, a set signs in which half of the genesis' power still is."""
    first = valid.proof.block
    later = build_validator_set([Validator(key.public.raw[2:], 10) for key in (*VALIDATORS[:2], VALIDATORS[5])])
    new_hash = compute_validators_hash(later)
    header = replace(
        first.header,
        height=first.header.height + 40,
        time=Timestamp(first.header.time.seconds + 500, 0),
        validators_hash=new_hash,
        next_validators_hash=new_hash,
    )
    return Valid(replace(valid.proof, block=sign_header(header, later, VALIDATORS), path=(first,)), valid.pin)


def make_cases(valid: dict[str, Valid]) -> list[tuple[str, str, str, bytes]]:
    """Return name, base, failing step and bytes of every changed proof."""
    solo, network, path, forged = (valid[name].proof for name in ("solo", "network", "path", "forged"))
    cases = [("forged chain", "solo", "genesis", encode_proof(forged))]
    cases += [(name, "solo", step, raw) for name, step, raw in _decode_cases(solo)]
    cases += [(name, "solo", step, encode_proof(proof)) for name, step, proof in _solo_cases(solo)]
    cases += [(name, "network", step, encode_proof(proof)) for name, step, proof in _network_cases(network, solo)]
    cases += [(name, "path", step, encode_proof(proof)) for name, step, proof in _path_cases(path, network)]
    cases += [(name, "solo", "keys", raw) for name, raw in asyncio.run(_key_cases())]
    return cases


def _decode_cases(proof: Proof) -> list[tuple[str, str, bytes]]:
    raw = encode_proof(proof)
    fields: dict[str, Any] = dict(decode_map(raw))
    anchor, block = fields["anchor"], fields["block"]
    smt = anchor["state"]["smt"]
    deeper = {**anchor, "state": {**anchor["state"], "smt": {**smt, "depth": smt["depth"] + 8}}}
    return [
        ("a trailing byte", "decode", raw + b"\0"),
        ("cut short", "decode", raw[:-1]),
        ("empty", "decode", b""),
        ("another version", "decode", encode({**fields, "v": 2})),
        ("another kind", "decode", encode({**fields, "kind": "prove"})),
        ("a field more", "decode", encode({**fields, "x": 1})),
        ("a field less", "decode", encode({name: value for name, value in fields.items() if name != "path"})),
        ("no record", "decode", encode({**fields, "records": []})),
        ("a sibling missing from a state proof", "decode", encode({**fields, "anchor": _drop_sibling(anchor)})),
        ("a state proof deeper than its mask", "decode", encode({**fields, "anchor": deeper})),
        ("a root of 31 bytes", "decode", encode({**fields, "anchor": {**anchor, "root": proof.root[:31]}})),
        ("a header that is no header", "decode", encode({**fields, "block": {**block, "header": b"\xff"}})),
        (
            "a proposer priority, which no hash covers",
            "decode",
            encode_proof(_with_members(proof, lambda one: replace(one, proposer_priority=1))),
        ),
    ]


def _drop_sibling(anchor: dict[str, Any]) -> dict[str, Any]:
    smt = anchor["state"]["smt"]
    return {**anchor, "state": {**anchor["state"], "smt": {**smt, "siblings": smt["siblings"][1:]}}}


def _solo_cases(proof: Proof) -> list[tuple[str, str, Proof]]:
    tree, observation = proof.leaves
    block = proof.block
    stranger = seal(BODIES["blob"], KEY)
    return [
        (
            "a height changed under its signature",
            "record",
            _with_leaf(proof, _edit_body(tree, height_mm=[24_400, 300, 0])),
        ),
        ("a name changed under its signature", "record", _with_leaf(proof, _edit_body(tree, status="fallen"))),
        ("a signature of another", "record", _with_leaf(proof, _edit_envelope(tree, sig=bytes(64)))),
        ("a key that is none", "record", _with_leaf(proof, _edit_envelope(tree, key=b"\xed\x01" + bytes(3)))),
        ("the high s of a P-256 signature", "record", replace(proof, leaves=(tree, _raise_s(observation)))),
        ("a record that was not anchored", "path", _with_leaf(proof, replace(tree, envelope=stranger.raw))),
        ("a sibling changed", "path", _with_leaf(proof, _edit_path(tree, hashes=_flip_first(tree.path.hashes)))),
        ("a sibling less", "path", _with_leaf(proof, _edit_path(tree, hashes=tree.path.hashes[1:]))),
        ("a sibling more", "path", _with_leaf(proof, _edit_path(tree, hashes=(*tree.path.hashes, bytes(32))))),
        ("another index", "path", _with_leaf(proof, _edit_path(tree, index=tree.path.index ^ 1))),
        ("an index beyond the count", "path", _with_leaf(proof, _edit_path(tree, index=tree.path.count))),
        ("another count of the same shape", "anchor", _with_counts(proof, 8)),
        ("an anchor of more records", "anchor", _with_anchor_value(proof, count=9)),
        ("an earlier anchor", "anchor", _with_anchor_value(proof, time_ms=1)),
        ("the entry of another root", "anchor", replace(proof, anchor=replace(proof.anchor, key=b"a/" + bytes(32)))),
        ("a sibling in the state changed", "anchor", replace(proof, anchor=_edit_modules(proof.anchor))),
        ("an organisation's entry as an anchor", "anchor", replace(proof, anchor=proof.keys[0])),
        ("keys in another order", "keys", replace(proof, keys=proof.keys[::-1])),
        ("a key not proved", "keys", replace(proof, keys=proof.keys[:1])),
        ("a key too many", "keys", replace(proof, keys=(*proof.keys, proof.keys[0]))),
        ("another organisation for a key", "keys", _with_key_value(proof, org="south-forest")),
        (
            "an absent sibling for a present one",
            "keys",
            replace(proof, keys=(_move_sibling(proof.keys[0]), proof.keys[1])),
        ),
        ("another application hash", "anchor", _with_header(proof, app_hash=bytes(32))),
        ("another height", "header", _with_header(proof, height=block.header.height + 1)),
        ("another time", "header", _with_header(proof, time=Timestamp(1, 0))),
        ("another results hash", "header", _with_header(proof, last_results_hash=bytes(32))),
        ("another proposer", "header", _with_header(proof, proposer_address=bytes(20))),
        ("another chain, signed by the same validator", "header", _resign(proof, chain_id="cec-vectors-2")),
        ("more power", "header", _with_members(proof, lambda one: replace(one, voting_power=11))),
        ("a signature of nothing", "commit", _with_vote(proof, signature=bytes(64))),
        ("another time of the vote", "commit", _with_vote(proof, timestamp=Timestamp(1, 0))),
        ("another voter", "commit", _with_vote(proof, validator_address=bytes(20))),
        ("another round", "commit", replace(proof, block=replace(block, commit=replace(block.commit, round=1)))),
        ("no vote", "commit", replace(proof, block=replace(block, commit=replace(block.commit, signatures=())))),
        ("another genesis", "genesis", replace(proof, genesis=build_head(make_genesis(VALIDATORS[1:2])))),
        ("a genesis that is none", "genesis", replace(proof, genesis=b"\xa0")),
        ("a path that leads back", "genesis", replace(proof, path=(proof.block,))),
    ]


def _network_cases(proof: Proof, solo: Proof) -> list[tuple[str, str, Proof]]:
    block = proof.block
    half = (FLAG_COMMIT, FLAG_NIL, FLAG_COMMIT, FLAG_ABSENT)
    two = sign_header(block.header, block.validators, VALIDATORS, half)
    absent = _edit_last_vote(two, signature=bytes(64))
    nil = _edit_vote(block, 1, signature=bytes(64))
    return [
        ("two of four signed", "commit", replace(proof, block=two)),
        ("an absent vote that says something", "commit", replace(proof, block=absent)),
        ("an unsigned vote for nothing", "commit", replace(proof, block=nil)),
        ("a vote of an unknown kind", "commit", replace(proof, block=_edit_vote(block, 1, block_id_flag=4))),
        ("votes in another order", "commit", replace(proof, block=_reverse_votes(block))),
        ("a validator less", "header", replace(proof, block=_drop_member(block))),
        ("the genesis of one validator", "genesis", replace(proof, genesis=solo.genesis)),
        ("signed by one validator of another chain", "genesis", replace(proof, block=solo.block)),
    ]


def _path_cases(proof: Proof, network: Proof) -> list[tuple[str, str, Proof]]:
    first = proof.path[0]
    silent = sign_header(network.block.header, network.block.validators, VALIDATORS)
    far = replace(proof.block.header, height=proof.block.header.height + 1)
    return [
        ("no path to new validators", "genesis", replace(proof, path=())),
        ("validators that nobody announced", "genesis", replace(proof, path=(silent,))),
        ("a path signed by half", "genesis", replace(proof, path=(_drop_votes(first),))),
        (
            "a skip to strangers",
            "genesis",
            replace(proof, block=sign_header(far, proof.block.validators, VALIDATORS)),
        ),
    ]


async def _key_cases() -> list[tuple[str, bytes]]:
    """Proofs whose every byte is as the chain says, by keys that it does not stand behind."""
    async with run_chain() as chain:
        await _accredit(chain)
        await chain.register(OTHER_ORG_KEY.public, "south-forest")
        await chain.accredit(LOST_KEY.public, "service", "survey-1")
        await chain.revoke(LOST_KEY.public)
        revoked = await _anchor_one(chain, seal(BODIES["tree"], LOST_KEY))
        foreign = await _anchor_one(chain, seal(BODIES["tree"], OTHER_ORG_KEY))
    return [("a key revoked before the anchor", revoked), ("a key of another organisation", foreign)]


async def _anchor_one(chain: SmallChain, record: Record) -> bytes:
    root = build_sorted_tree([bytes(record.cid)]).root
    await chain.anchor(root, 1)
    return _build(chain, [record], [record])


def _with_leaf(proof: Proof, leaf: Leaf) -> Proof:
    return replace(proof, leaves=(leaf, *proof.leaves[1:]))


def _edit_envelope(leaf: Leaf, **fields: Any) -> Leaf:  # noqa: ANN401 - fields of any type
    return replace(leaf, envelope=encode({**decode_map(leaf.envelope), **fields}))


def _edit_body(leaf: Leaf, **fields: Any) -> Leaf:  # noqa: ANN401 - fields of any type
    body = decode_map(leaf.envelope)["body"]
    assert isinstance(body, dict)
    height = body["height_mm"]
    if "height_mm" in fields:
        fields["height_mm"] = {**height, "value": fields["height_mm"][0]}
    return _edit_envelope(leaf, body={**body, **fields})


def _raise_s(leaf: Leaf) -> Leaf:
    signature = decode_map(leaf.envelope)["sig"]
    assert isinstance(signature, bytes)
    high = P256_ORDER - int.from_bytes(signature[32:], "big")
    return _edit_envelope(leaf, sig=signature[:32] + high.to_bytes(32, "big"))


def _edit_path(leaf: Leaf, **fields: Any) -> Leaf:  # noqa: ANN401 - fields of any type
    return replace(leaf, path=replace(leaf.path, **fields))


def _flip(raw: bytes) -> bytes:
    return bytes((raw[0] ^ 1,)) + raw[1:]


def _flip_first(hashes: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return (_flip(hashes[0]), *hashes[1:])


def _with_counts(proof: Proof, count: int) -> Proof:
    """Say another count wherever the path keeps its shape; the anchor knows better."""
    leaves = tuple(replace(leaf, path=MerklePath(leaf.path.index, count, leaf.path.hashes)) for leaf in proof.leaves)
    return replace(proof, leaves=leaves)


def _with_anchor_value(proof: Proof, **fields: Any) -> Proof:  # noqa: ANN401 - fields of any type
    value = encode({**decode_map(proof.anchor.value), **fields})
    return replace(proof, anchor=replace(proof.anchor, value=value))


def _with_key_value(proof: Proof, **fields: Any) -> Proof:  # noqa: ANN401 - fields of any type
    value = encode({**decode_map(proof.keys[0].value), **fields})
    return replace(proof, keys=(replace(proof.keys[0], value=value), *proof.keys[1:]))


def _edit_modules(state: StateProof) -> StateProof:
    return replace(state, module_path=_flip_first(state.module_path))


def _move_sibling(state: StateProof) -> StateProof:
    """Deepen the leaf by an empty sibling."""
    mask = int.from_bytes(state.mask, "little").to_bytes(-(-(state.depth + 1) // 8), "little")
    return replace(state, depth=state.depth + 1, mask=mask)


def _with_header(proof: Proof, **fields: Any) -> Proof:  # noqa: ANN401 - fields of any type
    return replace(proof, block=replace(proof.block, header=replace(proof.block.header, **fields)))


def _resign(proof: Proof, **fields: Any) -> Proof:  # noqa: ANN401 - fields of any type
    header = replace(proof.block.header, **fields)
    return replace(proof, block=sign_header(header, proof.block.validators, VALIDATORS))


def _with_members(proof: Proof, change: Callable[[ValidatorInfo], ValidatorInfo]) -> Proof:
    members = tuple(change(one) for one in proof.block.validators.validators)
    return replace(proof, block=replace(proof.block, validators=ValidatorSet(members)))


def _edit_vote(block: SignedHeader, place: int, **fields: Any) -> SignedHeader:  # noqa: ANN401 - fields of any type
    votes = list(block.commit.signatures)
    votes[place] = replace(votes[place], **fields)
    return replace(block, commit=replace(block.commit, signatures=tuple(votes)))


def _edit_last_vote(block: SignedHeader, **fields: Any) -> SignedHeader:  # noqa: ANN401 - fields of any type
    return _edit_vote(block, len(block.commit.signatures) - 1, **fields)


def _with_vote(proof: Proof, **fields: Any) -> Proof:  # noqa: ANN401 - fields of any type
    return replace(proof, block=_edit_vote(proof.block, 0, **fields))


def _reverse_votes(block: SignedHeader) -> SignedHeader:
    return replace(block, commit=replace(block.commit, signatures=block.commit.signatures[::-1]))


def _drop_member(block: SignedHeader) -> SignedHeader:
    return replace(block, validators=ValidatorSet(block.validators.validators[:-1]))


def _drop_votes(block: SignedHeader) -> SignedHeader:
    flags = (FLAG_COMMIT, FLAG_COMMIT, FLAG_ABSENT, FLAG_ABSENT)
    return sign_header(block.header, block.validators, VALIDATORS, flags)


def make() -> tuple[dict[str, bytes], dict[str, Any]]:
    """Return the files and what `proof.json` says of them."""
    valid = make_valid()
    files = {name: encode_proof(one.proof) for name, one in valid.items() if name != "forged"}
    pins = {
        name: {"chain_id": one.pin.chain_id, "genesis_hash": one.pin.genesis_hash.hex()} for name, one in valid.items()
    }
    cases = [
        {"name": name, "base": base, "step": step, **compute_change(files[base], raw)}
        for name, base, step, raw in make_cases(valid)
    ]
    return files, {"valid": {name: {"file": f"{name}.cecproof", "pin": pins[name]} for name in files}, "refused": cases}


def compute_change(old: bytes, new: bytes) -> dict[str, Any]:
    """Return the one change that makes `new` of `old`."""
    shortest = min(len(old), len(new))
    head = next((at for at in range(shortest) if old[at] != new[at]), shortest)
    rest = shortest - head
    tail = next((at for at in range(rest) if old[-1 - at] != new[-1 - at]), rest)
    return {"at": head, "remove": len(old) - head - tail, "insert": new[head : len(new) - tail].hex()}


def apply_change(old: bytes, case: dict[str, Any]) -> bytes:
    """Return the bytes of a case."""
    at, insert = case["at"], bytes.fromhex(case["insert"])
    return old[:at] + insert + old[at + case["remove"] :]


def write() -> None:
    """Write all files."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "observation.cbor").write_bytes(load_observation().raw)
    files, cases = make()
    for name, raw in files.items():
        (FOLDER / f"{name}.cecproof").write_bytes(raw)
    CASES.write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    write()
