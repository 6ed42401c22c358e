"""The anchor module: each way its message fails, and that an anchor stays as it is."""

from dataclasses import replace

import pytest

from chain.applications.anchor import errors, module
from chain.applications.anchor.module import AnchorEntry, get_anchor
from chain.core.errors import TxRefused
from chain.wire.cosmos import MsgAnchor
from domain.cid import DAG_CBOR, Cid
from domain.codec import decode_map
from tests.chain.core.bench import ALICE, BOB, CAROL, FEE, START, Bench, send

ROOT = bytes(range(32))
MANIFEST = str(Cid.of(DAG_CBOR, b"manifest"))
VALID = MsgAnchor(ALICE.address, ROOT, 100_000, MANIFEST)

REFUSED: dict[str, tuple[MsgAnchor, type[TxRefused]]] = {
    "a short root": (replace(VALID, root=ROOT[:31]), errors.InvalidRoot),
    "a long root": (replace(VALID, root=ROOT + b"\0"), errors.InvalidRoot),
    "no root": (replace(VALID, root=b""), errors.InvalidRoot),
    "no records": (replace(VALID, count=0), errors.InvalidCount),
    "more records than a path can reach": (replace(VALID, count=(1 << 48) + 1), errors.InvalidCount),
    "no manifest": (replace(VALID, manifest=""), errors.InvalidManifest),
    "a manifest in capitals": (replace(VALID, manifest=MANIFEST.upper()), errors.InvalidManifest),
    "a manifest of another version": (
        replace(VALID, manifest="QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG"),
        errors.InvalidManifest,
    ),
    "a manifest of any length": (replace(VALID, manifest="b" * 5_000), errors.InvalidManifest),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_anchor_that_breaks_a_rule_is_refused_under_its_code(name: str) -> None:
    message, refusal = REFUSED[name]
    bench = Bench()
    draft = bench.draft(ALICE, message).with_fee(gas_limit=200_000)
    checked = bench.machine.check_tx(draft.sign())
    result = bench.deliver(draft.sign())
    assert (checked.codespace, checked.code) == (result.codespace, result.code) == ("anchor", refusal.CODE)
    assert list(bench.machine.store.iterate(module.NAME, b"")) == []
    assert bench.balance(ALICE) == START - FEE


@pytest.mark.parametrize("count", [1, 1 << 48])
def test_an_anchor_stands_with_who_how_many_and_when(count: int) -> None:
    bench = Bench()
    result = bench.execute(ALICE, replace(VALID, count=count))
    assert result.code == 0
    assert [(event.kind, dict(event.attributes)) for event in result.events] == [
        ("anchor", {"root": ROOT.hex(), "by": ALICE.address})
    ]
    block = bench.blocks[-1]
    entry = AnchorEntry(ALICE.address, count, block.height, block.time_ns // 1_000_000, MANIFEST)
    assert get_anchor(bench.machine.store, ROOT) == entry
    assert bench.machine.find_broken_invariants() == ()


def test_the_value_stored_is_the_one_that_proofs_rest_on() -> None:
    bench = Bench()
    bench.execute(ALICE, VALID)
    proof = bench.machine.prove("anchor", b"a/" + ROOT)
    assert proof is not None
    # docs/formats.md, "State".
    assert decode_map(proof.value) == {
        "by": ALICE.address,
        "count": 100_000,
        "height": 2,
        "manifest": MANIFEST,
        "time_ms": bench.blocks[-1].time_ns // 1_000_000,
    }


@pytest.mark.parametrize("second", [VALID, replace(VALID, submitter=BOB.address, count=7)], ids=["same", "another"])
def test_a_root_is_anchored_once_and_the_second_pays_nothing(second: MsgAnchor) -> None:
    bench = Bench()
    bench.execute(ALICE, VALID)
    before = get_anchor(bench.machine.store, ROOT)
    wallet = ALICE if second.submitter == ALICE.address else BOB
    checked = bench.machine.check_tx(bench.draft(wallet, second).sign())
    assert (checked.codespace, checked.code) == ("anchor", errors.AnchorExists.CODE)
    assert "height 2" in checked.log
    assert get_anchor(bench.machine.store, ROOT) == before


def test_a_root_that_waits_already_is_refused_to_a_second_account() -> None:
    bench = Bench()
    assert bench.machine.check_tx(bench.draft(ALICE, VALID).sign()).code == 0
    second = bench.draft(BOB, replace(VALID, submitter=BOB.address))
    assert bench.machine.check_tx(second.sign()).code == errors.AnchorExists.CODE


def test_of_two_in_one_block_the_first_stands_and_the_second_pays_its_fee() -> None:
    bench = Bench()
    second = bench.draft(BOB, replace(VALID, submitter=BOB.address))
    results = bench.run(bench.draft(ALICE, VALID).sign(), second.sign()).tx_results
    assert [one.code for one in results] == [0, errors.AnchorExists.CODE]
    entry = get_anchor(bench.machine.store, ROOT)
    assert entry is not None
    assert entry.by == ALICE.address
    assert bench.balance(BOB) == START - FEE


def test_anyone_with_coins_may_anchor() -> None:
    bench = Bench()
    for number, wallet in enumerate((ALICE, BOB, CAROL)):
        assert bench.execute(wallet, MsgAnchor(wallet.address, bytes([number] * 32), 1, MANIFEST)).code == 0


def test_an_anchor_in_the_name_of_another_is_refused() -> None:
    bench = Bench()
    assert bench.machine.check_tx(bench.draft(BOB, VALID).sign()).code == 10


def test_a_root_never_anchored_is_not_there_and_has_no_proof() -> None:
    bench = Bench()
    bench.execute(ALICE, send(ALICE, BOB, 5))
    assert get_anchor(bench.machine.store, ROOT) is None
    assert bench.machine.prove("anchor", b"a/" + ROOT) is None
