"""Failures of a catalogue.

::

    SurveyError
    +-- CatalogueError
        +-- NoClouds                    no cloud was named, or none of those named can be read
        +-- MixedCrs                    files stand in different CRS
        +-- SeparateFrames              files stand each in a frame of its own
        +-- FileChanged                 a file changed while it was surveyed
        +-- CloudInTheWay               a cloud that is surveyed stands where its copy would go
        +-- CatalogueInUse              another survey works in the same folder
        +-- NoCluster                   no scheduler answers at an address
        +-- WorkersLost                 the executor lost its workers
        +-- WorkDamaged                 what a job left is not whole any more
        +-- JobFailed                   one piece of the work failed; the others go on
            +-- FileFailed              a file could not be read or written
            +-- TileFailed              a tile could not be surveyed
"""

from pathlib import Path

from survey.errors import SurveyError


class CatalogueError(SurveyError):
    """Root of a catalogue's failures."""


class NoClouds(CatalogueError):
    """No cloud was named, or none can be read."""

    def __init__(self, given: str) -> None:
        super().__init__(
            f"Invalid catalogue {given[:200]}: it must hold a LAS, LAZ, COPC, E57 or PLY file that is whole"
        )
        self.given = given


class MixedCrs(CatalogueError):
    """Files of one catalogue stand in different CRS."""

    def __init__(self, first: tuple[Path, str], other: tuple[Path, str]) -> None:
        super().__init__(
            f"Invalid CRS {other[1][:80]} of {other[0].name}: {first[0].name} has {first[1][:80]}, and all files of a "
            "catalogue must share one; survey them apart, or reproject one"
        )
        self.first = first
        self.other = other


class SeparateFrames(CatalogueError):
    """Files without a CRS, each in a frame of its own: nothing says how they lie to one another."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"Invalid catalogue: {path.name} has no CRS, so nothing says how it lies to the other files; survey it "
            "alone, or give --crs local:m if all are registered to one frame"
        )
        self.path = path


class FileChanged(CatalogueError):
    """A file changed while it was surveyed: its trees may be of other points."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"Invalid file {path.name}: it changed while it was surveyed; wait until it is whole, and run it again"
        )
        self.path = path


class CloudInTheWay(CatalogueError):
    """A cloud that is surveyed stands where a copy of it would be written."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"Invalid folder for outputs: the copy of a cloud would be written over {path}, which is surveyed; "
            "choose another folder with --out"
        )
        self.path = path


class CatalogueInUse(CatalogueError):
    """Another survey works in the same folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"Invalid folder {folder}: another survey is writing there; wait for it, or name another folder"
        )
        self.folder = folder


class NoCluster(CatalogueError):
    """No scheduler answers at an address."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"Invalid cluster {address[:100]}: no scheduler answers ({reason[:200]}); start one with `dask scheduler`, "
            "and give its address as tcp://host:port"
        )
        self.address = address
        self.reason = reason


class WorkersLost(CatalogueError):
    """The executor lost its workers, most often for want of memory; what was done is kept."""

    def __init__(self, pending: tuple[str, ...], reason: str) -> None:
        shown = ", ".join(pending[:5])
        super().__init__(
            f"Invalid executor: its workers ended ({reason[:200]}) while at work on {shown}; run it again with fewer "
            "workers or smaller tiles, what was done is kept"
        )
        self.pending = pending
        self.reason = reason


class WorkDamaged(CatalogueError):
    """What a job left is not whole any more."""

    def __init__(self, path: Path, promised: int, found: int) -> None:
        super().__init__(
            f"Invalid work file {path.name}: {promised:,} points should stand there, {found:,} do; delete the folder "
            f"{path.parent.parent} and run it again"
        )
        self.path = path
        self.promised = promised
        self.found = found


class JobFailed(CatalogueError):
    """One piece of the work failed; the others go on."""

    def __init__(self, what: str, names: tuple[str, ...], reason: str) -> None:
        super().__init__(f"Invalid {what}: {reason[:500]}")
        self.what = what
        self.names = names
        self.reason = reason


class FileFailed(JobFailed):
    """A file could not be read or written."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"file {name}", (name,), reason)


class TileFailed(JobFailed):
    """A tile could not be surveyed."""

    def __init__(self, tile: str, names: tuple[str, ...], reason: str) -> None:
        super().__init__(f"tile {tile} of {', '.join(names)[:200]}", names, reason)
        self.tile = tile
