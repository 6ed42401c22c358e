"""A node on a disk: what it has said is final stays, whatever ends it; and it proves what it holds."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from chain.core.bech32 import parse_address
from chain.core.errors import TxExpired, UnknownAccount
from chain.core.machine import StateMachine
from chain.core.wallet import Wallet
from chain.data.errors import StoreBusy
from chain.data.memory import MemoryStore
from chain.data.rocks import RocksStore
from chain.network.application import Application
from chain.network.errors import InvalidGenesisDoc, TxNotTaken
from chain.network.solo import SoloEngine
from chain.node import SUPPLY_UCEC, ChainReader, Node, create_genesis, open_reader, read_chain
from chain.proof import verify_proof
from chain.proof_errors import ProofUnavailable
from chain.wire.cosmos import Coin, MsgAccreditKey, MsgAnchor, MsgRegisterOrganisation, MsgSend
from domain.cid import DAG_CBOR, Cid
from domain.envelope import seal
from domain.keys import SigningKey
from domain.merkle import build_sorted_tree
from tests.chain.core.bench import make_draft
from tests.chain.small_chain import ADMIN, run_chain
from tests.domain.samples import BODIES

ROOT = Path(__file__).parents[2]
VALIDATOR = SigningKey.from_seed(b"v" * 32)
SERVICE = SigningKey.from_seed(b"s" * 32)
ORG = SigningKey.from_seed(b"o" * 32)
OPERATOR, GUEST = Wallet(b"\x01" * 32), Wallet(b"\x02" * 32)
MANIFEST = str(Cid.of(DAG_CBOR, b"manifest"))
GENESIS = create_genesis(
    "cec-node-1",
    validator=VALIDATOR,
    authority=OPERATOR.address,
    balances={OPERATOR.address: SUPPLY_UCEC},
    time_ns=1_790_000_000_123_456_789,
)


def anchor(number: int, wallet: Wallet = OPERATOR) -> MsgAnchor:
    return MsgAnchor(wallet.address, number.to_bytes(32, "big"), 1, MANIFEST)


def send(amount: int) -> MsgSend:
    return MsgSend(OPERATOR.address, GUEST.address, (Coin("ucec", str(amount)),))


async def test_a_record_goes_onto_the_chain_and_its_proof_holds(tmp_path: Path) -> None:
    record = seal(BODIES["tree"], SERVICE)
    tree = build_sorted_tree([bytes(record.cid)])
    async with Node.open(tmp_path, GENESIS, VALIDATOR) as node:
        register = MsgRegisterOrganisation(OPERATOR.address, "north-forest", OPERATOR.address, ORG.public.raw, "North")
        accredit = MsgAccreditKey(OPERATOR.address, "north-forest", SERVICE.public.raw, "service", "line")
        await node.execute(OPERATOR, (register, accredit))
        final = await node.execute(OPERATOR, (MsgAnchor(OPERATOR.address, tree.root, 1, MANIFEST),))
        raw = node.reader.build_proof([(record.raw, tree.path(0))], tree.root)
        pin = node.reader.pin
    verdict = verify_proof(raw, pin)
    assert verdict.records == (record,)
    assert verdict.anchored_height == final.height
    assert [(signer.org, signer.role, signer.subject) for signer in verdict.signers] == [
        ("north-forest", "service", "line")
    ]


async def test_a_node_opened_again_has_all_that_it_had(tmp_path: Path) -> None:
    async with Node.open(tmp_path, GENESIS, VALIDATOR) as node:
        await node.execute(OPERATOR, (anchor(1),))
        await node.execute(OPERATOR, (send(5),))
        height, state, pin = node.engine.latest().header.height, node.reader.machine.info(), node.reader.pin
    async with Node.open(tmp_path, GENESIS, VALIDATOR) as node:
        assert (node.engine.latest().header.height, node.reader.machine.info()) == (height, state)
        assert node.reader.pin == pin
        assert node.reader.find_anchor((1).to_bytes(32, "big")) is not None
        assert node.reader.find_balance(GUEST.address) == 5
        assert node.reader.find_account(OPERATOR.address).sequence == 2
        with pytest.raises(UnknownAccount):
            node.reader.find_account(Wallet(b"\x03" * 32).address)
        assert (await node.execute(OPERATOR, (anchor(2),))).height > height
        assert node.reader.machine.find_broken_invariants() == ()


async def test_many_calls_of_one_account_at_once_all_take_effect(tmp_path: Path) -> None:
    async with Node.open(tmp_path, GENESIS, VALIDATOR) as node:
        finals = await asyncio.gather(*(node.execute(OPERATOR, (anchor(number),)) for number in range(50)))
        assert len({(final.height, final.index) for final in finals}) == 50
        assert all(node.reader.find_anchor(number.to_bytes(32, "big")) for number in range(50))
        assert node.reader.find_account(OPERATOR.address).sequence == 50


async def test_of_many_that_anchor_one_root_one_does_and_all_learn_that_it_stands(tmp_path: Path) -> None:
    async with Node.open(tmp_path, GENESIS, VALIDATOR) as node:
        calls = (node.execute(OPERATOR, (anchor(7),)) for _ in range(10))
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        refused = [one for one in outcomes if isinstance(one, TxNotTaken)]
        assert len(refused) == 9
        assert {(one.codespace, one.code) for one in refused} == {("anchor", 1)}
        assert node.reader.find_account(OPERATOR.address).sequence == 1


async def test_what_fails_in_the_block_is_told_with_its_rule(tmp_path: Path) -> None:
    async with Node.open(tmp_path, GENESIS, VALIDATOR) as node:
        with pytest.raises(TxNotTaken, match="too low") as refused:
            await node.execute(OPERATOR, (send(SUPPLY_UCEC),))
        assert (refused.value.codespace, refused.value.code) == ("core", 6)


async def test_a_call_behind_one_that_falls_out_is_signed_again() -> None:
    async with run_chain() as chain:
        node = Node(chain.engine, chain.reader)
        account = chain.reader.find_account(ADMIN.address)
        height = chain.engine.latest().header.height
        # After a pause a clock block comes first, so that what may stand in the next block alone is too late.
        chain.clock.advance(60)
        draft = make_draft(ADMIN, (anchor(1, ADMIN),), number=account.number, sequence=account.sequence)
        draft = replace(draft.with_body(timeout_height=height + 1), chain_id=chain.reader.genesis.chain_id)
        expires = chain.engine.offer(draft.sign())
        final = await node.execute(ADMIN, (anchor(2, ADMIN),))
        assert (await expires).result.code == TxExpired.CODE
        assert final.result.code == 0
        assert chain.reader.find_account(ADMIN.address).sequence == 1


async def test_what_the_callers_block_raises_comes_out_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(TxNotTaken):
        async with Node.open(tmp_path, GENESIS, VALIDATOR) as node:
            await node.execute(OPERATOR, (send(SUPPLY_UCEC),))
    RocksStore(tmp_path / "store").close()


async def test_what_is_not_on_the_chain_has_no_proof(tmp_path: Path) -> None:
    record = seal(BODIES["tree"], SERVICE)
    tree = build_sorted_tree([bytes(record.cid)])
    async with Node.open(tmp_path, GENESIS, VALIDATOR) as node:
        with pytest.raises(ProofUnavailable, match="anchor"):
            node.reader.build_proof([(record.raw, tree.path(0))], tree.root)
        await node.execute(OPERATOR, (MsgAnchor(OPERATOR.address, tree.root, 1, MANIFEST),))
        with pytest.raises(ProofUnavailable, match="key"):
            node.reader.build_proof([(record.raw, tree.path(0))], tree.root)


async def test_a_folder_has_one_node_and_any_number_of_readers(tmp_path: Path) -> None:
    async with Node.open(tmp_path, GENESIS, VALIDATOR) as node:
        await node.execute(OPERATOR, (anchor(1),))
        with pytest.raises(StoreBusy):
            async with Node.open(tmp_path, GENESIS, VALIDATOR):
                pass
        async with read_chain(tmp_path) as one, read_chain(tmp_path) as two:
            assert one.pin == two.pin == node.reader.pin
            assert one.find_anchor((1).to_bytes(32, "big")) == node.reader.find_anchor((1).to_bytes(32, "big"))


async def test_a_validators_key_that_is_not_the_chains_is_refused(tmp_path: Path) -> None:
    async with Node.open(tmp_path, GENESIS, VALIDATOR):
        pass
    with pytest.raises(InvalidGenesisDoc, match="key"):
        async with Node.open(tmp_path, GENESIS, ORG):
            pass


async def test_a_chain_keeps_the_genesis_that_it_began_with(tmp_path: Path) -> None:
    other = create_genesis("cec-node-2", validator=VALIDATOR, authority=GUEST.address, balances={}, time_ns=10**18)
    async with Node.open(tmp_path, GENESIS, VALIDATOR) as node:
        pin = node.reader.pin
    async with Node.open(tmp_path, other, VALIDATOR) as node:
        assert node.reader.pin == pin


@pytest.mark.parametrize("change", ["gone", "changed", "torn"])
async def test_a_genesis_file_that_is_not_the_stores_is_refused(tmp_path: Path, change: str) -> None:
    async with Node.open(tmp_path, GENESIS, VALIDATOR):
        pass
    path = tmp_path / "genesis.json"
    text = path.read_text()
    if change == "gone":
        path.unlink()
    else:
        path.write_text(text.replace("cec-node-1", "cec-node-9") if change == "changed" else text[:100])
    with pytest.raises(InvalidGenesisDoc, match="genesis"):
        async with Node.open(tmp_path, GENESIS, VALIDATOR):
            pass
    path.write_text(text)
    async with Node.open(tmp_path, GENESIS, VALIDATOR) as node:
        assert node.reader.pin.chain_id == "cec-node-1"


def test_the_genesis_gives_all_that_there_is() -> None:
    reader = open_reader(MemoryStore(), GENESIS)
    reader.machine.init_chain(GENESIS)
    assert SUPPLY_UCEC == 2_000_000_000_000
    assert reader.machine.pending.get("bank", b"b/" + parse_address(OPERATOR.address)) == SUPPLY_UCEC.to_bytes(8, "big")


class PowerCut(Exception):
    """The machine is gone at this instant."""


class DiesBeforeCommit:
    """An `Application` whose power is cut between finalising and committing the block of one height."""

    def __init__(self, machine: StateMachine, height: int) -> None:
        self.machine = machine
        self.height = height
        self.check_tx = machine.check_tx
        self.info = machine.info
        self.init_chain = machine.init_chain
        self.finalize_block = machine.finalize_block

    def commit(self) -> None:
        if self.machine.info()[0] + 1 == self.height:
            raise PowerCut
        self.machine.commit()


class StillClock:
    """A `chain.network.solo.Clock` that stands, so that two runs make the same blocks."""

    def time_ns(self) -> int:
        return GENESIS.time_ns + 1_000_000_000

    def monotonic_ns(self) -> int:
        return 0


async def anchor_two(app: Application, reader: ChainReader) -> None:
    """Run an engine until two roots stand; what stands already is not sent again."""
    async with SoloEngine.open(app, reader.blocks, GENESIS, key=VALIDATOR, clock=StillClock()) as engine:
        for number in (1, 2):
            if reader.find_anchor(number.to_bytes(32, "big")) is None:
                await Node(engine, reader).execute(OPERATOR, (anchor(number),))


# Block 1 is empty, 2 carries the first anchor, 3 its state, 4 the second anchor, 5 its state.
@pytest.mark.parametrize("height", [1, 2, 3, 4, 5])
async def test_power_cut_between_block_and_state_is_made_good_at_the_next_start(height: int) -> None:
    whole = open_reader(MemoryStore(), GENESIS)
    await anchor_two(whole.machine, whole)
    kv = MemoryStore()
    reader = open_reader(kv, GENESIS)
    with pytest.raises((PowerCut, ExceptionGroup)):
        async with asyncio.timeout(5):
            await anchor_two(DiesBeforeCommit(reader.machine, height), reader)
    reader = open_reader(kv, GENESIS)
    assert (reader.machine.info()[0], reader.blocks.last_height()) == (height - 1, height)
    await anchor_two(reader.machine, reader)
    assert reader.machine.info() == whole.machine.info()
    assert reader.blocks.get(5) == whole.blocks.get(5)
    assert reader.find_account(OPERATOR.address).sequence == 2
    assert reader.machine.find_broken_invariants() == ()


ANCHORS_UNTIL_KILLED = """
import asyncio, sys
from pathlib import Path
from chain.node import Node
from tests.chain.test_node import GENESIS, OPERATOR, VALIDATOR, anchor

async def main():
    async with Node.open(Path(sys.argv[1]), GENESIS, VALIDATOR) as node:
        for number in range(int(sys.argv[2]), 1_000_000):
            print("offers", number, flush=True)
            await node.execute(OPERATOR, (anchor(number),))
            print("final", number, flush=True)

asyncio.run(main())
"""


def kill_a_node(folder: Path, begin: int, after_lines: int, delay_s: float) -> list[list[str]]:
    """Run a node that anchors one root after another, kill it, return what it said."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    arguments = [sys.executable, "-c", ANCHORS_UNTIL_KILLED, str(folder), str(begin)]
    with subprocess.Popen(arguments, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(after_lines)]
        time.sleep(delay_s)
        process.send_signal(signal.SIGKILL)
        said += process.stdout.readlines()
    # The last line may be torn.
    return [line.split() for line in said if line.endswith("\n")]


def test_a_node_killed_at_any_moment_keeps_what_it_called_final(tmp_path: Path) -> None:
    random = Random(20261124)
    begin = 0
    for _ in range(3):
        said = kill_a_node(tmp_path, begin, random.randrange(2, 30), random.random() * 0.02)
        final = {int(number) for kind, number in said if kind == "final"}
        offered = {int(number) for kind, number in said if kind == "offers"}
        kv = RocksStore(tmp_path / "store")
        reader = open_reader(kv, GENESIS)
        heights = {
            number: entry.height for number in final if (entry := reader.find_anchor(number.to_bytes(32, "big")))
        }
        assert set(heights) == final
        assert len(set(heights.values())) == len(heights)
        sequence = reader.find_account(OPERATOR.address).sequence
        assert sum(1 for _ in reader.machine.store.iterate("anchor", b"")) == sequence
        assert reader.machine.find_broken_invariants() == ()
        kv.close()
        # What was offered and not called final may stand or not; the next start goes on after it.
        begin = max(offered) + 1
        assert len(final) <= sequence <= begin
