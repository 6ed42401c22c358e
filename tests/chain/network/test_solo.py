import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from chain.data.memory import MemoryStore
from chain.network.application import BlockInput, BlockResult, Genesis, TxResult
from chain.network.blocks import BlockStore, StoredBlock
from chain.network.errors import EngineStopped, PoolFull, TxNotTaken, TxTooLarge
from chain.network.forms import compute_block_id, compute_commit_hash, compute_data_hash, time_ns_of
from chain.network.light import follow, validate_commit, validate_signed_header
from chain.network.solo import MAX_BLOCK_TXS, MAX_POOL, MAX_TX_BYTES, SoloEngine
from chain.wire.codec import encode_message
from tests.chain.small_chain import CHAIN_ID, SECOND_NS, VALIDATORS, SetClock, make_genesis

GENESIS = make_genesis()
VALIDATOR = VALIDATORS[0]


class PowerCut(Exception):
    """The machine stops."""


@dataclass
class FailingStore:
    """A store that writes so many more batches, and then never again: what a power cut leaves behind."""

    inner: MemoryStore
    left: int

    def get(self, key: bytes) -> bytes | None:
        return self.inner.get(key)

    def iterate(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        return self.inner.iterate(prefix)

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        if self.left == 0:
            raise PowerCut
        self.left -= 1
        self.inner.write(changes)

    def close(self) -> None:
        self.inner.close()


@dataclass
class Diary:
    """A small application: it remembers lines; ``!`` fails, ``?`` is refused, ``@name/`` may stand once.

    Its hash is over all lines so far, so that order and replay show in it.
    """

    kv: MemoryStore | FailingStore
    begun: bytes = b""
    pending: tuple[int, tuple[bytes, ...]] | None = None
    executed: list[int] = field(default_factory=list)

    def lines(self) -> tuple[bytes, ...]:
        return tuple(line for _, line in self.kv.iterate(b"d/line/"))

    def info(self) -> tuple[int, bytes]:
        return int.from_bytes(self.kv.get(b"d/height") or b"", "big"), self.compute_hash(self.lines())

    def compute_hash(self, lines: tuple[bytes, ...]) -> bytes:
        return hashlib.sha256(b"\n".join((GENESIS.app_state, *lines))).digest()

    def init_chain(self, genesis: Genesis) -> bytes:
        assert genesis == GENESIS
        return self.compute_hash(())

    def check_tx(self, tx: bytes) -> TxResult:
        name = tx.split(b"/")[0]
        taken = tx.startswith(b"@") and any(line.split(b"/")[0] == name for line in self.lines())
        if tx.startswith(b"?") or taken:
            return TxResult(3, "diary", "no questions")
        return TxResult()

    def finalize_block(self, block: BlockInput) -> BlockResult:
        results = tuple(TxResult(7, "diary", "no shouting") if tx.startswith(b"!") else TxResult() for tx in block.txs)
        written = tuple(tx for tx, result in zip(block.txs, results, strict=True) if not result.code)
        self.pending = (block.height, written)
        self.executed.append(block.height)
        return BlockResult(results, self.compute_hash((*self.lines(), *written)))

    def commit(self) -> None:
        assert self.pending is not None
        height, written = self.pending
        start = len(self.lines())
        changes: dict[bytes, bytes | None] = {
            b"d/line/" + (start + at).to_bytes(4, "big"): line for at, line in enumerate(written)
        }
        self.kv.write({**changes, b"d/height": height.to_bytes(8, "big")})


@asynccontextmanager
async def run_engine(
    kv: MemoryStore | FailingStore, clock: SetClock | None = None
) -> AsyncIterator[tuple[SoloEngine, Diary]]:
    diary = Diary(kv)
    blocks = BlockStore(kv)
    async with SoloEngine.open(diary, blocks, GENESIS, key=VALIDATOR, clock=clock or SetClock()) as engine:
        yield engine, diary


def read_blocks(engine: SoloEngine) -> list[StoredBlock]:
    found = [engine.blocks.get(height) for height in range(1, engine.blocks.last_height() + 1)]
    return [one for one in found if one is not None]


def check_chain(engine: SoloEngine) -> None:
    """Every law that blocks must keep, from the first to the last."""
    stored = read_blocks(engine)
    assert [one.block.header.height for one in stored] == list(range(1, engine.blocks.last_height() + 1))
    for earlier, later in zip([None, *stored], stored, strict=False):
        header, block = later.block.header, later.block
        assert later.commit.block_id == compute_block_id(header, encode_message(block))
        assert header.data_hash == compute_data_hash(block.data.txs)
        assert header.last_commit_hash == compute_commit_hash(earlier.commit if earlier else None)
        if earlier is not None:
            assert header.last_block_id == earlier.commit.block_id
            assert header.time == earlier.commit.signatures[0].timestamp
            assert block.last_commit == earlier.commit
    signed = [one for height in range(1, len(stored) + 1) if (one := engine.signed_header(height)) is not None]
    validate_signed_header(signed[0], CHAIN_ID)
    validate_commit(signed[0])
    follow(signed[0], signed[1:], CHAIN_ID)


async def test_a_new_chain_has_one_block_that_carries_the_genesis_state() -> None:
    async with run_engine(MemoryStore()) as (engine, diary):
        latest = engine.latest().header
        assert (latest.height, time_ns_of(latest.time)) == (1, GENESIS.time_ns)
        assert latest.app_hash == diary.compute_hash(())
        check_chain(engine)


async def test_a_change_is_final_and_the_next_header_carries_it() -> None:
    async with run_engine(MemoryStore()) as (engine, diary):
        final = await engine.submit(b"first")
        assert diary.lines() == (b"first",)
        assert engine.latest().header.height == final.height + 1
        assert engine.latest().header.app_hash == diary.compute_hash((b"first",))
        check_chain(engine)


async def test_an_idle_chain_makes_no_blocks() -> None:
    clock = SetClock()
    async with run_engine(MemoryStore(), clock) as (engine, _):
        await engine.submit(b"first")
        height = engine.blocks.last_height()
        clock.advance(3_000)
        await asyncio.sleep(0.01)
        assert engine.blocks.last_height() == height


async def test_what_waits_together_goes_into_one_block_in_order() -> None:
    async with run_engine(MemoryStore()) as (engine, diary):
        lines = [b"line %d" % number for number in range(50)]
        finals = await asyncio.gather(*(engine.submit(line) for line in lines))
        assert [(final.height, final.index) for final in finals] == [(2, index) for index in range(50)]
        assert list(diary.lines()) == lines
        check_chain(engine)


async def test_a_block_has_no_more_transactions_than_it_may() -> None:
    async with run_engine(MemoryStore()) as (engine, _):
        count = MAX_BLOCK_TXS + 10
        finals = await asyncio.gather(*(engine.submit(b"%d" % number) for number in range(count)))
        assert {final.height for final in finals[:MAX_BLOCK_TXS]} == {2}
        assert len({final.height for final in finals}) == 2
        check_chain(engine)


async def test_large_transactions_are_spread_over_blocks() -> None:
    async with run_engine(MemoryStore()) as (engine, _):
        finals = await asyncio.gather(*(engine.submit(bytes([number]) * MAX_TX_BYTES) for number in range(5)))
        assert len({final.height for final in finals}) == 2
        check_chain(engine)


async def test_a_failed_transaction_stands_in_its_block_with_its_code() -> None:
    async with run_engine(MemoryStore()) as (engine, diary):
        final = await engine.submit(b"!loud")
        assert (final.result.code, final.result.codespace) == (7, "diary")
        results = engine.blocks.results(final.height)
        assert results is not None
        assert results[final.index].code == 7
        assert engine.blocks.find_tx(hashlib.sha256(b"!loud").digest()) == (final.height, final.index)
        assert diary.lines() == ()


async def test_a_refused_transaction_makes_no_block() -> None:
    async with run_engine(MemoryStore()) as (engine, _):
        with pytest.raises(TxNotTaken) as refused:
            await engine.submit(b"?who")
        assert (refused.value.codespace, refused.value.code) == ("diary", 3)
        assert engine.blocks.last_height() == 1


async def test_the_same_bytes_twice_are_one_transaction() -> None:
    async with run_engine(MemoryStore()) as (engine, diary):
        first, second = await asyncio.gather(engine.submit(b"same"), engine.submit(b"same"))
        assert first == second
        assert diary.lines() == (b"same",)


async def test_what_a_block_made_wrong_is_refused_before_the_next() -> None:
    async with run_engine(MemoryStore()) as (engine, diary):
        crowd = [engine.offer(b"%d" % number) for number in range(MAX_BLOCK_TXS - 1)]
        # Both are right when they come; the first block has room for one of them.
        first, second = engine.offer(b"@oak/1"), engine.offer(b"@oak/2")
        await asyncio.gather(*crowd, first)
        with pytest.raises(TxNotTaken):
            await second
        assert diary.lines()[-1] == b"@oak/1"
        assert engine.pooled() == 0


async def test_a_full_pool_refuses_and_a_transaction_too_large_for_any_block_too() -> None:
    async with run_engine(MemoryStore()) as (engine, _):
        waiting = [engine.offer(b"%d" % number) for number in range(MAX_POOL)]
        assert engine.pooled() == MAX_POOL
        with pytest.raises(PoolFull):
            engine.offer(b"one more")
        await asyncio.gather(*waiting)
        with pytest.raises(TxTooLarge):
            engine.offer(bytes(MAX_TX_BYTES + 1))


async def test_after_a_pause_a_transaction_has_the_time_of_now() -> None:
    clock = SetClock()
    async with run_engine(MemoryStore(), clock) as (engine, _):
        clock.advance(1_000)
        final = await engine.submit(b"late")
        signed = engine.signed_header(final.height)
        assert signed is not None
        assert clock.now_ns - time_ns_of(signed.header.time) < SECOND_NS
        check_chain(engine)


async def test_time_goes_on_when_the_clock_stands_or_goes_back_a_little() -> None:
    clock = SetClock()
    async with run_engine(MemoryStore(), clock) as (engine, _):
        await engine.submit(b"one")
        clock.jump(-600)
        await engine.submit(b"two")
        check_chain(engine)


@pytest.mark.parametrize("seconds", [3_700, -3_700])
async def test_a_jump_of_the_clock_stops_the_chain_until_an_operator_restarts_it(seconds: int) -> None:
    kv, clock = MemoryStore(), SetClock()
    async with run_engine(kv, clock) as (engine, _):
        await engine.submit(b"before")
        height = engine.blocks.last_height()
        clock.jump(seconds)
        for line in (b"after", b"again"):
            with pytest.raises(EngineStopped):
                await engine.submit(line)
        assert engine.blocks.last_height() == height
    async with run_engine(kv, SetClock(now_ns=clock.now_ns)) as (engine, _):
        if seconds > 0:
            await engine.submit(b"after")
            check_chain(engine)
        else:
            with pytest.raises(EngineStopped, match="before the last block"):
                await engine.submit(b"after")


async def test_a_chain_goes_on_after_a_restart() -> None:
    kv, clock = MemoryStore(), SetClock()
    async with run_engine(kv, clock) as (engine, _):
        await engine.submit(b"one")
    async with run_engine(kv, clock) as (engine, diary):
        await engine.submit(b"two")
        assert diary.lines() == (b"one", b"two")
        assert diary.executed[0] > 2
        check_chain(engine)


async def write_lines(kv: MemoryStore | FailingStore, clock: SetClock) -> None:
    async with run_engine(kv, clock) as (engine, _):
        for number in range(4):
            clock.advance(2)
            await engine.submit(b"line %d" % number)


@pytest.mark.parametrize("writes", range(40))
async def test_a_power_cut_at_any_write_loses_no_signed_block_and_changes_none(writes: int) -> None:
    kv, clock = MemoryStore(), SetClock()
    with suppress(PowerCut, ExceptionGroup):
        await write_lines(FailingStore(kv, writes), clock)
    signed = dict(kv.iterate(b"b/block/")) | dict(kv.iterate(b"b/commit/"))
    clock.advance(60)
    async with run_engine(kv, clock) as (engine, diary):
        now = dict(kv.iterate(b"b/block/")) | dict(kv.iterate(b"b/commit/"))
        assert signed.items() <= now.items()
        lines = tuple(tx for one in read_blocks(engine) for tx in one.block.data.txs)
        assert diary.lines() == lines
        await engine.submit(b"after")
        assert engine.latest().header.app_hash == diary.compute_hash((*lines, b"after"))
        assert engine.info()[0] == engine.blocks.last_height()
        check_chain(engine)


async def test_the_same_transactions_at_the_same_times_make_the_same_blocks() -> None:
    first, second = MemoryStore(), MemoryStore()
    for kv in (first, second):
        await write_lines(kv, SetClock())
    assert dict(first.iterate(b"")) == dict(second.iterate(b""))
