"""The data folder belongs to one process at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cec.errors import FolderUnusable, HouseBusy


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold the data folder for this process."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise FolderUnusable(folder, error.strerror or str(error)) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise HouseBusy(folder) from error
    else:
        yield
    finally:
        os.close(descriptor)
