"""Jobs run on any executor: few at once, all of them, none twice."""

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest

from survey.catalogue.errors import TileFailed, WorkersLost
from survey.catalogue.run import Progress, RunHere, Step, Tracker, run_steps

P = ParamSpec("P")
R = TypeVar("R")


class Counting(Executor):
    """A thread that counts how many jobs were handed out and not done at once."""

    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(1)
        self.now = 0
        self.most = 0
        self.total = 0

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        self.now, self.total = self.now + 1, self.total + 1
        self.most = max(self.most, self.now)
        future = self.threads.submit(fn, *args, **kwargs)
        future.add_done_callback(self._count_down)
        return future

    def _count_down(self, _: object) -> None:
        self.now -= 1


def make_steps(folder: Path, count: int) -> list[Step]:
    """Return jobs that fail at once: they have nothing to work on."""
    return [Step("trees", f"{at}", ("a.laz",), None, folder / f"{at}.npz", 1.0) for at in range(count)]


def test_jobs_are_handed_out_a_bounded_number_at_once_and_all_are_told(tmp_path: Path) -> None:
    executor, told = Counting(), list[Progress]()
    failed = run_steps(make_steps(tmp_path, 300), executor, Tracker(told.append))
    executor.threads.shutdown()
    assert 1 < executor.most <= 64
    assert executor.total == len(failed) == 300
    assert {failure.tile for failure in failed if isinstance(failure, TileFailed)} == {f"{at}" for at in range(300)}
    assert [one.done for one in told] == list(range(1, 301))
    assert told[-1].share == 1.0


def test_what_is_there_is_not_done_again(tmp_path: Path) -> None:
    steps = make_steps(tmp_path, 10)
    for step in steps[:7]:
        step.outcome.touch()
    executor = Counting()
    assert len(run_steps(steps, executor, Tracker())) == 3
    executor.threads.shutdown()
    assert executor.total == 3


def test_the_time_left_follows_the_pace_of_what_was_really_done(tmp_path: Path) -> None:
    steps = make_steps(tmp_path, 10)
    steps[0].outcome.touch()
    told: list[Progress] = []
    run_steps(steps, RunHere(), Tracker(told.append))
    assert told[0].left_s is None
    for one in told[1:]:
        assert one.left_s is not None
        worked = one.done - 1
        assert abs(one.left_s - one.elapsed_s * (10 - one.done) / worked) < 1e-9


class GoneError(Exception):
    """What some executor raises for a lost worker."""


class Losing(Executor):
    """An executor whose worker is lost, told by an exception of its own."""

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        del fn, args, kwargs
        future: Future[R] = Future()
        future.set_exception(GoneError("tcp://127.0.0.1:1"))
        return future


def test_a_lost_worker_of_a_cluster_is_told_as_any_lost_worker(tmp_path: Path) -> None:
    with pytest.raises(WorkersLost, match="GoneError") as caught:
        run_steps(make_steps(tmp_path, 3), Losing(), Tracker())
    assert "trees 0" in caught.value.pending
