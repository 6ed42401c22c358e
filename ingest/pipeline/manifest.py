"""Manifests: the DAG that lists an anchored batch, so that whoever holds it can rebuild every path.

A root block names the Merkle root and links its parts; a part lists CIDs, ascending, as the leaves are. One block of a
large batch would be too big to exchange; parts of 16,384 CIDs have about 670 kB.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from domain.cid import DAG_CBOR, Cid
from domain.codec import Value, decode_list, decode_map, encode
from domain.merkle import MerkleTree, build_sorted_tree
from ingest.pipeline.errors import InvalidManifest

PART_CIDS: Final = 16_384
MAX_PARTS: Final = 4_096
"""Most parts: 67 million records in one anchor, and a root block of 170 kB."""
_KIND: Final = "manifest"


@dataclass(frozen=True, slots=True)
class Batch:
    """Records to be anchored together.

    Attributes
    ----------
    cids
        Ascending by their bytes, without doubles.
    tree
        Merkle tree over them.
    blocks
        The manifest's blocks, its root last.
    """

    cids: tuple[Cid, ...]
    tree: MerkleTree
    blocks: tuple[tuple[Cid, bytes], ...]

    @property
    def manifest(self) -> Cid:
        """Root of the manifest."""
        return self.blocks[-1][0]


def build_batch(cids: Sequence[Cid]) -> Batch:
    """Return the batch of records in any order; at least one.

    Raises
    ------
    InvalidMerkleTree
        When there are none, or one stands twice.
    """
    ordered = tuple(sorted(cids, key=bytes))
    tree = build_sorted_tree([bytes(cid) for cid in ordered])
    parts = [_block(list(part)) for part in _split(ordered)]
    links: list[Value] = [cid for cid, _ in parts]
    root = _block({"v": 1, "kind": _KIND, "root": tree.root, "count": len(ordered), "parts": links})
    return Batch(ordered, tree, (*parts, root))


def read_manifest(manifest: Cid, get: Callable[[Cid], bytes]) -> tuple[Cid, ...]:
    """Return the CIDs that a manifest lists, checked against its own root.

    Parameters
    ----------
    manifest
        Its root block.
    get
        Returns a block by CID, checked, as a `ipfs.store.BlockStore` does.

    Raises
    ------
    InvalidManifest
        When a block is not of a manifest, or the CIDs do not lead to its root.
    """
    fields = decode_map(get(manifest))
    parts, count, root = fields.get("parts"), fields.get("count"), fields.get("root")
    if fields.get("kind") != _KIND or not isinstance(parts, Sequence) or len(parts) > MAX_PARTS:
        raise InvalidManifest(str(manifest), f"expected kind, root, count and at most {MAX_PARTS} parts")
    cids: list[Cid] = []
    for part in parts:
        cids += _read_part(manifest, part, get)
    if len(cids) != count or build_sorted_tree([bytes(cid) for cid in cids]).root != root:
        raise InvalidManifest(str(manifest), "its parts do not lead to its root")
    return tuple(cids)


def _split(cids: tuple[Cid, ...]) -> list[tuple[Cid, ...]]:
    remaining = iter(cids)
    parts: list[tuple[Cid, ...]] = []
    while part := tuple(islice(remaining, PART_CIDS)):
        parts.append(part)
    return parts


def _block(value: Value) -> tuple[Cid, bytes]:
    raw = encode(value)
    return Cid.of(DAG_CBOR, raw), raw


def _read_part(manifest: Cid, part: Value, get: Callable[[Cid], bytes]) -> list[Cid]:
    if not isinstance(part, Cid):
        raise InvalidManifest(str(manifest), "a part is not a link")
    items = decode_list(get(part))
    cids = [item for item in items if isinstance(item, Cid)]
    if len(cids) != len(items) or len(cids) > PART_CIDS:
        raise InvalidManifest(str(manifest), f"a part is not a list of at most {PART_CIDS} links")
    return cids
