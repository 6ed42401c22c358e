"""Frames of a file on the device: which are missing, and their bytes."""

import os
from collections.abc import Iterator
from pathlib import Path

from domain.upload import CHUNK_BYTES, FRAME_BYTES, Frame, UploadShape, compute_shape
from edge.errors import FileChanged, FileUnreadable
from edge.spool import Upload


def list_missing(held: bytes, count: int) -> Iterator[int]:
    """Yield the frames that the server does not hold, in order; nodes come first, since leaves need their names.

    Examples
    --------
    >>> list(list_missing(bytes([0b0101]), 4))
    [1, 3]
    """
    for frame in range(count):
        if not held[frame >> 3] >> (frame & 7) & 1:
            yield frame


def check_file(upload: Upload) -> None:
    """Return while the file is what was declared; `FileChanged` or `FileUnreadable` otherwise."""
    try:
        stat = upload.path.stat()
    except OSError as error:
        raise FileUnreadable(upload.path, error.strerror or "") from error
    if (stat.st_size, stat.st_mtime_ns) != (upload.size, upload.mtime_ns):
        raise FileChanged(upload.path)


def read_frame(upload: Upload, number: int) -> Frame:
    """Return a frame's bytes from the interior nodes kept, or from the file."""
    shape = compute_shape(upload.size)
    block = shape.block_of(number)
    if block < shape.interior:
        return Frame(upload.root, number, upload.interior[block])
    return Frame(upload.root, number, _read_leaf_frame(upload.path, shape, block, number))


def _read_leaf_frame(path: Path, shape: UploadShape, block: int, number: int) -> bytes:
    leaf = block - shape.interior
    place = (number - shape.first_frame(block)) * FRAME_BYTES
    size = min(FRAME_BYTES, shape.leaf_bytes(leaf) - place)
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            data = os.pread(descriptor, size, leaf * CHUNK_BYTES + place)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise FileUnreadable(path, error.strerror or "") from error
    if len(data) != size:
        raise FileChanged(path)
    return data
