"""Uploads come together from frames in any order, over restarts, and never from wrong bytes."""

import errno
import os
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from random import Random

import pytest

from domain.cid import DAG_PB, RAW, Cid
from domain.errors import InvalidField
from domain.upload import FRAME_BYTES, Frame, compute_shape, encode_bitmap, parse_bitmap
from ingest.entries import UploadEntry
from ingest.errors import DamagedFrame, UploadUnwritable
from ingest.uploads import OPEN_UPLOADS, UploadDesk
from ipfs.local import LocalBlockStore
from ipfs.memory import MemoryBlockStore
from ipfs.unixfs import build_file, read_file

MIB = 1 << 20


class File:
    """A file of the tests: its blocks in the order of an upload, and its frames."""

    def __init__(self, content: bytes) -> None:
        blocks: dict[Cid, bytes] = {}
        self.content = content
        self.dag = build_file(BytesIO(content), blocks.__setitem__)
        self.shape = compute_shape(len(content))
        self.blocks = [*self.dag.interior, *(blocks[leaf] for leaf in self.dag.leaves)]

    def frame(self, number: int) -> Frame:
        block = self.shape.block_of(number)
        start = (number - self.shape.first_frame(block)) * FRAME_BYTES
        return Frame(self.dag.root, number, self.blocks[block][start : start + FRAME_BYTES])

    def frames(self) -> list[Frame]:
        return [self.frame(number) for number in range(self.shape.frames)]

    def entry(self, held: bytes | None = None) -> UploadEntry:
        nothing = encode_bitmap((), self.shape.frames)
        return UploadEntry(
            "org", "drone", self.dag.root, self.dag.root, len(self.content), held or nothing, is_whole=False
        )


@pytest.mark.parametrize("size", [0, 1, FRAME_BYTES, FRAME_BYTES + 1, MIB, MIB + 1, 3 * MIB + 70_000])
def test_frames_in_order_become_the_file(tmp_path: Path, size: int) -> None:
    file, store = File(Random(size).randbytes(size)), MemoryBlockStore()
    desk = UploadDesk(tmp_path, store)
    *most, last = file.frames()
    for frame in most:
        assert not desk.take(file.entry(), [frame])[1]
    bitmap, is_complete = desk.take(file.entry(), [last])
    assert is_complete
    assert len(parse_bitmap(bitmap, file.shape.frames)) == file.shape.frames
    assert b"".join(read_file(file.dag.root, store.get)) == file.content
    desk.drop(file.entry())
    assert list(tmp_path.iterdir()) == []


def test_frames_before_their_parent_are_not_counted(tmp_path: Path) -> None:
    file = File(bytes(2 * MIB))
    desk = UploadDesk(tmp_path, MemoryBlockStore())
    bitmap, _ = desk.take(file.entry(), [file.frame(5)])
    assert parse_bitmap(bitmap, file.shape.frames) == set()


def test_frames_in_any_order_after_the_nodes_become_the_file(tmp_path: Path) -> None:
    file, store = File(Random(1).randbytes(3 * MIB + 5)), MemoryBlockStore()
    desk = UploadDesk(tmp_path, store)
    node, *leaves = file.frames()
    Random(2).shuffle(leaves)
    desk.take(file.entry(), [node])
    _, is_complete = desk.take(file.entry(), leaves)
    assert is_complete
    assert b"".join(read_file(file.dag.root, store.get)) == file.content


def test_a_wrong_leaf_is_told_and_wanted_again(tmp_path: Path) -> None:
    file = File(Random(3).randbytes(2 * MIB))
    desk = UploadDesk(tmp_path, MemoryBlockStore())
    frames = file.frames()
    wrong = Frame(file.dag.root, 4, bytes(FRAME_BYTES))
    with pytest.raises(DamagedFrame):
        desk.take(file.entry(), [*frames[:4], wrong, *frames[5:]])
    held = parse_bitmap(desk.bitmap(file.entry()), file.shape.frames)
    assert held == {0, *range(17, 33)}
    _, is_complete = desk.take(file.entry(), frames[1:17])
    assert is_complete


def test_a_wrong_node_is_told_and_nothing_follows_from_it(tmp_path: Path) -> None:
    file = File(bytes(2 * MIB))
    desk = UploadDesk(tmp_path, MemoryBlockStore())
    with pytest.raises(DamagedFrame):
        desk.take(file.entry(), [Frame(file.dag.root, 0, b"\x0a\x00")])
    assert parse_bitmap(desk.bitmap(file.entry()), file.shape.frames) == set()


def test_a_node_of_another_shape_than_the_size_says_is_refused(tmp_path: Path) -> None:
    file = File(bytes(2 * MIB))
    lying = UploadEntry("org", "drone", file.dag.root, file.dag.root, 5 * MIB, encode_bitmap((), 81), is_whole=False)
    with pytest.raises(DamagedFrame):
        UploadDesk(tmp_path, MemoryBlockStore()).take(lying, [file.frame(0)])


def test_a_leaf_declared_as_a_file_of_two_is_refused(tmp_path: Path) -> None:
    leaf = Cid.of(RAW, b"leaf")
    lying = UploadEntry("org", "drone", leaf, leaf, 2 * MIB, encode_bitmap((), 33), is_whole=False)
    with pytest.raises(DamagedFrame):
        UploadDesk(tmp_path, MemoryBlockStore()).take(lying, [Frame(leaf, 0, b"leaf")])
    assert leaf.codec != DAG_PB


@pytest.mark.parametrize("frame", [Frame(Cid.of(RAW, b""), 99, b""), Frame(Cid.of(RAW, b""), 0, b"short")])
def test_a_frame_beyond_the_file_or_of_a_wrong_length_is_refused(tmp_path: Path, frame: Frame) -> None:
    file = File(bytes(FRAME_BYTES))
    with pytest.raises(InvalidField):
        UploadDesk(tmp_path, MemoryBlockStore()).take(file.entry(), [Frame(file.dag.root, frame.frame, frame.data)])


def test_an_upload_goes_on_where_a_dead_process_left_it(tmp_path: Path) -> None:
    file = File(Random(4).randbytes(3 * MIB + 5))
    frames = file.frames()
    with LocalBlockStore(tmp_path / "blocks") as store:
        held, _ = UploadDesk(tmp_path / "u", store).take(file.entry(), frames[:30])
    with LocalBlockStore(tmp_path / "blocks") as store:
        desk = UploadDesk(tmp_path / "u", store)
        assert parse_bitmap(desk.bitmap(file.entry(held)), file.shape.frames) == set(range(30))
        _, is_complete = desk.take(file.entry(held), frames[30:])
        assert is_complete
        assert b"".join(read_file(file.dag.root, store.get)) == file.content


def test_a_leaf_complete_before_a_crash_but_not_stored_is_stored_at_the_next_start(tmp_path: Path) -> None:
    file, store = File(Random(5).randbytes(2 * MIB)), MemoryBlockStore()
    held, _ = UploadDesk(tmp_path, MemoryBlockStore()).take(file.entry(), file.frames()[:20])
    store.put_many([(file.dag.root, file.blocks[0])])
    UploadDesk(tmp_path, store).bitmap(file.entry(held))
    assert store.has(file.dag.leaves[0])
    assert not store.has(file.dag.leaves[1])


def test_a_frame_of_a_wrong_length_does_not_undo_those_beside_it(tmp_path: Path) -> None:
    file, store = File(Random(6).randbytes(MIB)), MemoryBlockStore()
    desk = UploadDesk(tmp_path, store)
    frames = file.frames()
    with pytest.raises(InvalidField):
        desk.take(file.entry(), [Frame(file.dag.root, 3, b"short"), *frames[:8]])
    assert parse_bitmap(desk.bitmap(file.entry()), file.shape.frames) == set(range(8))
    assert desk.take(file.entry(), frames[8:])[1]
    assert store.has(file.dag.root)


class FullStore:
    """A block store whose disk is full until someone frees it."""

    def __init__(self) -> None:
        self.room = MemoryBlockStore()
        self.is_full = True

    def get(self, cid: Cid) -> bytes:
        return self.room.get(cid)

    def has(self, cid: Cid) -> bool:
        return self.room.has(cid)

    def cids(self) -> Iterator[Cid]:
        return self.room.cids()

    def put_many(self, blocks: Iterable[tuple[Cid, bytes]]) -> None:
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.room.put_many(blocks)


def test_when_the_disk_is_full_nothing_is_counted_and_the_upload_goes_on_later(tmp_path: Path) -> None:
    file, store = File(Random(7).randbytes(2 * MIB)), FullStore()
    desk = UploadDesk(tmp_path, store)
    with pytest.raises(UploadUnwritable, match="No space"):
        desk.take(file.entry(), file.frames())
    assert parse_bitmap(desk.bitmap(file.entry()), file.shape.frames) == set()
    store.is_full = False
    assert desk.take(file.entry(), file.frames())[1]
    assert b"".join(read_file(file.dag.root, store.get)) == file.content


def test_many_uploads_at_once_keep_few_files_open(tmp_path: Path) -> None:
    store = MemoryBlockStore()
    desk = UploadDesk(tmp_path, store)
    files = [File(Random(number).randbytes(FRAME_BYTES + number)) for number in range(1, 1 + 2 * OPEN_UPLOADS)]
    held = [desk.take(file.entry(), [file.frame(0)])[0] for file in files]
    assert len(desk._open) == OPEN_UPLOADS
    assert all(desk.take(file.entry(bits), [file.frame(1)])[1] for file, bits in zip(files, held, strict=True))
    assert all(store.has(file.dag.root) for file in files)
    desk.close()
