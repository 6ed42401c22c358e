"""The machine: what fails is rolled back, what waits is counted, and the same blocks give the same hashes."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chain.applications.anchor.module import get_anchor
from chain.core import errors
from chain.core.bank import get_balance, get_supply
from chain.core.fees import POOL
from chain.core.machine import StateMachine
from chain.data.memory import MemoryStore
from chain.network.application import BlockInput, Genesis
from chain.network.genesis import canonical_json
from chain.node import MODULES
from chain.wire.cosmos import Coin, MsgAnchor
from domain.cid import DAG_CBOR, Cid
from domain.codec import encode
from tests.chain.core.bench import (
    ALICE,
    BOB,
    CAROL,
    CHAIN_ID,
    FEE,
    START,
    START_NS,
    STRANGER,
    Bench,
    Draft,
    make_draft,
    make_genesis,
    send,
)

MANIFEST = str(Cid.of(DAG_CBOR, b"manifest"))


def anchor(number: int) -> MsgAnchor:
    return MsgAnchor(ALICE.address, bytes([number] * 32), 1, MANIFEST)


def test_messages_of_a_transaction_take_effect_together_or_not_at_all() -> None:
    bench = Bench()
    result = bench.execute(ALICE, anchor(1), send(ALICE, BOB, 5), send(ALICE, BOB, START))
    assert result.code == errors.FundsTooLow.CODE
    assert result.events == ()
    assert get_anchor(bench.machine.store, bytes([1] * 32)) is None
    assert (bench.balance(ALICE), bench.balance(BOB)) == (START - FEE, START)
    assert bench.sequence(ALICE) == 1


def test_a_message_sees_what_the_one_before_it_did() -> None:
    bench = Bench()
    result = bench.execute(ALICE, anchor(1), anchor(1))
    assert (result.codespace, result.code) == ("anchor", 1)


def test_a_transaction_sees_what_the_one_before_it_in_the_block_did() -> None:
    bench = Bench()
    first = bench.draft(ALICE, send(ALICE, STRANGER, 5_000))
    second = make_draft(STRANGER, (send(STRANGER, BOB, 3_000),), number=5, sequence=0)
    # Accounts 0 to 3 are of the genesis; the pool took 4 with the first fee.
    assert [one.code for one in bench.run(first.sign(), second.sign()).tx_results] == [0, 0]
    assert bench.balance(BOB) == START + 3_000


def test_a_block_that_is_not_committed_leaves_no_trace() -> None:
    bench = Bench()
    before = bench.machine.info()
    block = bench.propose(bench.draft(ALICE, anchor(1)).sign())
    first = bench.machine.finalize_block(block)
    assert bench.machine.info() == before
    assert bench.balance(ALICE) == START
    assert bench.machine.finalize_block(block) == first
    bench.machine.commit()
    assert bench.machine.info() == (before[0] + 1, first.app_hash)


def test_transactions_of_one_account_wait_in_the_order_of_their_sequence() -> None:
    bench = Bench()
    draft = bench.draft(ALICE, send(ALICE, BOB, 5))
    later = draft.with_signer(sequence=1)
    assert bench.machine.check_tx(later.sign()).code == errors.WrongSequence.CODE
    assert bench.machine.check_tx(draft.sign()).code == 0
    assert bench.machine.check_tx(draft.sign()).code == errors.WrongSequence.CODE
    assert bench.machine.check_tx(later.sign()).code == 0
    assert [one.code for one in bench.run(draft.sign(), later.sign()).tx_results] == [0, 0]


def test_what_waits_and_was_not_taken_by_the_block_is_checked_anew() -> None:
    bench = Bench()
    draft = bench.draft(ALICE, send(ALICE, BOB, 5))
    assert bench.machine.check_tx(draft.sign()).code == 0
    bench.run()
    assert bench.machine.check_tx(draft.sign()).code == 0
    bench.run(draft.sign())
    assert bench.machine.check_tx(draft.sign()).code == errors.WrongSequence.CODE


def test_coins_that_wait_to_be_spent_cannot_be_spent_twice() -> None:
    bench = Bench()
    draft = bench.draft(ALICE, send(ALICE, BOB, START - 2 * FEE))
    assert bench.machine.check_tx(draft.sign()).code == 0
    spent = bench.draft(ALICE, send(ALICE, CAROL, 1)).with_signer(sequence=1)
    assert bench.machine.check_tx(spent.sign()).code == errors.FundsTooLow.CODE


def test_what_must_fail_is_refused_before_it_costs_a_fee() -> None:
    bench = Bench()
    assert bench.machine.check_tx(bench.draft(ALICE, anchor(1)).sign()).code == 0
    bench.run(bench.draft(ALICE, anchor(1)).with_signer(sequence=0).sign())
    assert bench.machine.check_tx(bench.draft(ALICE, anchor(1)).sign()).code == 1
    assert bench.balance(ALICE) == START - FEE


def test_what_was_refused_does_not_count_among_what_waits() -> None:
    bench = Bench()
    assert bench.machine.check_tx(bench.draft(ALICE, send(ALICE, BOB, START)).sign()).code == errors.FundsTooLow.CODE
    assert bench.machine.check_tx(bench.draft(ALICE, send(ALICE, BOB, START - FEE)).sign()).code == 0


def test_a_fee_may_take_the_last_coin() -> None:
    bench = Bench()
    assert bench.deliver(bench.draft(ALICE, anchor(1)).with_fee(amount=(Coin("ucec", str(START)),)).sign()).code == 0
    assert bench.balance(ALICE) == 0


def test_checking_changes_no_state() -> None:
    bench = Bench()
    before = bench.machine.info()
    bench.machine.check_tx(bench.draft(ALICE, anchor(1)).sign())
    assert bench.machine.info() == before
    assert bench.balance(ALICE) == START
    assert bench.run().app_hash == before[1]


def test_a_transaction_is_taken_once_only() -> None:
    bench = Bench()
    raw = bench.draft(ALICE, send(ALICE, BOB, 5)).sign()
    results = bench.run(raw, raw).tx_results
    assert [one.code for one in results] == [0, errors.WrongSequence.CODE]
    assert bench.balance(BOB) == START + 5


def test_a_higher_fee_than_needed_is_taken_whole() -> None:
    bench = Bench()
    draft = bench.draft(ALICE, send(ALICE, BOB, 5)).with_fee(amount=(Coin("ucec", "12345"),))
    assert bench.deliver(draft.sign()).code == 0
    assert get_balance(bench.machine.store, POOL) == 12_345


def test_gas_counts_bytes_signature_and_messages() -> None:
    bench = Bench()
    draft = bench.draft(ALICE, send(ALICE, BOB, 5), anchor(1))
    result = bench.deliver(draft.sign())
    # Ten a byte and 1,000 a signature, as cosmos-sdk's defaults; 20,000 a transfer, 30,000 an anchor (READMEs).
    assert result.gas_used == 10 * len(draft.sign()) + 1_000 + 20_000 + 30_000


def play(bench: Bench) -> list[tuple[int, bytes]]:
    """Run a few blocks of all kinds; return heights and hashes."""
    hashes = []
    for number in range(1, 6):
        bench.run(
            bench.draft(ALICE, anchor(number), send(ALICE, BOB, number)).sign(),
            bench.draft(BOB, send(BOB, CAROL, 10 * number)).sign(),
            bench.draft(CAROL, send(CAROL, BOB, 10 * START)).sign(),
            b"not a transaction",
        )
        hashes.append(bench.machine.info())
    return hashes


def test_replay_from_genesis_gives_the_same_hashes() -> None:
    first, second = Bench(), Bench()
    hashes = play(first)
    again = StateMachine(MemoryStore(), CHAIN_ID, MODULES)
    again.init_chain(make_genesis())
    for block in first.blocks:
        again.finalize_block(block)
        again.commit()
    assert again.info() == hashes[-1]
    assert play(second) == hashes
    assert len({app_hash for _, app_hash in hashes}) == len(hashes)


def test_a_machine_opened_again_stands_where_it_stood() -> None:
    kv = MemoryStore()
    bench = Bench(kv)
    hashes = play(bench)
    assert Bench(kv).machine.info() == hashes[-1]


@pytest.mark.parametrize("dies_at", range(1, 6))
def test_death_between_finalising_and_committing_loses_and_doubles_nothing(dies_at: int) -> None:
    whole = Bench()
    play(whole)
    kv = MemoryStore()
    machine = StateMachine(kv, CHAIN_ID, MODULES)
    machine.init_chain(make_genesis())
    for block in whole.blocks:
        machine.finalize_block(block)
        if block.height == dies_at:
            machine = StateMachine(kv, CHAIN_ID, MODULES)
            assert machine.info()[0] == dies_at - 1
            if dies_at == 1:
                machine.init_chain(make_genesis())
            machine.finalize_block(block)
        machine.commit()
    assert machine.info() == whole.machine.info()
    assert machine.find_broken_invariants() == ()


def test_the_genesis_state_has_the_hash_that_its_first_block_has() -> None:
    machine = StateMachine(MemoryStore(), CHAIN_ID, MODULES)
    app_hash = machine.init_chain(make_genesis())
    assert machine.info()[0] == 0
    result = machine.finalize_block(BlockInput(1, START_NS, bytes(20), ()))
    assert result.app_hash == app_hash


def test_a_transaction_in_the_very_first_block_finds_the_genesis() -> None:
    machine = StateMachine(MemoryStore(), CHAIN_ID, MODULES)
    machine.init_chain(make_genesis())
    number = Bench().draft(ALICE, anchor(1)).number
    raw = make_draft(ALICE, (anchor(1),), number=number, sequence=0).sign()
    assert machine.check_tx(raw).code == 0
    result = machine.finalize_block(BlockInput(1, START_NS, bytes(20), (raw,)))
    machine.commit()
    assert result.tx_results[0].code == 0
    assert get_supply(machine.store) == 4 * START
    assert machine.find_broken_invariants() == ()


BROKEN: dict[str, tuple[str, bytes, bytes | None]] = {
    "a number given twice": ("auth", b"n", (3).to_bytes(8, "big")),
    "a number never given": ("auth", b"n", (9).to_bytes(8, "big")),
    "coins out of nowhere": ("bank", b"b/" + bytes(20), (7).to_bytes(8, "big")),
    "a balance of zero": ("bank", b"b/" + bytes(20), bytes(8)),
    "a supply that nobody holds": ("bank", b"s/ucec", (5 * START).to_bytes(8, "big")),
    "an anchor of no record": (
        "anchor",
        b"a/" + bytes(32),
        encode({"by": ALICE.address, "count": 0, "height": 1, "manifest": MANIFEST, "time_ms": 1}),
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_state_that_no_transaction_could_reach_is_noticed(name: str) -> None:
    bench = Bench()
    store = bench.machine.store
    assert bench.machine.find_broken_invariants() == ()
    store.commit(store.prepare([BROKEN[name]]), store.height + 1)
    assert len(bench.machine.find_broken_invariants()) == 1


def change_state(**parts: Any) -> bytes:  # noqa: ANN401
    return canonical_json(json.loads(make_genesis().app_state) | parts)


GENESIS_REFUSED: dict[str, tuple[bytes, type[errors.TxRefused]]] = {
    "no JSON": (b"{", errors.InvalidGenesis),
    "not UTF-8": (b'{"a": "\xff"}', errors.InvalidGenesis),
    "no object": (b"[]", errors.InvalidGenesis),
    "an unknown module": (change_state(market={}), errors.InvalidGenesis),
    "a module that is no object": (change_state(bank=[]), errors.InvalidGenesis),
    "balances that are no object": (change_state(bank={"balances": []}), errors.InvalidGenesis),
    "a balance that is a number": (change_state(bank={"balances": {ALICE.address: 5}}), errors.InvalidGenesis),
    "a negative balance": (change_state(bank={"balances": {ALICE.address: "-5"}}), errors.InvalidGenesis),
    "a balance in superscript": (change_state(bank={"balances": {ALICE.address: "²"}}), errors.InvalidGenesis),
    "a balance too long to read": (
        change_state(bank={"balances": {ALICE.address: "9" * 5_000}}),
        errors.InvalidGenesis,
    ),
    "a supply beyond 63 bits": (
        change_state(bank={"balances": {ALICE.address: str((1 << 63) - 1), BOB.address: "1"}}),
        errors.InvalidGenesis,
    ),
    "a balance of no address": (change_state(bank={"balances": {"alice": "5"}}), errors.InvalidAddress),
    "an authority that is no address": (change_state(registry={"authority": "alice"}), errors.InvalidAddress),
    "an authority that is no text": (change_state(registry={"authority": 5}), errors.InvalidGenesis),
}


@pytest.mark.parametrize("name", GENESIS_REFUSED)
def test_a_genesis_state_that_cannot_be_read_is_refused(name: str) -> None:
    app_state, refusal = GENESIS_REFUSED[name]
    genesis: Genesis = replace(make_genesis(), app_state=app_state)
    with pytest.raises(refusal):
        StateMachine(MemoryStore(), CHAIN_ID, MODULES).init_chain(genesis)


MESSAGES: dict[str, Callable[[Bench], Draft]] = {
    "a transfer": lambda bench: bench.draft(ALICE, send(ALICE, BOB, 5)),
    "an anchor": lambda bench: bench.draft(ALICE, anchor(1)),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_an_event_tells_what_happened_and_enters_no_hash(name: str) -> None:
    bench, other = Bench(), Bench()
    result = bench.run(MESSAGES[name](bench).sign())
    assert result.tx_results[0].events
    assert other.run(MESSAGES[name](other).sign()).app_hash == result.app_hash
