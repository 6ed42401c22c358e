"""Files as UnixFS DAGs in the profile ``unixfs-v1-2025``: the same CIDs as Kubo's, in flat memory.

Source: https://specs.ipfs.tech/unixfs/ (``Data`` message, balanced layout) and IPIP-499 (CID profiles: CIDv1, raw
leaves of 1 MiB, at most 1,024 links a node). A file of one leaf is that leaf. Reading checks every claimed size
against what stands below it, so a hostile DAG costs no more than the blocks it really has.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from domain.cid import DAG_PB, RAW, Cid
from ipfs.dag_pb import Link, Node, decode_node, encode_node
from ipfs.errors import InvalidUnixFs, InvalidVarint
from ipfs.varint import encode_varint, parse_varint

MAX_DEPTH: Final = 6
"""Deepest file read; 1,024 links a node reach 2**80 bytes with 6 levels, foreign layouts with 174 links 2**62."""

_FILE: Final = 2
_TYPE_TAG: Final = 0x08
_SIZE_TAG: Final = 0x18
_BLOCK_SIZE_TAG: Final = 0x20


@dataclass(frozen=True, slots=True)
class Profile:
    """How a file is cut.

    Attributes
    ----------
    name
        As manifests and ``blob`` records state it.
    chunk_bytes
        Bytes of a leaf; the last may be shorter.
    max_links
        Links of an interior node.
    """

    name: str
    chunk_bytes: int
    max_links: int


UNIXFS_V1_2025: Final = Profile("unixfs-v1-2025", chunk_bytes=1 << 20, max_links=1024)


@dataclass(frozen=True, slots=True)
class FileDag:
    """The blocks of a file, without its leaves' bytes.

    Attributes
    ----------
    root
        The file's name.
    size
        Its bytes.
    interior
        Interior nodes, breadth first from the root: the order in which uploads number them.
    leaves
        CIDs of the leaves in the order of the file, at least one.
    profile
        How it was cut.
    """

    root: Cid
    size: int
    interior: tuple[bytes, ...]
    leaves: tuple[Cid, ...]
    profile: Profile = UNIXFS_V1_2025


@dataclass(frozen=True, slots=True)
class _Branch:
    """A block already built: its link from above and the file bytes below it."""

    link: Link
    file_bytes: int


def plan_file(source: Path | BinaryIO, *, profile: Profile = UNIXFS_V1_2025) -> FileDag:
    """Return the DAG of a file, read once from its start.

    Parameters
    ----------
    source
        A path, or a binary stream at the file's first byte.
    profile
        How to cut it.

    Examples
    --------
    >>> from io import BytesIO
    >>> str(plan_file(BytesIO(b"hello world")).root)
    'bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e'
    """
    return build_file(source, lambda _cid, _block: None, profile=profile)


def build_file(
    source: Path | BinaryIO, put: Callable[[Cid, bytes], None], *, profile: Profile = UNIXFS_V1_2025
) -> FileDag:
    """Return the DAG of a file, giving every block to `put` as it is made: leaves, then nodes from the bottom up."""
    leaves: list[_Branch] = []
    for chunk in _read_chunks(source, profile.chunk_bytes):
        cid = Cid.of(RAW, chunk)
        put(cid, chunk)
        leaves.append(_Branch(Link(cid, len(chunk)), len(chunk)))
    levels: list[list[bytes]] = []
    width: Sequence[_Branch] = leaves
    while len(width) > 1:
        nodes, width = _stack_level(width, profile.max_links)
        for block, branch in zip(nodes, width, strict=True):
            put(branch.link.cid, block)
        levels.insert(0, nodes)
    interior = tuple(block for level in levels for block in level)
    return FileDag(width[0].link.cid, width[0].file_bytes, interior, tuple(leaf.link.cid for leaf in leaves), profile)


def read_file(root: Cid, get: Callable[[Cid], bytes], *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
    """Yield the bytes of a file, leaf by leaf, fetching only the blocks of the range asked for.

    Parameters
    ----------
    root
        The file.
    get
        Returns the block of a CID, checked against it, as a `ipfs.store.BlockStore` does.
    start, length
        Range in bytes; by default all.

    Raises
    ------
    InvalidUnixFs, InvalidNode
        When a node is not of a file, or sizes do not add up.
    """
    end = None if length is None else start + length
    stack: list[tuple[Cid, int, int | None, int]] = [(root, 0, None, 0)]
    while stack:
        cid, offset, promised, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise InvalidUnixFs(f"deeper than {MAX_DEPTH} levels")
        block = get(cid)
        if cid.codec == RAW:
            _check_size(cid, len(block), promised)
            part = block[max(0, start - offset) : None if end is None else max(0, end - offset)]
            if part:
                yield part
            continue
        children = list(_list_children(cid, block, offset, promised))
        wanted = [child for child in children if _overlaps(child[1], child[2], start, end)]
        stack.extend((child, at, size, depth + 1) for child, at, size in reversed(wanted))


def compute_file_size(root: Cid, get: Callable[[Cid], bytes]) -> int:
    """Return the bytes that a file's root says the file has."""
    block = get(root)
    return len(block) if root.codec == RAW else sum(_parse_data(decode_node(block).data))


def _read_chunks(source: Path | BinaryIO, chunk_bytes: int) -> Iterator[bytes]:
    if isinstance(source, Path):
        with source.open("rb") as stream:
            yield from _read_chunks(stream, chunk_bytes)
        return
    chunk = _read_full(source, chunk_bytes)
    yield chunk
    while len(chunk) == chunk_bytes:
        chunk = _read_full(source, chunk_bytes)
        if chunk:
            yield chunk


def _read_full(stream: BinaryIO, size: int) -> bytes:
    """Return `size` bytes, fewer only at the end; pipes and sockets give less at a time than they are asked for."""
    parts: list[bytes] = []
    missing = size
    while missing and (part := stream.read(missing)):
        parts.append(part)
        missing -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _stack_level(below: Sequence[_Branch], max_links: int) -> tuple[list[bytes], list[_Branch]]:
    nodes: list[bytes] = []
    branches: list[_Branch] = []
    for first in range(0, len(below), max_links):
        group = below[first : first + max_links]
        block = encode_node(
            Node(tuple(branch.link for branch in group), _encode_data([branch.file_bytes for branch in group]))
        )
        total = len(block) + sum(branch.link.size for branch in group)
        nodes.append(block)
        branches.append(_Branch(Link(Cid.of(DAG_PB, block), total), sum(branch.file_bytes for branch in group)))
    return nodes, branches


def _encode_data(sizes: Sequence[int]) -> bytes:
    parts = [bytes((_TYPE_TAG, _FILE, _SIZE_TAG)), encode_varint(sum(sizes))]
    for size in sizes:
        parts += (bytes((_BLOCK_SIZE_TAG,)), encode_varint(size))
    return b"".join(parts)


def _parse_data(raw: bytes) -> list[int]:
    """Return the sizes of the children that a file node's ``Data`` message lists."""
    numbers = list(_parse_fields(raw))
    if [tag for tag, _ in numbers[:2]] != [_TYPE_TAG, _SIZE_TAG] or numbers[0][1] != _FILE:
        raise InvalidUnixFs("the node is not of a file in the form that CEC reads (type, size, block sizes)")
    if any(tag != _BLOCK_SIZE_TAG for tag, _ in numbers[2:]):
        raise InvalidUnixFs("a file node carries what only other profiles have (inline data, mode, time)")
    sizes = [size for _, size in numbers[2:]]
    if sum(sizes) != numbers[1][1]:
        raise InvalidUnixFs(f"block sizes sum to {sum(sizes)}, the file says {numbers[1][1]}")
    return sizes


def _parse_fields(raw: bytes) -> Iterator[tuple[int, int]]:
    offset = 0
    while offset < len(raw):
        tag = raw[offset]
        if tag & 7:
            raise InvalidUnixFs(f"field {tag >> 3} is not a number")
        try:
            number, offset = parse_varint(raw, offset + 1)
        except InvalidVarint as error:
            raise InvalidUnixFs(f"field {tag >> 3}: {error.reason}") from error
        yield tag, number


def _list_children(cid: Cid, block: bytes, offset: int, promised: int | None) -> Iterator[tuple[Cid, int, int]]:
    if cid.codec != DAG_PB:
        raise InvalidUnixFs(f"{cid} is neither a leaf nor a file node")
    node = decode_node(block)
    sizes = _parse_data(node.data)
    if not sizes or len(sizes) != len(node.links):
        raise InvalidUnixFs(f"{len(node.links)} links, {len(sizes)} block sizes: one size a link, at least one")
    _check_size(cid, sum(sizes), promised)
    for link, size in zip(node.links, sizes, strict=True):
        if size == 0:
            raise InvalidUnixFs("an empty child: it would cost time and say nothing")
        yield link.cid, offset, size
        offset += size


def _check_size(cid: Cid, size: int, promised: int | None) -> None:
    if promised is not None and size != promised:
        raise InvalidUnixFs(f"{cid} holds {size} bytes of the file, its parent says {promised}")


def _overlaps(offset: int, size: int, start: int, end: int | None) -> bool:
    return offset + size > start and (end is None or offset < end)
