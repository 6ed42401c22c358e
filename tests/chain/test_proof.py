import asyncio
import json
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.core.store import StateStore
from chain.data.memory import MemoryStore
from chain.data.tree_store import build_module_tree
from chain.proof import MAX_PROOF, STEPS, Pin, compute_state_root, describe, encode_proof, parse_proof, verify_proof
from chain.proof_errors import ProofRefused
from domain.envelope import seal
from domain.errors import CecError
from domain.merkle import build_sorted_tree
from tests.chain.small_chain import run_chain
from tests.domain.samples import BODIES, KEY
from tests.vectors import make_proof

GOLDEN = json.loads(make_proof.CASES.read_text())
FILES = {name: (make_proof.FOLDER / one["file"]).read_bytes() for name, one in GOLDEN["valid"].items()}
PINS = {
    name: Pin(one["pin"]["chain_id"], bytes.fromhex(one["pin"]["genesis_hash"]))
    for name, one in GOLDEN["valid"].items()
}


def test_vectors_have_their_golden_bytes() -> None:
    files, cases = make_proof.make()
    assert files == FILES
    assert cases == GOLDEN


@pytest.mark.parametrize("name", FILES)
def test_valid_proofs_are_accepted_and_have_one_form(name: str) -> None:
    verdict = verify_proof(FILES[name], PINS[name])
    assert [record.kind for record in verdict.records] == ["tree", "observation"]
    assert [(signer.org, signer.role) for signer in verdict.signers] == [
        ("north-forest", "org"),
        ("north-forest", "device"),
    ]
    assert encode_proof(parse_proof(FILES[name])) == FILES[name]


@pytest.mark.parametrize("case", GOLDEN["refused"], ids=lambda case: case["name"])
def test_a_changed_proof_is_refused_at_its_step(case: dict[str, str]) -> None:
    raw = make_proof.apply_change(FILES[case["base"]], case)
    with pytest.raises(ProofRefused) as refused:
        verify_proof(raw, PINS[case["base"]])
    assert refused.value.step == case["step"]


def test_the_vectors_break_every_step() -> None:
    assert {case["step"] for case in GOLDEN["refused"]} == set(STEPS)


@pytest.mark.parametrize(
    "name", ["solo", *(pytest.param(name, marks=pytest.mark.slow) for name in FILES if name != "solo")]
)
def test_any_changed_byte_is_refused(name: str) -> None:
    raw = FILES[name]
    for at, byte in enumerate(raw):
        changed = raw[:at] + bytes((byte ^ (1 << at % 8),)) + raw[at + 1 :]
        with pytest.raises(ProofRefused):
            verify_proof(changed, PINS[name])


@pytest.mark.parametrize("cut", range(1, 4_000, 97))
def test_a_proof_cut_anywhere_is_refused(cut: int) -> None:
    with pytest.raises(ProofRefused, match="decode"):
        verify_proof(FILES["solo"][:-cut], PINS["solo"])


def test_a_file_beyond_the_limit_is_refused_unread() -> None:
    with pytest.raises(ProofRefused, match="at most"):
        parse_proof(bytes(MAX_PROOF + 1))


@given(st.binary(max_size=200))
def test_other_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(ProofRefused):
        verify_proof(raw, PINS["solo"])


@given(st.integers(0, len(FILES["path"]) - 1), st.binary(max_size=12), st.integers(0, 12))
def test_any_splice_is_refused_or_changes_nothing(at: int, insert: bytes, remove: int) -> None:
    raw = FILES["path"]
    changed = raw[:at] + insert + raw[at + remove :]
    if changed != raw:
        with pytest.raises(ProofRefused):
            verify_proof(changed, PINS["path"])


@pytest.mark.parametrize(
    "pin",
    [
        Pin("cec-vectors-1", bytes(32)),
        replace(PINS["solo"], genesis_hash=PINS["network"].genesis_hash),
    ],
)
def test_another_pinned_genesis_refuses(pin: Pin) -> None:
    with pytest.raises(ProofRefused) as refused:
        verify_proof(FILES["solo"], pin)
    assert refused.value.step == "genesis"


def test_another_pinned_chain_refuses() -> None:
    with pytest.raises(ProofRefused) as refused:
        verify_proof(FILES["solo"], replace(PINS["solo"], chain_id="cec-vectors-2"))
    assert refused.value.step == "header"


def test_the_words_say_who_signed_and_what_is_not_proven() -> None:
    solo, network = (describe(verify_proof(FILES[name], PINS[name])) for name in ("solo", "network"))
    assert "this server alone; no outside witness yet" in solo[2]
    assert "3 validators with 30 of 40 power" in network[2]
    assert solo[3].startswith("Not proven")


def test_a_refusal_says_step_reason_and_meaning() -> None:
    with pytest.raises(CecError, match=r"step 'genesis'.*perhaps a forged one"):
        verify_proof(FILES["solo"], replace(PINS["solo"], genesis_hash=bytes(32)))


@given(
    st.dictionaries(st.binary(min_size=1, max_size=8), st.binary(max_size=20), min_size=1, max_size=40),
    st.data(),
)
def test_state_proofs_lead_to_the_application_hash_and_no_other_value_does(
    items: dict[bytes, bytes], data: st.DataObject
) -> None:
    store = StateStore(MemoryStore(), ["anchor", "bank", "registry"])
    store.commit(store.prepare([("anchor", key, value) for key, value in items.items()]), 1)
    proof = store.prove("anchor", data.draw(st.sampled_from(sorted(items))))
    assert proof is not None
    assert compute_state_root(proof) == store.app_hash == build_module_tree(store.roots).root
    assert compute_state_root(replace(proof, value=proof.value + b"x")) != store.app_hash


def test_a_proof_of_one_among_100_000_costs_at_most_3_kb_beside_its_record() -> None:
    raw, record, pin = asyncio.run(_prove_one_of(100_000))
    assert verify_proof(raw, pin).count == 100_000
    assert len(raw) - len(record) <= 3_000


async def _prove_one_of(count: int) -> tuple[bytes, bytes, Pin]:
    record = seal(BODIES["tree"], KEY)
    leaves = sorted([bytes(record.cid), *(number.to_bytes(36, "big") for number in range(1, count))])
    tree = build_sorted_tree(leaves)
    async with run_chain() as chain:
        await chain.register(KEY.public)
        # A busy chain: the anchor stands under many siblings.
        for number in range(60):
            await chain.anchor(bytes([number] * 32), 1)
        await chain.anchor(tree.root, tree.count)
        path = tree.path(leaves.index(bytes(record.cid)))
        return chain.reader.build_proof([(record.raw, path)], tree.root), record.raw, chain.reader.pin


def test_a_verifier_imports_neither_store_nor_curve_nor_server() -> None:
    script = "import sys, chain.proof; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    foreign = set(done.stdout.split()) & {"rocksdict", "coincurve", "google", "h11", "asyncio", "httpx", "numpy"}
    assert not foreign
