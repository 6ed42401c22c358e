"""A saved receipt is whole and on the disk, or the crew is told that it is not."""

import resource
from pathlib import Path

import pytest

from edge.screen.errors import NotWritten
from edge.screen.saving import save_file


def test_a_file_is_written_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = save_file(tmp_path / "proofs" / "today", "receipt-a.cbor", b"proof")
    assert path.read_bytes() == b"proof"
    assert [one.name for one in path.parent.iterdir()] == ["receipt-a.cbor"]


def test_a_file_of_the_same_name_is_replaced(tmp_path: Path) -> None:
    save_file(tmp_path, "r", b"old")
    assert save_file(tmp_path, "r", b"new").read_bytes() == b"new"


def test_a_folder_that_cannot_be_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotWritten, match="choose another folder") as caught:
        save_file(tmp_path / "file", "r", b"x")
    assert caught.value.path == tmp_path / "file" / "r"


def test_a_file_that_finds_no_room_leaves_nothing_half_and_the_old_one_whole(tmp_path: Path) -> None:
    save_file(tmp_path, "r", b"old")
    # The system's own bound on a file's size: past it, writing fails as on a full disk.
    bounds = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, bounds[1]))
    try:
        with pytest.raises(NotWritten, match="File too large"):
            save_file(tmp_path, "r", bytes(100))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, bounds)
    assert [one.read_bytes() for one in tmp_path.iterdir()] == [b"old"]
