"""The local block store: large blocks as files, small ones in SQLite, both durable when `put_many` returns.

A leaf of a point cloud is a file, so that reading it is one system call; records are a few hundred bytes, and a
file each would cost an fsync each, so they share a transaction. A file appears under its name only when its bytes
have reached the disk; what a crash leaves under a temporary name is swept at the next start.
"""

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from domain.cid import Cid
from domain.errors import InvalidCid
from ipfs.errors import BlockMismatch, BlockMissing, StoreDamaged
from ipfs.store import check_block

FILE_BYTES: Final = 32 << 10
"""Blocks from this size on are files; below it SQLite reads faster than the file system opens."""
BATCH_BYTES: Final = 8 << 20
"""Large blocks held in memory at once while a long `put_many` streams through."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS block (cid BLOB PRIMARY KEY, bytes BLOB NOT NULL) WITHOUT ROWID
"""


class LocalBlockStore:
    """Blocks in a folder; a `ipfs.store.BlockStore` and a context manager.

    Parameters
    ----------
    folder
        Made when absent; one process at a time.
    """

    def __init__(self, folder: Path) -> None:
        self._files = folder / "large"
        self._files.mkdir(parents=True, exist_ok=True)
        for leftover in self._files.glob("*.part"):
            leftover.unlink()
        self._lock = threading.Lock()
        path = folder / "small.sqlite"
        try:
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute(_SCHEMA)
        except sqlite3.DatabaseError as error:
            raise StoreDamaged(str(path), str(error)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the store; what `put_many` promised is on the disk already."""
        with self._lock:
            self._db.close()

    def get(self, cid: Cid) -> bytes:
        """Return the block; `BlockMissing` when it is not held, `BlockMismatch` when the disk damaged it."""
        block = self._read(cid)
        if Cid.of(cid.codec, block) != cid:
            raise BlockMismatch(str(cid))
        return block

    def has(self, cid: Cid) -> bool:
        """Tell whether the block is held."""
        return self._select("SELECT 1 FROM block WHERE cid = ?", cid) is not None or self._path(cid).exists()

    def put_many(self, blocks: Iterable[tuple[Cid, bytes]]) -> None:
        """Store blocks; returns when all are on the disk.

        An iterator of many large blocks streams through in flat memory.
        """
        small: list[tuple[bytes, bytes]] = []
        large: list[tuple[Cid, bytes]] = []
        waiting = 0
        for cid, block in blocks:
            check_block(cid, block)
            if len(block) < FILE_BYTES:
                small.append((bytes(cid), block))
            else:
                large.append((cid, block))
            waiting += len(block)
            if waiting > BATCH_BYTES:
                self._write(small, large)
                small, large, waiting = [], [], 0
        self._write(small, large)

    def cids(self) -> Iterator[Cid]:
        """Yield the CIDs held, in no order."""
        with self._lock:
            rows = self._db.execute("SELECT cid FROM block").fetchall()
        yield from (Cid.from_bytes(raw) for (raw,) in rows)
        for path in self._files.glob("??/*"):
            yield self._parse_name(path)

    def find_damage(self) -> Iterator[Cid]:
        """Yield the CIDs of blocks whose bytes the disk has changed; reads everything."""
        for cid in self.cids():
            if Cid.of(cid.codec, self._read(cid)) != cid:
                yield cid

    def _read(self, cid: Cid) -> bytes:
        row = self._select("SELECT bytes FROM block WHERE cid = ?", cid)
        if row is not None:
            return bytes(row[0])
        try:
            return self._path(cid).read_bytes()
        except FileNotFoundError:
            raise BlockMissing(str(cid)) from None

    def _select(self, statement: str, cid: Cid) -> tuple[bytes] | None:
        try:
            with self._lock:
                found: tuple[bytes] | None = self._db.execute(statement, (bytes(cid),)).fetchone()
        except sqlite3.DatabaseError as error:
            raise StoreDamaged("small.sqlite", str(error)) from error
        return found

    def _write(self, small: list[tuple[bytes, bytes]], large: list[tuple[Cid, bytes]]) -> None:
        folders = {self._write_file(cid, block) for cid, block in large if not self._path(cid).exists()}
        for folder in folders:
            _sync_folder(folder)
        if small:
            with self._lock:
                self._db.execute("BEGIN IMMEDIATE")
                self._db.executemany("INSERT OR IGNORE INTO block VALUES (?, ?)", small)
                self._db.execute("COMMIT")

    def _write_file(self, cid: Cid, block: bytes) -> Path:
        path = self._path(cid)
        if not path.parent.exists():
            path.parent.mkdir(exist_ok=True)
            _sync_folder(self._files)
        part = self._files / f"{threading.get_ident():x}-{path.name}.part"
        with part.open("wb") as stream:
            stream.write(block)
            stream.flush()
            os.fsync(stream.fileno())
        part.rename(path)
        return path.parent

    def _path(self, cid: Cid) -> Path:
        # The last symbols of a CID are its digest's, spread evenly; the first are the same for all.
        name = str(cid)
        return self._files / name[-3:-1] / name

    def _parse_name(self, path: Path) -> Cid:
        try:
            return Cid.parse(path.name)
        except InvalidCid as error:
            raise StoreDamaged(str(path), "a file that is not named by a CID") from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
