"""Which files a catalogue has: their headers, their one CRS, where they overlap. No point is decoded."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import shapely

from survey.catalogue.errors import FileChanged, FileFailed, JobFailed, MixedCrs, NoClouds, SeparateFrames
from survey.errors import InvalidCloudFile
from survey.files.clouds import CloudFile, open_cloud
from survey.files.crs import CloudCrs, resolve_cloud_crs

SUFFIXES: Final = frozenset({".las", ".laz", ".e57", ".ply"})
"""Files of a folder that are taken; a file that is named itself may have any name."""
_HEAD_BYTES: Final = 1 << 16
"""Of a file that its digest covers, at either end: the header, and the tables that writers put last."""
_OVERLAP: Final = 0.02
"""Share of the smaller of two files' bounds from which they overlap; tiles that touch share a few points."""
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class CatalogueFile:
    """One file.

    Attributes
    ----------
    cloud
        What it says of itself.
    key
        Digest of its place, size, time and header: another file there has another.
    size, changed_ns
        Bytes, and when it was last written, nanoseconds since 1970.
    """

    cloud: CloudFile
    key: str
    size: int
    changed_ns: int

    @property
    def path(self) -> Path:
        """Where."""
        return self.cloud.path


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Files that are surveyed as one.

    Attributes
    ----------
    files
        By name, none twice.
    crs
        Of all.
    warnings
        Overlaps, copies, oddities of headers.
    failures
        Files that cannot be read.
    """

    files: tuple[CatalogueFile, ...]
    crs: CloudCrs
    warnings: tuple[str, ...]
    failures: tuple[JobFailed, ...]


def open_catalogue(paths: Sequence[Path], crs: str | None) -> Catalogue:
    """Return what files say of themselves.

    Parameters
    ----------
    paths
        Files, and folders whose clouds are taken.
    crs
        What the user says it is; by default the files' own.

    Raises
    ------
    NoClouds
        When there is none that can be read.
    MixedCrs, SeparateFrames
        When files stand in different CRS, or each in a frame of its own.
    CrsError
        When a file's CRS cannot be told.
    """
    files: list[CatalogueFile] = []
    failures: list[JobFailed] = []
    for path in list_clouds(paths):
        try:
            files.append(describe_file(path))
        except (InvalidCloudFile, OSError) as error:
            failures.append(FileFailed(path.name, str(error)))
    files, noted = _leave_out_copies(files)
    if not files:
        raise NoClouds(", ".join(str(path) for path in paths) or "without files")
    chosen = [resolve_cloud_crs(file.cloud, crs) for file in files]
    for file, one in zip(files, chosen, strict=True):
        if (one.text, one.unit_m, one.vertical_unit_m) != (chosen[0].text, chosen[0].unit_m, chosen[0].vertical_unit_m):
            raise MixedCrs((files[0].path, _tell_crs(chosen[0])), (file.path, _tell_crs(one)))
        if len(files) > 1 and one.source == "assumed":
            raise SeparateFrames(file.path)
    noted += _compare_verticals(chosen) + _tell_overlaps(files)
    noted += [f"{file.path.name}: {text}" for file in files for text in file.cloud.warnings]
    noted += list(dict.fromkeys(text for one in chosen for text in one.warnings))
    return Catalogue(tuple(files), chosen[0], tuple(noted), tuple(failures))


def list_clouds(paths: Sequence[Path]) -> list[Path]:
    """Return files and the clouds of folders, none twice, by name and then by folder."""
    found: set[Path] = set()
    for path in paths:
        if path.is_dir():
            found |= {one.resolve() for one in path.iterdir() if one.suffix.lower() in SUFFIXES and one.is_file()}
        else:
            found.add(path.resolve())
    return sorted(found, key=lambda path: (path.name, str(path)))


def describe_file(path: Path) -> CatalogueFile:
    """Return what a file says of itself, and the key under which work on it is kept.

    Raises
    ------
    InvalidCloudFile
        When it is no cloud.
    OSError
        When it cannot be read.
    """
    cloud = open_cloud(path)
    status = path.stat()
    digest = hashlib.sha256(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    digest.update(_read_ends(path, status.st_size))
    return CatalogueFile(cloud, digest.hexdigest()[:24], status.st_size, status.st_mtime_ns)


def check_unchanged(path: Path, key: str) -> None:
    """Raise `FileChanged` unless a file is still the one that has a key."""
    try:
        is_same = describe_file(path).key == key
    except (InvalidCloudFile, OSError):
        is_same = False
    if not is_same:
        raise FileChanged(path)


def _read_ends(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        file.seek(max(0, size - _HEAD_BYTES))
        return head + file.read(_HEAD_BYTES)


def _leave_out_copies(files: list[CatalogueFile]) -> tuple[list[CatalogueFile], list[str]]:
    """Return files without those whose bytes another one has: each tree would have twice its points."""
    first: dict[tuple[int, bytes], CatalogueFile] = {}
    kept: list[CatalogueFile] = []
    noted: list[str] = []
    for file in files:
        twin = first.setdefault((file.size, _read_ends(file.path, file.size)), file)
        if twin is file or _digest(twin.path) != _digest(file.path):
            kept.append(file)
        else:
            noted.append(f"{file.path.name} is a copy of {twin.path.name} and was left out")
    return kept, noted


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _tell_crs(crs: CloudCrs) -> str:
    return f"{crs.text} in units of {crs.unit_m:g} m, heights of {crs.vertical_unit_m:g} m"


def _compare_verticals(found: list[CloudCrs]) -> list[str]:
    verticals = sorted({crs.vertical for crs in found})
    if len(verticals) == 1:
        return []
    return [f"files state different vertical references ({', '.join(verticals)}); elevations were taken as one"]


def _tell_overlaps(files: list[CatalogueFile]) -> list[str]:
    """Return one note about pairs of files whose bounds share more than their rims."""
    known = [file for file in files if file.cloud.bounds is not None]
    edges = [file.cloud.bounds for file in known if file.cloud.bounds is not None]
    boxes = shapely.box(
        *np.array([(b.west, b.south, b.east, b.north) for b in edges], dtype=np.float64).reshape(-1, 4).T
    )
    one, two = shapely.STRtree(boxes).query(boxes, predicate="intersects")
    one, two = one[one < two], two[one < two]
    shared = shapely.area(shapely.intersection(boxes[one], boxes[two]))
    pairs = np.flatnonzero(shared > _OVERLAP * np.minimum(shapely.area(boxes[one]), shapely.area(boxes[two])))
    if pairs.size == 0:
        return []
    named = [f"{known[one[at]].path.name} and {known[two[at]].path.name}" for at in pairs[:_SHOWN]]
    more = f" and {pairs.size - _SHOWN} more" if pairs.size > _SHOWN else ""
    return [f"files overlap: {', '.join(named)}{more}; where they are strips of one flight that is as it should be"]
