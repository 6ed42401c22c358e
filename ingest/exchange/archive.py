"""Reading an export's archive: its manifest, then each part and its records, in flat memory, nothing left out.

The order is part of the promise: behind a part stand exactly its records, and behind the last part exactly as many as
the manifest says; so an archive that was cut is named as such before anything of it is taken in.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from domain.cid import Cid
from domain.codec import Value, decode_list, decode_map
from domain.errors import CecError
from ingest.exchange.errors import ExportChanged, InvalidExport, TruncatedExport
from ingest.exchange.exporting import KIND, PART, RECORDS, SUMMARY, SUMS, TREES, hash_file
from ipfs.car import CarReader
from ipfs.errors import BlockMismatch, InvalidCar

MAX_SUMS: Final = 4_096
"""Bytes of the checksums looked at: three lines of some 80."""
_NAMES: Final = frozenset({RECORDS, TREES, SUMMARY})


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an export says of itself.

    Attributes
    ----------
    org
        Whose data.
    count
        Records.
    parts
        Links of the lists of its records.
    """

    org: str
    count: int
    parts: tuple[Cid, ...]


@dataclass(frozen=True, slots=True)
class ExportBlock:
    """One block behind the manifest.

    Attributes
    ----------
    cid, block
        Its name and its bytes, which agree.
    is_record
        Whether it is an envelope that the manifest lists; else it is a block of a cloud.
    """

    cid: Cid
    block: bytes
    is_record: bool


def check_sums(folder: Path) -> None:
    """Return when every file is the one that the checksums name.

    Raises
    ------
    InvalidExport
        When the checksums or a file are not there.
    ExportChanged
        When a file differs.
    """
    try:
        with (folder / SUMS).open("rb") as stream:
            lines = stream.read(MAX_SUMS).decode("ascii").splitlines()
        sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        if set(sums) != _NAMES:
            raise InvalidExport(str(folder), f"{SUMS} must name {', '.join(sorted(_NAMES))}")
        for name, digest in sums.items():
            if hash_file(folder / name) != digest:
                raise ExportChanged(str(folder), name)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidExport(str(folder), f"a file cannot be read: {error}") from error


def check_archive(path: Path) -> Manifest:
    """Return the manifest of an archive whose every block was read and fits.

    Raises
    ------
    TruncatedExport
        When it ends too early.
    InvalidExport
        When it is damaged, or holds something else than it says.
    """
    with open_archive(path) as (manifest, blocks):
        for _ in blocks:
            pass
    return manifest


@contextmanager
def open_archive(path: Path) -> Iterator[tuple[Manifest, Iterator[ExportBlock]]]:
    """Open an archive: its manifest, and its records and cloud blocks as they pass; raises as `check_archive`."""
    try:
        with path.open("rb") as stream:
            blocks = _named(path, stream)
            manifest = _parse_manifest(path, next(blocks, None))
            yield manifest, _walk(path, manifest, blocks)
    except OSError as error:
        raise InvalidExport(str(path), error.strerror or str(error)) from error


def _named(path: Path, stream: BinaryIO) -> Iterator[tuple[Cid, bytes]]:
    """Yield the blocks of an archive; the first must be its root. A cut one just ends, as its reader is to find out."""
    try:
        reader = CarReader(stream)
        first = True
        for cid, block in reader:
            if first and reader.roots != (cid,):
                raise InvalidExport(str(path), "its first block must be its one root")
            first = False
            yield cid, block
    except InvalidCar as error:
        if "ends inside" not in error.reason:
            raise InvalidExport(str(path), str(error)) from error
    except BlockMismatch as error:
        raise InvalidExport(str(path), str(error)) from error


def _parse_manifest(path: Path, root: tuple[Cid, bytes] | None) -> Manifest:
    if root is None:
        raise TruncatedExport(str(path), 0, 1)
    try:
        fields: Mapping[str, Value] = decode_map(root[1])
    except CecError as error:
        raise InvalidExport(str(path), str(error)) from error
    org, count, links = fields.get("org"), fields.get("count"), fields.get("parts")
    if fields.get("kind") != KIND or not isinstance(org, str) or not isinstance(links, Sequence):
        raise InvalidExport(str(path), "its root is not the manifest of an export")
    parts = tuple(link for link in links if isinstance(link, Cid))
    if len(parts) != len(links) or not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise InvalidExport(str(path), "its manifest must hold a count and links")
    return Manifest(org, count, parts)


def _walk(path: Path, manifest: Manifest, blocks: Iterator[tuple[Cid, bytes]]) -> Iterator[ExportBlock]:
    seen = 0
    for part in manifest.parts:
        for cid in _read_part(path, _expect(path, manifest, blocks, part, seen)):
            yield ExportBlock(cid, _expect(path, manifest, blocks, cid, seen), is_record=True)
            seen += 1
    if seen != manifest.count:
        raise InvalidExport(str(path), f"its parts list {seen} records and its manifest says {manifest.count}")
    for cid, block in blocks:
        yield ExportBlock(cid, block, is_record=False)


def _expect(  # noqa: PLR0917  # where we stand in an archive
    path: Path, manifest: Manifest, blocks: Iterator[tuple[Cid, bytes]], cid: Cid, seen: int
) -> bytes:
    found = next(blocks, None)
    if found is None:
        raise TruncatedExport(str(path), seen, manifest.count)
    if found[0] != cid:
        raise InvalidExport(str(path), f"block {found[0]} stands where its manifest lists {cid}")
    return found[1]


def _read_part(path: Path, block: bytes) -> tuple[Cid, ...]:
    try:
        items = decode_list(block)
    except CecError as error:
        raise InvalidExport(str(path), str(error)) from error
    cids = tuple(item for item in items if isinstance(item, Cid))
    if len(cids) != len(items) or len(cids) > PART:
        raise InvalidExport(str(path), f"a part must list at most {PART} records")
    return cids
