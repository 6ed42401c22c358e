"""Frames of a file on the device: which are missing, and their bytes, checked before they leave."""

import os
from collections.abc import Iterator

from domain.cid import RAW, Cid
from domain.upload import CHUNK_BYTES, FRAME_BYTES, MAX_LINKS, Frame, compute_shape
from edge.errors import FileChanged, FileUnreadable
from edge.uploads import Upload
from ipfs.dag_pb import decode_node


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


class FrameReader:
    """Reads the frames of one file; holds one leaf (1 MiB), whose CID it has checked.

    Size and time of a file say little on memory cards; the CID says all, and a frame that the server would refuse costs
    nothing on the link.
    """

    def __init__(self, upload: Upload) -> None:
        self._upload = upload
        self._shape = compute_shape(upload.size)
        self._leaf = (-1, b"")
        self._names: tuple[int, tuple[Cid, ...]] = (-1, ())

    def read(self, number: int) -> Frame:
        """Return a frame from the interior nodes kept, or from the file.

        Raises
        ------
        FileChanged
            When the file is no longer what was declared.
        FileUnreadable
            When it cannot be read.
        """
        block = self._shape.block_of(number)
        if block < self._shape.interior:
            return Frame(self._upload.root, number, self._upload.interior[block])
        leaf = block - self._shape.interior
        if self._leaf[0] != leaf:
            self._leaf = (leaf, self._read_leaf(leaf))
        place = (number - self._shape.first_frame(block)) * FRAME_BYTES
        return Frame(self._upload.root, number, self._leaf[1][place : place + FRAME_BYTES])

    def _read_leaf(self, leaf: int) -> bytes:
        path = self._upload.path
        try:
            descriptor = os.open(path, os.O_RDONLY)
            try:
                data = os.pread(descriptor, self._shape.leaf_bytes(leaf), leaf * CHUNK_BYTES)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise FileUnreadable(path, error.strerror or "") from error
        if Cid.of(RAW, data) != self._name_of(leaf):
            raise FileChanged(path)
        return data

    def _name_of(self, leaf: int) -> Cid:
        """Return a leaf's CID from the node above it, or the root where the file is one leaf."""
        if not self._shape.levels:
            return self._upload.root
        parent = leaf // MAX_LINKS
        if self._names[0] != parent:
            node = decode_node(self._upload.interior[self._shape.interior - self._shape.levels[-1] + parent])
            self._names = (parent, tuple(link.cid for link in node.links))
        return self._names[1][leaf % MAX_LINKS]
