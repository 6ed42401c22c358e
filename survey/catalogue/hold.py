"""A folder for outputs is one survey's alone, also where several machines write to it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from survey.catalogue.errors import CatalogueInUse

LOCK: Final = ".lock"
"""File that is locked: a lock on the folder itself would hold on one machine alone where the disk is another's."""


@contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Hold a folder for this process alone; the system lets go of it however the process ends.

    Raises
    ------
    CatalogueInUse
        When another survey holds it.
    OSError
        When nothing can be written or locked there.
    """
    path = folder / LOCK
    # Servers give a lock that shuts out others to those alone that may write.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _lock(descriptor, path)
        try:
            yield
        finally:
            # While it is still held: whoever opened it meanwhile finds that it is no more the one by this name.
            path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    """Lock an open file that still has its name."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        named = path.stat()
    except (BlockingIOError, PermissionError, FileNotFoundError) as error:
        raise CatalogueInUse(path.parent) from error
    # Between opening and locking, a survey that ended may have removed it, and another made one of its own.
    if not os.path.samestat(os.fstat(descriptor), named):
        raise CatalogueInUse(path.parent)
