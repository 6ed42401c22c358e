"""Files on their way: which, from where, what of them the server holds, and what was sent of them.

All functions work in the caller's transaction.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.cid import Cid
from domain.codec import decode_list, encode
from domain.envelope import Record
from domain.records.receipt import UploadState
from domain.upload import compute_shape, encode_bitmap
from edge.errors import FileUnreadable
from edge.schema import count, get_count
from ipfs.unixfs import FileDag

_PAST_FILES: Final = "files_past"
_PAST_FRAMES: Final = "frames_past"
"""Counters of files that were forgotten, all of them whole on the server."""
_COLUMNS: Final = "root, record, path, size, mtime_ns, interior, held, problem"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way.

    Attributes
    ----------
    root, record
        The file, and the blob record that declares it.
    path, size, mtime_ns
        Where it lies, and what it was when it was declared.
    interior
        Interior nodes of its DAG, in the order of the upload.
    held
        What the server holds, as it last said.
    problem
        Why it cannot go on, in words; absent while it can.
    """

    root: Cid
    record: Cid
    path: Path
    size: int
    mtime_ns: int
    interior: tuple[bytes, ...]
    held: bytes
    problem: str | None


@dataclass(frozen=True, slots=True)
class FileCount:
    """Files in numbers: offered, whole on the server; frames held there, and all."""

    files: int
    whole: int
    frames_held: int
    frames: int


def begin_upload(db: sqlite3.Connection, path: Path, dag: FileDag, record: Record) -> None:
    """Note a file that is to be uploaded; `FileUnreadable` when it is gone."""
    values = (bytes(dag.root), bytes(record.cid), record.raw, str(path), dag.size, _read_mtime_ns(path))
    frames = compute_shape(dag.size).frames
    nothing = encode_bitmap((), frames)
    db.execute(
        "INSERT INTO upload (root, record, declaration, path, size, mtime_ns, interior, held, sent, frames, "
        "frames_held) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
        (*values, encode(list(dag.interior)), nothing, nothing, frames),
    )


def replace_path(db: sqlite3.Connection, path: Path, root: Cid) -> bytes | None:
    """Return the declaration of a file that was offered before, now found at `path`; absent for a new one.

    Other bytes that were offered at the same path are no longer there: their upload ends.
    """
    db.execute("DELETE FROM upload WHERE path = ? AND root <> ? AND NOT is_whole", (str(path), bytes(root)))
    row = db.execute("SELECT declaration FROM upload WHERE root = ?", (bytes(root),)).fetchone()
    if row is None:
        return None
    db.execute(
        "UPDATE upload SET path = ?, mtime_ns = ?, problem = NULL WHERE root = ?",
        (str(path), _read_mtime_ns(path), bytes(root)),
    )
    return bytes(row[0])


def choose_upload(db: sqlite3.Connection) -> Cid | None:
    """Return the file of which least is left, among those that can go on and whose declaration the server has."""
    row = db.execute(
        "SELECT root FROM upload WHERE NOT is_whole AND problem IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM item WHERE item.cid = upload.record) ORDER BY frames - frames_held, root LIMIT 1"
    ).fetchone()
    return None if row is None else Cid.from_bytes(row[0])


def find_upload(db: sqlite3.Connection, root: Cid) -> Upload | None:
    """Return a file that the server does not have whole, if it is one."""
    row = db.execute(f"SELECT {_COLUMNS} FROM upload WHERE root = ? AND NOT is_whole", (bytes(root),)).fetchone()  # noqa: S608
    return None if row is None else _upload(row)


def find_held(db: sqlite3.Connection, root: Cid) -> bytes | None:
    """Return what the server holds of a file that it does not have whole."""
    row = db.execute("SELECT held FROM upload WHERE root = ? AND NOT is_whole", (bytes(root),)).fetchone()
    return None if row is None else bytes(row[0])


def apply_state(db: sqlite3.Connection, state: UploadState) -> None:
    """Note what the server says that it holds."""
    root = bytes(state.root)
    if state.is_whole:
        db.execute(
            "UPDATE upload SET is_whole = 1, frames_held = frames, interior = x'80', problem = NULL WHERE root = ?",
            (root,),
        )
    elif state.held is not None:
        db.execute(
            "UPDATE upload SET held = ?, frames_held = ? WHERE root = ? AND length(held) = ?",
            (state.held, _count_bits(state.held), root, len(state.held)),
        )


def note_frames(db: sqlite3.Connection, root: Cid, frames: Sequence[int]) -> None:
    """Count frames that leave, those that left before apart."""
    row = db.execute("SELECT sent, length(held) FROM upload WHERE root = ?", (bytes(root),)).fetchone()
    if row is None:
        return
    sent = bytearray(row[0] or bytes(row[1]))
    again = 0
    for frame in frames:
        again += sent[frame >> 3] >> (frame & 7) & 1
        sent[frame >> 3] |= 1 << (frame & 7)
    db.execute("UPDATE upload SET sent = ? WHERE root = ?", (bytes(sent), bytes(root)))
    count(db, "frames_sent", len(frames) - again)
    count(db, "frames_resent", again)


def count_files(db: sqlite3.Connection) -> FileCount:
    """Return all files in numbers, those that were forgotten among them."""
    files, whole, held, frames = db.execute(
        "SELECT count(*), coalesce(sum(is_whole), 0), coalesce(sum(frames_held), 0), coalesce(sum(frames), 0) "
        "FROM upload"
    ).fetchone()
    past, past_frames = get_count(db, _PAST_FILES), get_count(db, _PAST_FRAMES)
    return FileCount(files + past, whole + past, held + past_frames, frames + past_frames)


def forget_whole(db: sqlite3.Connection, root: bytes) -> None:
    """Forget a file that the server has whole, when no record of it is in the history any more; it stays counted."""
    for (frames,) in db.execute(
        "DELETE FROM upload WHERE root = ? AND is_whole "
        "AND NOT EXISTS (SELECT 1 FROM history WHERE history.upload = upload.root) RETURNING frames",
        (root,),
    ).fetchall():
        count(db, _PAST_FILES, 1)
        count(db, _PAST_FRAMES, frames)


def fill_counts(db: sqlite3.Connection) -> None:
    """Count the frames of files that an older agent noted, or that come from a damaged spool."""
    rows = db.execute("SELECT root, size, held, is_whole FROM upload WHERE frames IS NULL").fetchall()
    for root, size, held, is_whole in rows:
        frames = compute_shape(size).frames
        db.execute(
            "UPDATE upload SET frames = ?, frames_held = ? WHERE root = ?",
            (frames, frames if is_whole else _count_bits(held), root),
        )


def _count_bits(held: bytes) -> int:
    return int.from_bytes(held, "little").bit_count()


def _read_mtime_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError as error:
        # Taken away since it was listed or read.
        raise FileUnreadable(path, error.strerror or "") from error


def _upload(row: tuple[bytes, bytes, str, int, int, bytes, bytes, str | None]) -> Upload:
    root, record, path, size, mtime_ns, interior, held, problem = row
    nodes = tuple(node for node in decode_list(interior) if isinstance(node, bytes))
    return Upload(Cid.from_bytes(root), Cid.from_bytes(record), Path(path), size, mtime_ns, nodes, held, problem)
