"""A bad link loses no byte that it passed, and counts what it did."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sample_data.errors import InvalidParameter
from sample_data.field.link import LinkFaults, LossyLink


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def linked(faults: LinkFaults | None = None, *, seed: int = 1) -> AsyncIterator[LossyLink]:
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, LossyLink("127.0.0.1", port, seed=seed, faults=faults) as link:
        yield link


async def talk(port: int, data: bytes) -> bytes:
    """Send bytes and return what comes back before the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    got = b""
    try:
        async with asyncio.timeout(10):
            writer.write(data)
            writer.write_eof()
            while part := await reader.read(4096):
                got += part
    except ConnectionError:
        pass
    finally:
        writer.close()
    return got


async def test_a_good_link_passes_everything() -> None:
    data = bytes(range(256)) * 2000
    async with linked() as link:
        assert await talk(link.port, data) == data
        assert (link.counts.connections, link.counts.cuts) == (1, 0)
        assert (link.counts.bytes_up, link.counts.bytes_down) == (len(data), len(data))


async def test_a_cut_connection_gives_a_true_beginning_and_no_more() -> None:
    data = bytes(range(256)) * 2000
    async with linked(LinkFaults(cut_after_bytes=50_000)) as link:
        for _ in range(8):
            got = await talk(link.port, data)
            assert data.startswith(got)
            assert len(got) < len(data)
        assert link.cuts == 8


async def test_the_same_seed_cuts_at_the_same_byte() -> None:
    async def count_until_cut(seed: int) -> int:
        async with linked(LinkFaults(cut_after_bytes=50_000), seed=seed) as link:
            await talk(link.port, bytes(500_000))
            return link.counts.bytes_up + link.counts.bytes_down

    assert await count_until_cut(3) == await count_until_cut(3)
    assert await count_until_cut(3) != await count_until_cut(4)


async def test_after_its_last_cut_the_link_is_good() -> None:
    data = bytes(300_000)
    async with linked(LinkFaults(cut_after_bytes=1_000, most_cuts=2)) as link:
        answers = [await talk(link.port, data) for _ in range(4)]
        assert [answer == data for answer in answers] == [False, False, True, True]


async def test_after_a_cut_the_link_refuses_for_a_while() -> None:
    async with linked(LinkFaults(cut_after_bytes=10, refuse_s=0.3, most_cuts=1)) as link:
        assert await talk(link.port, bytes(5000)) != bytes(5000)
        assert await talk(link.port, b"too early") == b""
        assert link.counts.refused >= 1
        await asyncio.sleep(0.35)
        assert await talk(link.port, b"now") == b"now"


async def test_a_stalled_connection_is_silent_before_it_ends() -> None:
    clock = asyncio.get_running_loop()
    async with linked(LinkFaults(cut_after_bytes=10, stall_share=1.0, stall_s=0.4)) as link:
        started = clock.time()
        await talk(link.port, bytes(5000))
        assert clock.time() - started >= 0.4
        assert link.counts.stalls == 1


async def test_latency_is_paid_each_way() -> None:
    clock = asyncio.get_running_loop()
    async with linked(LinkFaults(latency_s=0.15)) as link:
        started = clock.time()
        assert await talk(link.port, b"ping") == b"ping"
        assert clock.time() - started >= 0.3


async def test_a_target_that_is_away_counts_as_a_refusal() -> None:
    async with LossyLink("127.0.0.1", 1, seed=1) as link:
        assert await talk(link.port, b"anyone?") == b""
        assert link.counts.refused == 1


def test_an_impossible_fault_is_refused() -> None:
    with pytest.raises(InvalidParameter):
        LossyLink("127.0.0.1", 1, seed=1, faults=LinkFaults(stall_share=2.0))
