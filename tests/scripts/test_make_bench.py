"""`make bench` measures all that it was asked to, and fails if one goal was missed."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("missed", "code"), [("", 0), ("benchmarks.one", 2), ("benchmarks.three", 2)])
def test_all_are_measured_and_a_missed_goal_fails_at_the_end(tmp_path: Path, missed: str, code: int) -> None:
    python, told = tmp_path / "python", tmp_path / "told"
    python.write_text(f'#!/bin/sh\necho "$*" >> {told}\n[ "$2" != "{missed}" ]\n')
    python.chmod(0o755)
    # The environment is taken as made: another program stands in for its Python.
    command = ["make", "--old-file=.venv/dev.stamp", "bench", f"BIN={tmp_path}", "BENCH=one two three", "ARGS=--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, timeout=60)
    assert done.returncode == code
    assert told.read_text().split("\n")[:-1] == [f"-m benchmarks.{name} --json" for name in ("one", "two", "three")]
