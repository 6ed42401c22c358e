"""A process of its own for the tree science: its arithmetic must not stop the server's conversation."""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import ParamSpec, TypeVar

from domain.errors import CecError

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Refused:
    """Why work was refused, as values: an exception with facts does not survive the way between processes."""

    rule: str
    words: str


class Worker:
    """One process that does work given to it, replaced by a new one when it dies of it.

    Parameters
    ----------
    warm_up
        What it begins with, at once; absent: its process begins with the first work.
    """

    def __init__(self, warm_up: Callable[[], None] | None = None) -> None:
        self._warm_up = warm_up
        self._pool = _start_pool(warm_up)

    async def run(self, work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T | Refused:
        """Return what work gives, or why it was refused; work and its values can be pickled.

        Raises
        ------
        BrokenExecutor
            When the process died of it; the next work finds a new one.
        """
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._pool, _attempt, work, args, options)
        except BrokenExecutor:
            self._pool = _start_pool(self._warm_up)
            raise

    def close(self) -> None:
        """Give up what has not begun; its process ends when it is done with what it has in hand."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _attempt(work: Callable[P, T], args: tuple[object, ...], options: dict[str, object]) -> T | Refused:
    try:
        return work(*args, **options)  # type: ignore[arg-type]  # as `Worker.run` was given them
    except CecError as error:
        return Refused(type(error).__name__, str(error))


def _start_pool(warm_up: Callable[[], None] | None) -> ProcessPoolExecutor:
    # Spawned, not forked: the server has threads.
    pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=_end_with_parent)
    if warm_up is not None:
        pool.submit(warm_up)
    return pool


def _end_with_parent() -> None:
    """End this worker when the server dies: killed, it could not tell its workers, and they would wait for ever."""
    # Ctrl-C reaches the whole group of a terminal; the server decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_wait_and_exit, args=(parent,), name="parent watch", daemon=True).start()


def _wait_and_exit(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)
