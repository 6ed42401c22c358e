"""The local store keeps the port's promises, outlives a kill, and tells what the disk damaged."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.cid import RAW, Cid
from ipfs.errors import BlockMismatch, StoreDamaged
from ipfs.local import LocalBlockStore
from ipfs.store import BlockStore
from tests.ipfs.store_suite import BlockStoreSuite

_PUTTER = """
import sys
from pathlib import Path
from domain.cid import RAW, Cid
from ipfs.local import LocalBlockStore

with LocalBlockStore(Path(sys.argv[1])) as store:
    for number in range(100_000):
        blocks = [b"%d small" % number, b"%d large" % number * 8000]
        store.put_many([(Cid.of(RAW, block), block) for block in blocks])
        print(*(Cid.of(RAW, block) for block in blocks), flush=True)
"""


class TestLocalBlockStore(BlockStoreSuite):
    """The shared promises."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[BlockStore]:
        """Give an empty store."""
        with LocalBlockStore(tmp_path) as store:
            yield store


@pytest.mark.parametrize("told", [3, 11, 40])
def test_no_block_that_was_acknowledged_is_lost_when_the_process_is_killed(tmp_path: Path, told: int) -> None:
    with subprocess.Popen([sys.executable, "-c", _PUTTER, str(tmp_path)], stdout=subprocess.PIPE) as putter:
        assert putter.stdout is not None
        acknowledged = [Cid.parse(name) for _ in range(told) for name in putter.stdout.readline().decode().split()]
        putter.kill()
    with LocalBlockStore(tmp_path) as store:
        assert len(acknowledged) == 2 * told
        assert all(store.has(cid) for cid in acknowledged)
        assert list(store.find_damage()) == []
    assert list(tmp_path.rglob("*.part")) == []


@pytest.mark.parametrize("size", [100, 100_000])
def test_a_block_damaged_on_the_disk_is_told_and_never_served(tmp_path: Path, size: int) -> None:
    block = bytes(size)
    cid = Cid.of(RAW, block)
    with LocalBlockStore(tmp_path) as store:
        store.put_many([(cid, block)])
    _flip_a_byte(tmp_path, bytes(50))
    with LocalBlockStore(tmp_path) as store:
        assert list(store.find_damage()) == [cid]
        with pytest.raises(BlockMismatch):
            store.get(cid)


def test_a_store_whose_index_is_not_a_database_is_named_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "small.sqlite").write_bytes(b"not a database" * 400)
    with pytest.raises(StoreDamaged, match="keep a copy of the folder"):
        LocalBlockStore(tmp_path)


def test_threads_may_put_and_get_at_once(tmp_path: Path) -> None:
    with LocalBlockStore(tmp_path) as store:
        threads = [threading.Thread(target=_put_and_get, args=(store, seed)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=30)
        assert len(list(store.cids())) == 4 * 20


def _put_and_get(store: LocalBlockStore, seed: int) -> None:
    for number in range(20):
        block = b"%d %d" % (seed, number) * (1 if number % 2 else 10_000)
        cid = Cid.of(RAW, block)
        store.put_many([(cid, block)])
        assert store.get(cid) == block


def _flip_a_byte(folder: Path, pattern: bytes) -> None:
    """Change a byte within the first run of `pattern` in the file that holds the block."""
    large = list(folder.glob("large/??/*"))
    path = large[0] if large else folder / "small.sqlite"
    raw = bytearray(path.read_bytes())
    raw[raw.rindex(pattern) + 20] ^= 1
    path.write_bytes(raw)
