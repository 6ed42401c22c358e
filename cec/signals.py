"""How a command that runs until it is stopped, or for a time, hears that it is over."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stop_on_signals(stop: asyncio.Event) -> Iterator[None]:
    """Let Ctrl-C and a termination set `stop`, so that a command ends in order and with its summary."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for one in signals:
        loop.add_signal_handler(one, stop.set)
    try:
        yield
    finally:
        for one in signals:
            loop.remove_signal_handler(one)


@contextmanager
def end_on_termination() -> Iterator[None]:
    """Let a termination end the running task as Ctrl-C does: in order, and with it all that it began."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None, "a coroutine calls it"  # noqa: S101
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


async def wait_for_stop(stop: asyncio.Event, seconds: float) -> None:
    """Return when `stop` is set, or after so many seconds; 0: not before it is set."""
    try:
        async with asyncio.timeout(seconds or None):
            await stop.wait()
    except TimeoutError:
        return
