"""What the portal asks of the rest of a server; small enough that a test writes each in a few lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from domain.cid import Cid


class Pin(NamedTuple):
    """What a verifier must know beforehand.

    Attributes
    ----------
    chain_id
        The chain's name.
    genesis_hash
        SHA-256 of its genesis head, 64 lower-case hex digits.
    """

    chain_id: str
    genesis_hash: str


@dataclass(frozen=True, slots=True)
class ChainStatus:
    """Where the chain stands.

    Attributes
    ----------
    height
        Of the latest block; 0 before the first.
    time_ms
        That block's UTC time.
    validators
        How many validators sign.
    is_syncing
        Whether the node is still catching up.
    """

    height: int
    time_ms: int
    validators: int
    is_syncing: bool = False


class ProofSource(Protocol):
    """Makes proof files."""

    async def proof(self, cid: Cid) -> bytes:
        """Return the proof file of a record; `NotAnchored` or `RecordNotFound` of the register otherwise."""
        ...


class BlockSource(Protocol):
    """Gives blocks; `ipfs.store.BlockStore` fits."""

    def get(self, cid: Cid) -> bytes:
        """Return a block, or raise a `CecError`; called in a worker thread."""
        ...


class ChainSource(Protocol):
    """Tells of the chain that anchors the records."""

    def pin(self) -> Pin:
        """Return the chain's id and genesis hash."""
        ...

    async def status(self) -> ChainStatus:
        """Return where the chain stands, or raise a `CecError` when no node answers."""
        ...


class LineSource(Protocol):
    """Tells how much has passed each station of the line, from device to chain."""

    async def line(self) -> Mapping[str, int]:
        """Return counts by station, such as ``{"received": 812, "admitted": 810}``, in the line's order."""
        ...


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One thing that is as it should be, or not.

    Attributes
    ----------
    name, state, words
        What was looked at; ``ok``, ``warn`` or ``fail``; what it is and what to do.
    """

    name: str
    state: str
    words: str


class Watcher(Protocol):
    """Knows how the server does."""

    async def checks(self) -> Sequence[HealthCheck]:
        """Return what an operator should know."""
        ...

    async def metrics(self) -> bytes:
        """Return every counter in Prometheus' text format."""
        ...
