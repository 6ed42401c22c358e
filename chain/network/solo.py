"""The solo engine: one validator in this process, making CometBFT's blocks.

Source of the forms: cometbft v0.38 state/execution.go and consensus/state.go. A block is signed, then stored with its
commit in one synced write, then executed; after a crash the stored block is executed, so no height is ever signed
twice. Idle chains make no blocks; after a change one more block carries its ``app_hash``. A header's time is the time
of the last block's signature (BFT time), so after a pause an empty block first brings the clock up to date.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from chain.network.application import Application, BlockInput, Genesis, TxResult
from chain.network.blocks import BlockStore, StoredBlock
from chain.network.errors import EngineStopped, PoolFull, TxNotTaken, TxTooLarge
from chain.network.forms import (
    BLOCK_PROTOCOL,
    FLAG_COMMIT,
    build_validator_set,
    compute_block_id,
    compute_commit_hash,
    compute_consensus_hash,
    compute_data_hash,
    compute_merkle_root,
    compute_results_hash,
    compute_validator_address,
    compute_validators_hash,
    encode_vote,
    time_ns_of,
    timestamp_of,
)
from chain.network.genesis import MAX_BLOCK_BYTES, MAX_BLOCK_GAS
from chain.network.light import SignedHeader
from chain.wire.codec import encode_message
from chain.wire.comet import Block, BlockId, Commit, CommitSig, Consensus, EvidenceList, Header, Timestamp, TxList
from domain.keys import SigningKey

MAX_POOL: Final = 5_000
"""Transactions that may wait."""
MAX_BLOCK_TXS: Final = 2_000
BLOCK_ROOM: Final = MAX_BLOCK_BYTES - (64 << 10)
"""Bytes of transactions in a block: the rest is header and commit."""
MAX_TX_BYTES: Final = 1 << 20
"""Largest transaction taken (CometBFT's own default); less than a block's room, so that each has its turn."""
STALE_NS: Final = 1_000_000_000
"""A clock block comes first when the last signature is older than this."""
JUMP_NS: Final = 3_600 * 1_000_000_000
"""Wall and monotonic clock may drift apart by this much before the engine stops."""
_STEP_NS: Final = 1_000_000


class Clock(Protocol):
    """Where time comes from."""

    def time_ns(self) -> int:
        """Return UTC in nanoseconds since 1970."""
        ...

    def monotonic_ns(self) -> int:
        """Return a clock that nobody sets, in nanoseconds."""
        ...


@dataclass(frozen=True, slots=True)
class Finalised:
    """A transaction that is final.

    Attributes
    ----------
    tx_hash
        Its name: SHA-256 of its bytes.
    height, index
        Where it stands.
    result
        What it did.
    """

    tx_hash: bytes
    height: int
    index: int
    result: TxResult


class SoloEngine:
    """Drives an application; open it with `SoloEngine.open`.

    Attributes
    ----------
    genesis, blocks
        What it started from and made so far.
    """

    def __init__(
        self, app: Application, blocks: BlockStore, genesis: Genesis, *, key: SigningKey, clock: Clock
    ) -> None:
        self.genesis = genesis
        self.blocks = blocks
        self._app = app
        self._key = key
        self._clock = clock
        self._offset_ns = clock.time_ns() - clock.monotonic_ns()
        self._validators = build_validator_set(genesis.validators)
        self._pool: dict[bytes, tuple[bytes, asyncio.Future[Finalised]]] = {}
        self._wake = asyncio.Event()
        self._results: tuple[TxResult, ...] = ()
        self._app_hash = b""
        self._stopped: EngineStopped | None = None

    @classmethod
    @asynccontextmanager
    async def open(
        cls, app: Application, blocks: BlockStore, genesis: Genesis, *, key: SigningKey, clock: Clock
    ) -> "AsyncIterator[SoloEngine]":
        """Run the engine until the block ends; what was stored and not executed is executed first."""
        engine = cls(app, blocks, genesis, key=key, clock=clock)
        engine._recover()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(engine._make_blocks(), name="solo engine")
            try:
                yield engine
            finally:
                task.cancel()

    async def submit(self, tx: bytes) -> Finalised:
        """Return what a transaction did, once it is final.

        Raises
        ------
        TxNotTaken
            When the state machine refuses it, at no cost.
        TxTooLarge
            When no block has room for it.
        PoolFull, EngineStopped
            When it cannot be taken now.
        """
        return await asyncio.shield(self.offer(tx))

    def offer(self, tx: bytes) -> "asyncio.Future[Finalised]":
        """Take a transaction into the pool and return what will become of it; see `submit`."""
        if self._stopped is not None:
            raise self._stopped
        if len(tx) > MAX_TX_BYTES:
            raise TxTooLarge(len(tx), MAX_TX_BYTES)
        tx_hash = hashlib.sha256(tx).digest()
        if tx_hash in self._pool:
            return self._pool[tx_hash][1]
        if len(self._pool) >= MAX_POOL:
            raise PoolFull(MAX_POOL)
        checked = self._app.check_tx(tx)
        if checked.code:
            raise TxNotTaken(checked.codespace, checked.code, checked.log)
        future: asyncio.Future[Finalised] = asyncio.get_running_loop().create_future()
        future.add_done_callback(_read_failure)
        self._pool[tx_hash] = (tx, future)
        self._wake.set()
        return future

    def signed_header(self, height: int) -> SignedHeader | None:
        """Return a block's header with its commit and validators, if it is there."""
        stored = self.blocks.get(height)
        return None if stored is None else SignedHeader(stored.block.header, stored.commit, self._validators)

    def latest(self) -> SignedHeader:
        """Return the last block's header with its commit and validators."""
        signed = self.signed_header(self.blocks.last_height())
        assert signed is not None, "the first block is made before the engine is open"  # noqa: S101
        return signed

    def info(self) -> tuple[int, bytes]:
        """Return the application's last committed height and its hash."""
        return self._app.info()

    def pooled(self) -> int:
        """Return how many transactions wait."""
        return len(self._pool)

    def _recover(self) -> None:
        """Bring application and blocks together, and make the first block."""
        height, self._app_hash = self._app.info()
        last = self.blocks.last_height()
        if height == 0:
            self._app_hash = self._app.init_chain(self.genesis)
        for missing in range(max(height + 1, self.genesis.initial_height), last + 1):
            stored = self.blocks.get(missing)
            assert stored is not None, f"block {missing} was stored"  # noqa: S101
            self._execute(stored.block)
        self._results = self.blocks.results(last) or () if last else ()
        if last == 0:
            self._make_block(())
        if self._is_behind():
            self._make_block(())

    def _is_behind(self) -> bool:
        """Tell whether the last header does not carry the state that the application has reached."""
        return self.latest().header.app_hash != self._app_hash

    async def _make_blocks(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pool and self._stopped is None:
                try:
                    self._make_batch()
                except EngineStopped as stopped:
                    self._stop(stopped)
                # Let callers that were answered, and those that wait at the door, have their turn.
                await asyncio.sleep(0)

    def _make_batch(self) -> None:
        self._check_clock()
        if self._clock.time_ns() - time_ns_of(self.latest().commit.signatures[0].timestamp) > STALE_NS:
            self._make_block(())
        batch = self._choose()
        height, results = self._make_block(tuple(self._pool[tx_hash][0] for tx_hash in batch))
        if self._is_behind():
            self._make_block(())
        for index, (tx_hash, result) in enumerate(zip(batch, results, strict=True)):
            _, future = self._pool.pop(tx_hash)
            if not future.done():
                future.set_result(Finalised(tx_hash, height, index, result))
        self._recheck()

    def _choose(self) -> list[bytes]:
        """Return the transactions of the next block, first come first."""
        chosen: list[bytes] = []
        size = 0
        for tx_hash, (tx, _) in self._pool.items():
            size += len(tx) + 8
            if len(chosen) >= MAX_BLOCK_TXS or size > BLOCK_ROOM:
                break
            chosen.append(tx_hash)
        return chosen

    def _recheck(self) -> None:
        """Check again what waits: the block may have made it wrong."""
        for tx_hash, (tx, future) in tuple(self._pool.items()):
            checked = self._app.check_tx(tx)
            if checked.code:
                del self._pool[tx_hash]
                if not future.done():
                    future.set_exception(TxNotTaken(checked.codespace, checked.code, checked.log))

    def _check_clock(self) -> None:
        drift = self._clock.time_ns() - self._clock.monotonic_ns() - self._offset_ns
        if abs(drift) > JUMP_NS:
            raise EngineStopped(
                f"the clock jumped by {drift / 1e9:.0f} s; correct it, or restart the node to confirm the new time"
            )
        last_ns = time_ns_of(self.latest().commit.signatures[0].timestamp)
        if self._clock.time_ns() < last_ns - JUMP_NS:
            raise EngineStopped("the clock stands before the last block; correct it")

    def _stop(self, stopped: EngineStopped) -> None:
        self._stopped = stopped
        for _, future in self._pool.values():
            if not future.done():
                future.set_exception(stopped)
        self._pool.clear()

    def _make_block(self, txs: tuple[bytes, ...]) -> tuple[int, tuple[TxResult, ...]]:
        """Make, store and execute the next block; return its height and results."""
        block = self._propose(txs)
        block_id = compute_block_id(block.header, encode_message(block))
        self.blocks.put(StoredBlock(block, self._sign(block.header, block_id)))
        return block.header.height, self._execute(block)

    def _propose(self, txs: tuple[bytes, ...]) -> Block:
        height = self.blocks.last_height()
        last = self.blocks.get(height) if height else None
        validators_hash = compute_validators_hash(self._validators)
        header = Header(
            version=Consensus(block=BLOCK_PROTOCOL),
            chain_id=self.genesis.chain_id,
            height=height + 1 if last else self.genesis.initial_height,
            time=last.commit.signatures[0].timestamp if last else timestamp_of(self.genesis.time_ns),
            last_block_id=last.commit.block_id if last else BlockId(),
            last_commit_hash=compute_commit_hash(last.commit if last else None),
            data_hash=compute_data_hash(txs),
            validators_hash=validators_hash,
            next_validators_hash=validators_hash,
            consensus_hash=compute_consensus_hash(MAX_BLOCK_BYTES, MAX_BLOCK_GAS),
            app_hash=self._app_hash,
            last_results_hash=compute_results_hash(self._results) if last else compute_merkle_root(()),
            evidence_hash=compute_merkle_root(()),
            proposer_address=compute_validator_address(self._public_key),
        )
        return Block(header, TxList(txs), EvidenceList(), last.commit if last else Commit())

    @property
    def _public_key(self) -> bytes:
        return self._key.public.raw[2:]

    def _sign(self, header: Header, block_id: BlockId) -> Commit:
        unsigned = Commit(header.height, 0, block_id)
        timestamp = self._vote_time(header)
        signature = self._key.sign(encode_vote(header.chain_id, unsigned, timestamp))
        vote = CommitSig(FLAG_COMMIT, compute_validator_address(self._public_key), timestamp, signature)
        return Commit(header.height, 0, block_id, (vote,))

    def _vote_time(self, header: Header) -> Timestamp:
        return timestamp_of(max(self._clock.time_ns(), time_ns_of(header.time) + _STEP_NS))

    def _execute(self, block: Block) -> tuple[TxResult, ...]:
        header, txs = block.header, block.data.txs
        outcome = self._app.finalize_block(
            BlockInput(header.height, time_ns_of(header.time), header.proposer_address, txs)
        )
        positions = {hashlib.sha256(tx).digest(): index for index, tx in enumerate(txs)}
        self.blocks.put_results(header.height, positions, outcome.tx_results)
        self._app.commit()
        self._app_hash, self._results = outcome.app_hash, outcome.tx_results
        return outcome.tx_results


def _read_failure(future: "asyncio.Future[Finalised]") -> None:
    """Read the failure of a transaction for which nobody waits, which asyncio would report as forgotten."""
    if not future.cancelled():
        future.exception()
