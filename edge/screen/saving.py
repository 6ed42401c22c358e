"""Receipts as files: whole and on the disk, or not there."""

from pathlib import Path

from edge.files import write_whole
from edge.screen.errors import NotWritten


def save_file(folder: Path, name: str, content: bytes) -> Path:
    """Write a file, its bytes and its name on the disk when this returns; one of that name is replaced.

    Raises
    ------
    NotWritten
        When the folder cannot be made or the file not written; nothing half stays.
    """
    path = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        raise NotWritten(path, error.strerror or "unknown") from error
    return path
