"""A folder for outputs is one survey's alone, and nothing of that stays behind."""

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from survey.catalogue.errors import CatalogueInUse
from survey.catalogue.hold import LOCK, _lock, hold_folder

_HOLD = """
import sys, time
from pathlib import Path
from survey.catalogue.hold import hold_folder
with hold_folder(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60.0)
"""


def test_a_held_folder_is_refused_and_then_free_and_empty(tmp_path: Path) -> None:
    with hold_folder(tmp_path):
        assert (tmp_path / LOCK).exists()
        with pytest.raises(CatalogueInUse), hold_folder(tmp_path):
            raise AssertionError
        # The one that was refused took nothing away.
        assert (tmp_path / LOCK).exists()
    assert list(tmp_path.iterdir()) == []
    with hold_folder(tmp_path):
        pass


def test_the_lock_is_one_on_a_file_open_for_writing(tmp_path: Path) -> None:
    with hold_folder(tmp_path), (tmp_path / LOCK).open("r+b") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_survey_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    words = [sys.executable, "-c", _HOLD, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "held\n"
            with pytest.raises(CatalogueInUse), hold_folder(tmp_path):
                raise AssertionError
        finally:
            other.kill()
    assert (tmp_path / LOCK).exists()
    with hold_folder(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_whoever_opened_the_lock_of_a_survey_that_then_ended_does_not_hold_the_folder(tmp_path: Path) -> None:
    path = tmp_path / LOCK
    with path.open("w+b") as opened:
        path.unlink()
        with pytest.raises(CatalogueInUse):
            _lock(opened.fileno(), path)
        path.touch()
        with pytest.raises(CatalogueInUse):
            _lock(opened.fileno(), path)
