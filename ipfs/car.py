"""CARv1 archives: blocks in one stream, each checked as it passes.

Source: https://ipld.io/specs/transport/car/carv1/. Reading is a generator in flat memory; each section's length is
bounded before its bytes are read. CIDs of other hashes than CEC's are refused, not skipped: a skipped block would
be a silent loss.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, Final

from domain.cid import CID_LENGTH, Cid
from domain.codec import Value, decode_map, encode
from domain.errors import InvalidCid, InvalidEncoding
from ipfs.errors import InvalidCar, InvalidVarint
from ipfs.store import MAX_BLOCK_BYTES, check_block
from ipfs.varint import MAX_BYTES, encode_varint, parse_varint

MAX_HEADER_BYTES: Final = 64 << 10
"""Largest header read: some 1,600 roots."""
_CONTINUES: Final = 0x80


def write_car(stream: BinaryIO, roots: Sequence[Cid], blocks: Iterable[tuple[Cid, bytes]]) -> int:
    """Write an archive and return its bytes.

    Raises
    ------
    BlockMismatch, BlockTooLarge
        Before a wrong block is written; the archive then ends after the last good one.
    """
    links: list[Value] = list(roots)
    written = _write_section(stream, encode({"roots": links, "version": 1}))
    for cid, block in blocks:
        check_block(cid, block)
        written += _write_section(stream, bytes(cid) + block)
    return written


class CarReader:
    """An archive being read.

    Parameters
    ----------
    stream
        At the archive's first byte.

    Attributes
    ----------
    roots
        As the header names them; whether their blocks follow is for the caller to see.

    Raises
    ------
    InvalidCar
        When the header is not that of CARv1; iterating also when a section is damaged, `BlockMismatch` when
        a block is not what its CID says.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._offset = 0
        header = self._read_section(MAX_HEADER_BYTES)
        if header is None:
            raise InvalidCar(0, "empty")
        self.roots = self._parse_header(header)

    def __iter__(self) -> Iterator[tuple[Cid, bytes]]:
        while (section := self._read_section(MAX_BLOCK_BYTES + CID_LENGTH)) is not None:
            try:
                cid = Cid.from_bytes(section[:CID_LENGTH])
            except InvalidCid as error:
                raise InvalidCar(self._offset - len(section), error.reason) from error
            block = section[CID_LENGTH:]
            check_block(cid, block)
            yield cid, block

    def _parse_header(self, raw: bytes) -> tuple[Cid, ...]:
        try:
            fields = decode_map(raw)
        except InvalidEncoding as error:
            raise InvalidCar(0, f"header: {error.reason}") from error
        roots = fields.get("roots")
        if set(fields) != {"roots", "version"} or fields["version"] != 1 or not isinstance(roots, Sequence):
            raise InvalidCar(0, "the header is not {roots, version: 1}; CARv2 must be unwrapped first")
        cids = tuple(root for root in roots if isinstance(root, Cid))
        if len(cids) != len(roots):
            raise InvalidCar(0, "a root is not a CID")
        return cids

    def _read_section(self, limit: int) -> bytes | None:
        """Return the next section's bytes, or nothing at the end of the archive."""
        length = self._read_length()
        if length is None:
            return None
        if not 0 < length <= limit:
            raise InvalidCar(self._offset, f"a section of {length} bytes: 1 to {limit} are read")
        section = self._stream.read(length)
        if len(section) != length:
            raise InvalidCar(self._offset, f"ends inside a section: {length} bytes said, {len(section)} there")
        self._offset += length
        return section

    def _read_length(self) -> int | None:
        raw = b""
        while len(raw) < MAX_BYTES and (byte := self._stream.read(1)):
            raw += byte
            if byte[0] < _CONTINUES:
                break
        if not raw:
            return None
        try:
            length, used = parse_varint(raw)
        except InvalidVarint as error:
            raise InvalidCar(self._offset, f"length: {error.reason}") from error
        self._offset += used
        return length


def _write_section(stream: BinaryIO, body: bytes) -> int:
    length = encode_varint(len(body))
    stream.write(length)
    stream.write(body)
    return len(length) + len(body)
