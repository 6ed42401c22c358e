"""Random transfers and anchors against a model of four lines: balances, sequences, roots, pool."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from chain.applications.anchor.module import get_anchor
from chain.core.bank import get_balance, get_supply
from chain.core.bech32 import parse_address
from chain.core.fees import POOL
from chain.wire.cosmos import Coin, MsgAnchor, MsgSend
from domain.cid import DAG_CBOR, Cid
from tests.chain.core.bench import ALICE, BOB, CAROL, DAVE, FEE, START, STRANGER, Bench, make_draft, send

WALLETS = (ALICE, BOB, CAROL, DAVE, STRANGER)
PLACES = st.integers(0, len(WALLETS) - 1)
AMOUNTS = st.integers(0, 9) | st.integers(0, START + START // 5)
FEES = st.integers(FEE - 1, FEE + 2) | st.just(START // 3)
MANIFEST = str(Cid.of(DAG_CBOR, b"manifest"))
TAKEN, REFUSED = 0, 1


class Ledger(RuleBasedStateMachine):
    """A chain and what it must hold."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench()
        self.balances = {wallet.address: START for wallet in WALLETS[:4]}
        self.sequences = dict.fromkeys(self.balances, 0)
        state = self.bench.machine.store
        self.numbers = {wallet.address: self.bench.draft(wallet, send(wallet, BOB, 1)).number for wallet in WALLETS[:4]}
        self.pool = 0
        self.roots: dict[bytes, str] = {}
        self.waiting: list[tuple[bytes, int]] = []
        assert get_supply(state) == 4 * START

    def submit(self, place: int, message: MsgSend | MsgAnchor, fee: int) -> bool:
        """Put a transaction into the next block; tell whether its message will be run."""
        wallet = WALLETS[place]
        number, sequence = self.numbers.get(wallet.address, 0), self.sequences.get(wallet.address, 0)
        draft = make_draft(wallet, (message,), number=number, sequence=sequence)
        raw = draft.with_fee(amount=(Coin("ucec", str(fee)),)).sign()
        pays = fee >= FEE and self.balances.get(wallet.address, 0) >= fee
        if pays:
            self.balances[wallet.address] -= fee
            self.sequences[wallet.address] += 1
            if self.pool == 0:
                # The pool's account is opened by the first fee, and takes the next number.
                self.numbers["pool"] = len(self.numbers)
            self.pool += fee
        self.waiting.append((raw, REFUSED))
        return pays

    def accept(self) -> None:
        self.waiting[-1] = (self.waiting[-1][0], TAKEN)

    @rule(payer=PLACES, payee=PLACES, amount=AMOUNTS, fee=FEES)
    def transfer(self, payer: int, payee: int, amount: int, fee: int) -> None:
        source, target = WALLETS[payer].address, WALLETS[payee].address
        runs = self.submit(payer, send(WALLETS[payer], WALLETS[payee], amount), fee)
        if runs and 0 < amount <= self.balances[source]:
            self.accept()
            self.balances[source] -= amount
            self.balances[target] = self.balances.get(target, 0) + amount
            self.sequences.setdefault(target, 0)
            self.numbers.setdefault(target, len(self.numbers))

    @rule(place=PLACES, root=st.integers(0, 5), fee=FEES)
    def anchor(self, place: int, root: int, fee: int) -> None:
        digest = bytes([root] * 32)
        address = WALLETS[place].address
        if self.submit(place, MsgAnchor(address, digest, 1, MANIFEST), fee) and digest not in self.roots:
            self.accept()
            self.roots[digest] = address

    @rule()
    def make_block(self) -> None:
        results = self.bench.run(*(raw for raw, _ in self.waiting)).tx_results
        assert [min(one.code, REFUSED) for one in results] == [expected for _, expected in self.waiting]
        self.waiting.clear()

    @invariant()
    def the_chain_holds_what_the_model_holds(self) -> None:
        if self.waiting:
            return
        state = self.bench.machine.store
        assert {address: get_balance(state, parse_address(address)) for address in self.balances} == self.balances
        assert get_balance(state, POOL) == self.pool
        assert sum(self.balances.values()) + self.pool == get_supply(state) == 4 * START
        assert {root: entry.by for root in self.roots if (entry := get_anchor(state, root))} == self.roots
        assert self.bench.machine.find_broken_invariants() == ()

    def teardown(self) -> None:
        self.make_block()
        self.the_chain_holds_what_the_model_holds()
        again = Bench()
        for block in self.bench.blocks[1:]:
            again.machine.finalize_block(block)
            again.machine.commit()
        assert again.machine.info() == self.bench.machine.info()


TestLedger = Ledger.TestCase
TestLedger.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
