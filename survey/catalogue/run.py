"""Jobs on any executor: a bounded number at once, none twice, failures told by name, the time left estimated."""

import ctypes
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

from survey.catalogue.errors import FileFailed, JobFailed, TileFailed, WorkersLost
from survey.catalogue.work import JobReport, run_job

P = ParamSpec("P")
R = TypeVar("R")
_MOST_PENDING: Final = 64
"""Jobs handed out and not yet done: enough for a cluster, few enough to take back at once."""
_PARENT_DEATH: Final = 1
"""PR_SET_PDEATHSIG of Linux' prctl."""


@dataclass(frozen=True, slots=True)
class Step:
    """One job and what is told of it.

    Attributes
    ----------
    kind
        Of `survey.catalogue.work.JOBS`.
    name
        As people read it: of a file or a tile.
    files
        Names of the files that it reads.
    job
        What the worker gets.
    outcome
        File that is there once the job is done.
    cost
        Work in points; decoding one point costs 1.
    """

    kind: str
    name: str
    files: tuple[str, ...]
    job: Any
    outcome: Path
    cost: float


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a survey is.

    Attributes
    ----------
    stage
        Kind of jobs: ``spool``, ``ground``, ``trees``, ``numbers``, then outputs.
    name
        Of the job that ended last.
    done, total
        Jobs of this stage.
    share
        Of all work, 0 to 1.
    elapsed_s
        Since the beginning.
    left_s
        Estimate by the pace so far; absent until there is one.
    """

    stage: str
    name: str
    done: int
    total: int
    share: float
    elapsed_s: float
    left_s: float | None


def ignore_progress(progress: Progress) -> None:
    """Tell nobody."""


@dataclass(slots=True)
class Tracker:
    """Counts work that is done, and tells it.

    Attributes
    ----------
    tell
        Who wants to know.
    expected
        Work of each stage, in points: guessed until it is planned.
    done, skipped
        Work that is done, and the part of it that was there before.
    share
        Of all work, the most that was told.
    began_s
        On the monotonic clock.
    """

    tell: Callable[[Progress], None] = ignore_progress
    expected: dict[str, float] = field(default_factory=dict)
    done: float = 0.0
    skipped: float = 0.0
    share: float = 0.0
    began_s: float = field(default_factory=time.monotonic)

    def note(self, step: Step, counts: tuple[int, int], *, is_skipped: bool) -> None:
        """Count a job that ended and tell it."""
        self.done += step.cost
        self.skipped += step.cost if is_skipped else 0.0
        total = max(sum(self.expected.values()), self.done)
        # A plan may turn out larger than its guess; nobody likes to see less done than before.
        self.share = max(self.share, self.done / total)
        elapsed, worked = time.monotonic() - self.began_s, self.done - self.skipped
        left = elapsed * (total - self.done) / worked if worked > 0.0 else None
        self.tell(Progress(step.kind, step.name, *counts, self.share, elapsed, left))


class RunHere(Executor):
    """Runs each job where it is submitted: no other process, the least memory."""

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Run a job and return its result as a future that is done."""
        future: Future[R] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def open_pool(workers: int) -> ProcessPoolExecutor:
    """Return a pool of local processes that end with the one that opened it, and leave Ctrl-C to it."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_follow, initargs=(os.getpid(),))


def run_steps(steps: Sequence[Step], executor: Executor, tracker: Tracker) -> list[JobFailed]:
    """Do jobs whose outcome is not there yet, and return those that failed.

    Parameters
    ----------
    steps
        In any order; none needs another of them.
    executor
        Where. It stays open.
    tracker
        Counts them.

    Raises
    ------
    WorkersLost
        When the executor cannot go on.
    """
    failed: list[JobFailed] = []
    for kind in {step.kind for step in steps}:
        tracker.expected[kind] = sum(step.cost for step in steps if step.kind == kind)
    ended = 0
    waiting: list[Step] = []
    for step in steps:
        if step.outcome.exists():
            ended += 1
            tracker.note(step, (ended, len(steps)), is_skipped=True)
        else:
            waiting.append(step)
    for step, report in _run_bounded(waiting, executor):
        ended += 1
        if report.reason:
            failed.append(_name_failure(step, report.reason))
        tracker.note(step, (ended, len(steps)), is_skipped=False)
    return failed


def _run_bounded(steps: Iterable[Step], executor: Executor) -> Iterable[tuple[Step, JobReport]]:
    """Yield jobs as they end; what is pending is taken back when this is left."""
    pending: dict[Future[JobReport], Step] = {}
    coming = iter(steps)
    try:
        while True:
            for step in coming:
                pending[executor.submit(run_job, step.kind, step.job)] = step
                if len(pending) >= _MOST_PENDING or all(one.done() for one in pending):
                    break
            if not pending:
                return
            done, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                report = _take(future, pending)
                yield pending.pop(future), report
    except BrokenExecutor as error:
        raise WorkersLost(_name_pending(pending), str(error)) from error
    finally:
        for future in pending:
            future.cancel()


def _take(future: Future[JobReport], pending: Mapping[Future[JobReport], Step]) -> JobReport:
    """Return how a job ended; a job raises nothing itself, so what is raised says that its worker is lost."""
    try:
        return future.result()
    except BrokenExecutor:
        raise
    except Exception as error:
        # Each executor has words of its own for it: Dask's is KilledWorker.
        raise WorkersLost(_name_pending(pending), f"{type(error).__name__}: {error}") from error


def _name_pending(pending: Mapping[Future[JobReport], Step]) -> tuple[str, ...]:
    return tuple(f"{step.kind} {step.name}" for step in pending.values())


def _name_failure(step: Step, reason: str) -> JobFailed:
    if step.kind in {"ground", "trees"}:
        return TileFailed(step.name, step.files, reason)
    return FileFailed(step.name, reason)


def _follow(parent: int) -> None:
    """Let this process end with its parent, also when that is killed, and leave Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None, use_errno=True).prctl(_PARENT_DEATH, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
