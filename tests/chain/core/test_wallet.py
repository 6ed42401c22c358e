import pytest

from chain.core.wallet import Signing, Wallet
from tests.chain.core.bench import ALICE, BOB, CHAIN_ID, Bench, send

# BIP 173's example key is the generator point, whose secret is 1; the hash160 is in its P2WPKH address.
GENERATOR_HASH = bytes.fromhex("751e76e8199196d454941c45d1b3a323f1433bd6")


def sign(bench: Bench, memo: str = "", sequence: int = 0) -> bytes:
    number = bench.draft(ALICE, send(ALICE, BOB, 5)).number
    return ALICE.sign((send(ALICE, BOB, 5),), Signing(CHAIN_ID, number, sequence, 20_000), memo=memo)


@pytest.mark.parametrize("memo", ["", "m" * 256, "ö" * 200])
def test_what_a_wallet_signs_is_taken(memo: str) -> None:
    bench = Bench()
    result = bench.deliver(sign(bench, memo))
    assert result.code == 0, result.log
    assert bench.balance(BOB) == 1_000_005


def test_a_wallet_offers_little_more_than_the_floor() -> None:
    bench = Bench()
    result = bench.deliver(sign(bench))
    assert result.gas_used <= result.gas_wanted < 1.1 * result.gas_used


def test_the_same_transaction_is_signed_to_the_same_bytes() -> None:
    # RFC 6979: no randomness, so a client that lost the answer sends the same transaction, not another.
    assert sign(Bench()) == sign(Bench())
    assert sign(Bench()) != sign(Bench(), sequence=1)


def test_a_wallets_address_is_its_keys() -> None:
    wallet = Wallet((1).to_bytes(32, "big"))
    assert wallet.public.hex() == "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
    assert wallet.address.startswith("cec1")


@pytest.mark.parametrize("secret", [bytes(32), b"\xff" * 32, b""])
def test_a_secret_outside_the_curves_order_is_no_wallet(secret: bytes) -> None:
    with pytest.raises(ValueError, match=r"[Ss]ecret"):
        Wallet(secret)
