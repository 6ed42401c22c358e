"""The state machine: an `Application` over modules, the same for every engine.

A transaction pays its fee and counts its sequence even when its messages fail; those run in a layer of their own that
is kept whole or dropped. `check_tx` runs the whole transaction against pending state, so that one that must fail is
refused before it costs anybody anything.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chain.core import accounts, bank, fees
from chain.core.bech32 import format_address
from chain.core.errors import FundsTooLow, InvalidGenesis, TxExpired, TxRefused, WrongSequence, WrongSignature
from chain.core.messages import Context, Handler
from chain.core.state import CommittedState, Layer, StateReader
from chain.core.store import Pending, StateStore
from chain.core.transactions import Tx, decode_tx, is_signed
from chain.data.kv import KeyValueStore
from chain.network.application import BlockInput, BlockResult, Event, Genesis, StateProof, TxResult


@dataclass(frozen=True, slots=True)
class Module:
    """A part of the state with its messages.

    Attributes
    ----------
    name
        Names its tree.
    handlers
        Its messages.
    process_genesis
        Writes its starting state out of its part of the genesis document.
    find_broken_invariant
        Returns in words what is wrong with its state, nothing when all is well.
    """

    name: str
    handlers: tuple[Handler, ...]
    process_genesis: Callable[[Layer, Mapping[str, Any]], None]
    find_broken_invariant: Callable[[CommittedState], str | None]


CORE_MODULES = (
    Module(accounts.MODULE, (), lambda _state, _genesis: None, accounts.find_broken_invariant),
    Module(bank.MODULE, bank.HANDLERS, bank.process_genesis, bank.find_broken_invariant),
)


class StateMachine:
    """A `chain.network.application.Application`.

    Parameters
    ----------
    kv
        Where its state is kept.
    chain_id
        What transactions must be signed for.
    modules
        Beside those of the core.
    """

    def __init__(self, kv: KeyValueStore, chain_id: str, modules: Sequence[Module]) -> None:
        self._modules = (*CORE_MODULES, *modules)
        self._handlers = {handler.message.URL: handler for module in self._modules for handler in module.handlers}
        self._chain_id = chain_id
        self.store = StateStore(kv, [module.name for module in self._modules])
        self._genesis: Layer | None = None
        self._pending: tuple[int, Pending] | None = None
        self._check = Layer(self.store)

    def info(self) -> tuple[int, bytes]:
        """Return the last committed height and its application hash."""
        return self.store.height, self.store.app_hash

    def init_chain(self, genesis: Genesis) -> bytes:
        """Write the genesis state; see `Application`."""
        try:
            document = json.loads(genesis.app_state)
        except ValueError as error:
            raise InvalidGenesis("not JSON") from error
        if not isinstance(document, dict) or not set(document) <= {module.name for module in self._modules}:
            raise InvalidGenesis("expected an object of modules of this chain")
        if not all(isinstance(part, dict) for part in document.values()):
            raise InvalidGenesis("each module's part is an object")
        layer = Layer(self.store)
        for module in self._modules:
            module.process_genesis(layer, document.get(module.name, {}))
        self._genesis = layer
        self._check = Layer(layer)
        return self.store.prepare(layer.changes()).app_hash

    def check_tx(self, tx: bytes) -> TxResult:
        """Tell whether a transaction may enter a block; see `Application`."""
        layer = Layer(self._check)
        block = BlockInput(self.store.height + 1, 0, b"", ())
        result = self._run(layer, tx, block)
        if result.code == 0:
            layer.merge_into(self._check)
        return result

    def finalize_block(self, block: BlockInput) -> BlockResult:
        """Execute a block; see `Application`."""
        layer = Layer(self.store if self._genesis is None else self._genesis)
        results = tuple(self._run(layer, tx, block) for tx in block.txs)
        whole = Layer(self.store)
        if self._genesis is not None:
            self._genesis.merge_into(whole)
        layer.merge_into(whole)
        pending = self.store.prepare(whole.changes())
        self._pending = (block.height, pending)
        return BlockResult(results, pending.app_hash)

    def commit(self) -> None:
        """Make the finalised block durable; see `Application`."""
        assert self._pending is not None, "commit follows finalize_block"  # noqa: S101
        height, pending = self._pending
        self.store.commit(pending, height)
        self._pending, self._genesis = None, None
        self._check = Layer(self.store)

    def compute_message_gas(self, messages: Sequence[Any]) -> int:
        """Return what messages of this chain cost, in gas; size and signature come on top."""
        return sum(self._handlers[type(message).URL].gas for message in messages)

    @property
    def pending(self) -> StateReader:
        """State as it will be once every transaction that `check_tx` took has run."""
        return self._check

    def prove(self, module: str, key: bytes) -> StateProof | None:
        """Return the proof that a key has its committed value, if it has one."""
        return self.store.prove(module, key)

    def find_broken_invariants(self) -> tuple[str, ...]:
        """Return what is wrong with the committed state, in words; nothing when all is well."""
        found = (module.find_broken_invariant(self.store) for module in self._modules)
        return tuple(words for words in found if words is not None)

    def _run(self, state: Layer, raw: bytes, block: BlockInput) -> TxResult:
        """Run a transaction on a layer; what it may keep is in the layer when this returns."""
        gas_limit = 0
        try:
            tx = decode_tx(raw, self._handlers)
            gas_limit = tx.gas_limit
            gas_used = self._validate(state, tx, block)
        except TxRefused as refusal:
            return _fail(refusal, gas_limit, 0)
        bank.process_transfer(state, tx.signer, fees.POOL, tx.fee)
        accounts.advance_sequence(state, tx.signer)
        events: list[Event] = []
        layer = Layer(state)
        try:
            for handler, message in tx.messages:
                handler.process(layer, message, Context(block.height, block.time_ns, events.append))
        except TxRefused as refusal:
            return _fail(refusal, tx.gas_limit, gas_used)
        layer.merge_into(state)
        return TxResult(gas_wanted=tx.gas_limit, gas_used=gas_used, events=tuple(events))

    def _validate(self, state: Layer, tx: Tx, block: BlockInput) -> int:
        """Return the gas used; raise when the transaction must not even pay."""
        if tx.timeout_height and block.height > tx.timeout_height:
            raise TxExpired(tx.timeout_height, block.height)
        gas = fees.validate_fee(tx)
        account = accounts.get_account(state, tx.signer)
        if tx.sequence != account.sequence:
            raise WrongSequence(format_address(tx.signer), tx.sequence, account.sequence)
        held = bank.get_balance(state, tx.signer)
        if held < tx.fee:
            raise FundsTooLow(format_address(tx.signer), held, tx.fee)
        if not is_signed(tx, self._chain_id, account.number):
            raise WrongSignature(format_address(tx.signer), self._chain_id, account.number)
        return gas


def _fail(refusal: TxRefused, gas_wanted: int, gas_used: int) -> TxResult:
    return TxResult(refusal.CODE, refusal.CODESPACE, str(refusal), gas_wanted=gas_wanted, gas_used=gas_used)
