import pytest

from chain.core import errors
from chain.core.bank import MAX_AMOUNT, compute_module_address, get_balance, get_supply
from chain.core.bech32 import encode_bech32
from chain.core.fees import POOL
from chain.wire.cosmos import Coin, MsgSend
from tests.chain.core.bench import ALICE, BOB, CAROL, DAVE, FEE, START, STRANGER, Bench, send

REFUSED: dict[str, tuple[MsgSend, type[errors.TxRefused]]] = {
    "more than is held": (send(ALICE, BOB, START), errors.FundsTooLow),
    "nothing": (send(ALICE, BOB, 0), errors.InvalidAmount),
    "less than nothing": (send(ALICE, BOB, "-5"), errors.InvalidAmount),
    "a fraction": (send(ALICE, BOB, "0.5"), errors.InvalidAmount),
    "an exponent": (send(ALICE, BOB, "1e3"), errors.InvalidAmount),
    "a leading zero": (send(ALICE, BOB, "05"), errors.InvalidAmount),
    "a space": (send(ALICE, BOB, " 5"), errors.InvalidAmount),
    "an underscore": (send(ALICE, BOB, "1_0"), errors.InvalidAmount),
    "digits of another script": (send(ALICE, BOB, "\N{ARABIC-INDIC DIGIT FIVE}"), errors.InvalidAmount),
    "a superscript": (send(ALICE, BOB, "\N{SUPERSCRIPT TWO}"), errors.InvalidAmount),
    "beyond 63 bits": (send(ALICE, BOB, MAX_AMOUNT + 1), errors.InvalidAmount),
    "more digits than are read": (send(ALICE, BOB, "9" * 60_000), errors.InvalidAmount),
    "another coin": (send(ALICE, BOB, 5, "uatom"), errors.InvalidAmount),
    "no coin": (MsgSend(ALICE.address, BOB.address, ()), errors.InvalidAmount),
    "two coins": (MsgSend(ALICE.address, BOB.address, (Coin("ucec", "5"),) * 2), errors.InvalidAmount),
    "no address": (send(ALICE, "", 5), errors.InvalidAddress),
    "an address of another chain": (send(ALICE, encode_bech32("cosmos", bytes(20)), 5), errors.InvalidAddress),
    "a mistyped address": (send(ALICE, BOB.address[:-1] + "q", 5), errors.InvalidAddress),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_transfer_that_breaks_a_rule_moves_nothing_but_the_fee(name: str) -> None:
    message, refusal = REFUSED[name]
    bench = Bench()
    draft = bench.draft(ALICE, message)
    if name == "more digits than are read":
        draft = draft.with_fee(gas_limit=700_000, amount=(Coin("ucec", "7000"),))
    result = bench.deliver(draft.sign())
    assert (result.codespace, result.code) == (refusal.CODESPACE, refusal.CODE), result.log
    assert len(result.log) < 300
    fee = int(draft.auth.fee.amount[0].amount) if draft.auth.fee else 0
    assert (bench.balance(ALICE), bench.balance(BOB)) == (START - fee, START)
    assert get_balance(bench.machine.store, POOL) == fee


def test_a_transfer_moves_coins_and_its_fee_goes_to_the_witnesses_pool() -> None:
    bench = Bench()
    result = bench.execute(ALICE, send(ALICE, BOB, 300))
    assert result.code == 0
    assert (bench.balance(ALICE), bench.balance(BOB)) == (START - 300 - FEE, START + 300)
    assert get_balance(bench.machine.store, POOL) == FEE
    assert get_supply(bench.machine.store) == 4 * START
    assert [event.kind for event in result.events] == ["transfer"]
    assert result.events[0].attributes == (
        ("sender", ALICE.address),
        ("recipient", BOB.address),
        ("amount", "300ucec"),
    )


def test_a_transfer_to_oneself_changes_nothing_but_the_fee() -> None:
    bench = Bench()
    assert bench.execute(ALICE, send(ALICE, ALICE, START - FEE)).code == 0
    assert bench.balance(ALICE) == START - FEE


def test_the_last_coin_can_be_sent_and_the_account_stays() -> None:
    bench = Bench()
    assert bench.execute(ALICE, send(ALICE, BOB, START - FEE)).code == 0
    assert (bench.balance(ALICE), bench.sequence(ALICE)) == (0, 1)
    assert bench.execute(ALICE, send(ALICE, BOB, 1)).code == errors.FundsTooLow.CODE
    assert bench.sequence(ALICE) == 1
    assert bench.machine.find_broken_invariants() == ()


def test_a_stranger_gets_an_account_with_the_first_coins() -> None:
    bench = Bench()
    bench.execute(ALICE, send(ALICE, STRANGER, 5_000))
    assert (bench.balance(STRANGER), bench.sequence(STRANGER)) == (5_000, 0)
    assert bench.execute(STRANGER, send(STRANGER, BOB, 3_000)).code == 0
    assert (bench.balance(STRANGER), bench.sequence(STRANGER)) == (0, 1)


def test_module_accounts_differ_from_each_other_and_from_keys() -> None:
    addresses = {compute_module_address(name) for name in ("witnesses", "equity", "development")}
    assert len(addresses) == 3
    assert all(len(address) == 20 for address in addresses)


def test_four_accounts_keep_the_numbers_of_their_order() -> None:
    bench = Bench()
    numbers = [bench.draft(wallet, send(wallet, BOB, 1)).number for wallet in (ALICE, BOB, CAROL, DAVE)]
    assert sorted(numbers) == [0, 1, 2, 3]
