"""Uploads on the disk: frames gathered in a file, blocks checked and stored, the bitmap true at every answer.

Frames of leaves go to their place in one sparse file beside the journal and count only once that file has reached the
disk. A leaf with all its frames is checked against its CID and moves to the block store. Synchronous: the service calls
it in a thread.
"""

import os
import shutil
import sqlite3
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.cid import Cid
from domain.errors import CecError, InvalidField
from domain.upload import CHUNK_BYTES, FRAME_BYTES, Frame
from ingest.assembly import Assembly
from ingest.entries import UploadEntry
from ingest.errors import DamagedFrame, UploadUnwritable
from ipfs.errors import BlockMismatch, BlockMissing, IpfsError
from ipfs.store import BlockStore

OPEN_UPLOADS: Final = 32
"""Uploads kept open at once; one used longest ago is closed, and opened again when its next frame comes."""

LEAVES_AT_ONCE: Final = 8
"""Leaves in memory while they are checked: 8 MiB."""

RESERVE_BYTES: Final = 64 << 20
"""Disk that uploads leave free: records are small, and the journal must take them when clouds have filled the disk."""


@dataclass(slots=True)
class _Open:
    """An upload at hand: its bookkeeping and its file."""

    assembly: Assembly
    file: int


class UploadDesk:
    """Takes frames of declared uploads.

    Parameters
    ----------
    folder
        Where unfinished leaves wait.
    blocks
        Where finished blocks go.
    """

    def __init__(self, folder: Path, blocks: BlockStore) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._blocks = blocks
        self._open: OrderedDict[tuple[str, Cid], _Open] = OrderedDict()

    def close(self) -> None:
        """Close the files; what was answered is on the disk."""
        while self._open:
            os.close(self._open.popitem()[1].file)

    def take(self, entry: UploadEntry, frames: list[Frame]) -> tuple[bytes, bool]:
        """Take frames of one upload; return the bitmap of what is on the disk now, and whether that is all.

        Frames that are held, or whose block is not named yet, change nothing.

        Raises
        ------
        DamagedFrame
            When a block was not what its parent names; its frames are wanted again. The other frames count.
        InvalidField
            When a frame is beyond the file or has the wrong length. The other frames count.
        UploadUnwritable
            When the disk does not take them; nothing of this call counts.
        """
        if frames and shutil.disk_usage(self._folder).free <= RESERVE_BYTES:
            raise UploadUnwritable(str(entry.root), f"only {RESERVE_BYTES >> 20} MiB are left, kept for records")
        try:
            upload = self._at_hand(entry)
            refusals = self._take_all(upload, frames)
        except (OSError, IpfsError, sqlite3.Error) as error:
            # What is on the disk is uncertain now: the next frame reads it anew.
            self._forget(entry)
            raise UploadUnwritable(str(entry.root), str(error)) from error
        if refusals:
            raise refusals[0]
        return upload.assembly.bitmap, upload.assembly.is_complete

    def bitmap(self, entry: UploadEntry) -> bytes:
        """Return what is held of an upload; `UploadUnwritable` when its files cannot be opened."""
        return self.take(entry, [])[0]

    def drop(self, entry: UploadEntry) -> None:
        """Delete the file of an upload that is whole."""
        self._forget(entry)
        try:
            self._path(entry).unlink(missing_ok=True)
        except OSError as error:
            raise UploadUnwritable(str(entry.root), str(error)) from error

    def _forget(self, entry: UploadEntry) -> None:
        upload = self._open.pop((entry.org, entry.root), None)
        if upload is not None:
            os.close(upload.file)

    def _take_all(self, upload: _Open, frames: list[Frame]) -> list[CecError]:
        """Take frames and finish the blocks that they complete; return what was wrong."""
        refusals: list[CecError] = []
        damaged: list[int] = []
        leaves: list[int] = []
        for frame in frames:
            try:
                block = self._place(upload, frame)
            except InvalidField as error:
                refusals.append(error)
                continue
            if block is None:
                continue
            if upload.assembly.is_interior(block):
                damaged += self._finish_node(upload, block, frame.data)
            else:
                leaves.append(block)
        if frames:
            os.fdatasync(upload.file)
        damaged += self._finish_leaves(upload, leaves)
        return [*(DamagedFrame(str(upload.assembly.root), block) for block in damaged), *refusals]

    def _place(self, upload: _Open, frame: Frame) -> int | None:
        """Put a frame where it belongs; return its block when that now has all its frames."""
        assembly = upload.assembly
        if not assembly.is_wanted(frame.frame):
            return None
        expected = assembly.expected_bytes(frame.frame)
        if expected is not None:
            if len(frame.data) != expected:
                raise InvalidField("frame", frame.frame, f"expected {expected} bytes, it has {len(frame.data)}")
            os.pwrite(upload.file, frame.data, (frame.frame - assembly.shape.interior) * FRAME_BYTES)
        return assembly.shape.block_of(frame.frame) if assembly.add(frame.frame) else None

    def _finish_node(self, upload: _Open, block: int, raw: bytes) -> list[int]:
        """Store an interior node and learn its children's names; return it when it is wrong."""
        if not upload.assembly.is_right(block, raw):
            upload.assembly.drop(block)
            return [block]
        self._blocks.put_many([(upload.assembly.name_of(block), raw)])
        upload.assembly.learn(block, raw)
        return []

    def _finish_leaves(self, upload: _Open, blocks: list[int]) -> list[int]:
        """Check and store leaves that have all their frames; return those that are wrong."""
        assembly = upload.assembly
        wrong: list[int] = []
        for start in range(0, len(blocks), LEAVES_AT_ONCE):
            right: list[tuple[Cid, bytes]] = []
            for block in blocks[start : start + LEAVES_AT_ONCE]:
                leaf = block - assembly.shape.interior
                raw = os.pread(upload.file, assembly.shape.leaf_bytes(leaf), leaf * CHUNK_BYTES)
                if assembly.is_right(block, raw):
                    right.append((assembly.name_of(block), raw))
                else:
                    assembly.drop(block)
                    wrong.append(block)
            self._blocks.put_many(right)
        return wrong

    def _at_hand(self, entry: UploadEntry) -> _Open:
        name = (entry.org, entry.root)
        upload = self._open.get(name)
        if upload is None:
            upload = self._open_again(entry)
            self._open[name] = upload
            if len(self._open) > OPEN_UPLOADS:
                os.close(self._open.popitem(last=False)[1].file)
        self._open.move_to_end(name)
        return upload

    def _open_again(self, entry: UploadEntry) -> _Open:
        """Open an upload as the disk has it: names from stored nodes; leaves that were never finished are finished."""
        assembly = Assembly(entry.root, entry.size, entry.held)
        for block in range(assembly.shape.interior):
            self._learn_again(assembly, block)
        path = self._path(entry)
        upload = _Open(assembly, os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        try:
            self._finish_leaves(upload, self._list_unfinished(assembly))
        except BaseException:
            os.close(upload.file)
            raise
        return upload

    def _list_unfinished(self, assembly: Assembly) -> list[int]:
        """Return the leaves whose frames are all held but that are not stored; what has no name yet is dropped."""
        waiting: list[int] = []
        for block in range(assembly.shape.interior, assembly.shape.blocks):
            if not assembly.is_named(block):
                assembly.drop(block)
            elif assembly.has_block(block) and not self._blocks.has(assembly.name_of(block)):
                waiting.append(block)
        return waiting

    def _learn_again(self, assembly: Assembly, block: int) -> None:
        if not assembly.has_block(block):
            return
        if not assembly.is_named(block):
            assembly.drop(block)
            return
        try:
            assembly.learn(block, self._blocks.get(assembly.name_of(block)))
        except (BlockMissing, BlockMismatch):
            assembly.drop(block)

    def _path(self, entry: UploadEntry) -> Path:
        return self._folder / f"{entry.org}-{entry.root}.part"
