"""A survey that is killed at any moment goes on where it was, and ends the same."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from survey.catalogue.errors import WorkersLost
from survey.catalogue.run import Progress, open_pool
from tests.survey.catalogue.scenes import run, write_quarters

CHECKOUT = Path(__file__).parents[3]
NAMES = ("trees.parquet", "crowns.parquet", "terrain.tif", "canopy.tif")
LIMIT_S = 240.0


@contextmanager
def start(workers: int, out: Path, files: list[Path]) -> Iterator[subprocess.Popen[str]]:
    """Start a survey in a process of its own; it does not outlive the test."""
    words = [sys.executable, "-m", "tests.survey.catalogue.driver", str(workers), str(out), *map(str, files)]
    with subprocess.Popen(words, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], stage: str, count: int) -> list[str]:
    """Return the lines of a survey up to the `count`-th job of a stage."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.strip())
        if sum(one.startswith(f"{stage} ") for one in lines) == count:
            return lines
    raise AssertionError(f"the survey ended before {stage}: {lines}")


def list_done(out: Path) -> dict[Path, int]:
    """Return the outcomes that are there, with the time when each was written."""
    kept = (path for kind in ("spool", "ground", "trees", "numbers") for path in (out / ".work" / kind).glob("*.npz"))
    return {path: path.stat().st_mtime_ns for path in kept if not path.name.startswith(".")}


@pytest.fixture(scope="module")
def quarters(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_quarters(tmp_path_factory.mktemp("quarters"))


@pytest.fixture(scope="module")
def straight(quarters: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("straight")
    run(quarters, out, 25.0)
    return out


def assert_same(out: Path, straight: Path) -> None:
    for name in NAMES:
        assert (out / name).read_bytes() == (straight / name).read_bytes(), name
    for path in (straight / "labelled").iterdir():
        assert (out / "labelled" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_killed_again_and_again_it_ends_the_same_and_does_nothing_twice(
    quarters: list[Path], straight: Path, tmp_path: Path, workers: int
) -> None:
    done: dict[Path, int] = {}
    for stage, count in (("spool", 2), ("ground", 3), ("trees", 1), ("trees", 7), ("labels", 2)):
        with start(workers, tmp_path, quarters) as process:
            read_until(process, stage, count)
            os.kill(process.pid, signal.SIGKILL)
            process.wait(LIMIT_S)
        # Workers end with their parent; until then one may still finish the tile in its hands.
        time.sleep(1.0)
        now = list_done(tmp_path)
        assert done.items() <= now.items()
        done = now
    with start(workers, tmp_path, quarters) as process:
        _, told = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, told
    assert_same(tmp_path, straight)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_ctrl_c_ends_it_soon_and_leaves_nothing_half_written(
    quarters: list[Path], straight: Path, tmp_path: Path, workers: int
) -> None:
    with start(workers, tmp_path, quarters) as process:
        read_until(process, "trees", 2)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=LIMIT_S)
    assert process.returncode in {1, 130, -signal.SIGINT}
    assert "KeyboardInterrupt" in told
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".") and path.is_file()]
    run(quarters, tmp_path, 25.0)
    assert_same(tmp_path, straight)


@pytest.mark.slow
def test_a_worker_that_is_killed_is_told_and_the_rest_is_kept(
    quarters: list[Path], straight: Path, tmp_path: Path
) -> None:
    with open_pool(1) as executor:

        def kill_at_trees(progress: Progress) -> None:
            if progress.stage == "trees" and progress.done == 2:
                worker = next(iter(executor._processes))
                os.kill(worker, signal.SIGKILL)

        with pytest.raises(WorkersLost, match="trees") as caught:
            run(quarters, tmp_path, 25.0, executor=executor, on_progress=kill_at_trees)
    assert caught.value.pending
    run(quarters, tmp_path, 25.0)
    assert_same(tmp_path, straight)
