"""Proofs in ICS 23's form: its own vectors, and its Go verifier as the judge."""

import json
import subprocess
from pathlib import Path

import pytest

from chain.data.memory import MemoryStore
from chain.data.tree_store import Absence, Membership, ModuleProof, TreeStore
from chain.wire.codec import decode_message, encode_message
from chain.wire.errors import InvalidWire
from chain.wire.ics23 import (
    CommitmentProof,
    Member,
    build_existence,
    encode_absence,
    encode_existence,
    encode_module,
)

ENGINES = Path(__file__).parents[3] / "scripts" / "engines"
MODULES = ("anchor", "bank", "registry", "staking", "zone")

# cosmos/ics23 testdata/smt/exist_middle.json, made before `SmtSpec` hashed keys: the key is H(key) already.
KEY = "e369afec196c525d9e7ce3a6a94c325d3fd29b3d863c9463c939e8c085ae8e1a"
PROOF = (
    "0a80040a20e369afec196c525d9e7ce3a6a94c325d3fd29b3d863c9463c939e8c085ae8e1a121e76616c75655f666f725f464a544d75787a57"
    "5873713470436c46506e6b481a07080118012a010022250801122101c607dff72d77496a8088f58c886a59e2c2e115c18688c1ea21007fa8a9"
    "c884da2225080112210152491dba094231188b893d16b0b08ad25246d5147a7a62149186518712618054222708011201011a20000000000000"
    "000000000000000000000000000000000000000000000000000022250801122101e3a85febd896e193b7ba37bc638c46d69530de820647fccb"
    "40da8583473c8feb222508011221014baf41d85dc399f406edbe4374e6b767663e4680fee217bfbca889618b7a83dc222708011201011a204e"
    "d121ef20f0e1d65a8a5e7d9ed86844de0bfd82621f3325f60eb872e9e738ea222708011201011a20a7cd5e87f54353e0b8d36901ba175daf7c"
    "00ff05c00183f522e94850a39ac4ce222708011201011a205a927fe700b5feacbf30a7cd160533e326c513eedc8e1d000cd8a71abd8480f522"
    "250801122101d9423c60941997d2078abd897d53f09cb4a844c684bc6a38140c04d6869809de22250801122101b1de51ac7abc0e0e5bc6955c"
    "4223228d16aba8cdb6e59bfd111d0901595bc32b22250801122101edbbd22b093f48404d082448bd335028477d700b449450b6800708095f78"
    "b9d6"
)


def test_the_vector_of_ics23_is_read_and_written_byte_for_byte() -> None:
    assert encode_message(decode_message(CommitmentProof, bytes.fromhex(PROOF))).hex() == PROOF


def test_siblings_stand_on_the_sides_of_the_vector() -> None:
    expected = decode_message(CommitmentProof, bytes.fromhex(PROOF)).exist
    assert expected is not None
    siblings = tuple(reversed([step.suffix or step.prefix[1:] for step in expected.path]))
    proof = build_existence((expected.key, expected.value, siblings), bytes.fromhex(KEY))
    assert proof.path == expected.path


def test_what_ics23_cannot_say_is_refused() -> None:
    for member in ((b"", b"v", ()), (b"k", b"", ()), (b"k", b"v", (b"short",)), (b"k", b"v", (bytes(32),) * 257)):
        with pytest.raises(InvalidWire):
            encode_existence(member)
    with pytest.raises(InvalidWire):
        encode_absence(b"k", None, None)
    with pytest.raises(InvalidWire):
        encode_absence(b"", (b"k", b"v", ()), None)


def to_member(proof: Membership) -> Member:
    return proof.key, proof.value, proof.siblings


def ask(root: bytes, proof: Membership | Absence) -> dict[str, str]:
    """Return the question whether a proof holds."""
    said = {"spec": "smt", "root": root.hex(), "key": proof.key.hex()}
    if isinstance(proof, Membership):
        return said | {"proof": encode_existence(to_member(proof)).hex(), "value": proof.value.hex()}
    left, right = (None if beside is None else to_member(beside) for beside in (proof.left, proof.right))
    return said | {"proof": encode_absence(proof.key, left, right).hex()}


def ask_module(app_hash: bytes, proof: ModuleProof) -> dict[str, str]:
    raw = encode_module(proof.module, proof.root, proof.path)
    key, value = proof.module.encode().hex(), proof.root.hex()
    return {"spec": "tendermint", "root": app_hash.hex(), "key": key, "value": value, "proof": raw.hex()}


def make_questions(count: int) -> list[dict[str, str]]:
    """Return questions about a tree of `count` keys: members, absent ones, and modules."""
    store = TreeStore(MemoryStore(), MODULES)
    store.commit(store.prepare([("bank", b"%d" % number, b"v%d" % number) for number in range(count)], 1))
    store.commit(store.prepare([("bank", b"0", b"changed")], 2))
    root = store.roots["bank"]
    questions = [ask(root, store.prove("bank", b"%d" % number)) for number in range(0, count, max(1, count // 60))]
    questions += [ask(root, store.prove("bank", b"absent %d" % number)) for number in range(60)]
    return questions + [ask_module(store.app_hash, store.prove_module(module)) for module in MODULES]


@pytest.mark.engine
def test_the_go_verifier_of_ics23_accepts_our_proofs_and_no_bent_one() -> None:
    prepared = subprocess.run(
        [ENGINES / "ics23-verify"], capture_output=True, text=True, timeout=600, check=True
    ).stdout.strip()
    good = [question for count in (1, 2, 3, 17, 3_000) for question in make_questions(count)]
    others = [question | {"root": "11" * 32} for question in good]
    others += [question | {"value": question["value"] + "00"} for question in good if "value" in question]
    # A member is not absent, and what is absent is no member.
    others += [question | {"value": "76"} for question in good if "value" not in question]
    others += [
        {name: text for name, text in question.items() if name != "value"} for question in good if "value" in question
    ]
    bent = [question | {"proof": question["proof"][:-2] + "ff"} for question in good]
    bent = [question for question, whole in zip(bent, good, strict=True) if question != whole]
    lines = "".join(json.dumps(question) + "\n" for question in good + others + bent)
    done = subprocess.run([prepared], input=lines, capture_output=True, text=True, timeout=120, check=True)
    verdicts = done.stdout.split()
    unknown = json.dumps(good[0] | {"spec": "iavl"})
    refused = subprocess.run([prepared], input=unknown, capture_output=True, text=True, timeout=120, check=False)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "iavl" in refused.stderr
    assert verdicts[: len(good)] == ["true"] * len(good)
    assert verdicts[len(good) :] == ["false"] * (len(others) + len(bent))
