"""Transactions: cosmjs's vectors, and a valid one with one thing changed at a time."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from coincurve import PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from chain.core import errors
from chain.core.transactions import MAX_GAS, MAX_MEMO, MAX_MESSAGES, MAX_TX_BYTES, Tx, compute_address, is_signed
from chain.network.application import TxResult
from chain.wire.codec import decode_message, encode_message
from chain.wire.cosmos import (
    Any,
    AuthInfo,
    Coin,
    ModeInfo,
    ModeInfoSingle,
    MsgSend,
    Secp256k1Key,
    SignDoc,
    TxBody,
    TxRaw,
)
from tests.chain.core.bench import ALICE, BOB, FEE, GAS, SECRETS, START, STRANGER, Bench, Draft, make_draft, send

# cosmjs packages/proto-signing/src/testutils.spec.ts (made with cosmos-sdk's simd): a MsgSend of the faucet, chain
# "simd-testing", account number 1. Sequence, authInfoBytes, the signature's r and s.
BODY = bytes.fromhex(
    "0a90010a1c2f636f736d6f732e62616e6b2e763162657461312e4d736753656e6412700a2d636f736d6f7331706b707472653766646b6c"
    "366766727a6c65736a6a766878686c63337234676d6d6b38727336122d636f736d6f7331717970717870713971637273737a6732707678"
    "71367273307a716733797963356c7a763778751a100a0575636f736d120731323334353637"
)
FAUCET_KEY = bytes.fromhex("034f04181eeba35391b858633a765c4a0c189697b40d216354d50890d350c70290")
PACKED_KEY = (
    "0a460a1f2f636f736d6f732e63727970746f2e736563703235366b312e5075624b657912230a21034f04181eeba35391b858633a765c4a0c"
    "189697b40d216354d50890d350c70290"
)
OFFERED = "12130a0d0a0575636f736d12043230303010c09a0c"
VECTORS = (
    (
        0,
        f"0a4e{PACKED_KEY}12040a020801{OFFERED}",
        "c9dd20e07464d3a688ff4b710b1fbc027e495e797cfa0b4804da2ed117959227",
        "772de059808f765aa29b8f92edf30f4c2c5a438e30d3fe6897daa7141e3ce6f9",
    ),
    (
        1,
        f"0a50{PACKED_KEY}12040a0208011801{OFFERED}",
        "525adc7e61565a509c60497b798c549fbf217bb5cd31b24cc9b419d098cc9533",
        "0c99ecc4bc72448f85c365a4e3f91299a3d40412fb3751bab82f1940a83a0a4c",
    ),
    (
        2,
        f"0a50{PACKED_KEY}12040a0208011802{OFFERED}",
        "f3f2ca73806f2abbf6e0fe85f9b8af66f0e9f7f79051fdb8abe5bb8633b17da1",
        "32e82d577b9d5f7a6dae57a144efc9ccc6eef15167b44b3b22a57240109762af",
    ),
)
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Order of secp256k1 (SEC 2, section 2.4.1)."""


@pytest.mark.parametrize(("sequence", "auth", "r", "s"), VECTORS)
def test_cosmjss_transactions_decode_and_their_signatures_hold(sequence: int, auth: str, r: str, s: str) -> None:
    raw = b"\x0a\x93\x01" + BODY + b"\x12" + bytes([len(auth) // 2]) + bytes.fromhex(auth) + b"\x1a\x40"
    tx = decode_message(TxRaw, raw + bytes.fromhex(r + s))
    (packed,) = decode_message(TxBody, tx.body_bytes).messages
    message = decode_message(MsgSend, packed.value)
    (signer,) = decode_message(AuthInfo, tx.auth_info_bytes).signer_infos
    assert packed.type_url == MsgSend.URL
    assert message.from_address == "cosmos1pkptre7fdkl6gfrzlesjjvhxhlc3r4gmmk8rs6"
    assert message.amount == (Coin("ucosm", "1234567"),)
    assert signer.sequence == sequence
    read = Tx(tx, compute_address(FAUCET_KEY), FAUCET_KEY, sequence, 2_000, 200_000, (), 0, len(raw))
    assert is_signed(read, "simd-testing", 1)
    assert not is_signed(read, "simd-testing", 2)
    assert not is_signed(read, "simd-testing-2", 1)


def test_the_document_signed_is_cosmjss() -> None:
    _, auth, _, _ = VECTORS[1]
    # The same file's signBytes of sequence 1: body, auth info (103 bytes), chain id, account number.
    tail = b"\x12\x67" + bytes.fromhex(auth) + b"\x1a\x0csimd-testing\x20\x01"
    assert encode_message(SignDoc(BODY, bytes.fromhex(auth), "simd-testing", 1)) == b"\x0a\x93\x01" + BODY + tail


def check(draft: Draft) -> TxResult:
    return Bench().machine.check_tx(draft.sign())


def valid() -> Draft:
    return Bench().draft(ALICE, send(ALICE, BOB, 5))


def test_the_draft_that_tests_change_is_valid() -> None:
    assert check(valid()) == TxResult(gas_wanted=GAS, gas_used=check(valid()).gas_used, events=check(valid()).events)


CHANGES: dict[str, tuple[Callable[[Draft], Draft], type[errors.TxRefused]]] = {
    "no message": (lambda draft: draft.with_body(messages=()), errors.MalformedTx),
    "too many messages": (
        lambda draft: draft.with_body(messages=draft.body.messages * (MAX_MESSAGES + 1)),
        errors.MalformedTx,
    ),
    "a long memo": (lambda draft: draft.with_body(memo="m" * (MAX_MEMO + 1)), errors.MalformedTx),
    "a message with stray bytes": (
        lambda draft: draft.with_body(messages=(replace(draft.body.messages[0], value=b"\xff"),)),
        errors.MalformedTx,
    ),
    "a message of another type": (
        lambda draft: draft.with_body(messages=(Any("/cosmos.gov.v1.MsgVote", b""),)),
        errors.UnknownMessage,
    ),
    "a message of another account": (
        lambda draft: draft.with_body(messages=(Any(MsgSend.URL, encode_message(send(BOB, ALICE, 5))),)),
        errors.WrongSigner,
    ),
    "no signer": (lambda draft: replace(draft, auth=replace(draft.auth, signer_infos=())), errors.MalformedTx),
    "two signers": (
        lambda draft: replace(draft, auth=replace(draft.auth, signer_infos=draft.auth.signer_infos * 2)),
        errors.MalformedTx,
    ),
    "another way to sign": (
        lambda draft: draft.with_signer(mode_info=ModeInfo(ModeInfoSingle(127))),
        errors.MalformedTx,
    ),
    "no way to sign": (lambda draft: draft.with_signer(mode_info=None), errors.MalformedTx),
    "no key": (lambda draft: draft.with_signer(public_key=None), errors.MalformedTx),
    "a key of another curve": (
        lambda draft: draft.with_signer(public_key=Any("/cosmos.crypto.ed25519.PubKey", b"\x0a\x20" + bytes(32))),
        errors.MalformedTx,
    ),
    "an uncompressed key": (
        lambda draft: draft.with_signer(
            public_key=Any(
                Secp256k1Key.URL,
                encode_message(Secp256k1Key(PrivateKey(SECRETS[0]).public_key.format(compressed=False))),
            )
        ),
        errors.MalformedTx,
    ),
    "no fee": (lambda draft: replace(draft, auth=replace(draft.auth, fee=None)), errors.MalformedTx),
    "a fee of another payer": (lambda draft: draft.with_fee(payer=BOB.address), errors.MalformedTx),
    "a fee of a granter": (lambda draft: draft.with_fee(granter=BOB.address), errors.MalformedTx),
    "a gas limit beyond int64": (lambda draft: draft.with_fee(gas_limit=MAX_GAS + 1), errors.MalformedTx),
    "an empty fee": (lambda draft: draft.with_fee(amount=()), errors.InvalidAmount),
    "a fee of nothing": (lambda draft: draft.with_fee(amount=(Coin("ucec", "0"),)), errors.InvalidAmount),
    "a fee of another coin": (lambda draft: draft.with_fee(amount=(Coin("uatom", "2000"),)), errors.InvalidAmount),
    "a fee of two coins": (lambda draft: draft.with_fee(amount=(Coin("ucec", "2000"),) * 2), errors.InvalidAmount),
    "a fee below the floor": (lambda draft: draft.with_fee(amount=(Coin("ucec", str(FEE - 1)),)), errors.FeeTooLow),
    "a fee beyond the balance": (
        lambda draft: draft.with_fee(amount=(Coin("ucec", str(START + 1)),)),
        errors.FundsTooLow,
    ),
    "too little gas": (lambda draft: draft.with_fee(gas_limit=20_000), errors.OutOfGas),
    "a sequence from before": (lambda draft: draft.with_signer(sequence=1), errors.WrongSequence),
    "another chain": (lambda draft: replace(draft, chain_id="cec-bench-2"), errors.WrongSignature),
    "another account's number": (lambda draft: replace(draft, number=draft.number + 1), errors.WrongSignature),
    "another's signature": (lambda draft: replace(draft, secret=SECRETS[1]), errors.WrongSignature),
}


@pytest.mark.parametrize("name", CHANGES)
def test_one_change_is_refused_under_its_own_code(name: str) -> None:
    change, refusal = CHANGES[name]
    result = check(change(valid()))
    assert (result.codespace, result.code) == (refusal.CODESPACE, refusal.CODE), result.log


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_refused_at_the_door_costs_nothing_in_a_block_either(name: str) -> None:
    change, refusal = CHANGES[name]
    bench = Bench()
    result = bench.deliver(change(valid()).sign())
    assert (result.codespace, result.code) == (refusal.CODESPACE, refusal.CODE), result.log
    assert (bench.balance(ALICE), bench.sequence(ALICE)) == (START, 0)


def test_who_has_no_account_is_told_so() -> None:
    result = check(make_draft(STRANGER, (send(STRANGER, BOB, 5),), number=0, sequence=0))
    assert (result.codespace, result.code) == ("core", errors.UnknownAccount.CODE)


@pytest.mark.parametrize("timeout", [2, 3, 4])
def test_a_transaction_expires_after_its_timeout_height(timeout: int) -> None:
    bench = Bench()
    bench.run()
    bench.run()
    result = bench.deliver(bench.draft(ALICE, send(ALICE, BOB, 5)).with_body(timeout_height=timeout).sign())
    assert result.code == (errors.TxExpired.CODE if timeout < 4 else 0)


@pytest.mark.parametrize("length", [0, 63, 65, 128])
def test_a_signature_has_64_bytes(length: int) -> None:
    assert Bench().machine.check_tx(valid().seal(bytes(length))).code == errors.MalformedTx.CODE


def test_two_signatures_of_one_signer_are_refused() -> None:
    raw = decode_message(TxRaw, valid().sign())
    assert Bench().machine.check_tx(valid().seal(*raw.signatures * 2)).code == errors.MalformedTx.CODE


def test_the_other_signature_with_high_s_is_refused() -> None:
    (signature,) = decode_message(TxRaw, valid().sign()).signatures
    high = signature[:32] + (ORDER - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")
    assert Bench().machine.check_tx(valid().seal(high)).code == errors.WrongSignature.CODE


@pytest.mark.parametrize("r", [0, ORDER, ORDER + 1, (1 << 256) - 1])
@pytest.mark.parametrize("s", [0, 1])
def test_numbers_that_are_no_signature_are_refused(r: int, s: int) -> None:
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    assert Bench().machine.check_tx(valid().seal(signature)).code == errors.WrongSignature.CODE


def test_a_key_that_is_no_point_is_refused() -> None:
    key = b"\x02" + bytes(32)
    draft = valid().with_signer(public_key=Any(Secp256k1Key.URL, encode_message(Secp256k1Key(key))))
    (signature,) = decode_message(TxRaw, draft.sign()).signatures
    read = Tx(TxRaw(b"", b"", (signature,)), compute_address(key), key, 0, FEE, GAS, (), 0, 0)
    assert not is_signed(read, "cec-bench-1", 0)


def test_a_transaction_beyond_the_limit_is_refused_before_it_is_read() -> None:
    result = Bench().machine.check_tx(bytes(MAX_TX_BYTES + 1))
    assert result.code == errors.MalformedTx.CODE
    assert str(MAX_TX_BYTES) in result.log


@pytest.mark.parametrize("extra", [b"\x00", b"\x20\x01", b"\x1a\x00"], ids=["zero", "unknown field", "signature"])
def test_trailing_bytes_are_refused(extra: bytes) -> None:
    assert Bench().machine.check_tx(valid().sign() + extra).code == errors.MalformedTx.CODE


def test_fields_that_cosmos_has_and_this_chain_has_not_are_refused() -> None:
    # TxBody.extension_options, field 1023: cosmos-sdk refuses what it does not know too.
    body = encode_message(valid().body) + b"\xfa\x3f\x02\x0a\x00"
    raw = encode_message(TxRaw(body, encode_message(valid().auth), (bytes(64),)))
    assert Bench().machine.check_tx(raw).code == errors.MalformedTx.CODE


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_and_raise_nothing(raw: bytes) -> None:
    assert Bench().machine.check_tx(raw).code == errors.MalformedTx.CODE


@given(st.integers(0, 8 * len(valid().sign()) - 1))
def test_one_flipped_bit_anywhere_is_refused(place: int) -> None:
    raw = bytearray(valid().sign())
    raw[place >> 3] ^= 1 << (place & 7)
    assert Bench().machine.check_tx(bytes(raw)).code > 0


@given(st.integers(0, len(valid().sign()) - 1), st.binary(max_size=6), st.integers(0, 6))
def test_no_mutated_transaction_moves_a_coin(place: int, insert: bytes, cut: int) -> None:
    original = valid().sign()
    raw = original[:place] + insert + original[place + cut :]
    bench = Bench()
    result = bench.deliver(raw)
    if raw != original:
        assert result.code > 0
        assert [bench.balance(wallet) for wallet in (ALICE, BOB)] == [START, START]
    assert bench.machine.find_broken_invariants() == ()
