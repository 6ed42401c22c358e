"""DAG-PB nodes: links, then data, in the one form that its specification allows.

Source: https://ipld.io/specs/codecs/dag-pb/spec/ (PBNode, PBLink, strictness). Decoding refuses what encoding would
not have written, so a node's CID follows from what it says.
"""

from dataclasses import dataclass
from typing import Final

from domain.cid import Cid
from domain.errors import InvalidCid
from ipfs.errors import InvalidNode, InvalidVarint
from ipfs.varint import encode_varint, parse_varint

MAX_NODE_BYTES: Final = 1 << 20
"""Largest node read. One with 1,024 links has about 60 kB; Kubo itself exchanges no block over 2 MiB."""

_LINKS_TAG: Final = 0x12
_DATA_TAG: Final = 0x0A
_HASH_TAG: Final = 0x0A
_NAME_TAG: Final = 0x12
_SIZE_TAG: Final = 0x18


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a node.

    Attributes
    ----------
    cid
        The block linked.
    size
        Bytes of the linked block and of all below it (``Tsize``): a hint, never trusted.
    name
        Empty within a file.
    """

    cid: Cid
    size: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A DAG-PB node.

    Attributes
    ----------
    links
        In the order of the bytes.
    data
        What the node itself holds; for UnixFS its ``Data`` message.
    """

    links: tuple[Link, ...]
    data: bytes


def encode_node(node: Node) -> bytes:
    r"""Return the canonical bytes of a node.

    Examples
    --------
    >>> encode_node(Node((), b"\x08\x02")).hex()
    '0a020802'
    """
    links = b"".join(_encode_field(_LINKS_TAG, _encode_link(link)) for link in node.links)
    return links + _encode_field(_DATA_TAG, node.data)


def decode_node(raw: bytes) -> Node:
    """Return the node whose canonical bytes are `raw`.

    Raises
    ------
    InvalidNode
        When the bytes are too many, not DAG-PB, or not the canonical form of what they say.
    """
    if len(raw) > MAX_NODE_BYTES:
        raise InvalidNode(f"{len(raw)} bytes, at most {MAX_NODE_BYTES} are read")
    links: list[Link] = []
    offset = 0
    while offset < len(raw) and raw[offset] == _LINKS_TAG:
        body, offset = _take_field(raw, offset, _LINKS_TAG)
        links.append(_decode_link(body))
    data, offset = _take_field(raw, offset, _DATA_TAG)
    if offset != len(raw):
        raise InvalidNode(f"{len(raw) - offset} bytes behind the data")
    return Node(tuple(links), data)


def _encode_field(tag: int, body: bytes) -> bytes:
    return bytes((tag,)) + encode_varint(len(body)) + body


def _encode_link(link: Link) -> bytes:
    return (
        _encode_field(_HASH_TAG, bytes(link.cid))
        + _encode_field(_NAME_TAG, link.name.encode())
        + bytes((_SIZE_TAG,))
        + encode_varint(link.size)
    )


def _take_field(raw: bytes, offset: int, tag: int) -> tuple[bytes, int]:
    if offset >= len(raw) or raw[offset] != tag:
        raise InvalidNode(f"expected field {tag >> 3} at byte {offset}")
    try:
        length, start = parse_varint(raw, offset + 1)
    except InvalidVarint as error:
        raise InvalidNode(f"length at byte {offset + 1}: {error.reason}") from error
    if length > len(raw) - start:
        raise InvalidNode(f"field {tag >> 3} at byte {offset} says {length} bytes, {len(raw) - start} follow")
    return raw[start : start + length], start + length


def _decode_link(raw: bytes) -> Link:
    cid, offset = _take_field(raw, 0, _HASH_TAG)
    name, offset = _take_field(raw, offset, _NAME_TAG)
    if offset >= len(raw) or raw[offset] != _SIZE_TAG:
        raise InvalidNode("a link without size")
    try:
        size, offset = parse_varint(raw, offset + 1)
        link = Link(Cid.from_bytes(cid), size, name.decode())
    except (InvalidVarint, InvalidCid, UnicodeDecodeError) as error:
        raise InvalidNode(f"link: {error}") from error
    if offset != len(raw):
        raise InvalidNode("bytes behind a link's size")
    return link
