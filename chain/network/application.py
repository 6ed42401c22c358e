"""What an engine asks of a state machine, after ABCI 2.0.

An engine (solo or CometBFT) knows this protocol and nothing of accounts, modules or trees. Calls are
synchronous and come from one writer; time and transactions are arguments, so that the same blocks give the same
hashes anywhere.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Validator:
    """One who signs blocks.

    Attributes
    ----------
    public_key
        Ed25519 public key, 32 bytes.
    power
        Voting power, at least 1 (0 in an update: leaves).
    """

    public_key: bytes
    power: int


@dataclass(frozen=True, slots=True)
class Genesis:
    """What a chain starts from.

    Attributes
    ----------
    chain_id
        Name of the chain, 1 to 50 ASCII characters.
    time_ns
        UTC time of the first block, nanoseconds since 1970.
    initial_height
        Height of the first block, at least 1.
    validators
        Those who sign the first blocks.
    app_state
        The modules' starting state, canonical JSON (sorted keys, no spaces, UTF-8).
    """

    chain_id: str
    time_ns: int
    initial_height: int
    validators: tuple[Validator, ...]
    app_state: bytes


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, for indexers; not hashed into the state.

    Attributes
    ----------
    kind
        Such as ``"anchor"``.
    attributes
        Pairs of name and text, in order.
    """

    kind: str
    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class TxResult:
    """Outcome of a transaction. ``code``, ``data``, gas enter ``LastResultsHash``; the rest does not.

    Attributes
    ----------
    code
        0 when it took effect; else the number of the rule broken, unique within `codespace`.
    codespace
        Module whose rule it was; empty when `code` is 0.
    log
        One sentence for people.
    data
        What the transaction returns.
    gas_wanted, gas_used
        In gas units.
    events
        What happened.
    """

    code: int = 0
    codespace: str = ""
    log: str = ""
    data: bytes = b""
    gas_wanted: int = 0
    gas_used: int = 0
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class BlockInput:
    """A decided block, as the state machine sees it.

    Attributes
    ----------
    height
        Its height.
    time_ns
        Its UTC time, nanoseconds since 1970.
    proposer
        Address of the proposer, 20 bytes.
    txs
        Its transactions, in order.
    """

    height: int
    time_ns: int
    proposer: bytes
    txs: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class BlockResult:
    """What a block did.

    Attributes
    ----------
    tx_results
        One a transaction, in order.
    app_hash
        State root after the block, 32 bytes; stands in the next header.
    validator_updates
        Changed powers.
    """

    tx_results: tuple[TxResult, ...]
    app_hash: bytes
    validator_updates: tuple[Validator, ...] = ()


@dataclass(frozen=True, slots=True)
class StateProof:
    """That a key has a value under an application hash (docs/formats.md, "state proof").

    Attributes
    ----------
    module
        Name of the module's tree.
    key, value
        The pair that is proved.
    depth
        Nodes above the leaf in the module's tree, 0 to 256.
    mask
        Which siblings are not empty: bit ``i & 7`` of byte ``i >> 3`` for the sibling at depth ``i + 1``.
    siblings
        Those siblings from the top, 32 bytes each.
    module_index, module_count
        Place of the module's leaf among the modules, sorted by name.
    module_path
        Tendermint simple Merkle path of that leaf, from the leaf up, 32 bytes each.
    """

    module: str
    key: bytes
    value: bytes
    depth: int
    mask: bytes
    siblings: tuple[bytes, ...]
    module_index: int
    module_count: int
    module_path: tuple[bytes, ...]


class Application(Protocol):
    """A deterministic state machine with its own durable state."""

    def info(self) -> tuple[int, bytes]:
        """Return the last committed height (0 before genesis) and its application hash."""
        ...

    def init_chain(self, genesis: Genesis) -> bytes:
        """Write the genesis state and return its application hash; not yet durable before the first commit."""
        ...

    def check_tx(self, tx: bytes) -> TxResult:
        """Tell whether a transaction may enter a block, against the last committed and pending state."""
        ...

    def finalize_block(self, block: BlockInput) -> BlockResult:
        """Execute a block on the committed state; nothing is durable before `commit`."""
        ...

    def commit(self) -> None:
        """Make the finalised block durable in one atomic, synced batch."""
        ...
