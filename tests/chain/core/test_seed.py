import hashlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.core.draw_errors import InvalidReveal, WrongVrfProof
from chain.core.seed import Seed, compute_first_seed, compute_input, compute_next_seed, prove_reveal
from chain.core.vrf import MAX_INPUT_BYTES, compute_public_key, proof_to_hash, prove

ALICE, BOB = b"\x01" * 32, b"\x02" * 32


def extend(seed: Seed, height: int, secret: bytes) -> Seed:
    proof = prove_reveal(seed, height, secret)
    return compute_next_seed(seed, height, public_key=compute_public_key(secret), proof=proof)


def test_a_block_gives_every_node_the_same_seed_and_each_proposer_another() -> None:
    first = compute_first_seed("forest-1")
    after = extend(first, 1, ALICE)
    assert after == extend(first, 1, ALICE)
    assert (after.height, len(after.value)) == (1, 32)
    assert len({first.value, after.value, extend(first, 1, BOB).value, extend(first, 2, ALICE).value}) == 4


def test_the_bytes_that_are_proved_and_hashed_are_these() -> None:
    start = hashlib.sha256(b"cec/seed/0forest-1").digest()
    height = bytes([0, 0, 0, 0, 0, 0, 1, 2])
    output = proof_to_hash(prove(ALICE, b"cec/seed/in/1" + start + height))
    expected = hashlib.sha256(b"cec/seed/out/1" + start + height + output).digest()
    assert extend(compute_first_seed("forest-1"), 258, ALICE) == Seed(258, expected)


def test_chains_begin_with_seeds_of_their_own() -> None:
    assert compute_first_seed("forest-1") != compute_first_seed("forest-2")


def test_the_order_of_proposers_matters() -> None:
    first = compute_first_seed("forest-1")
    assert extend(extend(first, 1, ALICE), 2, BOB).value != extend(extend(first, 1, BOB), 2, ALICE).value


def test_blocks_without_an_output_are_skipped() -> None:
    assert extend(compute_first_seed("forest-1"), 9, ALICE).height == 9


@pytest.mark.parametrize("height", [-1, 0, 4, 5, 1 << 63])
def test_an_output_for_a_height_that_the_seed_has_passed_is_refused(height: int) -> None:
    with pytest.raises(InvalidReveal) as caught:
        prove_reveal(Seed(5, bytes(32)), height, ALICE)
    assert (caught.value.height, caught.value.last) == (height, 5)


@pytest.mark.parametrize("seed", [Seed(3, b"\x01" * 32), Seed(2, bytes(32))])
def test_a_proof_for_another_seed_or_height_is_refused(seed: Seed) -> None:
    proof = prove_reveal(Seed(3, bytes(32)), 4, ALICE)
    with pytest.raises(WrongVrfProof):
        compute_next_seed(seed, seed.height + 1, public_key=compute_public_key(ALICE), proof=proof)


def test_a_proof_by_who_did_not_propose_is_refused() -> None:
    seed = compute_first_seed("forest-1")
    with pytest.raises(WrongVrfProof):
        compute_next_seed(seed, 1, public_key=compute_public_key(BOB), proof=prove_reveal(seed, 1, ALICE))


@settings(max_examples=30)
@given(st.integers(0, 1 << 62), st.binary(min_size=32, max_size=32))
def test_inputs_differ_by_seed_and_height_and_are_short(height: int, value: bytes) -> None:
    seed = Seed(height, value)
    assert len(compute_input(seed, height + 1)) <= MAX_INPUT_BYTES
    other = replace(seed, value=bytes([value[0] ^ 1]) + value[1:])
    inputs = {compute_input(seed, height + 1), compute_input(seed, height + 2), compute_input(other, height + 1)}
    assert len(inputs) == 3
