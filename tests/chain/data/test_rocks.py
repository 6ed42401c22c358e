"""The store on RocksDB keeps the port's promises, and what is written outlives the process that wrote it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chain.data.errors import StoreBroken, StoreBusy
from chain.data.kv import KeyValueStore
from chain.data.rocks import RocksStore
from tests.chain.data.kv_suite import KeyValueSuite

ROOT = Path(__file__).parents[3]
DIES_AFTER_WRITING = """
import os, sys
from pathlib import Path
from chain.data.rocks import RocksStore

store = RocksStore(Path(sys.argv[1]))
store.write({b"a": b"1", b"b": b"2"})
store.write({b"a": None, b"c": b"3"})
os._exit(9)
"""


class TestRocksStore(KeyValueSuite):
    """The shared promises."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[KeyValueStore]:
        """Give an empty store."""
        store = RocksStore(tmp_path / "store")
        yield store
        store.close()


def test_what_was_written_outlives_a_process_that_dies_at_once(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", DIES_AFTER_WRITING, str(tmp_path)]
    died = subprocess.run(arguments, check=False, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=30)
    assert died.returncode == 9
    store = RocksStore(tmp_path)
    assert list(store.iterate(b"")) == [(b"b", b"2"), (b"c", b"3")]
    store.close()


# A folder named after locks must not turn every failure into "in use".
@pytest.mark.parametrize("name", ["store", "LOCK-blocks"])
def test_a_second_writer_is_told_that_the_store_is_in_use(tmp_path: Path, name: str) -> None:
    store = RocksStore(tmp_path / name)
    with pytest.raises(StoreBusy, match=name):
        RocksStore(tmp_path / name)
    store.close()
    RocksStore(tmp_path / name).close()


@pytest.mark.parametrize("name", ["store", "LOCK-blocks"])
def test_files_that_are_not_a_store_are_named_as_broken(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "CURRENT").write_text("MANIFEST-000001\n")
    (folder / "MANIFEST-000001").write_bytes(b"not a manifest")
    with pytest.raises(StoreBroken, match=name):
        RocksStore(folder)


def test_a_reader_that_finds_no_store_makes_none(tmp_path: Path) -> None:
    with pytest.raises(StoreBroken):
        RocksStore(tmp_path / "absent", read_only=True)
    assert not (tmp_path / "absent" / "CURRENT").exists()


def test_a_reader_stands_beside_a_writer_and_writes_nothing(tmp_path: Path) -> None:
    writer = RocksStore(tmp_path)
    writer.write({b"k": b"v"})
    reader = RocksStore(tmp_path, read_only=True)
    assert reader.get(b"k") == b"v"
    with pytest.raises(Exception, match=r"[Rr]ead"):
        reader.write({b"k": b"w"})
    assert writer.get(b"k") == b"v"
    reader.close()
    writer.close()
