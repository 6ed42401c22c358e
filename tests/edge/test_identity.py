"""Who a device is changes on the organisation's word alone, and whoever may not look is told so."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge.errors import FolderUnusable, KeyMissing
from edge.files import MAX_BYTES, find_owner, read_if_there, write_whole
from edge.identity import import_enrolment, load_identity, open_key
from tests.edge.test_rotation import halves, sign, tell
from tests.edge.test_spool import enrol


def list_folder(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_key_that_is_gone_is_told_and_no_other_is_drawn(tmp_path: Path) -> None:
    identity = enrol(tmp_path)
    raw = (tmp_path / "device.key").read_bytes()
    (tmp_path / "device.key").unlink()
    with pytest.raises(KeyMissing, match=r"device\.key.*cec edge key"):
        load_identity(tmp_path)
    with pytest.raises(KeyMissing):
        import_enrolment(tmp_path, identity.enrol.raw)
    assert list(list_folder(tmp_path)) == ["enrolment.cbor"]
    (tmp_path / "device.key").write_bytes(raw)
    assert tell(load_identity(tmp_path)) == tell(identity)


def test_to_read_an_identity_writes_nothing_even_after_a_power_cut_in_a_rotation(tmp_path: Path) -> None:
    enrol(tmp_path)
    rotate, renewed = halves(tmp_path)
    former, following = ((tmp_path / name).read_bytes() for name in ("device.key", "next.key"))
    identity = import_enrolment(tmp_path, sign(rotate, renewed))
    # As the power left it before the last step.
    (tmp_path / "device.key").write_bytes(former)
    (tmp_path / "next.key").write_bytes(following)
    before = list_folder(tmp_path)
    assert tell(load_identity(tmp_path)) == tell(identity)
    assert list_folder(tmp_path) == before
    # Whoever writes next finishes it.
    assert open_key(tmp_path).public.raw == renewed.key
    assert not (tmp_path / "next.key").exists()


READER = """
import os, sys
from pathlib import Path
from edge.errors import FolderUnusable
from edge.identity import load_identity, open_key

os.setuid(65534)
for attempt in (load_identity, open_key):
    try:
        attempt(Path(sys.argv[1]))
    except FolderUnusable as error:
        print(error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_another_user_is_told_which_file_and_as_whom_to_come(tmp_path: Path, mode: int) -> None:
    enrol(tmp_path)
    (tmp_path / "enrolment.cbor").chmod(0o600)
    tmp_path.chmod(mode)
    os.chown(tmp_path, 1, -1)
    for path in tmp_path.iterdir():
        os.chown(path, 1, -1)
    told = subprocess.run(
        [sys.executable, "-c", READER, str(tmp_path)], capture_output=True, check=True, text=True, timeout=60
    ).stdout.splitlines()
    path, owner = tmp_path / "enrolment.cbor", find_owner(tmp_path)
    assert told == [f"Cannot use {path} (Permission denied): run this as the user {owner}"] * 2
    assert find_owner(tmp_path / "absent" / "file") == find_owner(tmp_path) != "root"


def test_what_is_no_small_file_is_told(tmp_path: Path) -> None:
    assert read_if_there(tmp_path / "absent") is None
    (tmp_path / "big").write_bytes(bytes(MAX_BYTES + 1))
    with pytest.raises(FolderUnusable, match="more than"):
        read_if_there(tmp_path / "big")
    with pytest.raises(FolderUnusable, match="Is a directory"):
        read_if_there(tmp_path)


def test_a_file_that_cannot_be_written_leaves_the_one_before_and_nothing_half(tmp_path: Path) -> None:
    write_whole(tmp_path / "f", b"one")
    (tmp_path / "g").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path / "g", b"two")
    write_whole(tmp_path / "f", b"three")
    assert {path.name for path in tmp_path.iterdir()} == {"f", "g"}
    assert (tmp_path / "f").read_bytes() == b"three"
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o600
