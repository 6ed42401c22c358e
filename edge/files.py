"""Files of the device's folder: there whole or not at all, and in plain words what keeps them from being used."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from edge.errors import FolderUnusable

MAX_BYTES: Final = 1 << 20
"""Bytes of a key, an enrolment or a rotation at most; they have some hundreds."""


def read_if_there(path: Path) -> bytes | None:
    """Return the bytes of a small file; absent when there is no such file.

    Raises
    ------
    FolderUnusable
        When it cannot be read, or holds more than `MAX_BYTES`.
    """
    with translated(path):
        try:
            with path.open("rb") as stream:
                raw = stream.read(MAX_BYTES + 1)
        except FileNotFoundError:
            return None
    if len(raw) > MAX_BYTES:
        raise FolderUnusable(path, f"more than {MAX_BYTES} bytes", "take it away, it is none of the agent's files")
    return raw


def write_whole(path: Path, raw: bytes) -> None:
    """Write a file that is there whole or not at all, whenever the power fails; its owner alone may read it.

    Raises
    ------
    OSError
        When it cannot be written; what was there before still is.
    """
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(raw)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Tell what the system says of a file of the device's folder, with what to do.

    Raises
    ------
    FolderUnusable
        For whatever the system refuses.
    """
    try:
        yield
    except PermissionError as error:
        raise FolderUnusable(path, error.strerror or "no right", f"run this as the user {find_owner(path)}") from error
    except OSError as error:
        raise FolderUnusable(path, error.strerror or str(error), "check the card and the name of the folder") from error


def find_owner(path: Path) -> str:
    """Return the user to whom a file belongs, or the next folder above it that can be looked at."""
    for one in (path, *path.absolute().parents):
        with suppress(OSError):
            number = one.stat().st_uid
            try:
                return pwd.getpwuid(number).pw_name
            except KeyError:
                return str(number)
    return "root"
