"""A folder watched for new files by looking again: works on FAT, exFAT, NFS and cards that come and go.

Hidden and empty files are passed over, links are never followed, sub-folders are.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Container
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from firmware_bridge.drone.errors import DroneError, FolderGone, InvalidWatch, TooManyFiles
from firmware_bridge.drone.settling import FileKey, FoundFile, Settling

PHOTOS_AND_CLOUDS: Final = ("*.jpg", "*.jpeg", "*.las", "*.laz")
MAX_FILES: Final = 100_000
"""Files in view at once: a card of 512 GB with photos of 5 MB."""
MAX_DEPTH: Final = 16
"""Sub-folders within each other; DJI makes three."""
MAX_PATTERNS: Final = 64
LONGEST_S: Final = 3_600.0

Notice = Callable[[DroneError | None], None]
"""Told when the folder is away or too full, once each time, and with nothing when all is well again."""


async def watch_folder(
    folder: Path,
    *,
    patterns: tuple[str, ...] = PHOTOS_AND_CLOUDS,
    settle_s: float = 5.0,
    poll_s: float = 2.0,
    known: Container[FileKey] = frozenset(),
    tell: Notice = lambda _: None,
) -> AsyncIterator[FoundFile]:
    """Yield each file of a folder once, when it is whole; ends only when it is closed.

    Parameters
    ----------
    folder
        May be absent, now or later: it is waited for.
    patterns
        Names that count, as a shell matches them, whatever their case.
    settle_s
        How long a file must not have changed. FAT tells times in steps of two seconds, so less is unsafe there.
    poll_s
        How often to look.
    known
        Keys of files that were given out in earlier runs and need not come again.
    tell
        Is told of trouble.

    Raises
    ------
    InvalidWatch
        Times or patterns are out of range.
    """
    _check(patterns, settle_s, poll_s)
    settling = Settling(settle_s, known)
    last: DroneError | None = None
    while True:
        trouble: DroneError | None
        try:
            listing, trouble = await asyncio.to_thread(list_files, folder, patterns)
            for key in settling.take(listing, now_s=time.monotonic()):
                yield FoundFile(folder / key[0], key)
        except FolderGone as error:
            settling.pause()
            trouble = error
        if type(trouble) is not type(last):
            tell(trouble)
        last = trouble
        await asyncio.sleep(poll_s)


def list_files(
    folder: Path, patterns: tuple[str, ...], *, limit: int = MAX_FILES
) -> tuple[set[FileKey], TooManyFiles | None]:
    """Return the keys of a folder's files, and a word when it holds too many.

    Raises
    ------
    FolderGone
        It vanished, or it or a sub-folder cannot be read.
    """
    found: set[FileKey] = set()
    lowered = tuple(pattern.lower() for pattern in patterns)
    waiting: list[tuple[Path, int]] = [(folder, 0)]
    while waiting:
        place, depth = waiting.pop()
        for entry in _scan(folder, place):
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                if depth < MAX_DEPTH:
                    waiting.append((Path(entry.path), depth + 1))
            elif key := _read_key(folder, entry, lowered):
                if len(found) >= limit:
                    return found, TooManyFiles(folder, limit)
                found.add(key)
    return found, None


def _scan(folder: Path, place: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(place) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError as error:
        if place != folder:
            return []  # a sub-folder was deleted since its parent was read
        raise FolderGone(folder, str(error.strerror)) from error
    except OSError as error:
        raise FolderGone(folder, f"{place}: {error.strerror}") from error


def _read_key(folder: Path, entry: os.DirEntry[str], patterns: tuple[str, ...]) -> FileKey | None:
    """Return a file's key; absent for what does not count."""
    name = entry.name.lower()
    if not any(fnmatchcase(name, pattern) for pattern in patterns):
        return None
    try:
        if not entry.is_file(follow_symlinks=False):
            return None
        seen = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None  # renamed or deleted since the listing; the next one tells
    except OSError as error:
        raise FolderGone(folder, f"{entry.path}: {error.strerror}") from error
    if not seen.st_size:
        return None
    return Path(entry.path).relative_to(folder).as_posix(), seen.st_size, seen.st_mtime_ns


def _check(patterns: tuple[str, ...], settle_s: float, poll_s: float) -> None:
    if not 1 <= len(patterns) <= MAX_PATTERNS:
        raise InvalidWatch("patterns", patterns, f"expected 1 to {MAX_PATTERNS}")
    for name, value in (("settle_s", settle_s), ("poll_s", poll_s)):
        if not 0 < value <= LONGEST_S:
            raise InvalidWatch(name, value, f"expected more than 0, at most {LONGEST_S:g} seconds")
