"""A node: state machine, solo engine and stores over one folder, and the proofs that they can give."""

import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chain.applications.anchor import module as anchor_module
from chain.applications.anchor.module import AnchorEntry
from chain.applications.registry import module as registry_module
from chain.applications.registry.module import KeyEntry
from chain.core.accounts import Account, get_account
from chain.core.bank import get_balance
from chain.core.bech32 import parse_address
from chain.core.errors import WrongSequence
from chain.core.machine import StateMachine
from chain.core.wallet import Signing, Wallet
from chain.data.kv import KeyValueStore
from chain.data.rocks import RocksStore
from chain.network.application import Genesis, StateProof, Validator
from chain.network.blocks import BlockStore
from chain.network.errors import InvalidGenesisDoc, TxNotTaken
from chain.network.forms import build_validator_set
from chain.network.genesis import build_head, canonical_json, compute_genesis_hash, encode_genesis, parse_genesis
from chain.network.light import SignedHeader
from chain.network.solo import Finalised, SoloEngine
from chain.proof import Leaf, Pin, Proof, encode_proof
from chain.proof_errors import ProofUnavailable
from domain.envelope import open_envelope
from domain.keys import SigningKey
from domain.merkle import MerklePath

MODULES: Final = (anchor_module.MODULE, registry_module.MODULE)
SUPPLY_UCEC: Final = 2_000_000 * 1_000_000
"""What a chain starts with: 2,000,000 CEC (mission.md, E2)."""
_GENESIS_FILE: Final = "genesis.json"
_GENESIS_KEY: Final = b"m/genesis"
"""Where a store keeps the head of the genesis that its blocks began with."""
_SIGNING_TRIES: Final = 3
"""How often a transaction is signed again when another of the same account, before it in the pool, fell out."""


class SystemClock:
    """The machine's clocks; a `chain.network.solo.Clock`."""

    def time_ns(self) -> int:
        """Return UTC in nanoseconds since 1970."""
        return time.time_ns()

    def monotonic_ns(self) -> int:
        """Return a clock that nobody sets, in nanoseconds."""
        return time.monotonic_ns()


@dataclass(frozen=True, slots=True)
class ChainReader:
    """What can be asked of a chain's stores; also of those of a node that runs elsewhere.

    Attributes
    ----------
    genesis
        What it started from.
    machine, blocks
        Its state and blocks.
    """

    genesis: Genesis
    machine: StateMachine
    blocks: BlockStore

    @property
    def pin(self) -> Pin:
        """What verifiers pin."""
        return Pin(self.genesis.chain_id, compute_genesis_hash(build_head(self.genesis)))

    def find_anchor(self, root: bytes) -> AnchorEntry | None:
        """Return the anchor of a root, if it stands."""
        return anchor_module.get_anchor(self.machine.store, root)

    def find_key(self, key: bytes) -> KeyEntry | None:
        """Return what the registry says of a record key, if anything."""
        return registry_module.get_key(self.machine.store, key)

    def find_account(self, address: str) -> Account:
        """Return the account of an address; `UnknownAccount` before its first coins."""
        return get_account(self.machine.store, parse_address(address))

    def find_balance(self, address: str) -> int:
        """Return what an address holds, in ucec."""
        return get_balance(self.machine.store, parse_address(address))

    def build_proof(self, records: Sequence[tuple[bytes, MerklePath]], root: bytes) -> bytes:
        """Return the proof file of records anchored together under `root`; the first is what it is about.

        Raises
        ------
        ProofUnavailable
            When anchor or a key is not on the chain, or the last header does not carry the state yet.
        """
        leaves = tuple(Leaf(envelope, path) for envelope, path in records)
        keys = dict.fromkeys(open_envelope(leaf.envelope).key.raw for leaf in leaves)
        return encode_proof(
            Proof(
                leaves=leaves,
                root=root,
                anchor=self._prove(anchor_module.NAME, anchor_module.compute_key(root), "the anchor"),
                keys=tuple(
                    self._prove(registry_module.NAME, registry_module.compute_key_key(key), "a key") for key in keys
                ),
                block=self._signed_state(),
                genesis=build_head(self.genesis),
            )
        )

    def _prove(self, module: str, key: bytes, what: str) -> StateProof:
        proof = self.machine.prove(module, key)
        if proof is None:
            raise ProofUnavailable(f"{what} does not stand on the chain")
        return proof

    def _signed_state(self) -> SignedHeader:
        """Return the last header, which must carry the committed state."""
        stored = self.blocks.get(self.blocks.last_height())
        if stored is None or stored.block.header.app_hash != self.machine.info()[1]:
            raise ProofUnavailable("the block that carries the state is being made; ask again in a moment")
        return SignedHeader(stored.block.header, stored.commit, build_validator_set(self.genesis.validators))


class Node:
    """A running chain; open it with `Node.open`.

    Attributes
    ----------
    engine
        Makes blocks.
    reader
        What can be asked.
    """

    def __init__(self, engine: SoloEngine, reader: ChainReader) -> None:
        self.engine = engine
        self.reader = reader

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path, genesis: Genesis, validator: SigningKey) -> "AsyncIterator[Node]":
        """Run the chain in `folder`; an existing chain keeps the genesis that it has.

        Raises
        ------
        StoreBusy, StoreBroken
            When the store cannot be opened.
        InvalidGenesisDoc
            When the validator's key is not of this chain, or the genesis file is not the one that the store began with.
        """
        kv = RocksStore(folder / "store")
        try:
            reader = open_reader(kv, _keep_genesis(folder, kv, genesis))
            if validator.public.raw[2:] not in {one.public_key for one in reader.genesis.validators}:
                raise InvalidGenesisDoc("this validator's key is not of this chain: restore the key it began with")
            async with SoloEngine.open(
                reader.machine, reader.blocks, reader.genesis, key=validator, clock=SystemClock()
            ) as engine:
                yield cls(engine, reader)
        except BaseExceptionGroup as group:
            # The engine's task group wraps what the caller's own block raised: give it back as it was.
            if len(group.exceptions) == 1:
                raise group.exceptions[0] from group.exceptions[0].__cause__
            raise
        finally:
            kv.close()

    async def execute(self, wallet: Wallet, messages: Sequence[Any]) -> Finalised:
        """Sign and submit messages of one account; return what they did once it is final.

        Several calls may wait at once: each is signed with the sequence after those that wait.

        Raises
        ------
        TxNotTaken
            When they are refused, or failed in the block.
        """
        gas = self.reader.machine.compute_message_gas(messages)
        for _ in range(_SIGNING_TRIES - 1):
            try:
                return await self._submit(wallet, messages, gas)
            except TxNotTaken as refused:
                if (refused.codespace, refused.code) != (WrongSequence.CODESPACE, WrongSequence.CODE):
                    raise
        return await self._submit(wallet, messages, gas)

    async def _submit(self, wallet: Wallet, messages: Sequence[Any], gas: int) -> Finalised:
        account = get_account(self.reader.machine.pending, parse_address(wallet.address))
        signing = Signing(self.reader.genesis.chain_id, account.number, account.sequence, gas)
        final = await self.engine.submit(wallet.sign(messages, signing))
        if final.result.code:
            raise TxNotTaken(final.result.codespace, final.result.code, final.result.log)
        return final


def open_reader(kv: KeyValueStore, genesis: Genesis) -> ChainReader:
    """Return what can be asked of a chain whose store is open."""
    return ChainReader(genesis, StateMachine(kv, genesis.chain_id, MODULES), BlockStore(kv))


@asynccontextmanager
async def read_chain(folder: Path) -> AsyncIterator[ChainReader]:
    """Read a chain's folder as it stands, also beside a node that runs on it."""
    kv = RocksStore(folder / "store", read_only=True)
    try:
        yield open_reader(kv, parse_genesis((folder / _GENESIS_FILE).read_text("utf-8")))
    finally:
        kv.close()


def create_genesis(
    chain_id: str, *, validator: SigningKey, authority: str, balances: Mapping[str, int], time_ns: int
) -> Genesis:
    """Return the genesis of a solo chain.

    Parameters
    ----------
    chain_id
        Its name.
    validator
        Who signs its blocks.
    authority
        Address that registers organisations.
    balances
        Address to ucec.
    time_ns
        When it begins.
    """
    state = {
        "bank": {"balances": {address: str(amount) for address, amount in balances.items()}},
        "registry": {"authority": authority},
    }
    # Whole milliseconds: the genesis head says no more.
    begins = time_ns // 1_000_000 * 1_000_000
    return Genesis(chain_id, begins, 1, (Validator(validator.public.raw[2:], 10),), canonical_json(state))


def _keep_genesis(folder: Path, kv: KeyValueStore, genesis: Genesis) -> Genesis:
    """Return the genesis of the chain in a folder; write it down when the chain is new."""
    path = folder / _GENESIS_FILE
    begun = kv.get(_GENESIS_KEY)
    if begun is None and not path.exists():
        _write_durably(path, encode_genesis(genesis))
    try:
        kept = parse_genesis(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise InvalidGenesisDoc(f"{path} is gone: put back the file that the chain began with") from error
    if begun is None:
        kv.write({_GENESIS_KEY: build_head(kept)})
    elif begun != build_head(kept):
        raise InvalidGenesisDoc(f"{path} was changed: put back the file that the chain began with")
    return kept


def _write_durably(path: Path, text: str) -> None:
    """Write a file that is whole or absent, whenever the power fails."""
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
