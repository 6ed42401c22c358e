"""A saved receipt is whole and on the disk, or the crew is told that it is not."""

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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_leaves_nothing_half(tmp_path: Path) -> None:
    (tmp_path / ".r.part").symlink_to("/dev/full")
    with pytest.raises(NotWritten, match="No space left"):
        save_file(tmp_path, "r", b"x")
    assert list(tmp_path.iterdir()) == []
