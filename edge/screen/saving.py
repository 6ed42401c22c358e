"""Receipts as files: whole and on the disk, or not there."""

import os
from contextlib import suppress
from pathlib import Path

from edge.screen.errors import NotWritten


def save_file(folder: Path, name: str, content: bytes) -> Path:
    """Write a file, its bytes and its name on the disk when this returns; one of that name is replaced.

    Raises
    ------
    NotWritten
        When the folder cannot be made or the file not written; nothing half stays.
    """
    path = folder / name
    part = folder / f".{name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync_folder(folder)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise NotWritten(path, error.strerror or "unknown") from error
    return path


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
