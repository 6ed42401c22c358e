"""A file that is there whole or not at all."""

import glob
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a name beside `path` to write to; it takes the place of `path` at the end, or is removed at a failure.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, whole_file(Path(folder) / "a.txt") as part:
    ...     _ = part.write_text("all of it")
    """
    # The suffix stays last: some writers go by it.
    part = path.with_name(f".{secrets.token_hex(6)}.{path.name}")
    try:
        yield part
        _settle(part)
        part.replace(path)
    finally:
        # A writer that failed may leave a journal beside it.
        for left in path.parent.glob(f"{glob.escape(part.name)}*"):
            left.unlink(missing_ok=True)


def _settle(path: Path) -> None:
    """Wait until a file's bytes are on the disk, so that its name never stands for less."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
