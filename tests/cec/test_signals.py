"""A command runs until it is stopped or its time is over, whichever comes first."""

import asyncio
import os
import signal

import pytest

from cec.signals import end_on_termination, stop_on_signals, wait_for_stop

HANG_S = 60.0
"""Only what waits for what does not come takes so long."""


@pytest.mark.parametrize("seconds", [0.0, 100 * HANG_S])
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_the_wait(sent: signal.Signals, seconds: float) -> None:
    stop = asyncio.Event()
    with stop_on_signals(stop):
        async with asyncio.timeout(HANG_S):
            os.kill(os.getpid(), sent)
            await wait_for_stop(stop, seconds)
    assert stop.is_set()


async def test_a_termination_ends_a_task_in_order() -> None:
    ended = asyncio.Event()

    async def run() -> None:
        with end_on_termination():
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                await asyncio.Event().wait()
            finally:
                ended.set()

    async with asyncio.timeout(HANG_S):
        task = asyncio.create_task(run(), name="run")
        await asyncio.wait([task])
    assert (task.cancelled(), ended.is_set()) == (True, True)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def test_the_time_ends_the_wait_and_stops_nothing_by_itself() -> None:
    stop = asyncio.Event()
    async with asyncio.timeout(HANG_S):
        await wait_for_stop(stop, 0.001)
    assert not stop.is_set()


async def test_no_time_is_no_end() -> None:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(wait_for_stop(stop, 0), name="wait")
        for _ in range(100):
            await asyncio.sleep(0)
        assert not waiting.done()
        stop.set()
