"""The octree of a COPC file: which chunks of points lie in which cube.

COPC 1.0 (copc.io), "info VLR" and "hierarchy VLR". The tree is walked with bounds: each page once,
each chunk within the file, all points accounted for.
"""

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from survey.files.decode_job import Window
from survey.files.errors import InvalidCopc
from survey.files.las_header import LasHeader

INFO: Final = struct.Struct("<5dQQ2d11Q")
ENTRY: Final = struct.Struct("<4iQii")
PAGE: Final = -1
"""Point count of an entry that points to a further page."""
MAX_ENTRIES: Final = 200_000
"""4 billion points in nodes of 20,000; writers put 100,000 in a node."""
MAX_NODE_POINTS: Final = 2_000_000
"""A node is decoded at once: 2 million points of 36 bytes have 72 MB; writers put 100,000 in a node."""
MAX_DEPTH: Final = 31
"""Cubes smaller than the unit of 32-bit coordinates hold nothing."""


@dataclass(frozen=True, slots=True)
class CopcNode:
    """A chunk of points.

    Attributes
    ----------
    depth, x, y, z
        Key of its cube.
    at, length
        Place in the file, bytes.
    points
        How many.
    first
        Index of its first point in the file's order.
    """

    depth: int
    x: int
    y: int
    z: int
    at: int
    length: int
    points: int
    first: int


@dataclass(frozen=True, slots=True)
class CopcTree:
    """Cube of the root, and the nodes that hold points, in the file's order.

    Attributes
    ----------
    west, south, low
        Least x, y, z of the root's cube, file's unit.
    side
        Of the root's cube, file's unit.
    nodes
        With points.
    """

    west: float
    south: float
    low: float
    side: float
    nodes: tuple[CopcNode, ...]


def read_tree(path: Path, header: LasHeader) -> CopcTree:
    """Return the octree of a COPC file.

    Raises
    ------
    InvalidCopc
        When an entry breaks a bound, a page comes twice, or points are missing or counted twice.
    """
    if len(header.copc) != INFO.size:
        raise InvalidCopc("info record", len(header.copc), f"it has {INFO.size} bytes")
    x, y, z, half, _, root_at, root_length, *_ = INFO.unpack(header.copc)
    if not (0.0 < half < 1e9 and all(abs(value) < 1e9 for value in (x, y, z))):  # noqa: PLR2004 - as coordinates are bound
        raise InvalidCopc("cube", (x, y, z, half), "it has a finite centre and a size")
    with path.open("rb") as file:
        entries = _read_pages(file, root_at, root_length)
    tree = CopcTree(x - half, y - half, z - half, 2.0 * half, _to_nodes(entries, header))
    _check_cube(tree, header)
    return tree


def bound_node(tree: CopcTree, node: CopcNode) -> Window:
    """Return west, south, east and north of a node's cube, file's unit."""
    side = tree.side / (1 << node.depth)
    west, south = tree.west + node.x * side, tree.south + node.y * side
    return west, south, west + side, south + side


def find_nodes(tree: CopcTree, window: Window, margin: float) -> tuple[CopcNode, ...]:
    """Return the nodes whose cube meets a window, `margin` (file's unit) added, in the file's order."""
    west, south, east, north = window
    found = []
    for node in tree.nodes:
        left, bottom, right, top = bound_node(tree, node)
        if left - margin < east and right + margin >= west and bottom - margin < north and top + margin >= south:
            found.append(node)
    return tuple(found)


def _read_pages(file: BinaryIO, at: int, length: int) -> list[tuple[int, ...]]:
    size = file.seek(0, os.SEEK_END)
    entries: list[tuple[int, ...]] = []
    pending, seen = [(at, length)], {at}
    while pending:
        at, length = pending.pop()
        if length <= 0 or length % ENTRY.size or at + length > size:
            raise InvalidCopc("page", (at, length), "it holds whole entries, within the file")
        if len(entries) + length // ENTRY.size > MAX_ENTRIES:
            raise InvalidCopc("entries", len(entries), f"at most {MAX_ENTRIES:,}")
        file.seek(at)
        for entry in ENTRY.iter_unpack(file.read(length)):
            if entry[6] != PAGE:
                entries.append(entry)
            elif entry[4] in seen:
                raise InvalidCopc("page", entry[4], "each comes once")
            else:
                seen.add(entry[4])
                pending.append((entry[4], entry[5]))
    return entries


def _to_nodes(entries: list[tuple[int, ...]], header: LasHeader) -> tuple[CopcNode, ...]:
    """Return the entries with points, checked, in the file's order."""
    _check_keys([entry[:4] for entry in entries])
    nodes: list[CopcNode] = []
    first, end = 0, header.points_at + 8
    last = header.evlrs_at if header.evlr_count else None
    for depth, x, y, z, at, length, points in sorted(entries, key=lambda entry: entry[4]):
        if points == 0:
            continue
        if not 0 < points <= MAX_NODE_POINTS:
            raise InvalidCopc("points of a node", points, f"0 to {MAX_NODE_POINTS:,}")
        if length <= 0 or at < end or (last is not None and at + length > last):
            raise InvalidCopc("node", (at, length), "chunks stand behind each other, among the points")
        nodes.append(CopcNode(depth, x, y, z, at, length, points, first))
        first, end = first + points, at + length
    if first != header.point_count:
        raise InvalidCopc("octree", first, f"its nodes hold the header's {header.point_count:,} points")
    return tuple(nodes)


def _check_keys(keys: list[tuple[int, ...]]) -> None:
    """Check that each cube lies within its level, comes once and has its parent."""
    known = set(keys)
    if len(known) != len(keys):
        raise InvalidCopc("keys", len(keys), "each comes once")
    for depth, x, y, z in keys:
        if not (0 <= depth <= MAX_DEPTH and all(0 <= value < 1 << depth for value in (x, y, z))):
            raise InvalidCopc("key", (depth, x, y, z), "it lies within its level")
        if depth and (depth - 1, x >> 1, y >> 1, z >> 1) not in known:
            raise InvalidCopc("key", (depth, x, y, z), "its parent is in the tree too")


def _check_cube(tree: CopcTree, header: LasHeader) -> None:
    """Check that the root holds what the header promises; writers round the one or the other."""
    if header.bounds is None:
        raise InvalidCopc("bounds", None, "a window needs those of the header")
    margin = tree.side * 1e-6 + 2.0 * max(header.scale)
    for axis, least in enumerate((tree.west, tree.south, tree.low)):
        if header.bounds[axis] < least - margin or header.bounds[axis + 3] > least + tree.side + margin:
            raise InvalidCopc("cube", (least, tree.side), "it holds the bounds of the header")
