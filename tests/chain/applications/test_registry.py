"""The registry module: each way its messages fail, and who may say what about which key."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from chain.applications.registry import errors
from chain.applications.registry.module import KeyEntry, compute_key_key, get_key
from chain.core.errors import InvalidAddress, TxRefused
from chain.core.wallet import Wallet
from chain.wire.cosmos import MsgAccreditKey, MsgRegisterOrganisation, MsgRevokeKey
from domain.codec import decode_map
from domain.keys import SigningKey
from tests.chain.core.bench import ALICE, BOB, CAROL, DAVE, FEE, START, Bench

ORG_KEY, OTHER_ORG_KEY, DEVICE_KEY, NEW_KEY = (
    SigningKey.from_seed(bytes([number] * 32)).public.raw for number in range(1, 5)
)
P256_KEY = SigningKey.p256_from_secret(bytes(range(1, 33))).public.raw
REGISTER = MsgRegisterOrganisation(ALICE.address, "north-forest", BOB.address, ORG_KEY, "Nordwald eG")
REGISTER_OTHER = MsgRegisterOrganisation(ALICE.address, "south-forest", CAROL.address, OTHER_ORG_KEY, "Südwald")
ACCREDIT = MsgAccreditKey(BOB.address, "north-forest", DEVICE_KEY, "device", "rover-1")
REVOKE = MsgRevokeKey(BOB.address, "north-forest", DEVICE_KEY, "lost on the ridge")

Case = tuple[Sequence[Any], Any, type[TxRefused]]
"""What happened before, the message, the rule that it breaks. The signer is the message's own."""

REGISTER_REFUSED: dict[str, Case] = {
    "by another than the authority": ((), replace(REGISTER, authority=BOB.address), errors.NotTheAuthority),
    "an id that is taken": ((REGISTER,), replace(REGISTER, key=NEW_KEY), errors.OrganisationExists),
    "a key that is taken": ((REGISTER,), replace(REGISTER_OTHER, key=ORG_KEY), errors.KeyTaken),
    "a device's key": ((REGISTER, ACCREDIT), replace(REGISTER_OTHER, key=DEVICE_KEY), errors.KeyTaken),
    "an empty id": ((), replace(REGISTER, org=""), errors.InvalidEntry),
    "an id in capitals": ((), replace(REGISTER, org="North"), errors.InvalidEntry),
    "an id with a slash": ((), replace(REGISTER, org="a/b"), errors.InvalidEntry),
    "an id with a line end": ((), replace(REGISTER, org="north\n"), errors.InvalidEntry),
    "a long id": ((), replace(REGISTER, org="n" * 33), errors.InvalidEntry),
    "no name": ((), replace(REGISTER, name=""), errors.InvalidEntry),
    "a long name": ((), replace(REGISTER, name="n" * 201), errors.InvalidEntry),
    "no key": ((), replace(REGISTER, key=b""), errors.InvalidEntry),
    "a key without its type": ((), replace(REGISTER, key=ORG_KEY[2:]), errors.InvalidEntry),
    "a P-256 key off the curve": ((), replace(REGISTER, key=P256_KEY[:3] + b"\xff" * 32), errors.InvalidEntry),
    "an admin that is no address": ((), replace(REGISTER, admin="bob"), InvalidAddress),
}
ACCREDIT_REFUSED: dict[str, Case] = {
    "an organisation that is not registered": ((), ACCREDIT, errors.UnknownOrganisation),
    "by the authority": ((REGISTER,), replace(ACCREDIT, admin=ALICE.address), errors.NotTheAdmin),
    "by another organisation's admin": (
        (REGISTER, REGISTER_OTHER),
        replace(ACCREDIT, admin=CAROL.address),
        errors.NotTheAdmin,
    ),
    "a key that is accredited": ((REGISTER, ACCREDIT), replace(ACCREDIT, role="surveyor"), errors.KeyTaken),
    "a key that was revoked": ((REGISTER, ACCREDIT, REVOKE), ACCREDIT, errors.KeyTaken),
    "another organisation's key": (
        (REGISTER, REGISTER_OTHER),
        replace(ACCREDIT, key=OTHER_ORG_KEY),
        errors.KeyTaken,
    ),
    "the role of the organisation itself": ((REGISTER,), replace(ACCREDIT, role="org"), errors.InvalidEntry),
    "an unknown role": ((REGISTER,), replace(ACCREDIT, role="admin"), errors.InvalidEntry),
    "no role": ((REGISTER,), replace(ACCREDIT, role=""), errors.InvalidEntry),
    "no subject": ((REGISTER,), replace(ACCREDIT, subject=""), errors.InvalidEntry),
    "a subject that is no id": ((REGISTER,), replace(ACCREDIT, subject="A. Berg"), errors.InvalidEntry),
    "a key that is none": ((REGISTER,), replace(ACCREDIT, key=b"\x01"), errors.InvalidEntry),
}
REVOKE_REFUSED: dict[str, Case] = {
    "an organisation that is not registered": ((), REVOKE, errors.UnknownOrganisation),
    "by the authority": ((REGISTER, ACCREDIT), replace(REVOKE, admin=ALICE.address), errors.NotTheAdmin),
    "by another organisation's admin": (
        (REGISTER, REGISTER_OTHER, ACCREDIT),
        replace(REVOKE, admin=CAROL.address),
        errors.NotTheAdmin,
    ),
    "a key that is not registered": ((REGISTER,), REVOKE, errors.UnknownKey),
    "another organisation's key": (
        (REGISTER, REGISTER_OTHER, ACCREDIT),
        replace(REVOKE, key=OTHER_ORG_KEY),
        errors.UnknownKey,
    ),
    "another's key as an admin of one's own": (
        (REGISTER, REGISTER_OTHER, ACCREDIT),
        MsgRevokeKey(CAROL.address, "south-forest", DEVICE_KEY, "rivalry"),
        errors.UnknownKey,
    ),
    "a key that was revoked": ((REGISTER, ACCREDIT, REVOKE), REVOKE, errors.KeyRevoked),
    "no reason": ((REGISTER, ACCREDIT), replace(REVOKE, reason=""), errors.InvalidEntry),
    "a long reason": ((REGISTER, ACCREDIT), replace(REVOKE, reason="r" * 501), errors.InvalidEntry),
    "a key that is none": ((REGISTER,), replace(REVOKE, key=b"\x01" * 4_000), errors.InvalidEntry),
}
CASES = {
    f"{kind} {name}": case
    for kind, cases in (("register", REGISTER_REFUSED), ("accredit", ACCREDIT_REFUSED), ("revoke", REVOKE_REFUSED))
    for name, case in cases.items()
}


def signer(message: Any) -> Wallet:  # noqa: ANN401
    address = message.authority if isinstance(message, MsgRegisterOrganisation) else message.admin
    return next(wallet for wallet in (ALICE, BOB, CAROL, DAVE) if wallet.address == address)


def execute(bench: Bench, *messages: Any) -> None:  # noqa: ANN401
    for message in messages:
        result = bench.execute(signer(message), message)
        assert result.code == 0, result.log


@pytest.mark.parametrize("name", CASES)
def test_a_message_that_breaks_a_rule_is_refused_under_its_code(name: str) -> None:
    before, message, refusal = CASES[name]
    bench = Bench()
    execute(bench, *before)
    entries = dict(bench.machine.store.iterate("registry", b""))
    held = bench.balance(signer(message))
    raw = bench.draft(signer(message), message).sign()
    checked, result = bench.machine.check_tx(raw), bench.deliver(raw)
    assert (checked.codespace, checked.code) == (result.codespace, result.code) == (refusal.CODESPACE, refusal.CODE)
    assert 0 < len(result.log) < 300
    assert dict(bench.machine.store.iterate("registry", b"")) == entries
    assert bench.balance(signer(message)) == held - FEE
    assert bench.machine.find_broken_invariants() == ()


def test_an_organisation_speaks_with_its_own_key() -> None:
    bench = Bench()
    execute(bench, REGISTER)
    at_ms = bench.blocks[-1].time_ns // 1_000_000
    assert get_key(bench.machine.store, ORG_KEY) == KeyEntry("north-forest", "org", "north-forest", at_ms)


@pytest.mark.parametrize("role", ["service", "device", "surveyor"])
@pytest.mark.parametrize("key", [DEVICE_KEY, P256_KEY], ids=["ed25519", "p256"])
def test_an_admin_accredits_and_revokes(role: str, key: bytes) -> None:
    bench = Bench()
    execute(bench, REGISTER, replace(ACCREDIT, role=role, key=key))
    from_ms = bench.blocks[-1].time_ns // 1_000_000
    assert get_key(bench.machine.store, key) == KeyEntry("north-forest", role, "rover-1", from_ms)
    execute(bench, replace(REVOKE, key=key))
    assert get_key(bench.machine.store, key) == KeyEntry("north-forest", role, "rover-1", from_ms, from_ms + 1_000)


def test_an_organisations_own_key_can_be_revoked_and_its_entry_stays() -> None:
    bench = Bench()
    execute(bench, REGISTER, replace(REVOKE, key=ORG_KEY))
    entry = get_key(bench.machine.store, ORG_KEY)
    assert entry is not None
    assert entry.revoked_ms is not None
    assert bench.machine.find_broken_invariants() == ()


def test_one_transaction_registers_and_another_in_the_same_block_accredits() -> None:
    bench = Bench()
    results = bench.run(bench.draft(ALICE, REGISTER).sign(), bench.draft(BOB, ACCREDIT).sign()).tx_results
    assert [one.code for one in results] == [0, 0]
    assert bench.balance(ALICE) == bench.balance(BOB) == START - FEE


def test_the_values_stored_are_those_that_proofs_rest_on() -> None:
    bench = Bench()
    execute(bench, REGISTER, ACCREDIT, REVOKE)
    times = [block.time_ns // 1_000_000 for block in bench.blocks[-3:]]
    organisation = bench.machine.prove("registry", b"o/north-forest")
    key = bench.machine.prove("registry", b"k/" + hashlib.sha256(DEVICE_KEY).digest())
    assert organisation is not None
    assert key is not None
    # docs/formats.md, "State".
    assert decode_map(organisation.value) == {
        "admin": BOB.address,
        "key": ORG_KEY,
        "name": "Nordwald eG",
        "height": 2,
    }
    assert decode_map(key.value) == {
        "org": "north-forest",
        "role": "device",
        "subject": "rover-1",
        "from_ms": times[1],
        "revoked_ms": times[2],
    }


def test_events_tell_who_what_and_why() -> None:
    bench = Bench()
    events = [bench.execute(signer(message), message).events for message in (REGISTER, ACCREDIT, REVOKE)]
    assert [[(event.kind, dict(event.attributes)) for event in one] for one in events] == [
        [("register", {"org": "north-forest"})],
        [("accredit", {"org": "north-forest", "role": "device", "subject": "rover-1"})],
        [("revoke", {"org": "north-forest", "key": DEVICE_KEY.hex(), "reason": "lost on the ridge"})],
    ]


def test_a_key_of_no_organisation_is_noticed() -> None:
    bench = Bench()
    execute(bench, REGISTER, ACCREDIT)
    store = bench.machine.store
    moved = store.get("registry", compute_key_key(DEVICE_KEY))
    assert moved is not None
    store.commit(store.prepare([("registry", b"o/north-forest", None)]), store.height + 1)
    (words,) = bench.machine.find_broken_invariants()
    assert "of no organisation" in words
