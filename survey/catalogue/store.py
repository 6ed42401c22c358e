"""What jobs leave for others: arrays in files that are there whole or not at all, named by what they came from."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from survey.files.whole_file import whole_file

Arrays = Mapping[str, NDArray[Any]]
_KEY_LENGTH: Final = 24
"""Hexadecimal digits of a key: 96 bits."""


@dataclass(frozen=True, slots=True)
class WorkFolder:
    """Where a survey keeps what is done.

    Attributes
    ----------
    path
        Of the folder.
    """

    path: Path

    def spool(self, key: str) -> Path:
        """Return the index of a spooled file; its points stand beside it."""
        return self.path / "spool" / f"{key}.npz"

    def done(self, kind: str, key: str) -> Path:
        """Return the outcome of a job."""
        return self.path / kind / f"{key}.npz"


def make_key(*parts: str) -> str:
    """Return a digest of words; no two lists of words share one.

    Examples
    --------
    >>> make_key("a", "bc") == make_key("ab", "c")
    False
    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()[:_KEY_LENGTH]


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write arrays by name, uncompressed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part:
        # numpy's stub takes any name for its own option.
        np.savez(part, **dict(arrays))  # type: ignore[arg-type]


def read_arrays(path: Path, *names: str) -> dict[str, NDArray[Any]]:
    """Return arrays of a file that `write_arrays` made; all of them where none is named."""
    with np.load(path, allow_pickle=False) as found:
        return {name: found[name] for name in (names or found.files)}


def values_path(path: Path) -> Path:
    """Return where the values stand that belong to a job's outcome; they are written first."""
    return path.with_suffix(".npy")


def write_values(path: Path, values: NDArray[Any]) -> None:
    """Write one array that is read in slices."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part:
        np.save(part, values)


def map_values(path: Path) -> NDArray[Any]:
    """Return an array of `write_values` that is read where it is looked at."""
    found: NDArray[Any] = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    return found
